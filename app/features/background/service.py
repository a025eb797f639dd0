"""Files that tasks have made, and housekeeping: what ended long ago is forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time, timedelta
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app.access.accounts import account_state
from app.features.reports.snapshots import sweep
from app.features.reports.turns import forget_turns
from app.features.viewing.noting import forget_noted
from app.kernel.errors import NotFound
from app.kernel.messages import Label
from app.records.accounts import ROLE_ASSIGNMENT, keep_roles
from app.records.attempts import forget_attempts
from app.records.before import KEPT_FOR
from app.records.kept_forms import forget_forms
from app.records.sessions import forget_sessions
from app.storage.deed_tables import BEFORE, WATCHED_DEED
from app.storage.tables import FILE, ONCE
from app.storage.task_tables import SLOT, TASK
from app.tasks.kinds import Schedule, TaskKind
from app.tasks.outbox import ENDED, Task
from app.tasks.work import FILE_OWNER, Work

KEPT_DAYS = 90
MEDIA = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@dataclass(frozen=True, slots=True)
class ResultFile:
    """A file that a task has made."""

    digest: str
    name: str
    media: str


def result_file(session: Session, task: Task) -> ResultFile:
    """The file of an ended task; raises NotFound when it made none.

    It was made with the rights of its day: once the sessions of the account were ended, it is too.
    """
    mine = (FILE.c.entity == FILE_OWNER) & (FILE.c.record_id == task.id)
    row = session.execute(select(FILE).where(FILE.c.id == task.result.get("file"), mine)).first()
    epoch = account_state(session, task.account_id).epoch if task.account_id else task.epoch
    if row is None or task.state != "done" or epoch != task.epoch:
        raise NotFound
    return ResultFile(row.sha256, row.name, MEDIA.get(row.kind, "application/octet-stream"))


def tidy(work: Work, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Forget ended tasks, served moments and answered requests after KEPT_DAYS; a schedule keeps its newest moment."""
    old = work.runtime.clock.now() - timedelta(days=KEPT_DAYS)
    ended = delete(TASK).where(TASK.c.state.in_(ENDED), TASK.c.ended_at < old)
    other = SLOT.alias()
    newest = select(func.max(other.c.moment)).where(other.c.schedule == SLOT.c.schedule)
    served = delete(SLOT).where(SLOT.c.moment < old, SLOT.c.moment < newest.scalar_subquery())
    work.session.execute(delete(ONCE).where(ONCE.c.at < old))
    tasks = len(work.session.execute(ended.returning(TASK.c.id)).all())
    work.session.execute(served)
    now = work.runtime.clock.now()
    work.session.execute(delete(BEFORE).where(BEFORE.c.at < now - KEPT_FOR))
    work.session.execute(delete(WATCHED_DEED).where(WATCHED_DEED.c.at < old))
    forget_turns(work.session, work.runtime.clock.now())
    forget_sessions(work.session, work.runtime.clock.now())
    forget_forms(work.session, work.runtime.clock.now())
    forget_attempts(work.session, work.runtime.clock.now())
    forget_noted(work.session, work.runtime.clock.now())
    snapshots = sweep(work.session, work.settings, work.runtime.clock.now())
    return {"tasks": tasks, "snapshots": snapshots}


def keep_in_step(work: Work, arguments: Mapping[str, Any]) -> None:
    """Let roles that begin or end today begin and end for Flask-AppBuilder's tables too."""
    if ROLE_ASSIGNMENT in work.runtime.schema.entities:
        keep_roles(work.session, work.runtime.moment().today)


ROLES = TaskKind("roles", Label("更新当前有效的角色", "Keep the roles of today"), keep_in_step)
ROLES_DAILY = Schedule("roles_daily", ROLES.name, at=time(0, 1))
TIDY = TaskKind(
    "tidy", Label("\u6574\u7406\u540e\u53f0\u4efb\u52a1\u8bb0\u5f55", "Tidy up old tasks"), tidy
)
TIDY_DAILY = Schedule("tidy_daily", TIDY.name, at=time(3, 10))
