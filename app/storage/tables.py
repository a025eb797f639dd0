"""The product's own tables: revisions, number series, files, saved views, what was set aside."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    DateTime,
    Identity,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

SYSTEM = MetaData(naming_convention=NAMING)

REVISION = Table(
    "portal_revision",
    SYSTEM,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("digest", String(64), nullable=False),
    Column("sources", JSONB, nullable=False),
    Column("operations", JSONB, nullable=False),
    Column("applied_at", DateTime(timezone=True), server_default=func.now(), nullable=False),
    Column("applied_by", String(80), nullable=False),
)

SET_ASIDE = Table(
    "portal_set_aside",
    SYSTEM,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("table_name", String(63), nullable=False),
    Column("column_name", String(63)),
    Column("kept_as", String(63), nullable=False),
    Column("set_aside_at", DateTime(timezone=True), server_default=func.now(), nullable=False),
    Column("purge_on", Date, nullable=False),
)

SERIES = Table(
    "portal_series",
    SYSTEM,
    Column("name", String(120), primary_key=True),
    Column("last", BigInteger, nullable=False),
)

COUNTER = Table(
    "portal_counter",
    SYSTEM,
    Column("name", String(40), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

FILE = Table(
    "portal_file",
    SYSTEM,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("sha256", String(64), nullable=False, index=True),
    Column("name", String(255), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("entity", String(63), nullable=False),
    Column("field", String(63), nullable=False),
    Column("record_id", BigInteger),
    Column("created_at", DateTime(timezone=True), server_default=func.now(), nullable=False),
    Column("created_by", Integer),
)

SAVED_VIEW = Table(
    "portal_saved_view",
    SYSTEM,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("account_id", Integer, nullable=False),
    Column("entity", String(63), nullable=False),
    Column("name", String(80), nullable=False),
    Column("query", Text, nullable=False),
    UniqueConstraint("account_id", "entity", "name"),
)

PREFERENCE = Table(
    "portal_preference",
    SYSTEM,
    Column("account_id", Integer, primary_key=True),
    Column("language", String(10)),
)

# What a request has made, so that the same request makes nothing more.
ONCE = Table(
    "portal_once",
    SYSTEM,
    Column("account_id", Integer, primary_key=True),
    Column("key", String(100), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("record_id", BigInteger),
    Column("at", DateTime(timezone=True), server_default=func.now(), nullable=False, index=True),
)

DEMO = Table(
    "portal_demo_account",
    SYSTEM,
    Column("username", String(64), primary_key=True),
    Column("password", String(64), nullable=False),
)
