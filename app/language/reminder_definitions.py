"""What a reminder file declares: who is told what, how long before or after a date."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import time

from app.kernel.messages import Label
from app.language.expressions import Expression
from app.language.source import Place

DAYS, HOURS, WORKDAYS = "d", "h", "w"
CHANNELS = ("in_app", "mail", "robot")
FARTHEST_LEAD = 3660
_LEAD = re.compile(r"([+-]?)([0-9]{1,4})([dhw]?)")


@dataclass(frozen=True, slots=True)
class Lead:
    """How far from the date: negative before it, positive after; in days, hours or working days."""

    amount: int
    unit: str = DAYS
    where: Expression | None = None

    @property
    def text(self) -> str:
        """As it is written: ``-15``, ``3w``, ``-2h``."""
        return f"{self.amount}{'' if self.unit == DAYS else self.unit}"


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who is told: the holders of a role around the record, of these only the ``head``, or whom a path leads to."""

    kind: str
    path: tuple[str, ...]

    @property
    def text(self) -> str:
        """As it is written: ``role:hr``, ``head:hr``, ``doer.manager``."""
        named = ".".join(self.path)
        return named if self.kind == "path" else f"{self.kind}:{named}"


@dataclass(frozen=True, slots=True)
class Step:
    """From this lead on, further people are told where a condition holds."""

    at: Lead
    to: tuple[Recipient, ...]
    where: Expression | None
    red: bool
    place: Place


@dataclass(frozen=True, slots=True)
class Reminder:
    """One reminder.

    ``date`` and the conditions are read on the record of ``entity``. ``about`` leads to the person
    whose own matter it is: it stops after that person's last day. ``daily`` goes on every day after
    the last lead. A lead older than ``catch_up`` days is not sent any more.
    """

    name: str
    label: Label
    place: Place
    code: str
    entity: str
    date: Expression | None
    where: Expression | None
    leads: tuple[Lead, ...]
    to: tuple[Recipient, ...]
    title: Label
    body: Label
    escalate: tuple[Step, ...] = ()
    channels: tuple[str, ...] = CHANNELS
    about: tuple[str, ...] = ()
    quiet: tuple[time, time] | None = None
    daily: bool = False
    workdays: bool = True
    active: bool = True
    catch_up: int = 90

    @property
    def recipients(self) -> Iterator[Recipient]:
        """Everybody named, the steps' people after the others."""
        yield from self.to
        for step in self.escalate:
            yield from step.to

    @property
    def all_leads(self) -> Iterator[Lead]:
        """The leads, and those of the steps."""
        yield from self.leads
        for step in self.escalate:
            yield step.at


@dataclass(frozen=True, slots=True)
class Holidays:
    """Where days stand that differ from the calendar of the country: a day is worked when ``works`` holds."""

    entity: str
    day: str
    works: Expression | None
    where: Expression | None
    place: Place


def parse_lead(text: str, where: Expression | None = None) -> Lead | None:
    """The lead that a text stands for; None for anything else."""
    match = _LEAD.fullmatch(text.strip())
    if match is None:
        return None
    amount = int(match[2]) * (-1 if match[1] == "-" else 1)
    lead = Lead(amount, match[3] or DAYS, where)
    return lead if abs(amount) <= FARTHEST_LEAD else None


def parse_recipient(text: str) -> Recipient:
    """The recipient that a text stands for; whether it exists is checked later."""
    kind, colon, name = text.strip().partition(":")
    if colon and kind in ("role", "head"):
        return Recipient(kind, (name.strip(),))
    return Recipient("path", tuple(text.strip().split(".")))
