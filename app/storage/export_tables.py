"""What may leave the portal as a file: each grant is for one account, one question and one file."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    String,
    Table,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from app.storage.tables import SYSTEM

# Without a request the account's own right to export is the grant; ``digest`` seals ``asked``.
EXPORT_GRANT = Table(
    "portal_export_grant",
    SYSTEM,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("request_id", BigInteger, ForeignKey("portal_request.id"), unique=True),
    Column("account_id", Integer, nullable=False),
    Column("entity", String(63), nullable=False),
    Column("asked", JSONB, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("most_rows", BigInteger, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("state", String(12), nullable=False, server_default=text("'ready'")),
    Column("task_id", BigInteger),
    Column("rows", BigInteger),
    Column("name", String(255)),
    Column("storage_key", String(64)),
    Column("made_at", DateTime(timezone=True)),
    Column("taken_at", DateTime(timezone=True)),
    CheckConstraint(
        "state IN ('ready', 'making', 'made', 'taken', 'expired')",
        name="ck_portal_export_grant_state",
    ),
    CheckConstraint("rows <= most_rows", name="ck_portal_export_grant_rows"),
    Index("ix_portal_export_grant_account_id", "account_id", "id"),
)

# Tries to take something out that was not allowed; ``told`` once somebody was warned of them.
EXPORT_BLOCKED = Table(
    "portal_export_blocked",
    SYSTEM,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("account_id", Integer, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("what", String(200), nullable=False),
    Column("entity", String(63), nullable=False),
    Column("told", Boolean, nullable=False, server_default=text("false")),
    Index("ix_portal_export_blocked_account_id", "account_id", "at"),
)
