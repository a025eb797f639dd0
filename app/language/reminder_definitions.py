"""What a reminder file declares: who is told what, how long before or after a date."""

from __future__ import annotations

from dataclasses import dataclass

from app.kernel.messages import Label
from app.language.source import Place


@dataclass(frozen=True, slots=True)
class Reminder:
    """One reminder."""

    name: str
    label: Label
    place: Place
