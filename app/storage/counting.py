"""What a whole database holds, whoever made its tables: counted before a backup and after it was restored."""

from __future__ import annotations

from sqlalchemy import Connection, text

# Everything but PostgreSQL's own and what extensions brought along.
_OURS = (
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname !~ '^pg_'"
    " AND n.nspname <> 'information_schema' AND NOT EXISTS (SELECT FROM pg_depend d"
    " WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')"
)
TABLES = text(
    f"SELECT format('%I.%I', n.nspname, c.relname) {_OURS} AND c.relkind = 'r' ORDER BY 1"
)
RELATIONS = text(f"SELECT count(*) {_OURS}")


def rows_by_table(connection: Connection) -> dict[str, int]:
    """How many rows each table has, by its quoted name with its schema."""
    return {
        name: int(connection.scalar(text(f"SELECT count(*) FROM {name}")) or 0)  # noqa: S608 - quoted
        for name in connection.scalars(TABLES).all()
    }


def is_empty(connection: Connection) -> bool:
    """Whether there is no table, view or sequence yet."""
    return not connection.scalar(RELATIONS)
