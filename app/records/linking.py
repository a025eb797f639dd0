"""Tells what the values of a record point to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from app.language.definitions import Entity, Field
from app.language.paths import holder_of, link_target, walk_path
from app.records.queries import Row
from app.records.titles import Key

Entities = Mapping[str, Entity]


def linking_names(entities: Entities, entity: Entity, rows: Iterable[Row]) -> set[str]:
    """The fields of the rows whose values point to records."""
    names = {name for row in rows for name in row.values}
    return {name for name in names if _is_linking(entities, entity, name)}


def links_in(entities: Entities, entity: Entity, name: str, value: Any) -> Iterable[Key]:
    """The records that a value of the field points to."""
    found = _resolved(entities, entity, name)
    if found is None or value is None:
        return
    holder, end = found
    if end.type == "links":
        yield from ((str(end.target), item) for item in value)
    elif end.type == "reference":
        target, _, number = str(value).partition(":")
        if number.isdigit():
            yield target, int(number)
    else:
        target_name = link_target(end, holder)
        if target_name is not None and isinstance(value, int):
            yield target_name, value


# Private


def _is_linking(entities: Entities, entity: Entity, name: str) -> bool:
    found = _resolved(entities, entity, name)
    if found is None:
        return False
    holder, end = found
    return end.type in ("links", "reference") or link_target(end, holder) is not None


def _resolved(entities: Entities, entity: Entity, name: str) -> tuple[Entity, Field] | None:
    """The field at the end of a name, and the entity that holds it: a looked-up field is elsewhere."""
    field = entity.field(name)
    if field is None or field.type != "lookup":
        return None if field is None else (entity, field)
    path = tuple(field.options["path"])
    return holder_of(entities, entity, path), walk_path(entities, entity, path)[-1]
