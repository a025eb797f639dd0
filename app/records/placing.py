"""Keeps each record's place in the tree, by which the row scope is decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.language.definitions import Entity
from app.language.paths import link_target
from app.records.runtime import Runtime


def place_of(
    session: Session, runtime: Runtime, entity: Entity, values: Mapping[str, Any]
) -> int | None:
    """The place of a record in the making; None when its scope link leads nowhere."""
    assert entity.scope is not None
    name = entity.scope[0]
    field = entity.field(name)
    target = link_target(field, entity) if field else None
    linked = values.get(name)
    if linked is None or target is None:
        return None
    if target == runtime.schema.portal.tree:
        return int(linked)
    table = runtime.models.metadata.tables[target]
    place = session.scalar(select(table.c.place_id).where(table.c.id == linked))
    return None if place is None else int(place)


def move_dependents(
    session: Session, runtime: Runtime, name: str, ids: Sequence[int], place: int
) -> None:
    """Give the records whose scope hangs on these the new place too, down the line."""
    for entity in runtime.schema.entities.values():
        if entity.scope is None or entity.scope == ("self",):
            continue
        field = entity.field(entity.scope[0])
        if field is None or link_target(field, entity) != name or entity.name == name:
            continue
        table = runtime.models.metadata.tables[entity.name]
        link = table.c[f"{field.name}_id"]
        changed = session.scalars(
            update(table)
            .where(link.in_(ids), table.c.place_id != place)
            .values(place_id=place)
            .returning(table.c.id)
        ).all()
        if changed:
            move_dependents(session, runtime, entity.name, changed, place)
