"""Writes down what becomes of exports, and warns those who decide of tries that were refused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from app.access.actor import Actor
from app.audit.actions import AuditAction
from app.audit.chain import Entry, append
from app.audit.checkpoints import newest
from app.features.exports.rules import Grant
from app.features.notifications.service import NewNotice, notify
from app.features.requests.rules import Matter
from app.features.requests.service import those_who_decide
from app.kernel.messages import Label, Message, _l
from app.language.definitions import Decided
from app.records.gateway import Records
from app.records.runtime import Runtime
from app.storage.export_tables import EXPORT_BLOCKED

WINDOW = timedelta(minutes=10)
TRIES = 3


def watermark(runtime: Runtime, actor: Actor, number: int, request: int | None) -> Message:
    """What stands in a file: who takes it, when, and by which grant and request."""
    at = runtime.clock.now().astimezone(runtime.zone)
    return _l(
        "Confidential · export %(number)s · request %(request)s · %(who)s · %(at)s",
        number=number, request=request or "–", who=f"{actor.name} ({actor.username})",
        at=f"{at:%Y-%m-%d %H:%M}",
    )  # fmt: skip


def sealed(session: Session, runtime: Runtime) -> Message | None:
    """The checkpoint that a file is written under: size and first bytes of the root, and when it was signed."""
    found = newest(session)
    if found is None:
        return None
    at = found.at.astimezone(runtime.zone)
    return _l(
        "Audit log %(checkpoint)s of %(at)s", checkpoint=found.short, at=f"{at:%Y-%m-%d %H:%M}"
    )


def note(records: Records, action: AuditAction, grant: Grant, more: Mapping[str, Any]) -> None:
    """Append what was done with a grant to the trail."""
    changes = {"export": grant.id, "request": grant.request_id, "digest": grant.digest, **more}
    _append(records, action, grant.entity, changes, f"#{grant.id}")


def blocked(records: Records, entity: str, what: str) -> None:
    """Write a refused try down; the third within ten minutes warns those who decide exports, with the three."""
    session, runtime, actor = records.session, records.runtime, records.access.actor
    if actor.account_id is None:
        return
    now = runtime.clock.now()
    _append(records, AuditAction.EXPORT_BLOCKED, entity, {"what": what})
    row = {"account_id": actor.account_id, "at": now, "what": what[:200], "entity": entity}
    session.execute(insert(EXPORT_BLOCKED).values(row))
    recent = (
        select(EXPORT_BLOCKED)
        .where(
            EXPORT_BLOCKED.c.account_id == actor.account_id,
            EXPORT_BLOCKED.c.at > now - WINDOW,
            EXPORT_BLOCKED.c.told.is_(False),
        )
        .order_by(EXPORT_BLOCKED.c.id)
        .with_for_update()
    )
    tries = session.execute(recent).all()
    if len(tries) < TRIES:
        return
    ids = [one.id for one in tries]
    session.execute(update(EXPORT_BLOCKED).where(EXPORT_BLOCKED.c.id.in_(ids)).values(told=True))
    zone = runtime.zone
    lines = "\n".join(f"{one.at.astimezone(zone):%H:%M:%S} {one.what}" for one in tries)
    title = Label(
        f"{actor.name} 多次尝试导出被拦截", f"{actor.name} was refused exports several times"
    )
    accounts = those_who_decide(
        session, runtime, Matter(Decided.EXPORT, entity, actor.places), [actor.account_id]
    )
    notices = [
        NewNotice(one, f"export_blocked:{ids[0]}:{one}", "export_blocked", title,
                  Label(lines, lines), red=True)
        for one in accounts
    ]  # fmt: skip
    notify(session, notices, now)


# Private


def _append(
    records: Records, action: AuditAction, entity: str, changes: Mapping[str, Any], title: str = ""
) -> None:
    actor, runtime = records.access.actor, records.runtime
    entry = Entry(
        at=runtime.clock.now(), account_id=actor.account_id, account_name=actor.username,
        action=action, revision=runtime.revision, entity=entity, record_title=title or None, changes=changes,
    )  # fmt: skip
    append(records.session, entry)
