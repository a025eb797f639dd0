"""What accounts did lately, for the guard against much at once; and what stood before, for undoing it."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    String,
    Table,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from app.storage.tables import SYSTEM

# One row for each deletion or sensitive change; those held back leave none.
WATCHED_DEED = Table(
    "portal_watched_deed",
    SYSTEM,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("account_id", Integer, nullable=False),
    Column("kind", String(10), nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("entity", String(63), nullable=False),
    Column("record_id", BigInteger, nullable=False),
    Index("ix_portal_watched_deed_account", "account_id", "kind", "at"),
)

# Values that somebody gave once more without seeing who has them; ``other_id`` bore the value first.
TWICE = Table(
    "portal_twice",
    SYSTEM,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("account_id", Integer),
    Column("entity", String(63), nullable=False),
    Column("record_id", BigInteger, nullable=False),
    Column("field", String(63), nullable=False),
    Column("other_id", BigInteger, nullable=False),
    Column("told_at", DateTime(timezone=True)),
    Index("ix_portal_twice_told_at", "id", postgresql_where=text("told_at IS NULL")),
)

# The rows of a record before a deed, by table, just as the database held them; NULL before it was made.
BEFORE = Table(
    "portal_before",
    SYSTEM,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("account_id", Integer),
    Column("deed", String(10), nullable=False),
    Column("entity", String(63), nullable=False),
    Column("record_id", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("rows", JSONB),
    Index("ix_portal_before_account_id", "account_id", "at"),
    Index("ix_portal_before_record", "entity", "record_id", "id"),
    Index("ix_portal_before_at", "at"),
)
