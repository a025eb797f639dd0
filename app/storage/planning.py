"""What must be done to a live database so that it holds a schema: steps, and the rows that stand against them."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from alembic.autogenerate import produce_migrations
from alembic.operations import Operations, ops
from alembic.runtime.migration import MigrationContext
from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    Table,
    Text,
    bindparam,
    inspect,
    text,
)
from sqlalchemy.schema import AddConstraint, CreateColumn, CreateTable, SetColumnComment
from sqlalchemy.sql.ddl import DDLElement
from sqlalchemy.sql.type_api import TypeEngine

from app.kernel.messages import _l
from app.language.definitions import Field, Schema
from app.storage.columns import column_name
from app.storage.converting import Conversion
from app.storage.encryption import EncryptedText
from app.storage.models import Models
from app.storage.refusals import said_plainly
from app.storage.renaming import names_along, notes_along, shortened
from app.storage.standing import Standing
from app.storage.steps import Step
from app.storage.widening import widens

ASIDE = "aside_"


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
    yield from planner.standing.gone(schema)


def run_steps(connection: Connection, steps: Iterable[Step]) -> None:
    """Carry the steps out in the connection's transaction; raises Refused and Unavailable."""
    operations = Operations(MigrationContext.configure(connection))
    for step in steps:
        with said_plainly(step.says):
            _run_step(connection, operations, step)


# Private


