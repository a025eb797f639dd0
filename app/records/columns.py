"""Records as rows of tables: values by field name to columns, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from app.access.actor import Actor
from app.access.row_scope import actor_values
from app.language.definitions import SYSTEM_FIELDS, Entity
from app.records.runtime import Runtime
from app.records.search import search_text, sort_key
from app.storage.columns import column_name
from app.storage.criteria import Compiler
from app.storage.models import SEARCH_TEXT, SORT_KEY, has_search, sort_key_field

KEPT = tuple(name for name in SYSTEM_FIELDS if name != "uuid")


def table_of(runtime: Runtime, entity: Entity) -> Table:
    """The bare table of an entity."""
    return runtime.models.metadata.tables[entity.external_table or entity.name]


def bare_compiler(runtime: Runtime, actor: Actor, entity: Entity) -> Compiler:
    """A compiler of the schema's own rules, which hold whatever the actor may see."""
    values = actor_values(actor, actor.places)
    table = table_of(runtime, entity)
    return Compiler(
        runtime.schema, runtime.models, runtime.moment(), values, entity, table, scoped=False
    )


def behind_link(
    session: Session, compiler: Compiler, values: Mapping[str, Any], path: tuple[str, ...]
) -> Any:
    """What a path through a link of a record that is not saved yet leads to."""
    first = compiler.entity.field(path[0])
    if first is None or values.get(path[0]) is None:
        return None
    inner = compiler.linked(first)
    statement = select(inner.path(path[1:])).where(inner.identity() == values[path[0]])
    return session.scalar(inner.from_source(statement))


def to_columns(runtime: Runtime, entity: Entity, values: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of values by field name; fields without a column are left out."""
    table = table_of(runtime, entity)
    named = {column_name(entity.fields[name]): value for name, value in values.items()}
    return {name: value for name, value in named.items() if name in table.c}


def read_whole(
    session: Session, runtime: Runtime, entity: Entity, record_id: int, *, lock: bool = False
) -> dict[str, Any] | None:
    """All values of a row by field name, whoever asks; None when it is gone."""
    table = table_of(runtime, entity)
    statement = select(table).where(table.c.id == record_id)
    found = session.execute(statement.with_for_update() if lock else statement).mappings().first()
    if found is None:
        return None
    values = {
        item.name: found[column_name(item)]
        for item in entity.fields.values()
        if column_name(item) in found
    }
    values |= {name: found[name] for name in KEPT}
    for item in entity.fields.values():
        if item.type == "links":
            links = runtime.models.links[entity.name, item.name]
            rows = session.scalars(select(links.c.target_id).where(links.c.record_id == record_id))
            values[item.name] = list(rows)
    return values


def derived_columns(entity: Entity, values: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that are made from others: search text and sort key."""
    derived: dict[str, Any] = {}
    if has_search(entity):
        derived[SEARCH_TEXT] = search_text(entity, values)
    keyed = sort_key_field(entity)
    if keyed is not None:
        derived[SORT_KEY] = sort_key(values.get(keyed.name))
    return derived


def touched(runtime: Runtime, actor: Actor) -> dict[str, Any]:
    """The columns that say when a row was written last, and by whom."""
    return {"updated_at": runtime.clock.now(), "updated_by": actor.account_id}
