"""What stands twice: who decides of it, and when it is over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Row,
    Select,
    and_,
    delete,
    exists,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.access.actor import Actor
from app.kernel.errors import NotFound
from app.language.definitions import STATE_FIELD, Entity, Schema
from app.language.field_types import TWICE_FOR
from app.records.runtime import Runtime
from app.records.twice import bears
from app.storage.columns import column_name
from app.storage.deed_tables import TWICE
from app.storage.models import DELETED_AT, HELD_TWICE

MOST = 100


def decided_by(schema: Schema, actor: Actor) -> dict[str, list[str]]:
    """The fields by entity of whose values that stand twice the actor is told."""
    held = {role.name for role in actor.roles}
    found = {
        entity.name: [
            one.name for one in entity.held_groups.values() if held & {*one.options[TWICE_FOR]}
        ]
        for entity in schema.enabled_entities()
    }
    return {name: fields for name, fields in found.items() if fields}


def open_ones(session: Session, decided: Mapping[str, Sequence[str]]) -> list[Row[Any]]:
    """The newest rows of what stands twice among these fields, at most MOST of them."""
    wanted = or_(*(
        and_(TWICE.c.entity == name, TWICE.c.field.in_(fields)) for name, fields in decided.items()
    ))  # fmt: skip
    return list(
        session.execute(select(TWICE).where(wanted).order_by(TWICE.c.id.desc()).limit(MOST))
    )


def keep_both(session: Session, number: int, decided: Mapping[str, Sequence[str]]) -> Row[Any]:
    """Take one off the list, and leave both records as they are; raises NotFound."""
    one = session.execute(select(TWICE).where(TWICE.c.id == number)).one_or_none()
    if one is None or one.field not in decided.get(one.entity, ()):
        raise NotFound
    session.execute(delete(TWICE).where(TWICE.c.id == number))
    return one


def close_settled(session: Session, runtime: Runtime, entity: Entity) -> int:
    """Take off the list what stands twice no more: one of the two is gone, merged, or has another value now.

    A record whose values are free again counts for uniqueness as any other. How many were taken off.
    """
    fields = {field.name for field in entity.held_groups.values()}
    known = select(TWICE.c.id, TWICE.c.record_id, TWICE.c.field).where(
        TWICE.c.entity == entity.name
    )
    rows = [*session.execute(known.where(TWICE.c.field.not_in(fields)))]
    for group, field in entity.held_groups.items():
        over = ~exists(_pair(runtime, entity, group))
        rows += session.execute(known.where(TWICE.c.field == field.name, over))
    if not rows:
        return 0
    session.execute(delete(TWICE).where(TWICE.c.id.in_([row.id for row in rows])))
    if entity.held_groups:
        _count_again(session, runtime, entity, sorted({row.record_id for row in rows}))
    return len(rows)


# Private


def _pair(runtime: Runtime, entity: Entity, group: Sequence[str]) -> Select[Any]:
    """The record behind a row of the list with another one that has its values, as long as both are in use."""
    table = runtime.models.metadata.tables[entity.name]
    one, other = table.alias("one"), table.alias("other")
    values = {name: one.c[column_name(entity.fields[name])] for name in group}
    in_use = (*_in_use(entity, one), *_in_use(entity, other))
    return select(one.c.id).where(
        one.c.id == TWICE.c.record_id, other.c.id != one.c.id,
        bears(other, entity, group, values), *in_use,
    )  # fmt: skip


def _in_use(entity: Entity, table: FromClause) -> Iterator[ColumnElement[bool]]:
    if DELETED_AT in table.c:
        yield table.c[DELETED_AT].is_(None)
    if entity.states is not None and entity.states.final:
        yield table.c[STATE_FIELD].not_in(entity.states.final)


def _count_again(session: Session, runtime: Runtime, entity: Entity, ids: Sequence[int]) -> None:
    table = runtime.models.metadata.tables[entity.name]
    waiting = select(TWICE.c.record_id).where(TWICE.c.entity == entity.name)
    free = [table.c.id.in_(ids), table.c[HELD_TWICE], table.c.id.not_in(waiting)]
    for number in session.scalars(select(table.c.id).where(*free)).all():
        try:
            with session.begin_nested():
                counts = update(table).where(table.c.id == number).values({HELD_TWICE: False})
                session.execute(counts)
        except IntegrityError:
            # Another record has the value and counts: this one stays as it is.
            continue
