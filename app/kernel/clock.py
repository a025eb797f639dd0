"""The one place that asks what time it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo


class Clock(Protocol):
    """Tells the time; a fixed one makes tests repeatable."""

    def now(self) -> datetime:
        """The moment, with time zone UTC."""


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        """The moment, with time zone UTC."""
        return datetime.now(UTC)


@dataclass
class FixedClock:
    """A clock that stands still until it is set."""

    moment: datetime

    def now(self) -> datetime:
        """The moment it was set to."""
        return self.moment


def local_date(clock: Clock, zone: ZoneInfo) -> date:
    """The calendar day at this moment in ``zone``."""
    return clock.now().astimezone(zone).date()
