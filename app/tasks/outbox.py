"""Tasks as rows: queued in the transaction of the deed that asks for them, seen and steered by people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.access.accounts import epoch_counter
from app.kernel.errors import NotFound, Refused
from app.kernel.messages import Label, Message, _l
from app.records.runtime import Runtime
from app.storage.task_tables import TASK

CHANNEL = "portal_task"
OPEN = ("ready", "running")
ENDED = ("done", "failed", "cancelled", "refused")


@dataclass(frozen=True, slots=True)
class NewTask:
    """Something to do. With a ``key``, a second task of the same key is not queued."""

    kind: str
    title: Label
    arguments: Mapping[str, Any] = field(default_factory=dict, hash=False)
    account_id: int | None = None
    language: str = "zh"
    key: str | None = None
    run_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """A task as people see it."""

    id: int
    kind: str
    title: Label
    state: str
    account_id: int | None
    epoch: int
    done: int
    total: int | None
    attempts: int
    problem: Message | None
    result: Mapping[str, Any]
    worker: str | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    detail: str | None

    @property
    def open(self) -> bool:
        """Whether it still waits or runs."""
        return self.state in OPEN

    @property
    def percent(self) -> int | None:
        """How far it has come; None while nobody knows."""
        if self.state == "done":
            return 100
        return min(99, self.done * 100 // self.total) if self.total else None


def enqueue(session: Session | Connection, runtime: Runtime, new: NewTask) -> int:
    """Queue a task in the caller's transaction; the id of it, or of the one that has its key."""
    values: dict[str, Any] = {
        "kind": new.kind,
        "key": new.key,
        "title": {"zh": new.title.zh, "en": new.title.en},
        "arguments": dict(new.arguments),
        "account_id": new.account_id,
        "language": new.language,
        "revision": runtime.revision,
        "epoch": _epoch(session, new.account_id),
    }
    if new.run_at is not None:
        values["run_at"] = new.run_at
    statement = insert(TASK).values(values).on_conflict_do_nothing(index_elements=["key"])
    made = session.scalar(statement.returning(TASK.c.id))
    if made is None:
        return int(session.scalar(select(TASK.c.id).where(TASK.c.key == new.key)) or 0)
    session.execute(select(func.pg_notify(CHANNEL, "")))
    return int(made)


def tasks(
    session: Session,
    *,
    account_id: int | None = None,
    states: Sequence[str] = (),
    limit: int = 50,
    before: int | None = None,
) -> list[Task]:
    """The newest tasks, of one account or of everybody."""
    statement = select(TASK).order_by(TASK.c.id.desc()).limit(limit)
    if account_id is not None:
        statement = statement.where(TASK.c.account_id == account_id)
    if states:
        statement = statement.where(TASK.c.state.in_(states))
    if before is not None:
        statement = statement.where(TASK.c.id < before)
    return [_task(dict(row)) for row in session.execute(statement).mappings()]


def task(session: Session, number: int, *, account_id: int | None = None) -> Task:
    """One task, of ``account_id`` when said; raises NotFound."""
    statement = select(TASK).where(TASK.c.id == number)
    if account_id is not None:
        statement = statement.where(TASK.c.account_id == account_id)
    row = session.execute(statement).mappings().first()
    if row is None:
        raise NotFound
    return _task(dict(row))


def cancel(session: Session, number: int) -> None:
    """Stop a task: at once while it waits, at its next step while it runs; raises Refused after its end."""
    waiting = (
        update(TASK)
        .where(TASK.c.id == number, TASK.c.state == "ready")
        .values(state="cancelled", ended_at=func.clock_timestamp())
    )
    running = (
        update(TASK).where(TASK.c.id == number, TASK.c.state == "running").values(cancel_asked=True)
    )
    if not _hit(session, waiting) and not _hit(session, running):
        raise Refused(_l("This task has already ended."))


def retry(session: Session, number: int) -> None:
    """Let a task that failed or was cancelled begin anew; raises Refused for any other."""
    again = (
        update(TASK)
        .where(TASK.c.id == number, TASK.c.state.in_(("failed", "cancelled")))
        .values(
            state="ready", attempts=0, run_at=func.clock_timestamp(), sent_at=None, problem=None,
            detail=None, cancel_asked=False, ended_at=None, done=0, total=None,
            epoch=func.coalesce(
                select(text("value")).select_from(text("portal_counter"))
                .where(text("name = 'epoch:' || portal_task.account_id")).scalar_subquery(), 0),
        )
    )  # fmt: skip
    if not _hit(session, again):
        raise Refused(_l("Only a task that failed or was cancelled can begin anew."))
    session.execute(select(func.pg_notify(CHANNEL, "")))


# Private


def _epoch(session: Session | Connection, account_id: int | None) -> int:
    if account_id is None:
        return 0
    found = session.scalar(
        text("SELECT value FROM portal_counter WHERE name = :name"),
        {"name": epoch_counter(account_id)},
    )
    return int(found or 0)


def _hit(session: Session, statement: Any) -> bool:
    return session.execute(statement.returning(TASK.c.id)).first() is not None


def _task(row: Mapping[str, Any]) -> Task:
    problem = row["problem"]
    return Task(
        title=Label(row["title"]["zh"], row["title"]["en"]),
        problem=Message(problem["text"], problem["values"]) if problem else None,
        result=row["result"] or {},
        **{
            name: row[name]
            for name in (
                "id", "kind", "state", "account_id", "epoch", "done", "total", "attempts", "worker",
                "created_at", "started_at", "ended_at", "detail",
            )
        },
    )  # fmt: skip
