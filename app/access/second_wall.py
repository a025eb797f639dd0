"""The row scope a second time, as policies of PostgreSQL: raw SQL sees nothing foreign either."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    ColumnClause,
    ColumnElement,
    Date,
    Integer,
    Table,
    Text,
    and_,
    any_,
    func,
    literal_column,
    or_,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql import visitors

from app.access.actor import SYSTEM_NAME, Actor
from app.access.side_walls import side_walls
from app.language.definitions import Entity, Rights, Role, RowRule, Schema
from app.language.evaluation import Moment
from app.language.expressions import Tree
from app.storage.criteria import Compiler
from app.storage.models import DELETED_AT, PLACE, Models
from app.storage.walls import PathView, Wall

DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


def wall_of(actor: Actor, moment: Moment) -> str:
    """The actor as the policies of a transaction read it."""
    whole = [grant.role.name for grant in actor.grants if grant.places is None]
    places: dict[str, set[int]] = {}
    for grant in actor.grants:
        if grant.places is not None:
            places.setdefault(grant.role.name, set()).update(grant.places)
    system = next((role for role in actor.roles if role.name == SYSTEM_NAME), None)
    said = {
        "person": actor.person_id,
        "account": actor.account_id,
        "today": moment.today.isoformat(),
        "zone": moment.zone.key,
        "whole": whole,
        "places": {name: sorted(found) for name, found in places.items()},
        "system": sorted(system.may) if system else [],
        "portal": system is not None,
    }
    return json.dumps(said, ensure_ascii=False)


def walls(schema: Schema, models: Models) -> tuple[list[PathView], list[Wall]]:
    """The policies of all tables of records and of their several links, and the views that those ask."""
    asked: dict[str, set[str]] = {}
    kept = [entity for entity in schema.entities.values() if not entity.external_table]
    found = [Wall(entity.name, _using(schema, models, entity, asked)) for entity in kept]
    for (name, _), table in models.links.items():
        entity, held = schema.entities[name], _quoted(models.metadata.tables[name])
        reached = f"EXISTS (SELECT FROM {held} WHERE {held}.id = record_id)"
        opened = _opened(entity, *_readers(schema, entity)[:2])
        found.append(Wall(table.name, f"{opened} OR {reached}"))
    found += side_walls(schema)
    views = [PathView(entity.name, tuple(sorted(asked[entity.name]))) for entity in kept]
    return views, found


# Private

Roles = list[Role]


@dataclass(frozen=True)
class _Terms:
    """The actor of the transaction, as far as he holds certain roles."""

    roles: Roles

    def term(self, name: str) -> ColumnElement[Any]:
        if name == "places":
            return func.portal_wall_places(_names(self.roles), type_=ARRAY(BigInteger))
        if name == "person":
            return func.portal_wall_person(type_=BigInteger)
        return func.portal_wall_account(type_=Integer)

    def stands_at(self, place: ColumnElement[Any]) -> ColumnElement[bool]:
        whole = func.portal_wall_whole(_names(self.roles), type_=Boolean)
        return or_(
            and_(whole, place.is_not(None)),
            place.op("=", is_comparison=True)(any_(self.term("places"))),
        )


# What today() and now() are in a policy.
_TIMES: Any = SimpleNamespace(
    today=func.portal_wall_today(type_=Date),
    now=func.now(),
    zone=SimpleNamespace(key=func.portal_wall_zone(type_=Text)),
)


def _using(schema: Schema, models: Models, entity: Entity, asked: dict[str, set[str]]) -> str:
    """The criterion of a table's policy; what it asks of others is added to ``asked``."""
    table = models.metadata.tables[entity.name]
    held, whole, below = _readers(schema, entity)
    parts = [_opened(entity, held, whole)]
    keys = asked.setdefault(entity.name, {"id"})
    keys |= {PLACE, DELETED_AT} & set(table.c.keys())
    if below:
        column = table.c.id if entity.scope == ("self",) else table.c.place_id
        parts.append(_text(column == any_(_Terms(below).term("places"))))
    for tree, roles in _conditions(schema, entity):
        compiler = Compiler(
            schema, models, _TIMES, _Terms(roles), entity, table, scoped=False, paths=True
        )
        criterion = compiler.criterion(tree)
        for part in visitors.iterate(criterion):
            if isinstance(part, ColumnClause) and part.table is not None:
                source: Any = getattr(part.table, "element", part.table)
                asked.setdefault(source.name, {"id"}).add(part.name)
        parts.append(_text(and_(func.portal_wall_holds(_names(roles), type_=Boolean), criterion)))
    return " OR ".join(f"({part})" for part in parts)


def _readers(schema: Schema, entity: Entity) -> tuple[Roles, Roles, Roles]:
    """Who sees all rows wherever he holds the role, who when he holds it for the whole tree, who those below."""
    held: Roles = []
    whole: Roles = []
    below: Roles = []
    for role, said in _said(schema, entity):
        unscoped = said is None and entity.scope is None and entity.seen_when is None
        if unscoped or (said is not None and said.kind == "all"):
            held.append(role)
        elif said is None or said.kind == "below":
            whole.append(role)
            below += [role] if said is not None or entity.seen_when is None else []
    return held, whole, below


def _conditions(schema: Schema, entity: Entity) -> list[tuple[Tree, Roles]]:
    """The conditions on rows, each with the roles that it is said for."""
    found: dict[str, tuple[Tree, Roles]] = {}
    for role, said in _said(schema, entity):
        condition = said.condition if said is not None else entity.seen_when
        if condition is not None:
            found.setdefault(repr(condition.tree), (condition.tree, []))[1].append(role)
    return list(found.values())


def _said(schema: Schema, entity: Entity) -> Iterator[tuple[Role, RowRule | None]]:
    """The roles that read the entity, each with its rule of rows."""
    for role in schema.roles.values():
        rights = role.may.get(entity.name)
        if rights is not None and Rights.READ in rights.rights:
            yield role, role.sees.get(entity.name)


def _opened(entity: Entity, held: Roles, whole: Roles) -> str:
    return _text(func.portal_wall_open(entity.name, _names(held), _names(whole)))


def _names(roles: Roles) -> ColumnElement[Any]:
    names = ",".join(f'"{role.name}"' for role in roles)
    return literal_column(f"'{{{names}}}'::text[]")


def _text(expression: ColumnElement[Any]) -> str:
    return str(expression.compile(dialect=DIALECT, compile_kwargs={"literal_binds": True}))


def _quoted(table: Table) -> str:
    return DIALECT.identifier_preparer.format_table(table)
