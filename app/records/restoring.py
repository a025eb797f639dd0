"""Puts a record back as it was: the very rows that were kept before a deed, its children and links too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import (
    ColumnElement,
    Table,
    and_,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.access.permissions import Access
from app.audit.actions import AuditAction
from app.kernel.errors import Conflict, Forbidden
from app.kernel.messages import _l
from app.language.definitions import Entity, Rights
from app.records.accounts import rights_changed
from app.records.auditing import Trail
from app.records.before import CHANGED, keep_before, tables_of
from app.records.columns import read_whole, table_of, touched
from app.records.consenting import unconsented
from app.records.constraints import explain
from app.records.giving import refuse_giving
from app.records.placing import move_dependents
from app.records.runtime import Runtime
from app.storage.columns import column_name

Rows = Mapping[str, Sequence[Mapping[str, Any]]]
# What tells of the deed itself is not turned back.
OWN = ("id", "version", "updated_at", "updated_by")


class Restorer(Protocol):
    """Who puts records back."""

    runtime: Runtime
    session: Session
    access: Access

    @property
    def trail(self) -> Trail:
        """Notes what is done."""


def restore(
    writer: Restorer, entity: Entity, record_id: int, rows: Rows, version: int | None
) -> int:
    """Put the rows of a record back as they are given, and return its new version.

    ``version`` is the one that stands, None for a record that is gone. Raises Forbidden without the
    right to edit, Conflict when the record is no longer what it was, Invalid when another record has
    taken its place in the meantime.
    """
    if not writer.access.entity(entity.name).allows(Rights.EDIT):
        raise Forbidden(_l("You may see this record, but not change it."))
    consents = writer.runtime.schema.portal.consents
    ledger = consents.entity if consents is not None else None
    # A consent is never turned back: only the person gives it anew.
    if entity.name == ledger:
        raise Conflict
    now = read_whole(writer.session, writer.runtime, entity, record_id, lock=True)
    if (None if now is None else now["version"]) != version:
        raise Conflict
    own = rows[table_of(writer.runtime, entity).name]
    reached = max(int(own[0]["version"]), version or 0) + 1
    keep_before(writer, entity, record_id, CHANGED, reached)
    try:
        for table, column in tables_of(writer.runtime, entity):
            if table.name in rows and table.name != ledger:
                kept = _agreed(writer, table, rows[table.name])
                _put_back(writer, table, table.c[column] == record_id, kept, reached)
    except IntegrityError as error:
        raise explain(writer.runtime, entity, error) from error
    after = read_whole(writer.session, writer.runtime, entity, record_id) or {}
    if entity.has_place and now is not None and own[0].get("place_id"):
        place = int(own[0]["place_id"])
        move_dependents(writer.session, writer.runtime, entity.name, [record_id], place)
    refuse_giving(writer, entity, record_id, now)
    rights_changed(writer.session, writer.runtime, entity.name, (record_id,), now)
    values = {name: value for name, value in after.items() if name in entity.fields}
    before = now if now is not None else {"id": record_id}
    changed = values | {"version": reached}
    writer.trail.note(AuditAction.RECORD_RESTORED, entity, record_id, before, changed)
    return reached


# Private


def _agreed(
    writer: Restorer, table: Table, rows: Sequence[Mapping[str, Any]]
) -> Sequence[Mapping[str, Any]]:
    """The rows without the values to which the person concerned no longer agrees."""
    entity = writer.runtime.schema.entities.get(table.name)
    if entity is None:
        return rows
    named = {field.name: column_name(field) for field in entity.fields.values()}
    values = [{"id": row.get("id"), **{name: row.get(column) for name, column in named.items()}}
              for row in rows]  # fmt: skip
    kept = [dict(row) for row in rows]
    for number, field, _ in unconsented(writer.session, writer.runtime, entity, values):
        kept[number][named[field.name]] = None
    return kept


def _put_back(
    writer: Restorer, table: Table, mine: ColumnElement[bool], rows: Any, version: int
) -> None:
    """Let a table hold just these rows where ``mine`` holds."""
    if "id" not in table.c:
        writer.session.execute(delete(table).where(mine))
        for row in rows:
            _add(writer, table, row, version)
        return
    wanted = [int(row["id"]) for row in rows]
    other = and_(mine, table.c.id.not_in(wanted))
    if "deleted_at" in table.c:
        gone = {"deleted_at": writer.runtime.clock.now(), "version": table.c.version + 1}
        alive = and_(other, table.c.deleted_at.is_(None))
        writer.session.execute(update(table).where(alive).values(gone))
    else:
        writer.session.execute(delete(table).where(other))
    for row in rows:
        if not _change(writer, table, row, version):
            _add(writer, table, row, version)


def _change(writer: Restorer, table: Table, row: Mapping[str, Any], version: int) -> bool:
    """Give a row that stands its former values; whether it stands."""
    kept, names = _read(table, row)
    values: dict[str, Any] = {name: kept.c[name] for name in names if name not in OWN}
    if "version" in table.c:
        values |= {
            "version": func.greatest(table.c.version + 1, version),
            **touched(writer.runtime, writer.access.actor),
        }
    done = update(table).where(table.c.id == kept.c.id).values(values).returning(table.c.id)
    return writer.session.execute(done).first() is not None


def _add(writer: Restorer, table: Table, row: Mapping[str, Any], version: int) -> None:
    """Put a row that is gone back, under its own number."""
    kept, names = _read(table, row)
    columns = select(*(kept.c[name] for name in names))
    writer.session.execute(insert(table).from_select(names, columns))
    if "version" in table.c:
        newer = {
            "version": func.greatest(table.c.version + 1, version),
            **touched(writer.runtime, writer.access.actor),
        }
        writer.session.execute(update(table).where(table.c.id == int(row["id"])).values(newer))


def _read(table: Table, row: Mapping[str, Any]) -> tuple[Any, list[str]]:
    """A kept row with the columns that there still are, read by the database itself with their types."""
    names = [column.name for column in table.c if column.name in row and column.computed is None]
    kind: Any = literal_column(f'NULL::"{table.name}"')
    given = bindparam(None, dict(row), JSONB, unique=True)
    return func.jsonb_populate_record(kind, given).table_valued(*names).alias("kept"), names
