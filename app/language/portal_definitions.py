"""What the portal file declares: classes of values, the menu, what the home page shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.kernel.messages import Label
from app.language.consents import Consents
from app.language.expressions import Expression
from app.language.reminder_definitions import Holidays
from app.language.source import Place
from app.language.viewing import Revealing


@dataclass(frozen=True, slots=True)
class DataClass:
    """Why a kind of value is held, by which rule, how long, and who sees it.

    Values of an ``open`` class are seen by whoever reads the record and stay as long as the record does; those of
    any other are masked but for roles that ``show`` them (Personal Information Protection Law, Art. 51 (2)).
    """

    name: str
    label: Label
    purpose: Label
    basis: str
    keep_months: int | None
    mask: str
    place: Place
    open: bool = False
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


@dataclass(frozen=True, slots=True)
class Portal:
    """What holds for the whole portal."""

    name: str
    label: Label
    place: Place
    tree: str | None
    person_entity: str | None
    person_account: str | None
    currency: str
    classes: Mapping[str, DataClass] = field(hash=False)
    modules: tuple[Module, ...] = ()
    tiles: tuple[Tile, ...] = ()
    agenda: tuple[Agenda, ...] = ()
    person_until: str | None = None
    holidays: Holidays | None = None
    keep_snapshots_days: int = 400
    guard: Guard = Guard()
    revealing: Revealing = Revealing()  # noqa: RUF009 - frozen
    bases: Mapping[str, Label] = field(default_factory=dict, hash=False)
    consents: Consents | None = None
    data_class: str | None = None  # of the entities that name none
