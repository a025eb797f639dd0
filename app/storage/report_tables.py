"""Reports that people make for themselves: the same language as in the schema, kept as it is written."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Computed,
    DateTime,
    Identity,
    Integer,
    String,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from app.storage.tables import SYSTEM

# ``shared_with`` holds the roles that the text names, so that readers are found without reading it.
PORTAL_REPORT = Table(
    "portal_report",
    SYSTEM,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("name", String(40), Computed("'my_' || id::text", persisted=True), unique=True),
    Column("owner_id", Integer, nullable=False, index=True),
    Column("label", String(500), nullable=False),
    Column("source", Text, nullable=False),
    Column("shared_with", ARRAY(String(60)), nullable=False, server_default=text("'{}'")),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("created_at", DateTime(timezone=True), server_default=func.now(), nullable=False),
    Column("updated_at", DateTime(timezone=True), server_default=func.now(), nullable=False),
)
