"""Reports that are made by themselves: when and for whom, what became of each turn, and kept snapshots."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    Time,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from app.storage.tables import SYSTEM

# ``day`` is a weekday for weeks (0 is Monday) and a day for months (0 is the last one).
REPORT_SCHEDULE = Table(
    "portal_report_schedule",
    SYSTEM,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("report", String(120), nullable=False),
    Column("label", JSONB, nullable=False),
    Column("asked", JSONB, nullable=False),
    Column("format", String(10), nullable=False),
    Column("every", String(12), nullable=False),
    Column("day", SmallInteger, nullable=False, server_default=text("0")),
    Column("at", Time, nullable=False),
    Column("recipients", JSONB, nullable=False),
    Column("channels", JSONB, nullable=False),
    Column("language", String(10), nullable=False),
    Column("owner_id", Integer, nullable=False, index=True),
    Column("active", Boolean, nullable=False, server_default=text("true")),
    Column("last_slot", DateTime(timezone=True), nullable=False),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("created_at", DateTime(timezone=True), server_default=func.now(), nullable=False),
)

REPORT_SNAPSHOT = Table(
    "portal_report_snapshot",
    SYSTEM,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("report", String(120), nullable=False),
    Column("label", JSONB, nullable=False),
    Column("asked", JSONB, nullable=False),
    Column("made_at", DateTime(timezone=True), nullable=False),
    Column("account_id", Integer, nullable=False),
    Column("schedule_id", BigInteger,
           ForeignKey("portal_report_schedule.id", ondelete="SET NULL")),
    Column("format", String(10), nullable=False),
    Column("name", String(255), nullable=False),
    Column("storage_key", String(64), nullable=False, index=True),
    Column("size", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("schema_digest", String(64), nullable=False),
    Column("lines", BigInteger, nullable=False),
    Column("rights", JSONB, nullable=False),
    Column("kept_until", DateTime(timezone=True), nullable=False, index=True),
    Index("ix_portal_report_snapshot_account_id", "account_id", "id"),
)  # fmt: skip

# One row for each recipient of each slot: whoever inserts it has the report made.
REPORT_TURN = Table(
    "portal_report_turn",
    SYSTEM,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("schedule_id", BigInteger,
           ForeignKey("portal_report_schedule.id", ondelete="CASCADE"), nullable=False),
    Column("slot", DateTime(timezone=True), nullable=False),
    Column("account_id", Integer, nullable=False),
    Column("state", String(12), nullable=False, server_default=text("'waiting'")),
    Column("problem", JSONB),
    Column("task_id", BigInteger),
    Column("snapshot_id", BigInteger,
           ForeignKey("portal_report_snapshot.id", ondelete="SET NULL")),
    Column("ended_at", DateTime(timezone=True)),
    UniqueConstraint("schedule_id", "slot", "account_id", name="uq_portal_report_turn_once"),
)  # fmt: skip
