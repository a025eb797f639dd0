"""A clock that several processes share: it stands where a file says, and runs on without one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from app.kernel.clock import SystemClock

NAME = "clock"


@dataclass(frozen=True)
class FileClock:
    """Reads the moment from ``place``; the clock of the machine while there is no such file."""

    place: Path

    def now(self) -> datetime:
        """The moment, in UTC."""
        try:
            return datetime.fromisoformat(self.place.read_text(encoding="ascii"))
        except FileNotFoundError:
            return SystemClock().now()

    def set(self, moment: datetime) -> None:
        """Stand at a moment, for every process at once."""
        new = self.place.with_suffix(".new")
        new.write_text(moment.isoformat(), encoding="ascii")
        new.replace(self.place)

    def release(self) -> None:
        """Run on as the machine does."""
        self.place.unlink(missing_ok=True)