def _run_step(connection: Connection, operations: Operations, step: Step) -> None:
    if isinstance(step.operation, Conversion):
        step.operation.run(connection)
    elif step.operation is not None:
        operations.invoke(step.operation)
    else:
        for statement in step.sql:
            connection.exec_driver_sql(statement)


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
        self.standing = Standing(connection)
        self.created: list[Table] = []

    def steps(self, operation: Any) -> Iterator[Step]:
        """The steps for one operation; an operation that needs none gives none."""
        if isinstance(operation, ops.DropTableOp):
            yield self._table_aside(operation.table_name)
        elif isinstance(operation, ops.DropColumnOp):
            yield self._column_aside(operation.table_name, operation.column_name)
        elif isinstance(operation, ops.AddColumnOp):
            yield self._added(operation.table_name, operation.column)
            if operation.column.comment:
                yield self._converted(operation.table_name, operation.column.name, encrypt=True)
        elif isinstance(operation, ops.AlterColumnOp):
            yield from self._altered(operation)
        elif isinstance(operation, ops.CreateIndexOp):
            yield self._indexed(operation)
        elif isinstance(operation, ops.CreateForeignKeyOp):
            yield self._linked(operation)
        elif isinstance(operation, ops.CreateTableOp):
            yield self._created(operation.table_name)
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

    # Private

    def _sql(self, element: DDLElement) -> str:
        return str(element.compile(dialect=self.connection.dialect)).strip()

    def _created(self, name: str) -> Step:
        says, former = _l("Create table %(table)s.", table=name), self._former(name)
        if former is not None:
            says = _l("Create table %(table)s, empty: what it held stays set aside as %(kept)s until %(day)s.",
                      table=name, kept=former.kept_as, day=former.purge_on)  # fmt: skip
        table = self.models.metadata.tables[name]
        self.created.append(table)
        made = self._sql(CreateTable(table, include_foreign_key_constraints=[]))
        marks = (self._sql(SetColumnComment(c)) for c in table.columns if c.comment)
        return Step("safe", says, (made, *marks))

    def _table_aside(self, table: str) -> Step:
        kept = shortened(f"{ASIDE}{self.revision}_{table}")
        grade = "loss" if self.standing.any(table) else "safe"
        says = _l("Set table %(table)s aside.", table=table)
        statements = (
            f"ALTER TABLE {self.quote(table)} RENAME TO {self.quote(kept)}",
            # Its names go along, so that another table may be called so.
            *names_along(self.connection, table, kept, self._aside),
            notes_along(table, kept),
            self._kept(table, None, kept),
        )
        return Step(grade, says, statements)

    def _aside(self, name: str) -> str:
        return shortened(f"{ASIDE}{self.revision}_{name}")

    def _column_aside(self, table: str, column: str) -> Step:
        kept = self._aside(column)
        grade = "loss" if self.standing.any(table, f"{self.quote(column)} IS NOT NULL") else "safe"
        says = _l("Set %(table)s.%(column)s aside.", table=table, column=column)
        name = f"ALTER TABLE {self.quote(table)}"
        statements = (
            f"{name} ALTER COLUMN {self.quote(column)} DROP NOT NULL",
            f"{name} RENAME COLUMN {self.quote(column)} TO {self.quote(kept)}",
            self._kept(table, column, kept),
        )
        return Step(grade, says, statements)

    def _former(self, table: str, column: str | None = None) -> Any:
        """What of this name was set aside last and is still there."""
        return self.connection.execute(
            text(
                "SELECT kept_as, purge_on FROM portal_set_aside WHERE table_name = :table"
                " AND column_name IS NOT DISTINCT FROM :column ORDER BY id DESC LIMIT 1"
            ).bindparams(bindparam("column", type_=Text)),
            {"table": table, "column": column},
        ).first()

    def _kept(self, table: str, column: str | None, kept: str) -> str:
        column_text = "NULL" if column is None else f"'{column}'"
        return (
            "INSERT INTO portal_set_aside (table_name, column_name, kept_as, purge_on)"  # noqa: S608
            f" VALUES ('{table}', {column_text}, '{kept}', current_date + 30)"
        )

    def _added(self, table: str, column: Column[Any]) -> Step:
        says = _l("Add %(table)s.%(column)s.", table=table, column=column.name)
        former = self._former(table, column.name)
        if former is not None:
            says = _l("Add %(table)s.%(column)s, empty: what it held stays set aside as %(kept)s until %(day)s.",
                      table=table, column=column.name, kept=former.kept_as, day=former.purge_on)  # fmt: skip
        name, quoted = f"ALTER TABLE {self.quote(table)}", self.quote(column.name)
        definition = str(CreateColumn(_plain(column)).compile(dialect=self.connection.dialect))
        needs_value = not column.nullable and column.server_default is None
        if not needs_value:
            return Step("safe", says, (f"{name} ADD COLUMN {definition}",))
        default = self._literal_default(table, column)
        if default is not None:
            add = f"{name} ADD COLUMN {definition.replace(' NOT NULL', '')} DEFAULT {default} NOT NULL"
            return Step("safe", says, (add, f"{name} ALTER COLUMN {quoted} DROP DEFAULT"))
        rows = self.standing.ids(table, "true")
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
        plain = operation.modify_comment is None
        if plain:
            yield self._converted(table, column, encrypt=False)
        if operation.modify_type is not None:
            old, new = operation.existing_type, operation.modify_type
            yield self._retyped(table, column, old, new, unseen=plain)
        if operation.modify_comment:
            yield self._converted(table, column, encrypt=True)
        if operation.modify_nullable is True:
            says = _l("%(table)s.%(column)s may be empty.", table=table, column=column)
            yield Step("safe", says, (f"{name} ALTER COLUMN {quoted} DROP NOT NULL",))
        elif operation.modify_nullable is False:
            says = _l("%(table)s.%(column)s must be filled in.", table=table, column=column)
            rows = self.standing.ids(table, f"{quoted} IS NULL")
            yield Step("checked", says, (f"{name} ALTER COLUMN {quoted} SET NOT NULL",), rows=rows)

    def _converted(self, table: str, column: str, *, encrypt: bool) -> Step:
        text_ = (
            _l("Encrypt %(table)s.%(column)s.", table=table, column=column)
            if encrypt
            else _l("Keep %(table)s.%(column)s in plain text again.", table=table, column=column)
        )
        return Step("safe", text_, (), Conversion(table, column, encrypt))

    def _retyped(
        self, table: str, column: str, old: TypeEngine[Any], new: TypeEngine[Any], *, unseen: bool
    ) -> Step:
        """``unseen`` is a column that cannot be looked at yet, being encrypted."""
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
        if isinstance(new, EncryptedText) or unseen:
            return Step("safe", says, (f"{alter} USING {quoted}::text::{target}",))
        if widens(old, new):
            return Step("safe", says, (alter,))
        using, rows = self.standing.retyped(table, column, old, new)
        return Step("checked", says, (f"{alter} USING {using}",), rows=rows)

    def _indexed(self, operation: Any) -> Step:
        says = _l("Index %(index)s.", index=operation.index_name)
        if (
            not operation.unique
            or operation.table_name not in inspect(self.connection).get_table_names()
        ):
            return Step("safe", says, (), operation)
        return Step(
            "checked",
            _l("No two rows alike: %(index)s.", index=operation.index_name),
            (),
            operation,
            self.standing.alike(
                operation.table_name,
                operation.columns,
                str(operation.kw.get("postgresql_where", "")),
            ),
        )

    def _linked(self, operation: ops.CreateForeignKeyOp) -> Step:
        table, column = operation.source_table, operation.local_cols[0]
        rows = self.standing.elsewhere(table, column, operation.referent_table)
        says = (
            _l("Link %(table)s.%(column)s to %(target)s: what rows hold leads elsewhere.",
               table=table, column=column, target=operation.referent_table)
            if rows else _l("Adjust keys of %(table)s.", table=table)
        )  # fmt: skip
        return Step("checked" if rows else "safe", says, (), operation, rows)


def _plain(column: Column[Any]) -> Column[Any]:
    """The column without its keys, which have steps of their own."""
    copy: Column[Any] = Column(
        column.name, column.type, nullable=column.nullable, server_default=column.server_default
    )
    Table("made", MetaData(), copy)
    return copy


def _table_of(operation: Any) -> str:
    return str(getattr(operation, "table_name", None) or getattr(operation, "source_table", ""))
