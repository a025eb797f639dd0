"""Claims on tasks: a lease for a while, and a fence that keeps a worker of the past from ending anything."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, case, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from app.kernel.messages import Label, Message
from app.storage.task_tables import TASK

LEASE = timedelta(seconds=15)
RENEW_SECONDS = 4.0
SENT_FOR = timedelta(seconds=20)
BATCH = 500
# After so many starts without an end the task itself is what kills the worker.
MOST_CRASHES = 3
LONGEST_BACK_OFF = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Claim:
    """A task in the hands of one worker."""

    task_id: int
    fence: int
    kind: str
    arguments: dict[str, Any]
    account_id: int | None
    epoch: int
    language: str
    attempts: int


def claim(connection: Connection, task_id: int, worker: str) -> Claim | None:
    """Take a task that is due and in nobody's hands; None when there is no such task."""
    now = func.clock_timestamp()
    free = or_(TASK.c.state == "ready", (TASK.c.state == "running") & (TASK.c.lease_until < now))
    row = connection.execute(
        update(TASK)
        .where(TASK.c.id == task_id, free, TASK.c.run_at <= now)
        .values(
            state="running",
            fence=TASK.c.fence + 1,
            attempts=TASK.c.attempts + 1,
            worker=worker,
            lease_until=now + LEASE,
            started_at=now,
        )
        .returning(*TASK.c)
    ).first()
    if row is None:
        return None
    return Claim(row.id, row.fence, row.kind, row.arguments, row.account_id, row.epoch,
                 row.language, row.attempts)  # fmt: skip


def renew(connection: Connection, held: Claim) -> bool:
    """Hold the task for another while; false when it is no longer ours."""
    lease = {"lease_until": func.clock_timestamp() + LEASE}
    return _update(connection, held, lease)


def advance(connection: Connection, held: Claim, done: int, total: int | None) -> bool | None:
    """Note how far the work has come; None when it is no longer ours, false when it is to stop."""
    row = connection.execute(
        update(TASK)
        .where(*_ours(held))
        .values(done=done, total=total, lease_until=func.clock_timestamp() + LEASE)
        .returning(TASK.c.cancel_asked)
    ).first()
    return None if row is None else not row[0]


def finish(session: Session, held: Claim, result: dict[str, Any]) -> bool:
    """End the task in the transaction of its effect; false when it is no longer ours."""
    values = {
        "state": "done",
        "result": result,
        "lease_until": None,
        "ended_at": func.clock_timestamp(),
    }
    return _update(session, held, values)


def stop(
    connection: Connection, held: Claim, state: str, problem: Message, detail: str = ""
) -> None:
    """End the task without its effect, as ``failed``, ``cancelled`` or ``refused``."""
    values = {
        "state": state,
        "problem": as_json(problem),
        "detail": detail or None,
        "lease_until": None,
        "ended_at": func.clock_timestamp(),
    }
    _update(connection, held, values)


def put_back(
    connection: Connection,
    held: Claim,
    problem: Message | None,
    wait: timedelta,
    *,
    detail: str = "",
) -> None:
    """Let the task begin again after ``wait``; without a problem the attempt does not count."""
    values: dict[str, Any] = {
        "state": "ready",
        "run_at": func.clock_timestamp() + min(wait, LONGEST_BACK_OFF),
        "sent_at": None,
        "lease_until": None,
        "detail": detail or None,
    }
    if problem is None:
        values["attempts"] = TASK.c.attempts - 1
    else:
        values["problem"] = as_json(problem)
    _update(connection, held, values)


def rescue(connection: Connection, problem: Message, *, task_id: int | None = None) -> int:
    """Take tasks from workers that are gone; those that were begun too often fail. Returns how many.

    With ``task_id``, that task is taken at once, for its worker is known to be dead.
    """
    lapsed = (
        TASK.c.lease_until < func.clock_timestamp() if task_id is None else TASK.c.id == task_id
    )
    poisonous = TASK.c.attempts >= MOST_CRASHES
    statement = (
        update(TASK)
        .where(TASK.c.state == "running", lapsed)
        .values(
            state=case((poisonous, "failed"), else_="ready"),
            problem=case((poisonous, literal(as_json(problem), JSONB)), else_=TASK.c.problem),
            ended_at=case((poisonous, func.clock_timestamp()), else_=None),
            fence=TASK.c.fence + 1,
            sent_at=None,
            lease_until=None,
        )
        .returning(TASK.c.id)
    )
    return len(connection.execute(statement).all())


def unsent(connection: Connection) -> list[tuple[int, int]]:
    """Due tasks that no queue holds, or whose place in it may be lost, marked as sent: (id, fence)."""
    now = func.clock_timestamp()
    due = (
        select(TASK.c.id)
        .where(
            TASK.c.state == "ready",
            TASK.c.run_at <= now,
            or_(TASK.c.sent_at.is_(None), TASK.c.sent_at < now - SENT_FOR),
        )
        .order_by(TASK.c.run_at, TASK.c.id)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    statement = update(TASK).where(TASK.c.id.in_(due)).values(sent_at=now)
    sent = connection.execute(statement.returning(TASK.c.id, TASK.c.fence))
    return sorted((row.id, row.fence) for row in sent)


def as_json(message: Message) -> dict[str, Any]:
    """A message as it is kept, its values as plain texts."""
    values = {
        name: value if isinstance(value, int | float | str) else str(value)
        for name, value in message.values.items()
        if not isinstance(value, Label)
    }
    values |= {name: value.zh for name, value in message.values.items() if isinstance(value, Label)}
    return {"text": message.text, "values": values}


# Private


def _ours(held: Claim) -> tuple[Any, ...]:
    return TASK.c.id == held.task_id, TASK.c.fence == held.fence, TASK.c.state == "running"


def _update(where: Connection | Session, held: Claim, values: dict[str, Any]) -> bool:
    statement = update(TASK).where(*_ours(held)).values(values).returning(TASK.c.id)
    return where.execute(statement).first() is not None
