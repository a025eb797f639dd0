"""The product's own tables, functions and the rights of the application's database role."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, text

from app.storage import (  # noqa: F401 - their tables belong to SYSTEM
    deed_tables,
    export_tables,
    notice_tables,
    overlay_tables,
    privacy_tables,
    report_tables,
    request_tables,
    schedule_tables,
    session_tables,
    task_tables,
    viewing_tables,
)
from app.storage.audit_tables import GROWING, MAKE_TRAIL, TRAIL_FUNCTIONS, TRAIL_TABLES, make_head
from app.storage.database import SHARE_REVISION_FUNCTION
from app.storage.purging import PURGE, PURGE_FUNCTION
from app.storage.request_tables import MOVING, REQUEST_RECORD, TOMBSTONE
from app.storage.tables import SYSTEM
from app.storage.viewing_tables import REVEALED
from app.storage.walls import WALL_FUNCTIONS

READ_ONLY = ("portal_revision", "portal_set_aside", "portal_demo_account", *TRAIL_TABLES)
APPEND_ONLY = (REQUEST_RECORD.name, TOMBSTONE.name, REVEALED.name, *GROWING)


def create_system_tables(
    connection: Connection, functions: Iterable[str], app_role: str, audit_hash: str = ""
) -> None:
    """Create what is missing, and give ``app_role`` rows but no tables to change.

    A trail that does not exist yet is founded with ``audit_hash``; empty: SHA-256.
    """
    for extension in ("pg_trgm", "btree_gin"):
        if not connection.scalar(
            text("SELECT 1 FROM pg_extension WHERE extname = :name"), {"name": extension}
        ):
            connection.execute(text(f"CREATE EXTENSION IF NOT EXISTS {extension}"))
    for function in (SHARE_REVISION_FUNCTION, PURGE_FUNCTION, *WALL_FUNCTIONS, *functions):
        connection.execute(text(function.replace(":", r"\:")))
    if connection.scalar(text("SELECT to_regprocedure('portal_trust_search()')")):
        connection.execute(text("SELECT portal_trust_search()"))
    SYSTEM.create_all(connection)
    for statement in (make_head(audit_hash), *MAKE_TRAIL):
        connection.execute(text(statement.replace(":", r"\:")))
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
    for function in (*TRAIL_FUNCTIONS, PURGE):
        statements += [
            f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC",
            f"GRANT EXECUTE ON FUNCTION {function} TO {role}",
        ]
    statements += [f"REVOKE UPDATE, DELETE ON {table} FROM {role}" for table in APPEND_ONLY]
    for table, columns in MOVING.items():
        statements.append(f"REVOKE UPDATE, DELETE ON {table} FROM {role}")
        statements.append(f"GRANT UPDATE ({', '.join(columns)}) ON {table} TO {role}")
    for statement in statements:
        connection.execute(text(statement))
