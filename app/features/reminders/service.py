"""Reminds: tells what is due, shows what will be told, and keeps what administrators changed of reminders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.access.session_scope import release
from app.features.notifications.rules import after_quiet
from app.features.notifications.service import NewNotice, notify
from app.features.reminders.changes import current
from app.features.reminders.planning import SENT, Round, Told, begin, hours_of, plan
from app.features.reminders.rules import MORNING, due_text
from app.language.reminder_definitions import HOURS, Reminder
from app.records.runtime import Runtime
from app.storage.notice_tables import REMINDED

LOCK = 7_201_100
AT_ONCE = 1000
PREFIX = "reminder:"


@dataclass(frozen=True, slots=True)
class Hint:
    """A line of the preview: who would be told what, and when."""

    at: datetime
    told: Told


def remind(
    session: Session, runtime: Runtime, now: datetime, *, hourly: bool = False
) -> dict[str, int]:
    """Tell everything that is due at ``now``, in the caller's transaction; the numbers by state.

    ``hourly`` looks only at reminders with leads in hours. Runs at the same time wait for one another.
    """
    session.execute(select(func.pg_advisory_xact_lock(LOCK)))
    release(session)
    here, counts = begin(session, runtime, now), Counter[str]()
    for reminder in _due(current(session, runtime), hourly=hourly):
        told = plan(here, reminder)
        counts.update(_write(session, runtime, told, now))
    return dict(counts)


def preview(session: Session, runtime: Runtime, now: datetime, days: int) -> Iterator[Hint]:
    """What would be told from ``now`` on if nothing changed, as ``remind`` would tell it day by day."""
    release(session)
    reminders = [one for one in current(session, runtime) if one.active]
    done: dict[str, dict[tuple[int, str], set[str]]] = {one.name: {} for one in reminders}
    for here, hourly in _moments(session, runtime, reminders, now, days):
        for reminder in _due(reminders, hourly=hourly):
            for told in plan(here, reminder, done[reminder.name]):
                key = told.record_id, due_text(told.due)
                done[reminder.name].setdefault(key, set()).add(told.lead)
                if told.state == SENT:
                    yield Hint(here.times.now, told)


# Private


def _due(reminders: Iterable[Reminder], *, hourly: bool) -> Iterator[Reminder]:
    for one in reminders:
        if one.active and (not hourly or in_hours(one)):
            yield one


def in_hours(reminder: Reminder) -> bool:
    """Whether a reminder has leads in hours."""
    return any(lead.unit == HOURS for lead in reminder.all_leads)


def _moments(
    session: Session, runtime: Runtime, reminders: list[Reminder], now: datetime, days: int
) -> Iterator[tuple[Round, bool]]:
    """The mornings of the next days, and the hours between them at which something hangs on the hour."""
    local = now.astimezone(runtime.zone)
    morning = datetime.combine(local.date(), MORNING, runtime.zone)
    if morning < local:
        morning += timedelta(days=1)
    timed = [one for one in reminders if in_hours(one)]
    for number in range(days):
        day = (morning + timedelta(days=number)).astimezone(now.tzinfo)
        here = begin(session, runtime, day)
        yield here, False
        hours = {hour for one in timed for hour in hours_of(here, one)}
        for hour in sorted(hours):
            if day < hour <= day + timedelta(days=1):
                yield here.at(hour), True


def _write(
    session: Session, runtime: Runtime, told: list[Told], now: datetime
) -> Mapping[str, int]:
    """Note the leads as served and write the notices of those that nobody else has served meanwhile."""
    counts, notices = Counter[str](), []
    ordered = sorted(told, key=lambda one: (one.record_id, one.lead, one.account_id))
    for begin_ in range(0, len(ordered), AT_ONCE):
        some = ordered[begin_ : begin_ + AT_ONCE]
        columns = (REMINDED.c.record_id, REMINDED.c.due, REMINDED.c.lead, REMINDED.c.account_id)
        statement = insert(REMINDED).on_conflict_do_nothing().returning(*columns)
        rows = session.execute(statement, [_row(one, now) for one in some])
        new = {tuple(row) for row in rows}
        for one in some:
            if (one.record_id, due_text(one.due), one.lead, one.account_id) in new:
                counts[one.state] += 1
                if one.state == SENT:
                    notices.append(_notice(runtime, one, now))
    notify(session, notices, now)
    return counts


def _row(one: Told, now: datetime) -> dict[str, Any]:
    return {
        "reminder": one.reminder.name, "record_id": one.record_id, "due": due_text(one.due), "lead": one.lead,
        "account_id": one.account_id, "state": one.state, "lead_on": one.at.date(), "at": now,
    }  # fmt: skip


def _notice(runtime: Runtime, one: Told, now: datetime) -> NewNotice:
    reminder = one.reminder
    return NewNotice(
        account_id=one.account_id,
        key=PREFIX + one.key,
        kind=PREFIX + reminder.name,
        title=one.title,
        body=one.body,
        entity=reminder.entity,
        record_id=one.record_id,
        red=one.red,
        channels=tuple(name for name in reminder.channels if name != "in_app"),
        not_before=after_quiet(now, reminder.quiet, runtime.zone),
    )
