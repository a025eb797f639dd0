"""Who holds which role where, and which account stands for which person: everybody at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from sqlalchemy import Boolean, Integer, Select, case, column, null, or_, select, table
from sqlalchemy.orm import Session

from app.access.accounts import places_below
from app.access.actor import Actor, Grant
from app.access.session_scope import lowered
from app.language.definitions import Schema
from app.language.paths import link_target
from app.storage.columns import column_name
from app.storage.models import Models

MOST_STEPS_UP = 20


@dataclass(frozen=True, slots=True)
class Person:
    """A person with the account, the one above, and the last day, as far as there are any."""

    account: int | None
    above: int | None
    until: date | None


@dataclass(frozen=True)
class Holders:
    """Who holds a role around a place. ``held`` maps (role, place or None for everything) to accounts."""

    held: Mapping[tuple[str, int | None], tuple[int, ...]]
    parents: Mapping[int, int | None]
    found: dict[tuple[str, int | None], tuple[int, ...]] = field(
        default_factory=dict, compare=False
    )

    def around(self, role: str, place: int | None) -> tuple[int, ...]:
        """The accounts whose role reaches ``place``; of a record without a place, all who hold it."""
        key = role, place
        if key not in self.found:
            places = {at for name, at in self.held if name == role}
            above = set(self._above(place)) if place is not None else places
            self.found[key] = self._accounts(role, places & (above | {None}))
        return self.found[key]

    def heads(self, role: str) -> tuple[int, ...]:
        """The accounts that hold the role over the whole tree."""
        roots = {place for place, parent in self.parents.items() if parent is None}
        return self._accounts(role, {None, *roots})

    def actor(self, schema: Schema, account: int, person: int | None) -> Actor:
        """The actor of an account, as ``load_actor`` makes it, without asking the database again."""
        grants = tuple(
            Grant(schema.roles[role], self._places(place))
            for role, place in self._roles.get(account, ())
            if role in schema.roles
        )
        return Actor(account, str(account), str(account), person, grants)

    # Private

    @cached_property
    def _below(self) -> dict[int | None, tuple[int, ...] | None]:
        return {}

    @cached_property
    def _roles(self) -> Mapping[int, list[tuple[str, int | None]]]:
        found: dict[int, list[tuple[str, int | None]]] = {}
        for key, accounts in self.held.items():
            for account in accounts:
                found.setdefault(account, []).append(key)
        return found

    def _places(self, place: int | None) -> tuple[int, ...] | None:
        """A place with what lies below; None for the whole tree."""
        if place not in self._below:
            places = places_below(self.parents.items(), place)
            whole = place is None or len(places) == len(self.parents)
            self._below[place] = None if whole else places
        return self._below[place]

    def _accounts(self, role: str, places: Iterable[int | None]) -> tuple[int, ...]:
        return tuple(sorted({one for place in places for one in self.held.get((role, place), ())}))

    def _above(self, place: int) -> Iterable[int]:
        here: int | None = place
        for _ in range(MOST_STEPS_UP):
            if here is None:
                return
            yield here
            here = self.parents.get(here)


def role_holders(session: Session, schema: Schema, models: Models, today: date) -> Holders:
    """The roles that open accounts hold today."""
    tables = models.metadata.tables
    if "role_assignment" not in tables:
        return Holders({}, {})
    held, tree = tables["role_assignment"], tables[str(schema.portal.tree)]
    parent = schema.entities[str(schema.portal.tree)].tree_parent
    above = tree.c[f"{parent.name}_id"] if parent else null()
    parents: Select[Any] = select(tree.c.id, above)
    holding = select(held.c.role, held.c.held_at_id, held.c.account_id).where(
        held.c.deleted_at.is_(None),
        held.c.valid_from <= today,
        or_(held.c.valid_to.is_(None), held.c.valid_to >= today),
        held.c.account_id.in_(open_accounts()),
    )
    with lowered(session):
        rows = session.execute(holding).all()
        pairs = {row[0]: row[1] for row in session.execute(parents)}
    found: dict[tuple[str, int | None], list[int]] = {}
    for role, place, account in rows:
        found.setdefault((role, place), []).append(account)
    return Holders({key: tuple(accounts) for key, accounts in found.items()}, pairs)


def open_accounts() -> Select[Any]:
    """The ids of the accounts that can sign in."""
    accounts = table("ab_user", column("id", Integer), column("active", Boolean))
    return select(accounts.c.id).where(accounts.c.active)


def people(session: Session, schema: Schema, models: Models) -> dict[int, Person]:
    """Everybody whom an account can belong to, by id."""
    portal = schema.portal
    if portal.person_entity is None or portal.person_account is None:
        return {}
    entity = schema.entities[portal.person_entity]
    rows = models.metadata.tables[entity.name]
    above = entity.field(entity.owner) if entity.owner else None
    own = above is not None and link_target(above, entity) == entity.name
    until = entity.field(portal.person_until) if portal.person_until else None
    account = rows.c[f"{portal.person_account}_id"]
    columns: list[Any] = [
        rows.c.id,
        case((account.in_(open_accounts()), account)),
        rows.c[column_name(above)] if above is not None and own else null(),
        rows.c[column_name(until)] if until is not None else null(),
    ]
    statement = select(*columns)
    if "deleted_at" in rows.c:
        statement = statement.where(rows.c.deleted_at.is_(None))
    with lowered(session):
        return {row[0]: Person(row[1], row[2], row[3]) for row in session.execute(statement)}
