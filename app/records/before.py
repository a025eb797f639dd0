"""Keeps what a record was before a deed, so that it can be put back byte by byte."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Protocol

from sqlalchemy import Table, Text, cast, func, insert, literal, null, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from app.access.permissions import Access
from app.language.definitions import Entity
from app.records.columns import table_of
from app.records.runtime import Runtime
from app.storage.deed_tables import BEFORE

CREATED, CHANGED, REMOVED = "created", "changed", "removed"
# Long enough for the look-back of ninety days before somebody leaves, and the weeks in which it is noticed.
KEPT_FOR = timedelta(days=180)


class Doer(Protocol):
    """Who does something with a record."""

    runtime: Runtime
    session: Session
    access: Access


def keep_before(doer: Doer, entity: Entity, record_id: int, deed: str, version: int) -> None:
    """Keep the rows as they stand; ``version`` is the one that the deed leads to."""
    rows: Any = null() if deed == CREATED else rows_before(doer.runtime, entity, record_id)
    doer.session.execute(
        insert(BEFORE).values(
            at=doer.runtime.clock.now(), account_id=doer.access.actor.account_id, deed=deed,
            entity=entity.name, record_id=record_id, version=version, rows=rows,
        )
    )  # fmt: skip


def rows_before(runtime: Runtime, entity: Entity, record_id: int) -> Any:
    """The rows of a record as one JSON value: by table its own, those of its children, and its links."""
    pairs: list[Any] = []
    for table, column in tables_of(runtime, entity):
        row = func.jsonb_agg(func.to_jsonb(table.table_valued()))
        some = select(row).where(table.c[column] == record_id).scalar_subquery()
        pairs += [cast(literal(table.name), Text), func.coalesce(some, literal([], JSONB))]
    return func.jsonb_build_object(*pairs)


def tables_of(runtime: Runtime, entity: Entity) -> Iterator[tuple[Table, str]]:
    """The tables that hold a record, with the column that names it."""
    yield table_of(runtime, entity), "id"
    for item in entity.fields.values():
        if item.type == "children":
            child = runtime.entity(str(item.target))
            yield table_of(runtime, child), f"{item.options['by']}_id"
        elif item.type == "links":
            yield runtime.models.links[entity.name, item.name], "record_id"
