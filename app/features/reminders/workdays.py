"""Which days are worked: the calendar of the country, and above it the portal's own holidays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache

import chinese_calendar

SATURDAY = 5


@dataclass(frozen=True)
class Workdays:
    """``own`` says of single days whether they are worked; it goes before everything else."""

    own: Mapping[date, bool] = field(default_factory=dict)
    moved: dict[tuple[date, int], date] = field(default_factory=dict, compare=False)

    def worked(self, day: date) -> bool:
        """Whether a day is worked; years that are not announced yet have plain weeks."""
        if day in self.own:
            return self.own[day]
        return _announced(day)

    def move(self, day: date, count: int) -> date:
        """The day that lies so many working days later, or before when negative."""
        key = day, count
        if key not in self.moved:
            step = timedelta(days=1 if count > 0 else -1)
            for _ in range(abs(count)):
                day += step
                while not self.worked(day):
                    day += step
            self.moved[key] = day
        return self.moved[key]


# Private


@lru_cache(maxsize=10_000)
def _announced(day: date) -> bool:
    """What the calendar says; it looks through all its days for each answer."""
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:  # the library's word for a year that is not announced yet
        return day.weekday() < SATURDAY
