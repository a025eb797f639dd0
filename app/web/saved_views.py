"""The views that a reader keeps for himself: a name for the filters of a list.

A view says with which revision it was kept, so that it follows when fields are renamed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode

from flask import flash
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from app.kernel.errors import NotFound
from app.kernel.messages import _l
from app.language.definitions import Entity
from app.records.reading import LARGEST_ID
from app.storage.database import unit_of_work
from app.storage.former_names import Called, names_of
from app.storage.tables import SAVED_VIEW
from app.web.addresses import RESERVED, REVISION, SEALED, Asked, filters_of, read_asked, whole
from app.web.former_forms import former_schema
from app.web.locale import say
from app.web.named_views import view_of
from app.web.state import Scope

LONGEST_NAME = 80


def keep_view(here: Scope, entity: Entity, name: str, typed: str) -> str | None:
    """Keep the filters of an address under a name, sealed where they tell of people; None without a name."""
    arguments, _ = followed(here, entity, dict(parse_qsl(typed)))
    asked = read_asked(arguments, entity, here.sealer)
    kept = replace(asked, page=1, seal=here.sealer.seal_lasting)
    query = urlencode({**kept.query(), REVISION: here.state.runtime.revision})
    short = name.strip()[:LONGEST_NAME]
    if not short:
        return None
    values = {
        "account_id": here.actor.account_id,
        "entity": entity.name,
        "name": short,
        "query": query,
    }
    keys = ["account_id", "entity", "name"]
    statement = insert(SAVED_VIEW).values(values)
    with unit_of_work(here.session):
        here.session.execute(
            statement.on_conflict_do_update(index_elements=keys, set_={"query": query})
        )
    return query


def forget_view(here: Scope, number: int) -> None:
    """Forget one's own view; raises NotFound for any other."""
    own = (SAVED_VIEW.c.id == number, SAVED_VIEW.c.account_id == here.actor.account_id)
    with unit_of_work(here.session):
        if number > LARGEST_ID or here.session.scalar(select(SAVED_VIEW.c.id).where(*own)) is None:
            raise NotFound
        here.session.execute(delete(SAVED_VIEW).where(*own))


def followed(
    here: Scope, entity: Entity, arguments: Mapping[str, str]
) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """The parameters of a list under the names of today, and what is left out of a kept view.

    Addresses that do not say their revision are followed by the newest field that bore a name.
    Raises Refused for a search that is not the reader's.
    """
    given = dict(arguments)
    made = whole(given.pop(REVISION, None))
    if made == here.state.runtime.revision:
        return given, ()
    if given.get(SEALED):
        given = {**here.sealer.open(given.pop(SEALED)), **given}
    if made is None and all(entity.field(name) for name in _named(given)):
        return arguments, ()
    return _Followed(here, entity, made).read(given)


def say_left_out(here: Scope, names: Iterable[str]) -> None:
    """Say what a kept view can no longer ask for."""
    told = _l("This view was kept when the list had other fields. Left out: %(names)s.",
              names="、".join(names))  # fmt: skip
    flash(say(told, here.language), "warning")


# Private


def _named(given: Mapping[str, str]) -> Iterator[str]:
    """The fields that the parameters name."""
    yield from (name for name in given if name not in RESERVED)
    if given.get("sort"):
        yield given["sort"].removeprefix("-")


class _Followed:
    """Takes the parameters of one list over."""

    def __init__(self, here: Scope, entity: Entity, made: int | None) -> None:
        self.here, self.entity, self.made = here, entity, made
        self.periods = names_of(here.session, entity.name)[::-1]
        if made is not None:
            self.periods = tuple(
                one for one in self.periods
                if one.since <= made and (one.until is None or made < one.until)
            )  # fmt: skip
        self.left_out: dict[str, None] = {}

    def read(self, given: Mapping[str, str]) -> tuple[Mapping[str, str], tuple[str, ...]]:
        found = {name: text for name, text in given.items() if name in RESERVED}
        for name, text in given.items():
            if name not in RESERVED:
                today = self._today(name)
                if today and self._filters(today, text):
                    found[today] = text
        sort = given.get("sort", "")
        if sort:
            today = self._today(sort.removeprefix("-"))
            found["sort"] = ("-" if sort.startswith("-") else "") + today if today else ""
        view = found.get("view")
        if view and view_of(self.here.schema, self.entity, view) is None:
            self.left_out[found.pop("view")] = None
        return found, tuple(self.left_out)

    def _today(self, name: str) -> str | None:
        """What the field is called today; a name that no field ever bore stays as it is."""
        if self.made is None and self.entity.field(name):
            return name
        called = next((one for one in self.periods if name in one.fields), None)
        today = called.fields[name] if called else name
        if called is not None and today is None:
            self.left_out[self._label(called, name)] = None
        return today

    def _filters(self, name: str, text: str) -> bool:
        """Whether the list can be filtered so today."""
        item = self.entity.field(name)
        if item is None:
            return False
        zone = self.here.state.runtime.zone
        good = name in self.entity.list.filters and filters_of(
            Asked(filters={name: text}), self.entity, zone
        )
        if not good:
            self.left_out[item.label.text(self.here.language)] = None
        return bool(good)

    def _label(self, called: Called, name: str) -> str:
        schema = former_schema(self.here, self.made or max(called.since, 1))
        owner = schema.entities.get(called.name) if schema else None
        item = owner.field(name) if owner else None
        return item.label.text(self.here.language) if item else name
