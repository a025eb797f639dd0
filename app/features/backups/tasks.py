"""A backup every night; those who look after the portal hear of every one that failed, and of a new key."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time
from typing import Any

from sqlalchemy import func, select

from app.access.holders import role_holders
from app.features.backups.service import create, new_key
from app.features.notifications.service import NewNotice, notify
from app.kernel.errors import PortalError
from app.kernel.messages import Label
from app.storage.database import session_beside, unit_of_work
from app.storage.tables import REVISION
from app.tasks.kinds import Schedule, TaskKind
from app.tasks.work import Work

PART, MAIL = "schema", "mail"


def back_up(work: Work, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Make the backup of a night, unless the portal is younger than that night."""
    settings, now = work.settings, work.runtime.clock.now()
    if not settings.backup_keep:
        return {"skipped": "PORTAL_BACKUP_KEEP=0"}
    began = work.session.scalar(select(func.min(REVISION.c.applied_at)))
    if began is not None and datetime.fromisoformat(str(arguments["moment"])) < began:
        return {"skipped": "the portal is younger"}
    said = new_key(settings)
    if said is not None:
        place = said.values["place"]
        title = Label(
            "备份密钥已生成，请另存一份", "A key for backups was made; keep a copy elsewhere"
        )
        body = Label(
            f"没有它就读不了备份。请把 {place} 复制到别处保管，不要和备份放在一起。", str(said)
        )
        _tell(work, "backup_key", title, body)
    try:
        made = create(settings, work.engine, now, "portal", beat=lambda: work.progress(0))
    except PortalError as fault:
        title = Label("备份失败", "The backup failed")
        body = Label(
            f"原因：{fault.message}\n详见后台任务。", f"{fault.message}\nSee the background tasks."
        )
        key = f"backup_failed:{work.runtime.moment().today}"
        _tell(work, key, title, body, red=True)
        raise
    return {"name": made.place.name, "bytes": made.size, "missing": len(made.manifest.missing)}


BACKUP = TaskKind("backup", Label("备份", "Back up"), back_up)
BACKUP_NIGHTLY = Schedule("backup_nightly", BACKUP.name, at=time(2, 30))


# Private


def _tell(work: Work, key: str, title: Label, body: Label, *, red: bool = False) -> None:
    """One notice for each account that looks after the portal as a whole, also when the task is taken back."""
    schema, runtime = work.runtime.schema, work.runtime
    roles = [role.name for role in schema.roles.values() if PART in role.administers]
    with session_beside(work.session) as session, unit_of_work(session):
        held = role_holders(session, schema, runtime.models, runtime.moment().today)
        notices = [
            NewNotice(account, f"{key}:{account}", PART, title, body, red=red, channels=(MAIL,))
            for account in sorted({one for role in roles for one in held.heads(role)})
        ]
        notify(session, notices, runtime.clock.now())
