"""Seals, once and in order, the entries of a portal whose trail was not sealed yet."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, text

from app.audit.entries import Entry
from app.audit.sealing import BATCH, seal_old

IS_OLD = text("SELECT relkind = 'r' FROM pg_class WHERE oid = to_regclass('public.portal_audit')")
OLD_ROWS = text(
    "SELECT id, at, account_id, account_name, action, entity, record_id, record_title, revision, changes,"
    " address FROM portal_audit_unsealed WHERE id > :after ORDER BY id LIMIT :batch"
)


def set_old_trail_aside(connection: Connection) -> bool:
    """Give an unsealed trail another name; false when there is none."""
    if not connection.scalar(IS_OLD):
        return False
    connection.execute(text("ALTER TABLE portal_audit RENAME TO portal_audit_unsealed"))
    return True


def seal_old_trail(connection: Connection) -> int:
    """Append the old entries, each with its former number, and drop their table; returns how many.

    They prove no more than that they stood there on the day of the upgrade: their ``noted`` says so.
    """
    after = done = 0
    while rows := _read(connection, after):
        seal_old(connection, [_entry(row) for row in rows])
        after, done = rows[-1]["id"], done + len(rows)
    connection.execute(text("DROP TABLE portal_audit_unsealed"))
    return done


# Private


def _read(connection: Connection, after: int) -> Sequence[RowMapping]:
    return connection.execute(OLD_ROWS, {"after": after, "batch": BATCH}).mappings().all()


def _entry(row: RowMapping) -> Entry:
    return Entry(
        at=row["at"],
        account_id=row["account_id"],
        account_name=row["account_name"],
        action=row["action"],
        revision=row["revision"],
        entity=row["entity"],
        record_id=row["record_id"],
        record_title=row["record_title"],
        changes=row["changes"],
        address=row["address"],
        facts={"unsealed_until_upgrade": row["id"]},
    )
