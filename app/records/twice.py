"""A value that has to be unique and exists already, where whoever gives it does not see: it is held, and told of.

Refusing it would tell that somebody else has it. So the record is saved as any other, does not count for
uniqueness, and those whom the schema names decide what becomes of the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import ColumnElement, FromClause, and_, insert, select
from sqlalchemy.orm import Session

from app.access.permissions import Access
from app.access.row_scope import row_scope
from app.access.session_scope import lowered
from app.language.definitions import Entity, Rights
from app.records.columns import table_of
from app.records.runtime import Runtime
from app.storage.columns import column_name
from app.storage.deed_tables import TWICE
from app.storage.models import DELETED_AT, HELD_TWICE


@dataclass(frozen=True, slots=True)
class Twice:
    """A field of a record, and the record that bears its value already."""

    field: str
    other_id: int


class Doer(Protocol):
    """Who writes a record."""

    runtime: Runtime
    session: Session
    access: Access


def held_values(
    doer: Doer, entity: Entity, before: Mapping[str, Any], stored: Mapping[str, Any]
) -> tuple[Twice, ...] | None:
    """The values that are to be held; None when a record that is saved stays as it is in this respect.

    What the writer sees is no secret: it stays for the database to refuse.
    """
    names = {name for group in entity.held_groups for name in group}
    if not any(name in names and value != before.get(name) for name, value in stored.items()):
        return None
    with lowered(doer.session):
        return tuple(_unseen(doer, entity, {**before, **stored}))


def held_column(found: tuple[Twice, ...] | None) -> dict[str, Any]:
    """What is written into the record for it."""
    return {} if found is None else {HELD_TWICE: bool(found)}


def keep_twice(doer: Doer, entity: Entity, record_id: int, found: tuple[Twice, ...] | None) -> None:
    """Write down, for those who are told, which values a record holds that another has."""
    now, account = doer.runtime.clock.now(), doer.access.actor.account_id
    rows = [
        {"at": now, "account_id": account, "entity": entity.name, "record_id": record_id,
         "field": one.field, "other_id": one.other_id}
        for one in found or ()
    ]  # fmt: skip
    if rows:
        doer.session.execute(insert(TWICE), rows)


def bears(
    table: FromClause, entity: Entity, group: Iterable[str], values: Mapping[str, Any]
) -> ColumnElement[bool]:
    """The rows of ``table`` that stand and have the values of a unique group."""
    columns = [(column_name(entity.fields[name]), values[name]) for name in group]
    alive = [table.c[DELETED_AT].is_(None)] if DELETED_AT in table.c else []
    return and_(*(table.c[name] == value for name, value in columns), *alive)


# Private


def _unseen(doer: Doer, entity: Entity, values: Mapping[str, Any]) -> Iterator[Twice]:
    table, runtime = table_of(doer.runtime, entity), doer.runtime
    scope = row_scope(doer.access, runtime.models, runtime.moment(), entity.name, Rights.READ)
    if scope is None:
        return
    for group, field in entity.held_groups.items():
        if any(values.get(name) is None for name in group):
            continue
        alike = bears(table, entity, group, values)
        others = select(table.c.id).where(alike, table.c.id != (values.get("id") or 0))
        if doer.session.scalar(others.where(scope).limit(1)) is not None:
            continue
        other = doer.session.scalar(others.order_by(table.c[HELD_TWICE], table.c.id).limit(1))
        if other is not None:
            yield Twice(field.name, int(other))
