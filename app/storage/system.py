"""The product's own tables, functions and the rights of the application's database role."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, text

from app.storage import (  # noqa: F401 - their tables belong to SYSTEM
    notice_tables,
    report_tables,
    schedule_tables,
    task_tables,
)
from app.storage.tables import SYSTEM

READ_ONLY = ("portal_revision", "portal_set_aside", "portal_demo_account")
APPEND_ONLY = ("portal_audit",)


def create_system_tables(connection: Connection, functions: Iterable[str], app_role: str) -> None:
    """Create what is missing, and give ``app_role`` rows but no tables to change."""
    for extension in ("pg_trgm", "btree_gin"):
        if not connection.scalar(
            text("SELECT 1 FROM pg_extension WHERE extname = :name"), {"name": extension}
        ):
            connection.execute(text(f"CREATE EXTENSION IF NOT EXISTS {extension}"))
    for function in functions:
        connection.execute(text(function.replace(":", r"\:")))
    SYSTEM.create_all(connection)
    grant_rows(connection, app_role)


def grant_rows(connection: Connection, app_role: str) -> None:
    """The application role may read and write rows, append to the trail, and change no table."""
    role = connection.dialect.identifier_preparer.quote(app_role)
    statements = [
        f"GRANT USAGE ON SCHEMA public TO {role}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
    ]
    statements += [f"REVOKE INSERT, UPDATE, DELETE ON {table} FROM {role}" for table in READ_ONLY]
    statements += [f"REVOKE UPDATE, DELETE ON {table} FROM {role}" for table in APPEND_ONLY]
    for statement in statements:
        connection.execute(text(statement))
