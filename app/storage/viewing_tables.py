"""Which records each account has looked at, by day."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, DateTime, Identity, Index, Integer, String, Table

from app.storage.tables import SYSTEM

VIEWED = Table(
    "portal_viewed",
    SYSTEM,
    Column("account_id", Integer, primary_key=True),
    Column("entity", String(63), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("record_id", BigInteger, primary_key=True),
    Column("first_at", DateTime(timezone=True), nullable=False),
    Index("ix_portal_viewed_day", "day"),
)

# Whose values of logged classes each account has seen in clear, by day; for what stands in the trail.
VALUES_READ = Table(
    "portal_values_read",
    SYSTEM,
    Column("account_id", Integer, primary_key=True),
    Column("entity", String(63), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("record_id", BigInteger, primary_key=True),
    Column("class", String(63), primary_key=True),
    Index("ix_portal_values_read_day", "day"),
)

# What each account looked for in an hour, as a keyed digest: a search that is repeated is noted once.
SEARCHED = Table(
    "portal_searched",
    SYSTEM,
    Column("account_id", Integer, primary_key=True),
    Column("hour", DateTime(timezone=True), primary_key=True),
    Column("entity", String(63), primary_key=True),
    Column("digest", String(43), primary_key=True),
    Index("ix_portal_searched_hour", "hour"),
)

# Each masked value that somebody uncovered; for what stands in the trail.
REVEALED = Table(
    "portal_revealed",
    SYSTEM,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("account_id", Integer, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("entity", String(63), nullable=False),
    Column("record_id", BigInteger, nullable=False),
    Column("field", String(63), nullable=False),
    Index("ix_portal_revealed_account_id", "account_id", "at"),
)

# Records that look like any other, but whom nobody serves: whoever opens or takes one is told of.
CANARY = Table(
    "portal_canary",
    SYSTEM,
    Column("entity", String(63), primary_key=True),
    Column("record_id", BigInteger, primary_key=True),
    Column("set_at", DateTime(timezone=True), nullable=False),
    Column("set_by", String(80), nullable=False),
)
