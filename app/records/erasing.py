"""Takes what tells of a person out of a record; the record stays with its number, and links to it hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from app.language.definitions import Entity, Field
from app.records.columns import derived_columns, read_whole, table_of, to_columns
from app.records.runtime import Runtime
from app.storage.tables import FILE

GONE = "—"
FILES = ("file", "files", "image", "signature")
# What stands where a column cannot be empty; a text stands with the record's number where it has to be unique.
PLACEHOLDERS: Mapping[str, Any] = {
    "date": date(1900, 1, 1), "month": date(1900, 1, 1), "datetime": datetime(1900, 1, 1, tzinfo=UTC),
    "time": time(), "integer": 0, "decimal": 0, "money": 0, "percent": 0, "duration": 0, "rating": 0,
    "yes_no": False, "choices": [], "tags": [], "json": {},
}  # fmt: skip


def erase_values(
    session: Session, runtime: Runtime, entity: Entity, record_id: int, fields: Iterable[Field]
) -> list[str]:
    """Empty the fields of a record that hold something, whoever may see them; the names of those.

    The files that the fields hold lose their rows, so that nobody reaches them any more.
    """
    before = read_whole(session, runtime, entity, record_id, lock=True)
    if before is None:
        return []
    table = table_of(runtime, entity)
    emptied: dict[str, Any] = {}
    for field in fields:
        columns = to_columns(runtime, entity, {field.name: None})
        nullable = all(table.c[name].nullable for name in columns)
        value = None if nullable else _placeholder(field, record_id)
        if before.get(field.name) not in (None, value):
            emptied[field.name] = value
            if field.type in FILES:
                _forget(session, entity, record_id, before[field.name])
    if not emptied:
        return []
    whole = {**before, **emptied}
    values = to_columns(runtime, entity, emptied) | derived_columns(entity, whole)
    values |= {"version": int(before["version"]) + 1, "updated_at": runtime.clock.now()}
    session.execute(update(table).where(table.c.id == record_id).values(values))
    return list(emptied)


# Private


def _placeholder(field: Field, record_id: int) -> Any:
    if field.type == "choice" and field.choices:
        return field.choices[-1].name
    text = f"{GONE}{record_id}" if field.unique else GONE
    return PLACEHOLDERS.get(field.type, text)


def _forget(session: Session, entity: Entity, record_id: int, value: Any) -> None:
    numbers = value if isinstance(value, list) else [value]
    mine = (FILE.c.entity == entity.name) & (FILE.c.record_id == record_id)
    session.execute(delete(FILE).where(mine, FILE.c.id.in_(numbers)))
