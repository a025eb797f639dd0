"""What the portal's own tables say of an entity or a field under its name follows when it is renamed."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, inspect

from app.kernel.messages import _l
from app.language.definitions import Entity, Schema
from app.storage.notice_tables import NOTICE
from app.storage.privacy_tables import LEGAL_HOLD
from app.storage.steps import Step
from app.storage.tables import FILE, SAVED_VIEW, SERIES
from app.storage.viewing_tables import CANARY, SEARCHED, VALUES_READ, VIEWED

# The trail is sealed, and what was asked and decided stays as it was said: neither is here.
NAMING_ENTITIES = (FILE, LEGAL_HOLD, CANARY, NOTICE)
# Of an entity that is gone these are worth nothing, and would stand in the way of one that takes its name.
FORGOTTEN = (SAVED_VIEW, VIEWED, VALUES_READ, SEARCHED)


def entity_follows(old: str, new: str) -> Iterator[str]:
    """Statements for an entity that was renamed, of which nobody else bears the new name."""
    for table in FORGOTTEN:
        yield f"DELETE FROM {table.name} WHERE entity = '{new}'"  # noqa: S608 - names of the schema
    for table in (*NAMING_ENTITIES, *FORGOTTEN):
        yield f"UPDATE {table.name} SET entity = '{new}' WHERE entity = '{old}'"  # noqa: S608 - names of the schema
    yield from _series(f"{old}.", f"{new}.")


def field_follows(entity: str, old: str, new: str) -> Iterator[str]:
    """Statements for a field that was renamed; ``entity`` is called what it is called today."""
    yield (
        f"UPDATE {FILE.name} SET field = '{new}' WHERE entity = '{entity}' AND field = '{old}'"  # noqa: S608 - names of the schema
    )
    yield from _series(f"{entity}.{old}:", f"{entity}.{new}:")


def references_follow(connection: Connection, schema: Schema, old: str, new: str) -> Iterator[Step]:
    """Fields that may lead to several entities hold the entity's name beside the number."""
    live = set(inspect(connection).get_table_names())
    for entity in schema.entities.values():
        table = entity.name if entity.name in live else str(entity.was)
        if table not in live or entity.external_table:
            continue
        columns = {column["name"] for column in inspect(connection).get_columns(table)}
        names = tuple(_references(entity, columns))
        if names:
            says = _l("What %(table)s says of %(old)s leads to %(new)s.",
                      table=entity.name, old=old, new=new)  # fmt: skip
            statements = (
                f'UPDATE "{entity.name}" SET "{name}" = \'{new}:\' || substr("{name}", {len(old) + 2})'  # noqa: S608 - names of the schema
                f" WHERE starts_with(\"{name}\", '{old}:')"
                for name in names
            )
            yield Step("safe", says, tuple(statements), renames=True)


# Private


def _series(old: str, new: str) -> Iterator[str]:
    yield f"DELETE FROM {SERIES.name} WHERE starts_with(name, '{new}')"  # noqa: S608 - names of the schema
    yield (
        f"UPDATE {SERIES.name} SET name = '{new}' || substr(name, {len(old) + 1})"  # noqa: S608 - names of the schema
        f" WHERE starts_with(name, '{old}')"
    )


def _references(entity: Entity, columns: set[str]) -> Iterator[str]:
    """The columns that are there once the renames are done."""
    for field in entity.fields.values():
        there = field.name in columns or field.was in columns
        if field.type == "reference" and there and not field.encrypted:
            yield field.name
