"""Encrypts what a column holds, or makes it plain again, when its class begins or ceases to be encrypted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Connection, bindparam, literal, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text

from app.storage.deed_tables import BEFORE
from app.storage.encryption import KEPT, MARK, ring_of

BATCH = 1000
Convert = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Conversion:
    """One column of one table, with what is kept of its rows for undoing."""

    table: str
    column: str
    encrypt: bool

    def run(self, connection: Connection) -> None:
        """Convert every value that is not yet as it should be, and mark the column."""
        quote = connection.dialect.identifier_preparer.quote
        table, column = quote(self.table), quote(self.column)
        ring = ring_of(connection.dialect)
        change = ring.encrypted if self.encrypt else ring.plain
        for ids, values in self._batches(connection, table, column):
            connection.execute(
                text(
                    f"UPDATE {table} AS t SET {column} = n.value"  # noqa: S608 - quoted names
                    " FROM unnest(:ids, :values) AS n(id, value) WHERE t.id = n.id"
                ).bindparams(bindparam("ids", type_=ARRAY(BigInteger)), bindparam("values", type_=ARRAY(Text))),
                {"ids": ids, "values": [change(value) for value in values]},
            )  # fmt: skip
        self._before(connection, change)
        mark = f"'{MARK}'" if self.encrypt else "NULL"
        connection.exec_driver_sql(f"COMMENT ON COLUMN {table}.{column} IS {mark}")

    # Private

    def _batches(
        self, connection: Connection, table: str, column: str
    ) -> Iterator[tuple[list[int], list[str]]]:
        last, sign = 0, "!~" if self.encrypt else "~"
        while True:
            found = connection.execute(
                text(
                    f"SELECT id, {column}::text AS value FROM {table}"  # noqa: S608 - quoted names
                    f" WHERE id > :last AND {column}::text {sign} :kept ORDER BY id LIMIT :size"
                ),
                {"last": last, "kept": f"^{KEPT.pattern}$", "size": BATCH},
            ).all()
            if not found:
                return
            last = found[-1].id
            yield [row.id for row in found], [row.value for row in found]

    def _before(self, connection: Connection, change: Convert) -> None:
        held = select(BEFORE.c.id, BEFORE.c.rows).where(
            BEFORE.c.rows.op("?", is_comparison=True)(literal(self.table, Text))
        )
        for number, rows in connection.execute(held).all():
            connection.execute(
                update(BEFORE)
                .where(BEFORE.c.id == literal(number))
                .values(rows={**rows, self.table: [self._row(row, change) for row in rows[self.table]]})
            )  # fmt: skip

    def _row(self, row: dict[str, Any], change: Convert) -> dict[str, Any]:
        value = row.get(self.column)
        if not isinstance(value, str) or (KEPT.fullmatch(value) is not None) is self.encrypt:
            return row
        return {**row, self.column: change(value)}
