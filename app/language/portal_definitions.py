"""What the portal file declares: classes of personal values, the menu, what the home page shows."""

from __future__ import annotations

from dataclasses import dataclass

from app.kernel.messages import Label
from app.language.expressions import Expression
from app.language.source import Place


@dataclass(frozen=True, slots=True)
class SensitivityClass:
    """Why a kind of personal value is held, and how it is masked (personal information law)."""

    name: str
    label: Label
    purpose: Label | None
    basis: str
    keep_months: int | None
    mask: str
    place: Place
    # How long the law has it kept after the purpose has ended; nobody erases it before.
    must_keep_months: int | None = None
    encrypt: bool = False
    # The topic to which the person has to agree before a value is written; None where another basis holds.
    consent: str | None = None
    # Whoever sees values in clear stands in the trail, once a day for each record.
    log_reads: bool = False


@dataclass(frozen=True, slots=True)
class Module:
    """A group of entities in the menu that can be switched off."""

    name: str
    label: Label
    icon: str
    entities: tuple[str, ...]
    enabled: bool
    place: Place


@dataclass(frozen=True, slots=True)
class Tile:
    """A number on the home page: how many records of an entity meet a condition."""

    label: Label
    entity: str
    where: Expression | None
    tone: str
    icon: str
    place: Place


@dataclass(frozen=True, slots=True)
class Agenda:
    """A list on the home page of what needs the reader today."""

    label: Label
    entity: str
    where: Expression
    columns: tuple[str, ...]
    sort: str
    place: Place


@dataclass(frozen=True, slots=True)
class Guard:
    """How much one account may delete, and change of what is sensitive, within ``window`` minutes.

    The next deed waits for a second person. ``notice_…`` hold for people who are about to leave:
    those for whom ``when`` holds, or whose last day is known when nothing is said.
    """

    window: int = 60
    deletes: int = 11
    changes: int = 100
    notice_deletes: int = 2
    notice_changes: int = 5
    when: Expression | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """An entity about persons: ``ends`` holds the day on which the purpose ended, ``also`` names what is erased
    besides the fields with a class."""

    ends: str | None
    also: tuple[str, ...]
    place: Place
