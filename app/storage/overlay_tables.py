"""What administrators have changed in roles, as a layer over the files of the schema."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Identity,
    Integer,
    String,
    Table,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB

from app.storage.tables import SYSTEM

# ``old`` is what the files said, ``new`` what holds instead, ``ids`` the identities that both rest on.
# ``conflict`` says why a change does not hold, and what the files say now; NULL when it does.
# ``wider`` lets somebody read or take more: never without a second account.
OVERLAY = Table(
    "portal_overlay",
    SYSTEM,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("role", String(40), nullable=False),
    Column("entity", String(63), nullable=False),
    Column("key", String(80), nullable=False),
    Column("ids", JSONB, nullable=False),
    Column("old", JSONB, nullable=False),
    Column("new", JSONB, nullable=False),
    Column("wider", Boolean, nullable=False),
    Column("by", Integer, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("approved_by", Integer),
    Column("request_id", BigInteger),
    Column("revision", Integer, nullable=False),
    Column("conflict", JSONB(none_as_null=True)),
    UniqueConstraint("role", "entity", "key"),
    CheckConstraint("by <> approved_by", name="ck_portal_overlay_not_own"),
    CheckConstraint("NOT wider OR approved_by IS NOT NULL", name="ck_portal_overlay_second_person"),
)
