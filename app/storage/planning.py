"""What must be done to a live database so that it holds a schema: steps, and the rows that stand against them."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from alembic.autogenerate import produce_migrations
from alembic.operations import Operations, ops
from alembic.runtime.migration import MigrationContext
from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    Table,
    inspect,
    text,
)
from sqlalchemy.schema import AddConstraint, CreateColumn, CreateTable
from sqlalchemy.sql.ddl import DDLElement
from sqlalchemy.sql.type_api import TypeEngine

from app.kernel.messages import Message, _l
from app.language.definitions import Entity, Field, Schema
from app.storage.columns import column_name
from app.storage.models import Models
from app.storage.widening import widens

SHOWN_ROWS = 20
ASIDE = "aside_"


@dataclass(frozen=True)
class Step:
    """One change of the database.

    ``grade`` is safe, checked (rows were looked at) or loss (values would be put aside);
    ``rows`` are ids of rows that stand against it.
    """

    grade: str
    says: Message
    sql: tuple[str, ...]
    operation: Any = None
    rows: tuple[int, ...] = ()
    renames: bool = False


@dataclass(frozen=True)
class Plan:
    """All steps to the new schema, from revision ``base``."""

    base: int
    steps: tuple[Step, ...]
    reindex: tuple[str, ...]

    @property
    def blocked(self) -> tuple[Step, ...]:
        """Steps that rows stand against."""
        return tuple(step for step in self.steps if step.rows)

    @property
    def losses(self) -> tuple[Step, ...]:
        """Steps that put values aside."""
        return tuple(step for step in self.steps if step.grade == "loss")


def rename_steps(connection: Connection, schema: Schema, models: Models) -> Iterator[Step]:
    """Renames that the schema says with ``was``."""
    live = set(inspect(connection).get_table_names())
    for entity in schema.entities.values():
        if entity.was in live and entity.name not in live:
            says = _l("Rename table %(old)s to %(new)s.", old=entity.was, new=entity.name)
            yield Step(
                "safe", says, (f"ALTER TABLE {entity.was} RENAME TO {entity.name}",), renames=True
            )
        table = entity.was if entity.was in live and entity.name not in live else entity.name
        columns = (
            {column["name"] for column in inspect(connection).get_columns(table)}
            if table in live
            else set()
        )
        for field in entity.fields.values():
            yield from _column_rename(entity, field, columns)


def change_steps(
    connection: Connection, schema: Schema, models: Models, owned: Iterable[str], revision: int
) -> Iterator[Step]:
    """All other steps, compared with the live tables (after the renames)."""
    ours = {*owned, *models.metadata.tables}

    def include(thing: Any, name: str | None, kind: str, reflected: bool, other: Any) -> bool:
        table = thing if kind == "table" else getattr(thing, "table", None)
        known = table is None or (table.name in ours and not table.info.get("external"))
        return known and not (kind == "column" and str(name).startswith(ASIDE))

    options = {"include_object": include, "compare_type": True, "compare_server_default": False}
    context = MigrationContext.configure(connection, opts=options)
    with warnings.catch_warnings():
        # Tables may refer to each other in a circle; their keys are added when all of them exist.
        warnings.filterwarnings("ignore", "Cannot correctly sort tables")
        found = produce_migrations(context, models.metadata).upgrade_ops
    planner = _Planner(connection, schema, models, revision)
    for operation in _flat(found.ops if found else ()):
        yield from planner.steps(operation)
    yield from planner.keys()
    yield from planner.choices()


def run_steps(connection: Connection, steps: Iterable[Step]) -> None:
    """Carry the steps out in the connection's transaction."""
    operations = Operations(MigrationContext.configure(connection))
    for step in steps:
        if step.operation is not None:
            operations.invoke(step.operation)
        else:
            for statement in step.sql:
                connection.exec_driver_sql(statement)


# Private


def _column_rename(entity: Entity, field: Field, columns: set[str]) -> Iterator[Step]:
    if field.was is None:
        return
    new = column_name(field)
    old = new.removesuffix(field.name) + field.was if new == field.name else f"{field.was}_id"
    if old in columns and new not in columns:
        says = _l("Rename %(table)s.%(old)s to %(new)s.", table=entity.name, old=old, new=new)
        yield Step(
            "safe", says, (f"ALTER TABLE {entity.name} RENAME COLUMN {old} TO {new}",), renames=True
        )


def _flat(operations: Sequence[Any]) -> Iterator[Any]:
    for operation in operations:
        if isinstance(operation, ops.ModifyTableOps):
            yield from operation.ops
        else:
            yield operation


