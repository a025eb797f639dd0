"""Which moments of a schedule are due, and serving each of them once, however many schedulers run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, select, update
from sqlalchemy.dialects.postgresql import insert

from app.kernel.messages import Label
from app.records.runtime import Runtime
from app.storage.task_tables import SLOT
from app.tasks.kinds import Schedule
from app.tasks.outbox import NewTask, enqueue

# So many missed moments are caught up one by one; the older ones are let go.
MOST_CAUGHT_UP = 400


def due(schedule: Schedule, last: datetime | None, now: datetime, zone: ZoneInfo) -> list[datetime]:
    """The moments after ``last`` and until ``now`` that are to be served, oldest first, in UTC.

    Without a ``last``, the schedule begins with the newest moment of this day, if there is one.
    """
    if schedule.every is not None:
        begin = last or now - schedule.every
        moments = _every(schedule.every, begin, now)
    else:
        begin = last or now - timedelta(days=1)
        moments = _daily(schedule, begin, now, zone)
    found = list(islice(moments, MOST_CAUGHT_UP))[::-1]
    if schedule.catch_up == "all":
        return found
    period = schedule.every or timedelta(days=1)
    newest = found[-1:]
    return [one for one in newest if schedule.catch_up == "once" or now - one < period]


def serve(
    connection: Connection,
    runtime: Runtime,
    schedules: Iterable[Schedule],
    titles: dict[str, Label],
) -> int:
    """Queue the tasks of every due moment that nobody has served; returns how many."""
    now, made = runtime.clock.now(), 0
    for schedule in schedules:
        newest = select(func.max(SLOT.c.moment)).where(SLOT.c.schedule == schedule.name)
        last = connection.scalar(newest)
        for moment in due(schedule, last, now, runtime.zone):
            made += _serve(connection, runtime, schedule, moment, titles[schedule.kind])
    return made


# Private


def _serve(
    connection: Connection, runtime: Runtime, schedule: Schedule, moment: datetime, title: Label
) -> int:
    taken = insert(SLOT).values(schedule=schedule.name, moment=moment).on_conflict_do_nothing()
    if connection.scalar(taken.returning(SLOT.c.schedule)) is None:
        return 0
    key = f"{schedule.name}@{moment:%Y-%m-%dT%H:%M:%S}"
    new = NewTask(
        schedule.kind, title, {**schedule.arguments, "moment": moment.isoformat()}, key=key
    )
    number = enqueue(connection, runtime, new)
    mine = (SLOT.c.schedule == schedule.name) & (SLOT.c.moment == moment)
    connection.execute(update(SLOT).where(mine).values(task_id=number))
    return 1


def _every(period: timedelta, begin: datetime, now: datetime) -> Iterator[datetime]:
    """Whole multiples of the period since 1970, newest first."""
    seconds = int(period.total_seconds())
    moment = datetime.fromtimestamp(int(now.timestamp()) // seconds * seconds, UTC)
    while moment > begin:
        yield moment
        moment -= period


def _daily(
    schedule: Schedule, begin: datetime, now: datetime, zone: ZoneInfo
) -> Iterator[datetime]:
    """The local time of each day, newest first; a time that a clock change skips is the next that exists."""
    assert schedule.at is not None
    day = now.astimezone(zone).date()
    while True:
        moment = datetime.combine(day, schedule.at, zone).astimezone(UTC)
        if moment <= begin:
            return
        if moment <= now:
            yield moment
        day -= timedelta(days=1)
