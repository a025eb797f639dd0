"""What all parts of the demo share: the day, chance, the way to load rows, and who is where."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cached_property
from random import Random
from typing import Any

from sqlalchemy.orm import Session

from app.access.actor import Actor, system_actor
from app.features.demo.places import STORY_AREA, City
from app.features.viewing.canaries import set_canary
from app.kernel.messages import Message
from app.language.definitions import Rights
from app.records.gateway import Records, records_for
from app.records.loading import load
from app.records.runtime import Runtime

SEED = 20240501
BASE_STORES, BASE_STAFF, BASE_CUSTOMERS = 24, 400, 6000
MOST_STORES = 500
SMALL = 5  # above this scale, less is kept of each day
DAYS = 425  # about fourteen months of history


@dataclass
class Person:
    """A member of staff; ``left`` is the last day of those who are gone."""

    name: str
    male: bool
    post: str
    unit: int
    hired: date
    wage: int
    state: str = "regular"
    manager: int | None = None
    left: date | None = None
    part_time: bool = False
    id: int = 0
    number: int = 0
    contract: int = 0

    @property
    def here(self) -> bool:
        """Whether the person works here today."""
        return self.state in ("probation", "regular", "leaving")


@dataclass
class StorePlace:
    """A store with its unit in the tree and its people."""

    name: str
    city: City
    district: str
    area: AreaPlace
    opened: date
    state: str = "open"
    unit: int = 0
    id: int = 0
    people: list[Person] = field(default_factory=list)

    @property
    def manager(self) -> Person:
        """Who runs the store."""
        return self.people[0]

    @property
    def sellers(self) -> list[Person]:
        """Who may own customers."""
        return [one for one in self.people if one.post in ("SM", "DM", "GS") and one.here]

    @property
    def staff(self) -> list[Person]:
        """Who works here today."""
        return [one for one in self.people if one.here]


@dataclass
class AreaPlace:
    """An area with its unit in the tree, its manager and the manager's deputy."""

    name: str
    name_en: str
    region: str
    entity: int
    unit: int = 0
    stores: list[StorePlace] = field(default_factory=list)
    manager: Person | None = None
    deputy: Person | None = None

    @property
    def lead(self) -> Person:
        """The manager."""
        assert self.manager is not None
        return self.manager


@dataclass(frozen=True)
class Sample:
    """A loaded customer to which other records can refer."""

    id: int
    name: str
    kind: str
    store: StorePlace
    owner: Person | None


@dataclass
class Stage:
    """The demo in the making; parts add to it one after the other.

    ``units`` maps codes of the tree to ids, ``known`` names of other records to ids, and
    ``samples`` holds the first customers of each store by the store's id.
    """

    runtime: Runtime
    session: Session
    scale: int
    say: Callable[[Message], None]
    areas: list[AreaPlace] = field(default_factory=list)
    office: list[Person] = field(default_factory=list)
    units: dict[str, int] = field(default_factory=dict)
    known: dict[str, int] = field(default_factory=dict)
    samples: dict[int, list[Sample]] = field(default_factory=dict)
    identities: set[str] = field(default_factory=set)

    @cached_property
    def actor(self) -> Actor:
        """The portal itself, with every right on business rows."""
        rights = {name: frozenset(Rights) for name in self.runtime.schema.entities}
        return system_actor(self.runtime.schema, rights, "demo")

    @cached_property
    def records(self) -> Records:
        """The door for single changes."""
        return records_for(self.runtime, self.session, self.actor)

    @cached_property
    def today(self) -> date:
        """The day from which everything is counted."""
        return self.runtime.moment().today

    @cached_property
    def now(self) -> datetime:
        """The start of today, so that the demo is the same all day long."""
        return datetime.combine(self.today, time(), self.runtime.zone)

    def random(self, part: str) -> Random:
        """Chance for one part, so that a change of one leaves the others as they were."""
        return Random(f"{SEED}:{part}")  # noqa: S311 - made-up data wants repeatable chance

    def add(self, name: str, rows: Iterable[Mapping[str, Any]]) -> list[int]:
        """Load rows of an entity and return their ids."""
        return load(self.runtime, self.session, self.actor, name, rows)

    def add_named(self, name: str, by: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Load rows and remember each id under ``name:value of the field by``."""
        rows = list(rows)
        for row, record_id in zip(rows, self.add(name, rows), strict=True):
            self.known[f"{name}:{row[by]}"] = record_id

    def watch(self, name: str, record_id: int) -> None:
        """Mark a record that nobody has a reason to open."""
        set_canary(self.session, self.runtime, name, record_id, "demo")

    def day(self, ago: int) -> date:
        """The day so many days ago; below zero, days to come."""
        return self.today - timedelta(days=ago)

    def at(self, day: date, minutes: int) -> datetime:
        """A moment of a local day, in minutes after midnight; never later than this morning."""
        local = datetime.combine(day, time(), self.runtime.zone) + timedelta(minutes=minutes)
        return min(local, self.now)

    @property
    def stores(self) -> list[StorePlace]:
        """All stores, area by area."""
        return [store for area in self.areas for store in area.stores]

    @property
    def people(self) -> list[Person]:
        """All people: the office, areas and stores."""
        areas = [one for area in self.areas for one in (area.manager, area.deputy) if one]
        return [*self.office, *areas, *(one for store in self.stores for one in store.people)]

    @property
    def story(self) -> AreaPlace:
        """The area whose manager is about to leave with customers."""
        return next(area for area in self.areas if area.name == STORY_AREA)

    @property
    def neighbour(self) -> AreaPlace:
        """Another area of the same region, as a foil."""
        story = self.story
        return next(one for one in self.areas if one.region == story.region and one is not story)

    @property
    def faces(self) -> list[StorePlace]:
        """The two stores whose people have accounts."""
        areas = (self.story, self.neighbour)
        return [next(store for store in area.stores if store.state == "open") for area in areas]

    def samples_of(self, area: AreaPlace, *kinds: str) -> list[Sample]:
        """Customers of an area, of some kinds or all."""
        stores = [self.samples.get(store.id, ()) for store in area.stores]
        return [one for kept in stores for one in kept if not kinds or one.kind in kinds]

    def post(self, code: str) -> list[Person]:
        """Everybody in the office who holds a post."""
        return [one for one in self.office if one.post == code]

    def one(self, post: str) -> Person:
        """The first in the office who holds a post."""
        return next(one for one in self.office if one.post == post)


def plus_months(day: date, months: int) -> date:
    """A day moved by months, at most to the end of the month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, last)
        except ValueError:
            continue
    raise ValueError(day)