class _Planner:
    """Turns Alembic's operations into steps with grades and rows."""

    def __init__(
        self, connection: Connection, schema: Schema, models: Models, revision: int
    ) -> None:
        self.connection = connection
        self.schema = schema
        self.models = models
        self.revision = revision
        self.quote = connection.dialect.identifier_preparer.quote
        self.created: list[Table] = []

    def steps(self, operation: Any) -> Iterator[Step]:
        """The steps for one operation; an operation that needs none gives none."""
        if isinstance(operation, ops.DropTableOp):
            yield self._table_aside(operation.table_name)
        elif isinstance(operation, ops.DropColumnOp):
            yield self._column_aside(operation.table_name, operation.column_name)
        elif isinstance(operation, ops.AddColumnOp):
            yield self._added(operation.table_name, operation.column)
        elif isinstance(operation, ops.AlterColumnOp):
            yield from self._altered(operation)
        elif isinstance(operation, ops.CreateIndexOp):
            yield self._indexed(operation)
        elif isinstance(operation, ops.CreateTableOp):
            says = _l("Create table %(table)s.", table=operation.table_name)
            table = self.models.metadata.tables[operation.table_name]
            self.created.append(table)
            yield Step(
                "safe", says, (self._sql(CreateTable(table, include_foreign_key_constraints=[])),)
            )
        elif (
            not isinstance(operation, ops.DropIndexOp)
            or operation.table_name in self.models.metadata.tables
        ):
            yield Step(
                "safe", _l("Adjust keys of %(table)s.", table=_table_of(operation)), (), operation
            )

    def keys(self) -> Iterator[Step]:
        """The foreign keys of the new tables; last, because tables may refer to each other."""
        for table in self.created:
            keys = sorted(table.foreign_key_constraints, key=lambda key: str(key.name))
            if keys:
                says = _l("Link table %(table)s.", table=table.name)
                yield Step("safe", says, tuple(self._sql(AddConstraint(key)) for key in keys))

    def choices(self) -> Iterator[Step]:
        """Choices that were taken away while rows still hold them."""
        live = set(inspect(self.connection).get_table_names())
        for entity in self.schema.entities.values():
            if entity.external_table or entity.name not in live:
                continue
            columns = {
                column["name"] for column in inspect(self.connection).get_columns(entity.name)
            }
            for field in entity.fields.values():
                if field.type == "choice" and field.name in columns and field.choices:
                    names = ", ".join("'" + choice.name + "'" for choice in field.choices)
                    rows = self._ids(
                        entity.name, f"{self.quote(field.name)}::text NOT IN ({names})"
                    )
                    if rows:
                        says = _l(
                            "%(table)s.%(column)s: rows hold a choice that is gone.",
                            table=entity.name,
                            column=field.name,
                        )
                        yield Step("checked", says, (), rows=rows)

    # Private

    def _sql(self, element: DDLElement) -> str:
        return str(element.compile(dialect=self.connection.dialect)).strip()

    def _ids(self, table: str, condition: str) -> tuple[int, ...]:
        statement = (
            f"SELECT id FROM {self.quote(table)} WHERE {condition} ORDER BY id LIMIT {SHOWN_ROWS}"  # noqa: S608
        )
        return tuple(row[0] for row in self.connection.exec_driver_sql(statement))

    def _has_rows(self, table: str, condition: str = "true") -> bool:
        statement = f"SELECT 1 FROM {self.quote(table)} WHERE {condition} LIMIT 1"  # noqa: S608
        return self.connection.exec_driver_sql(statement).first() is not None

    def _table_aside(self, table: str) -> Step:
        kept = f"{ASIDE}{self.revision}_{table}"[:63]
        grade = "loss" if self._has_rows(table) else "safe"
        says = _l("Set table %(table)s aside.", table=table)
        statements = (
            f"ALTER TABLE {self.quote(table)} RENAME TO {self.quote(kept)}",
            self._kept(table, None, kept),
        )
        return Step(grade, says, statements)

    def _column_aside(self, table: str, column: str) -> Step:
        kept = f"{ASIDE}{self.revision}_{column}"[:63]
        grade = "loss" if self._has_rows(table, f"{self.quote(column)} IS NOT NULL") else "safe"
        says = _l("Set %(table)s.%(column)s aside.", table=table, column=column)
        name = f"ALTER TABLE {self.quote(table)}"
        statements = (
            f"{name} ALTER COLUMN {self.quote(column)} DROP NOT NULL",
            f"{name} RENAME COLUMN {self.quote(column)} TO {self.quote(kept)}",
            self._kept(table, column, kept),
        )
        return Step(grade, says, statements)

    def _kept(self, table: str, column: str | None, kept: str) -> str:
        column_text = "NULL" if column is None else f"'{column}'"
        return (
            "INSERT INTO portal_set_aside (table_name, column_name, kept_as, purge_on)"  # noqa: S608
            f" VALUES ('{table}', {column_text}, '{kept}', current_date + 30)"
        )

    def _added(self, table: str, column: Column[Any]) -> Step:
        says = _l("Add %(table)s.%(column)s.", table=table, column=column.name)
        name, quoted = f"ALTER TABLE {self.quote(table)}", self.quote(column.name)
        definition = str(CreateColumn(_plain(column)).compile(dialect=self.connection.dialect))
        needs_value = not column.nullable and column.server_default is None
        if not needs_value:
            return Step("safe", says, (f"{name} ADD COLUMN {definition}",))
        default = self._literal_default(table, column)
        if default is not None:
            add = f"{name} ADD COLUMN {definition.replace(' NOT NULL', '')} DEFAULT {default} NOT NULL"
            return Step("safe", says, (add, f"{name} ALTER COLUMN {quoted} DROP DEFAULT"))
        rows = self._ids(table, "true")
        why = _l("Add %(table)s.%(column)s: it is required and has no default, and there are rows already.",
                 table=table, column=column.name)  # fmt: skip
        return Step(
            "checked", why if rows else says, (f"{name} ADD COLUMN {definition}",), rows=rows
        )

    def _literal_default(self, table: str, column: Column[Any]) -> str | None:
        field = self._field(table, column.name)
        value = getattr(field.default.tree, "value", None) if field and field.default else None
        if value is None:
            return None
        return str(
            text(":v")
            .bindparams(v=value)
            .compile(dialect=self.connection.dialect, compile_kwargs={"literal_binds": True})
        )

    def _field(self, table: str, column: str) -> Field | None:
        entity = self.schema.entities.get(table)
        fields = entity.fields.values() if entity else ()
        return next((field for field in fields if column_name(field) == column), None)

    def _altered(self, operation: Any) -> Iterator[Step]:
        table, column = operation.table_name, operation.column_name
        quoted, name = self.quote(column), f"ALTER TABLE {self.quote(table)}"
        if operation.modify_type is not None:
            yield self._retyped(table, column, operation.existing_type, operation.modify_type)
        if operation.modify_nullable is True:
            says = _l("%(table)s.%(column)s may be empty.", table=table, column=column)
            yield Step("safe", says, (f"{name} ALTER COLUMN {quoted} DROP NOT NULL",))
        elif operation.modify_nullable is False:
            says = _l("%(table)s.%(column)s must be filled in.", table=table, column=column)
            rows = self._ids(table, f"{quoted} IS NULL")
            yield Step("checked", says, (f"{name} ALTER COLUMN {quoted} SET NOT NULL",), rows=rows)

    def _retyped(self, table: str, column: str, old: TypeEngine[Any], new: TypeEngine[Any]) -> Step:
        quoted = self.quote(column)
        target = new.compile(dialect=self.connection.dialect)
        source = old.compile(dialect=self.connection.dialect)
        says = _l(
            "%(table)s.%(column)s: from %(old)s to %(new)s.",
            table=table,
            column=column,
            old=source,
            new=target,
        )
        alter = f"ALTER TABLE {self.quote(table)} ALTER COLUMN {quoted} TYPE {target}"
        if widens(old, new):
            return Step("safe", says, (alter,))
        wrong = f"{quoted} IS NOT NULL AND NOT pg_input_is_valid({quoted}::text, '{target}')"
        if "NUMERIC" in target:
            same = f"{quoted}::text::{target} <> {quoted}::text::numeric"
            valid = f"pg_input_is_valid({quoted}::text, '{target}')"
            wrong = f"{quoted} IS NOT NULL AND CASE WHEN {valid} THEN {same} ELSE true END"
        return Step(
            "checked",
            says,
            (f"{alter} USING {quoted}::text::{target}",),
            rows=self._ids(table, wrong),
        )

    def _indexed(self, operation: Any) -> Step:
        says = _l("Index %(index)s.", index=operation.index_name)
        if (
            not operation.unique
            or operation.table_name not in inspect(self.connection).get_table_names()
        ):
            return Step("safe", says, (), operation)
        live = {
            column["name"] for column in inspect(self.connection).get_columns(operation.table_name)
        }
        columns = [
            column if isinstance(column, str) else column.name for column in operation.columns
        ]
        if not set(columns) <= live:
            return Step("safe", says, (), operation)
        alive = "deleted_at IS NULL AND " if "deleted_at" in live else ""
        listed = ", ".join(self.quote(column) for column in columns)
        filled = " AND ".join(f"{self.quote(column)} IS NOT NULL" for column in columns)
        rows = f"{self.quote(operation.table_name)} WHERE {alive}{filled}"
        twice = f"SELECT {listed} FROM {rows} GROUP BY {listed} HAVING count(*) > 1"  # noqa: S608
        found = self._ids(operation.table_name, f"{alive}({listed}) IN ({twice})")
        return Step(
            "checked",
            _l("No two rows alike: %(index)s.", index=operation.index_name),
            (),
            operation,
            found,
        )


def _plain(column: Column[Any]) -> Column[Any]:
    """The column without its keys, which have steps of their own."""
    copy: Column[Any] = Column(
        column.name, column.type, nullable=column.nullable, server_default=column.server_default
    )
    Table("made", MetaData(), copy)
    return copy


def _table_of(operation: Any) -> str:
    return str(getattr(operation, "table_name", None) or getattr(operation, "source_table", ""))
