"""What the law of personal information asks to keep beside the records: holds, and what was put away."""

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
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from app.storage.tables import SYSTEM

# While a hold stands nothing of the record is erased or put away, such as during a lawsuit.
LEGAL_HOLD = Table(
    "portal_legal_hold",
    SYSTEM,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("entity", String(63), nullable=False),
    Column("record_id", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("set_at", DateTime(timezone=True), nullable=False),
    Column("set_by", Integer),
    Column("lifted_at", DateTime(timezone=True)),
    Index(
        "uq_portal_legal_hold_record", "entity", "record_id",
        unique=True, postgresql_where=text("lifted_at IS NULL"),
    ),
)  # fmt: skip

# Records whose personal values are gone because their time was over, or because somebody asked: up to which
# number of months after the end, the file in the home that still holds them, and what they are called now.
PUT_AWAY = Table(
    "portal_put_away",
    SYSTEM,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("entity", String(63), nullable=False),
    Column("record_id", BigInteger, nullable=False),
    Column("title", Text, nullable=False),
    Column("months", Integer, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("request_id", BigInteger, nullable=False),
    Column("name", String(120)),
    Column("sha256", String(64)),
    # The numbers of the keys of encrypted fields without which the file is of no use.
    Column("field_keys", ARRAY(Integer), nullable=False, server_default="{}"),
    Column("restored_at", DateTime(timezone=True)),
    Index("ix_portal_put_away_record", "entity", "record_id"),
)
