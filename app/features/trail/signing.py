"""Checkpoints by themselves: every ten minutes or thousand entries, and once a day into the owners' mail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.orm import Session

from app.access.holders import role_holders
from app.audit.checkpoints import EVERY_ENTRIES, announcements, log_size, make_checkpoint
from app.audit.keys import has_key
from app.audit.notes import Note
from app.features.notifications.service import NewNotice, notify
from app.features.trail.service import PART
from app.kernel.errors import Refused
from app.kernel.messages import Label
from app.records.runtime import Runtime
from app.storage.audit_tables import AUDIT_CHECKPOINT
from app.tasks.kinds import Schedule, TaskKind
from app.tasks.outbox import NewTask, enqueue
from app.tasks.work import Work

MAIL = "mail"
TITLE = Label("签署审计检查点", "Sign the audit trail")


def sign(work: Work, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Make a checkpoint where the key is; tell the owners of the first one of a day, and of a refusal."""
    now, home = work.runtime.clock.now(), work.settings.home
    if not has_key(home) and announcements(work.session.connection()):
        return {"skipped": "another home has the key"}
    try:
        note = make_checkpoint(work.engine, home, now, "portal")
    except Refused as fault:
        day = work.runtime.moment().today
        told = Label(f"审计记录无法签名：{fault.message}", str(fault.message))
        title = Label("审计记录可能被改动", "The audit trail may have been changed")
        notices = notices_of(
            work.session, work.runtime, f"trail_broken:{day}", title, told, red=True
        )
        notify(work.session, notices, now)
        return {"refused": str(fault.message)}
    if note is None:
        return {}
    day = work.runtime.moment().today
    title = Label(
        f"审计检查点 {note.checkpoint.short}", f"Audit checkpoint {note.checkpoint.short}"
    )
    notify(
        work.session,
        notices_of(work.session, work.runtime, f"trail:{day}", title, _told(note)),
        now,
    )
    return {"size": note.checkpoint.size}


def notices_of(
    session: Session, runtime: Runtime, key: str, title: Label, body: Label, *, red: bool = False
) -> Iterator[NewNotice]:
    """One for each account that looks after the trail."""
    schema = runtime.schema
    held = role_holders(session, schema, runtime.models, runtime.moment().today)
    roles = [role.name for role in schema.roles.values() if PART in role.administers]
    for account in sorted({one for role in roles for one in held.heads(role)}):
        yield NewNotice(
            account, f"{key}:{account}", "trail", title, body, red=red, channels=(MAIL,)
        )


def ask_when_due(connection: Connection, runtime: Runtime) -> int:
    """Queue a checkpoint when a thousand entries were sealed since the last; how many were queued."""
    size = log_size(connection)
    signed = int(connection.scalar(select(func.max(AUDIT_CHECKPOINT.c.size))) or 0)
    if size - signed < EVERY_ENTRIES:
        return 0
    key = f"{SIGN.name}:{size // EVERY_ENTRIES}"
    enqueue(connection, runtime, NewTask(SIGN.name, TITLE, key=key))
    return 1


SIGN = TaskKind("trail_sign", TITLE, sign, attempts=1)
SIGN_OFTEN = Schedule("trail_sign_often", SIGN.name, every=timedelta(minutes=10))


# Private


def _told(note: Note) -> Label:
    return Label(
        "请保留这封通知。它能证明到此刻为止的审计记录此后有没有被改动、删减；"
        f"核验：portal audit verify --checkpoint 文件\n\n{note.text}",
        "Please keep this. It proves whether the audit trail up to this moment is changed or cut later; to verify: "
        f"portal audit verify --checkpoint FILE\n\n{note.text}",
    )
