"""Breaking the glass: who has only the server gives a role, a day after every owner was told, if none says no."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from app.access.actor import Actor, system_actor
from app.audit.actions import AuditAction
from app.audit.chain import Entry, append
from app.features.notifications.service import Document, NewNotice, notify
from app.kernel.errors import Invalid, NotFound, Refused
from app.kernel.messages import Label, _l
from app.language.definitions import Rights
from app.records import validation
from app.records.accounts import ROLE_ASSIGNMENT, find_account, known_account, username_of
from app.records.gateway import records_for
from app.records.owners import owners
from app.records.runtime import Runtime
from app.storage.session_tables import PORTAL_BREAK_GLASS as TABLE
from app.tasks.kinds import Schedule, TaskKind
from app.tasks.work import Work

WAITS = timedelta(hours=24)
ADDRESS = "/break-glass/"
KIND = "break_glass"
LONGEST = 500
LABEL = Label("到期的紧急授权", "Roles for which the glass was broken")


@dataclass(frozen=True, slots=True)
class Broken:
    """What was asked for on the server; it has ended when it was given, or somebody stopped it."""

    id: int
    account_id: int
    role: str
    why: str
    by: str
    asked_at: datetime
    due_at: datetime


COLUMNS = tuple(TABLE.c[name] for name in Broken.__slots__)


def ask(session: Session, runtime: Runtime, wanted: tuple[str, str, str], by: str) -> datetime:
    """Ask for a role: (user name, role, why). When it will be given; raises Refused, Invalid.

    Every owner is told at once, in the portal and by mail.
    """
    username, name, why = wanted
    role, account_id = runtime.schema.roles.get(name), known_account(session, username)
    if role is None:
        known = ", ".join(runtime.schema.roles)
        raise Refused(
            _l("There is no role %(role)s; there are: %(known)s.", role=name, known=known)
        )
    if not why.strip():
        raise Invalid({"why": (validation.REQUIRED,)})
    if len(why) > LONGEST:
        raise Invalid({"why": (_l("At most %(most)s characters.", most=LONGEST),)})
    if any((one.account_id, one.role) == (account_id, name) for one in waiting(session)):
        raise Refused(_l("This waits already."))
    now = runtime.clock.now()
    values = {
        "account_id": account_id, "role": name, "why": why.strip(), "by": by[:80], "asked_at": now,
        "due_at": now + WAITS,
    }  # fmt: skip
    number = int(session.execute(insert(TABLE).values(values).returning(TABLE.c.id)).scalar_one())
    what = f"{username} · {name}"
    _note(session, runtime, AuditAction.BREAK_GLASS_ASKED, (None, by), what, {"reason": why})
    due = f"{(now + WAITS).astimezone(runtime.zone):%Y-%m-%d %H:%M}"
    title = Label(f"有人在服务器上启动紧急授权：{username} 将成为“{role.label.zh}”",
                  f"The glass is broken on the server: {username} is to become {role.label.en}")  # fmt: skip
    body = Label(f"{due} 生效。操作者：{by}。理由：{why}。如果不对，请现在取消。",
                 f"It holds from {due}. By: {by}. Why: {why}. If this is not right, stop it now.")  # fmt: skip
    _tell(session, runtime, number, "asked", title, body)
    return now + WAITS


def waiting(session: Session) -> list[Broken]:
    """What has not been given yet, the next first."""
    rows = session.execute(
        select(*COLUMNS).where(TABLE.c.ended_at.is_(None)).order_by(TABLE.c.due_at, TABLE.c.id)
    )
    return [Broken(*row) for row in rows]


def is_owner(session: Session, runtime: Runtime, actor: Actor) -> bool:
    """Whether an actor is one of those who are told, and may stop it."""
    return actor.account_id in owners(session, runtime)


def stop(session: Session, runtime: Runtime, actor: Actor, number: int) -> None:
    """Stop what waits; raises NotFound when the actor is no owner, or it does not wait."""
    if not is_owner(session, runtime, actor):
        raise NotFound
    found = _end(session, number, runtime.clock.now(), actor.account_id)
    if found is None:
        raise NotFound
    what = f"{username_of(session, found.account_id)} · {found.role}"
    by = actor.account_id, actor.username
    _note(session, runtime, AuditAction.BREAK_GLASS_CANCELLED, by, what, {})
    title = Label(f"{actor.name} 取消了紧急授权：{what}", f"{actor.name} has stopped: {what}")
    _tell(session, runtime, number, "stopped", title, Label("", ""))


def give_due(work: Work, arguments: Mapping[str, Any]) -> Mapping[str, int]:
    """Give what has waited long enough and nobody stopped."""
    session, runtime, now, given = work.session, work.runtime, work.runtime.clock.now(), 0
    for one in waiting(session):
        if one.due_at > now or _end(session, one.id, now, None) is None:
            continue
        what = f"{username_of(session, one.account_id)} · {one.role}"
        if one.role not in runtime.schema.roles:
            continue
        _give(session, runtime, one)
        _note(session, runtime, AuditAction.BREAK_GLASS_DONE, (None, one.by), what, {})
        title = Label(f"紧急授权已生效：{what}", f"Given, for nobody stopped it: {what}")
        _tell(session, runtime, one.id, "done", title, Label("", ""))
        given += 1
    return {"given": given}


def tell_of_server(session: Session, runtime: Runtime, username: str, by: str, what: Label) -> None:
    """Tell every owner at once what somebody did on the server with an account."""
    account_id, now = find_account(session, username), runtime.clock.now()
    title = Label(
        f"有人在服务器上{what.zh}：{username}", f"On the server somebody {what.en}: {username}"
    )
    body = Label(
        f"操作者：{by}。如果不对，请停用该账号。",
        f"By: {by}. If this is not right, close the account.",
    )
    key = f"server:{account_id}:{now.isoformat()}"
    notify(session, [NewNotice(one, f"{key}:{one}", KIND, title, body, red=True)
                     for one in owners(session, runtime)], now)  # fmt: skip


BREAK_GLASS = TaskKind("break_glass", LABEL, give_due)
BREAK_GLASS_OFTEN = Schedule("break_glass_often", BREAK_GLASS.name, every=timedelta(minutes=10))


# Private


def _end(session: Session, number: int, now: datetime, by: int | None) -> Broken | None:
    """End one, whoever comes first; None when it has ended before."""
    row = session.execute(
        update(TABLE)
        .where(TABLE.c.id == number, TABLE.c.ended_at.is_(None))
        .values(ended_at=now, cancelled_by=by)
        .returning(*COLUMNS)
    ).first()
    return Broken(*row) if row else None


def _give(session: Session, runtime: Runtime, one: Broken) -> None:
    rights = {
        name: frozenset(Rights) for name in (ROLE_ASSIGNMENT, str(runtime.schema.portal.tree))
    }
    actor = system_actor(runtime.schema, rights, f"break-glass {one.id}")
    values = {"account": one.account_id, "role": one.role, "held_at": None}
    records_for(runtime, session, actor).create(ROLE_ASSIGNMENT, values)


def _note(
    session: Session, runtime: Runtime, action: AuditAction, by: tuple[int | None, str],
    what: str, changes: Mapping[str, Any],
) -> None:  # fmt: skip
    entry = Entry(runtime.clock.now(), *by, action, runtime.revision, record_title=what,
                  changes=dict(changes))  # fmt: skip
    append(session, entry)


def _tell(
    session: Session, runtime: Runtime, number: int, when: str, title: Label, body: Label
) -> None:
    document = Document(KIND, number, ADDRESS)
    key = f"break_glass:{number}:{when}"
    notices = [
        NewNotice(one, f"{key}:{one}", KIND, title, body, red=True, document=document)
        for one in owners(session, runtime)
    ]
    notify(session, notices, runtime.clock.now())
