"""Every night, what was dropped from the schema is dropped for good once its time is over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import time
from typing import Any

from app.access.holders import role_holders
from app.audit.actions import AuditAction
from app.audit.chain import Entry, append
from app.features.notifications.service import NewNotice, notify
from app.kernel.messages import Label
from app.storage.purging import purge_due
from app.tasks.kinds import Schedule, TaskKind
from app.tasks.work import Work

PART = "schema"
MAIL = "mail"


def purge(work: Work, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Drop what is due; those who look after the schema hear what it was."""
    dropped = purge_due(work.session)
    if dropped:
        now, revision = work.runtime.clock.now(), work.runtime.revision
        notify(work.session, _notices(work, dropped), now)
        append(work.session, Entry(now, None, "portal", AuditAction.SCHEMA_PURGED, revision,
                                   changes={"dropped": dropped}))  # fmt: skip
    return {"dropped": dropped}


PURGE = TaskKind(
    "schema_purge", Label("清除到期的停用字段", "Drop fields whose time is over"), purge
)
PURGE_DAILY = Schedule("schema_purge_daily", PURGE.name, at=time(3, 40))


# Private


def _notices(work: Work, dropped: list[str]) -> Iterator[NewNotice]:
    """One for each account that looks after the schema."""
    schema, today = work.runtime.schema, work.runtime.moment().today
    held = role_holders(work.session, schema, work.runtime.models, today)
    roles = [role.name for role in schema.roles.values() if PART in role.administers]
    names = "\n".join(dropped)
    title = Label("停用的字段已到期清除", "Dropped fields are gone for good")
    body = Label(f"保留期已满，以下内容已永久删除：\n{names}",
                 f"Their time is over, so these were deleted for good:\n{names}")  # fmt: skip
    for account in sorted({one for role in roles for one in held.heads(role)}):
        yield NewNotice(
            account, f"schema_purged:{today}:{account}", PART, title, body, channels=(MAIL,)
        )
