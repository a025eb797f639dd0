"""Loaded rows may only point to records that are there and that the actor may see, in SQL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Table,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    select,
)

from app.access.permissions import Access
from app.access.row_scope import row_scope
from app.kernel.messages import _l
from app.language.definitions import ACCOUNT, Deletion, Entity, Field, Rights
from app.language.paths import link_target
from app.records.columns import table_of
from app.records.loading_rules import Rule
from app.records.runtime import Runtime
from app.storage.columns import column_name

UNSEEN = _l("There is no such record, or you may not see it.")


def unseen_links(runtime: Runtime, access: Access, entity: Entity) -> Iterator[Rule]:
    """A rule for each link, several-links and reference field of an entity.

    Links to what the actor sees all of need none: the database itself knows what is there.
    """
    table = table_of(runtime, entity)
    for item in entity.settable_fields:
        target = link_target(item, entity)
        linked = target or str(item.target)
        if linked in runtime.schema.entities and _sees_all(runtime, access, linked):
            continue
        if item.type == "links":
            held = runtime.models.links[entity.name, item.name]
            seen = _seen(runtime, access, str(item.target), held.c.target_id, held)
            stray = select(held.c.record_id).where(held.c.record_id == table.c.id, ~seen)
            yield Rule(item.name, UNSEEN, exists(stray.correlate(table)))
        elif item.type == "reference":
            yield Rule(item.name, UNSEEN, _stray_reference(runtime, access, item, table))
        elif target is not None and target != ACCOUNT:
            column = table.c[column_name(item)]
            criterion = and_(column.is_not(None), ~_seen(runtime, access, target, column, table))
            own = access.actor.person_id
            if target == runtime.schema.portal.person_entity and own is not None:
                criterion = and_(criterion, column != own)
            yield Rule(item.name, UNSEEN, criterion)


# Private


def _sees_all(runtime: Runtime, access: Access, name: str) -> bool:
    return row_scope(access, runtime.models, runtime.moment(), name, Rights.READ) is None


def _seen(
    runtime: Runtime, access: Access, name: str, wanted: Any, outer: Table
) -> ColumnElement[bool]:
    """Whether the record of an entity with the id ``wanted`` is there for the actor."""
    entity = runtime.schema.entities[name]
    table = table_of(runtime, entity)
    conditions: list[ColumnElement[bool]] = []
    if entity.deletion is Deletion.SOFT and not entity.external_table:
        conditions.append(table.c.deleted_at.is_(None))
    scope = row_scope(access, runtime.models, runtime.moment(), name, Rights.READ)
    if scope is not None:
        conditions.append(scope)
    if table is outer:
        return _in(wanted, select(table.c.id).where(*conditions).correlate(None))
    return exists(select(table.c.id).where(table.c.id == wanted, *conditions).correlate(outer))


def _in(wanted: Any, statement: Any) -> ColumnElement[bool]:
    found: ColumnElement[bool] = wanted.in_(statement)
    return found


def _stray_reference(
    runtime: Runtime, access: Access, item: Field, table: Table
) -> ColumnElement[bool]:
    column = table.c[column_name(item)]
    kind = func.split_part(column, ":", 1)
    number = cast(func.split_part(column, ":", 2), BigInteger)
    found = case(
        *(
            (kind == name, _seen(runtime, access, name, number, table))
            for name in item.options["to"]
        ),
        else_=literal(False),
    )
    return and_(column.is_not(None), found.is_not(True))
