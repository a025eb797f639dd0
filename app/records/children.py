"""Rows that are edited inside another record's form: each goes through the door for itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from sqlalchemy import update
from sqlalchemy.orm import Session

from app.kernel.errors import Conflict, Invalid
from app.language.definitions import Entity
from app.records.columns import read_whole, table_of
from app.records.runtime import Runtime
from app.records.validation import Problems


class RowWriter(Protocol):
    """The verbs by which rows are written."""

    runtime: Runtime
    session: Session
    inside: int

    def create(self, name: str, values: Mapping[str, Any]) -> int:
        """Add a row."""

    def change(
        self, name: str, record_id: int, values: Mapping[str, Any], version: int | None
    ) -> int:
        """Change a row."""

    def remove(self, name: str, record_id: int, version: int | None) -> None:
        """Delete a row."""


def write_children(
    writer: RowWriter, entity: Entity, record_id: int, tables: Mapping[str, list[Any]]
) -> None:
    """Add, change and delete rows; raises Invalid with every fault as ``table.row.field``."""
    problems: Problems = {}
    writer.inside += 1
    try:
        for name, rows in tables.items():
            problems |= _written(writer, entity, name, record_id, rows)
    finally:
        writer.inside -= 1
    if problems:
        raise Invalid(problems)


def remove_children(writer: RowWriter, entity: Entity, record_id: int) -> None:
    """Put the rows of a softly deleted record away with it."""
    for item in entity.fields.values():
        if item.type != "children":
            continue
        table = table_of(writer.runtime, writer.runtime.entity(str(item.target)))
        if "deleted_at" in table.c:
            own = table.c[f"{item.options['by']}_id"] == record_id
            now = writer.runtime.clock.now()
            writer.session.execute(update(table).where(own).values(deleted_at=now))


# Private


def _written(
    writer: RowWriter, entity: Entity, name: str, record_id: int, rows: list[Any]
) -> Problems:
    """Write the rows of one table; the faults by their path."""
    problems: Problems = {}
    target = writer.runtime.entity(str(entity.fields[name].target))
    by = str(entity.fields[name].options["by"])
    for number, row in enumerate(rows):
        try:
            _write(writer, target, by, record_id, dict(row))
        except Invalid as invalid:
            for key, texts in invalid.problems.items():
                problems[f"{name}.{number}.{key}".rstrip(".")] = texts
    return problems


def _write(writer: RowWriter, target: Entity, by: str, record_id: int, row: dict[str, Any]) -> None:
    child_id, version = row.pop("id", None), row.pop("version", None)
    removed = row.pop("removed", False)
    if child_id is None:
        if not removed:
            writer.create(target.name, {**row, by: record_id})
        return
    before = read_whole(writer.session, writer.runtime, target, int(child_id))
    if before is None or before[by] != record_id:
        # Taken away while the form was open; one that was never in it is answered alike.
        raise Conflict
    if removed:
        writer.remove(target.name, int(child_id), version)
    elif any(before.get(name) != value for name, value in row.items()):
        writer.change(target.name, int(child_id), row, version)
