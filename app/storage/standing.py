"""The rows that stand against a change of the schema."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Column, Connection, Date, DateTime, Integer, Numeric, inspect
from sqlalchemy.sql.visitors import iterate
from sqlalchemy.types import ARRAY, TypeEngine

from app.kernel.messages import _l
from app.language.definitions import Entity, Field, Schema
from app.storage.encryption import MARK
from app.storage.steps import Step

SHOWN_ROWS = 20
HELD = "deleted_at IS NULL AND (valid_to IS NULL OR valid_to >= current_date)"
Rows = tuple[int, ...]


class Standing:
    """Looks for rows in the live tables, before anything is changed."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.quote = connection.dialect.identifier_preparer.quote

    def ids(self, table: str, condition: str, key: str = "id") -> Rows:
        """The first rows of which the condition is true."""
        statement = (
            f"SELECT DISTINCT {key} FROM {self.quote(table)} WHERE {condition}"  # noqa: S608 - quoted names
            f" ORDER BY {key} LIMIT {SHOWN_ROWS}"
        )
        return tuple(row[0] for row in self.connection.exec_driver_sql(statement))

    def any(self, table: str, condition: str = "true") -> bool:
        """Whether the condition is true of any row."""
        statement = f"SELECT 1 FROM {self.quote(table)} WHERE {condition} LIMIT 1"  # noqa: S608 - quoted names
        return self.connection.exec_driver_sql(statement).first() is not None

    def gone(self, schema: Schema) -> Iterator[Step]:
        """Values that a field no longer takes while rows still hold them."""
        live = set(inspect(self.connection).get_table_names())
        for entity in schema.entities.values():
            if entity.external_table or entity.name not in live:
                continue
            columns = self._columns(entity.name)
            for field in entity.fields.values():
                if field.name in columns and not field.encrypted:
                    yield from self._gone(entity, field, columns[field.name])

    def retyped(
        self, table: str, column: str, old: TypeEngine[Any], new: TypeEngine[Any]
    ) -> tuple[str, Rows]:
        """How a column is converted to a narrower type, and the rows that would lose by it."""
        quoted, target = (
            self.quote(column),
            new.compile(dialect=self.connection.dialect),
        )
        using = f"{quoted}::text::{target}"
        wrong = f"NOT pg_input_is_valid({quoted}::text, '{target}')"
        if isinstance(new, Integer) and isinstance(old, Numeric):
            using = f"trunc({quoted})::{target}"
            whole = f"trunc({quoted})"
            wrong = f"({quoted} <> {whole} OR NOT pg_input_is_valid({whole}::text, '{target}'))"
        elif isinstance(new, Numeric):
            same = f"{quoted}::text::{target} <> {quoted}::text::numeric"
            valid = f"pg_input_is_valid({quoted}::text, '{target}')"
            wrong = f"CASE WHEN {valid} THEN {same} ELSE true END"
        elif isinstance(new, Date) and isinstance(old, DateTime):
            # Its time of day would be lost, and with another zone than UTC perhaps the day.
            wrong = f"{quoted} <> date_trunc('day', {quoted})"
        return using, self.ids(table, f"{quoted} IS NOT NULL AND {wrong}")

    def alike(self, table: str, columns: Iterable[Any], where: str = "") -> Rows:
        """Rows that a unique index over ``columns`` would not let stand beside each other."""
        live = self._columns(table)
        names = [_name_of(column) for column in columns]
        if not set(names) <= set(live):
            return ()
        alive = "deleted_at IS NULL AND " if "deleted_at" in live else ""
        alive += "NOT held_twice AND " if "held_twice" in live and "held_twice" in where else ""
        listed = ", ".join(self._compared(name, live[name]) for name in names)
        filled = " AND ".join(f"{self.quote(name)} IS NOT NULL" for name in names)
        rows = f"{self.quote(table)} WHERE {alive}{filled}"
        twice = f"SELECT {listed} FROM {rows} GROUP BY {listed} HAVING count(*) > 1"  # noqa: S608 - quoted names
        return self.ids(table, f"{alive}({listed}) IN ({twice})")

    def elsewhere(self, table: str, column: str, target: str) -> Rows:
        """Rows whose link leads to records of another table, or to none.

        Where the link led to another table until now, its numbers mean other records there, even if
        there are records of these numbers in the new one.
        """
        inspector = inspect(self.connection)
        live = set(inspector.get_table_names())
        columns = self._columns(table) if table in live else {}
        if column not in columns:
            return ()
        quoted, key = self.quote(column), "id" if "id" in columns else "record_id"
        keys = inspector.get_foreign_keys(table)
        held = {one["referred_table"] for one in keys if one["constrained_columns"] == [column]}
        if target not in live or (held and target not in held):
            return self.ids(table, f"{quoted} IS NOT NULL", key)
        found = f"SELECT FROM {self.quote(target)} AS found WHERE found.id = {self.quote(table)}.{quoted}"
        return self.ids(table, f"{quoted} IS NOT NULL AND NOT EXISTS ({found})", key)

    # Private

    def _columns(self, table: str) -> dict[str, Any]:
        return {column["name"]: column for column in inspect(self.connection).get_columns(table)}

    def _compared(self, name: str, live: Any) -> str:
        """What of a column tells equal values; of an encrypted one it is the blind index."""
        quoted = self.quote(name)
        return f"split_part({quoted}::text, '.', 2)" if live.get("comment") == MARK else quoted

    def _gone(self, entity: Entity, field: Field, live: Any) -> Iterator[Step]:
        quoted = self.quote(field.name)
        says = _l(
            "%(table)s.%(column)s: rows hold a choice that is gone.",
            table=entity.name,
            column=field.name,
        )
        names = ", ".join("'" + choice.name + "'" for choice in field.choices or ())
        wrong = ""
        if field.type == "choice" and names:
            # A role that is gone stays named where it was held once.
            still = HELD if entity.system and entity.name == "role_assignment" else "true"
            wrong = f"{quoted}::text NOT IN ({names}) AND {still}"
        elif field.type == "choices" and names and isinstance(live["type"], ARRAY):
            wrong = f"NOT {quoted}::text[] <@ ARRAY[{names}]::text[]"
        elif field.type == "long_text":
            most = int(field.options["max"])
            says = _l("%(table)s.%(column)s: rows hold more than %(max)s characters.",
                      table=entity.name, column=field.name, max=most)  # fmt: skip
            wrong = f"char_length({quoted}::text) > {most}"
        rows = self.ids(entity.name, wrong) if wrong else ()
        if rows:
            yield Step("checked", says, (), rows=rows)


# Private


def _name_of(column: Any) -> str:
    """The column that an index looks at, if need be through a function."""
    if isinstance(column, str):
        return column
    return next(str(part.name) for part in iterate(column) if isinstance(part, Column))
