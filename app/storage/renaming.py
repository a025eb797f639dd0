"""Renames in a live database: a table takes along the names of its keys, indexes and sequences."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping

from sqlalchemy import Connection, inspect, text

from app.kernel.messages import _l
from app.language.definitions import Entity, Field, Schema
from app.storage.columns import column_name
from app.storage.following import entity_follows, field_follows, references_follow
from app.storage.steps import Step
from app.storage.walls import PATHS

LONGEST = 63

# All names that PostgreSQL keeps once for the whole database, or that the models make from a table's.
_NAMES = text(
    "SELECT 'CONSTRAINT' AS kind, conname::text AS name FROM pg_constraint"
    " WHERE conrelid = to_regclass(:table) AND contype IN ('p', 'u', 'f', 'x')"
    " UNION ALL SELECT 'INDEX', c.relname::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
    " WHERE i.indrelid = to_regclass(:table) AND NOT EXISTS (SELECT FROM pg_constraint k"
    "  WHERE k.conrelid = i.indrelid AND k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))"
    " UNION ALL SELECT 'SEQUENCE', c.relname::text FROM pg_depend d JOIN pg_class c ON c.oid = d.objid"
    " WHERE d.classid = 'pg_class'::regclass AND d.refobjid = to_regclass(:table)"
    "  AND d.deptype IN ('a', 'i') AND c.relkind = 'S' ORDER BY 1, 2"
)


def rename_steps(connection: Connection, schema: Schema) -> Iterator[Step]:
    """Renames that the schema says with ``was``."""
    live = set(inspect(connection).get_table_names())
    for entity in schema.entities.values():
        renamed = entity.was in live and entity.name not in live
        table = str(entity.was) if renamed else entity.name
        if renamed:
            says = _l("Rename table %(old)s to %(new)s.", old=table, new=entity.name)
            follows = entity_follows(table, entity.name)
            statements = (*_table_renamed(connection, table, entity.name), *follows)
            yield Step("safe", says, statements, renames=True)
        yield from _links_renames(connection, entity, table, live)
        if table in live:
            columns = {column["name"] for column in inspect(connection).get_columns(table)}
            for field in entity.fields.values():
                yield from _column_rename(connection, entity, field, columns, table)
    # At last, when every table and column has its new name.
    for entity in schema.entities.values():
        if entity.was in live and entity.name not in live:
            yield from references_follow(connection, schema, entity.was, entity.name)


def names_along(
    connection: Connection, table: str, new: str, renamed: Callable[[str], str]
) -> Iterator[str]:
    """Statements that give keys, indexes and sequences of ``table``, now called ``new``, their names."""
    quote = connection.dialect.identifier_preparer.quote
    for kind, name in connection.execute(_NAMES, {"table": quote(table)}).all():
        other = renamed(name)
        if other != name and kind == "CONSTRAINT":
            yield f"ALTER TABLE {quote(new)} RENAME CONSTRAINT {quote(name)} TO {quote(other)}"
        elif other != name:
            yield f"ALTER {kind} {quote(name)} RENAME TO {quote(other)}"


def notes_along(old: str, new: str) -> str:
    """The statement by which columns that were set aside are purged from the table's new name."""
    return (
        f"UPDATE portal_set_aside SET table_name = '{new}'"  # noqa: S608 - names of the schema
        f" WHERE table_name = '{old}' AND column_name IS NOT NULL"
    )


def shortened(name: str) -> str:
    """The name as PostgreSQL can keep it; two long ones stay apart."""
    if len(name) <= LONGEST:
        return name
    return f"{name[: LONGEST - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


# Private


def _table_renamed(connection: Connection, old: str, new: str) -> Iterator[str]:
    quote = connection.dialect.identifier_preparer.quote
    yield f"ALTER TABLE {quote(old)} RENAME TO {quote(new)}"
    yield from names_along(connection, old, new, lambda name: _told_anew(name, old, new))
    # The view follows the table, and must not stand for another that takes the old name.
    yield f"DROP VIEW IF EXISTS {PATHS}.{quote(old)} CASCADE"
    yield notes_along(old, new)


def _told_anew(name: str, old: str, new: str) -> str:
    """A name made from the old table's; any other stays."""
    for prefix in ("pk_", "fk_", "uq_", "ix_", ""):
        rest = name.removeprefix(f"{prefix}{old}")
        if rest != name and (not rest or rest.startswith("_")):
            return shortened(f"{prefix}{new}{rest}")
    return name


def _links_renames(
    connection: Connection, entity: Entity, table: str, live: set[str]
) -> Iterator[Step]:
    """The tables of several-links fields follow their entity and their field."""
    for field in entity.fields.values():
        if field.type != "links":
            continue
        new = f"{entity.name}__{field.name}"
        former = (f"{table}__{name}" for name in (field.name, field.was) if name)
        old = next((name for name in former if name in live and name != new), None)
        if old is not None and new not in live:
            says = _l("Rename table %(old)s to %(new)s.", old=old, new=new)
            yield Step("safe", says, tuple(_table_renamed(connection, old, new)), renames=True)


def _column_rename(
    connection: Connection, entity: Entity, field: Field, columns: set[str], table: str
) -> Iterator[Step]:
    if field.was is None:
        return
    new = column_name(field)
    old = new.removesuffix(field.name) + field.was if new == field.name else f"{field.was}_id"
    if old not in columns or new in columns:
        return
    says = _l("Rename %(table)s.%(old)s to %(new)s.", table=entity.name, old=old, new=new)
    quote = connection.dialect.identifier_preparer.quote
    # The table bears its new name by now, and so does its key.
    key = {f"fk_{table}_{old}": (f"fk_{entity.name}_{old}", f"fk_{entity.name}_{new}")}
    yield Step(
        "safe",
        says,
        (
            f"ALTER TABLE {quote(entity.name)} RENAME COLUMN {quote(old)} TO {quote(new)}",
            *_keys_renamed(connection, table, entity.name, key),
            *field_follows(entity.name, field.was, field.name),
        ),
        renames=True,
    )


def _keys_renamed(
    connection: Connection, table: str, now: str, keys: Mapping[str, tuple[str, str]]
) -> Iterator[str]:
    quote = connection.dialect.identifier_preparer.quote
    for kind, name in connection.execute(_NAMES, {"table": quote(table)}).all():
        if kind == "CONSTRAINT" and name in keys:
            old, new = (shortened(part) for part in keys[name])
            yield f"ALTER TABLE {quote(now)} RENAME CONSTRAINT {quote(old)} TO {quote(new)}"
