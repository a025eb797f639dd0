"""When a lead is reached, and which of several is told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from app.features.reminders.workdays import Workdays
from app.kernel.messages import Label
from app.language.reminder_definitions import DAYS, HOURS, WORKDAYS, Lead, Recipient, Reminder

MORNING = time(8, 30)
# A reminder that goes on daily is given up after so long.
LONGEST_DAILY = 366
Due = date | datetime


@dataclass(frozen=True, slots=True)
class Times:
    """The moment of a run with the calendar that counts."""

    now: datetime
    zone: ZoneInfo
    workdays: Workdays

    @property
    def today(self) -> date:
        """The local day."""
        return self.now.astimezone(self.zone).date()

    def day(self, due: Due) -> date:
        """The local day of a date or moment."""
        return due.astimezone(self.zone).date() if isinstance(due, datetime) else due

    def of_lead(self, due: Due, lead: Lead) -> datetime:
        """When a lead is reached: leads in days are told in the morning."""
        if lead.unit == HOURS and isinstance(due, datetime):
            return due + timedelta(hours=lead.amount)
        day = self.day(due)
        if lead.unit == WORKDAYS:
            day = self.workdays.move(day, lead.amount)
        else:
            day += timedelta(days=lead.amount)
        return datetime.combine(day, MORNING, self.zone).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Reached:
    """A lead of a record that is reached and not served yet."""

    lead: str
    at: datetime
    red: bool
    to: tuple[Recipient, ...]


@dataclass(frozen=True, slots=True)
class Flags:
    """What holds for a record: the conditions of the leads and of the steps, in their order."""

    leads: tuple[bool, ...]
    steps: tuple[bool, ...]


def window(reminder: Reminder, today: date) -> tuple[date, date]:
    """The days between which a date must lie so that any lead of it can be told today."""
    spans = [_days(lead) for lead in reminder.all_leads]
    late = LONGEST_DAILY if reminder.daily else reminder.catch_up
    low, high = min(span[0] for span in spans), max(span[1] for span in spans)
    return today - timedelta(days=high + late + 1), today - timedelta(days=low - 1)


def reached(
    reminder: Reminder, due: Due, flags: Flags, times: Times, done: frozenset[str]
) -> list[Reached]:
    """The leads of a date that are reached and in ``done`` no more, oldest first.

    On a day off only red ones; a lead older than the reminder's ``catch_up`` is let go.
    """
    told: dict[str, tuple[Lead, bool]] = {}
    for lead, holds in zip(reminder.leads, flags.leads, strict=True):
        if holds:
            told.setdefault(lead.text, (lead, True))
    for step, holds in zip(reminder.escalate, flags.steps, strict=True):
        if holds:
            told.setdefault(step.at.text, (step.at, False))
    for lead in _daily(reminder, due, flags, times):
        told.setdefault(lead.text, (lead, True))
    oldest = times.now - timedelta(days=reminder.catch_up)
    day_off = reminder.workdays and not times.workdays.worked(times.today)
    found: list[Reached] = []
    for name, (lead, everybody) in told.items():
        at = times.of_lead(due, lead)
        if name in done or not oldest <= at <= times.now:
            continue
        to, red = _told(reminder, due, flags, times, (at, everybody))
        if to and (red or not day_off):
            found.append(Reached(name, at, red, to))
    return sorted(found, key=lambda one: one.at)


def when_text(due: Due, times: Times) -> Label:
    """How far a date is away, as people say it."""
    if isinstance(due, datetime) and abs(due - times.now) < timedelta(hours=24):
        hours = round((due - times.now).total_seconds() / 3600)
        if hours > 0:
            return Label(f"{hours} 小时后", f"in {hours} {'hour' if hours == 1 else 'hours'}")
    days = (times.day(due) - times.today).days
    count = f"{abs(days)} {'day' if abs(days) == 1 else 'days'}"
    if days == 0:
        return Label("今天", "today")
    if days > 0:
        return Label(f"{days} 天后", f"in {count}")
    return Label(f"{-days} 天前", f"{count} ago")


def newest_of(leads: Iterable[tuple[Reached, Iterable[int]]]) -> Mapping[int, list[Reached]]:
    """For each account the leads that address it, newest first: the first is told and covers the others."""
    found: dict[int, list[Reached]] = {}
    for one, accounts in leads:
        for account in accounts:
            found.setdefault(account, []).append(one)
    return {
        account: sorted(ones, key=lambda one: one.at, reverse=True)
        for account, ones in found.items()
    }


def due_text(due: Due) -> str:
    """A date as it stands in the key that keeps a lead from being told twice."""
    return due.astimezone(UTC).isoformat() if isinstance(due, datetime) else due.isoformat()


# Private


def _told(
    reminder: Reminder, due: Due, flags: Flags, times: Times, lead: tuple[datetime, bool]
) -> tuple[tuple[Recipient, ...], bool]:
    at, everybody = lead
    to, red = (reminder.to if everybody else ()), False
    for step, holds in zip(reminder.escalate, flags.steps, strict=True):
        if holds and times.of_lead(due, step.at) <= at:
            to, red = (*to, *step.to), red or step.red
    return tuple(dict.fromkeys(to)), red


def _daily(reminder: Reminder, due: Due, flags: Flags, times: Times) -> Iterator[Lead]:
    """The days after the last lead, up to today."""
    ends = [
        lead.amount
        for lead, holds in zip(reminder.leads, flags.leads, strict=True)
        if holds and lead.unit == DAYS
    ]
    if not reminder.daily or not ends:
        return
    since = (times.today - times.day(due)).days
    for amount in range(max(max(ends) + 1, since - reminder.catch_up), since + 1):
        yield Lead(amount)


def _days(lead: Lead) -> tuple[int, int]:
    """The calendar days between which a lead can lie after the date."""
    if lead.unit == HOURS:
        return lead.amount // 24 - 1, lead.amount // 24 + 1
    if lead.unit == WORKDAYS:
        # Five of seven days are worked; long holidays add a fortnight at the most.
        slack = abs(lead.amount) * 7 // 5 + 15
        return (lead.amount, slack) if lead.amount >= 0 else (-slack, lead.amount)
    return lead.amount, lead.amount
