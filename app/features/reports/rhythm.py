"""On which days and at which moment a scheduled report is made; plain arithmetic, once on each such day."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from app.kernel.messages import Message, _l

DAY, WORKING_DAY, WEEK, MONTH, QUARTER = "day", "working_day", "week", "month", "quarter"
LAST_DAY = 0
# Longer than a quarter, and than any row of holidays.
FARTHEST_DAYS = 100
Worked = Callable[[date], bool]

WEEKDAYS: tuple[Message, ...] = (
    _l("every Monday"),
    _l("every Tuesday"),
    _l("every Wednesday"),
    _l("every Thursday"),
    _l("every Friday"),
    _l("every Saturday"),
    _l("every Sunday"),
)
PLAIN: dict[str, Message] = {
    DAY: _l("every day"),
    WORKING_DAY: _l("every working day"),
    QUARTER: _l("on the first day of every quarter"),
}


@dataclass(frozen=True, slots=True)
class Rhythm:
    """``every`` what; ``day`` is a weekday for weeks (0 is Monday), and for months a day, or LAST_DAY."""

    every: str
    day: int
    at: time

    @property
    def text(self) -> str:
        """As it is written: ``day``, ``week:0``, ``month:31``, ``month:0``."""
        return f"{self.every}:{self.day}" if self.every in (WEEK, MONTH) else self.every

    def falls_on(self, day: date, worked: Worked) -> bool:
        """Whether a day is one of its days; a day that a month lacks is its last."""
        match self.every:
            case "working_day":
                return worked(day)
            case "week":
                return day.weekday() == self.day
            case "month":
                last = monthrange(day.year, day.month)[1]
                return day.day == (min(self.day, last) if self.day else last)
            case "quarter":
                return day.day == 1 and day.month % 3 == 1
        return self.every == DAY


def parse_rhythm(text: str, at: time) -> Rhythm | None:
    """The rhythm that ``text`` of a rhythm stands for; None for anything else."""
    return next((one for one in rhythms(at) if one.text == text), None)


def rhythms(at: time) -> Iterator[Rhythm]:
    """Every rhythm there is."""
    yield Rhythm(DAY, 0, at)
    yield Rhythm(WORKING_DAY, 0, at)
    yield from (Rhythm(WEEK, day, at) for day in range(7))
    yield from (Rhythm(MONTH, day, at) for day in range(1, 32))
    yield Rhythm(MONTH, LAST_DAY, at)
    yield Rhythm(QUARTER, 0, at)


def rhythm_label(rhythm: Rhythm) -> Message:
    """The days of a rhythm in words."""
    if rhythm.every == WEEK:
        return WEEKDAYS[rhythm.day]
    if rhythm.every == MONTH and rhythm.day == LAST_DAY:
        return _l("on the last day of every month")
    if rhythm.every == MONTH:
        return _l("on day %(day)s of every month", day=rhythm.day)
    return PLAIN[rhythm.every]


def newest_slot(rhythm: Rhythm, now: datetime, zone: ZoneInfo, worked: Worked) -> datetime | None:
    """The newest moment until ``now``, in UTC; older ones that were missed are let go."""
    today = now.astimezone(zone).date()
    days = (today - timedelta(days=number) for number in range(FARTHEST_DAYS))
    return next((at for at in _moments(rhythm, days, zone, worked) if at <= now), None)


def next_slot(rhythm: Rhythm, now: datetime, zone: ZoneInfo, worked: Worked) -> datetime | None:
    """The first moment after ``now``, in UTC."""
    today = now.astimezone(zone).date()
    days = (today + timedelta(days=number) for number in range(FARTHEST_DAYS))
    return next((at for at in _moments(rhythm, days, zone, worked) if at > now), None)


# Private


def _moments(
    rhythm: Rhythm, days: Iterator[date], zone: ZoneInfo, worked: Worked
) -> Iterator[datetime]:
    """A time that the clock skips comes as much later; of one that it shows twice, the first counts."""
    for day in days:
        if rhythm.falls_on(day, worked):
            yield datetime.combine(day, rhythm.at, zone).astimezone(UTC)
