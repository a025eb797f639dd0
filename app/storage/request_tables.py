"""What one person asks for and a second one decides."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    String,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from app.storage.tables import SYSTEM

# ``places`` are those at which the one who asks holds his roles, NULL for the whole tree.
# ``…_person`` are records of the portal's person entity, so that two accounts of one person count as one.
REQUEST = Table(
    "portal_request",
    SYSTEM,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("entity", String(63)),
    Column("places", ARRAY(BigInteger)),
    Column("requester_id", Integer, nullable=False),
    Column("requester_person", BigInteger),
    Column("beneficiary_id", Integer, nullable=False),
    Column("beneficiary_person", BigInteger),
    Column("payload", JSONB, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("guarded", String(40)),
    Column("state", String(12), nullable=False, server_default=text("'pending'")),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("decided_by", Integer),
    Column("decided_person", BigInteger),
    Column("decided_at", DateTime(timezone=True)),
    Column("why", Text),
    Column("used_at", DateTime(timezone=True)),
    CheckConstraint(
        "state IN ('pending', 'approved', 'refused', 'withdrawn', 'expired', 'used')",
        name="ck_portal_request_state",
    ),
    CheckConstraint("requester_id <> decided_by", name="ck_portal_request_not_own"),
    CheckConstraint("beneficiary_id <> decided_by", name="ck_portal_request_not_for_oneself"),
    CheckConstraint(
        "requester_person <> decided_person AND beneficiary_person <> decided_person",
        name="ck_portal_request_other_person",
    ),
    CheckConstraint(
        "(decided_by IS NOT NULL AND decided_at IS NOT NULL)"
        " = (state IN ('approved', 'refused', 'used'))",
        name="ck_portal_request_decided",
    ),
    Index("ix_portal_request_requester_id", "requester_id", "id"),
    Index("ix_portal_request_pending", "id", postgresql_where=text("state = 'pending'")),
)

# The records that a request is about, so that their pages can say so.
REQUEST_RECORD = Table(
    "portal_request_record",
    SYSTEM,
    Column("request_id", BigInteger,
           ForeignKey("portal_request.id", ondelete="CASCADE"), primary_key=True),
    Column("entity", String(63), primary_key=True),
    Column("record_id", BigInteger, primary_key=True),
    Index("ix_portal_request_record_record", "entity", "record_id"),
)  # fmt: skip

# What was deleted by whom and why; of what is gone for good, the row itself.
TOMBSTONE = Table(
    "portal_tombstone",
    SYSTEM,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("entity", String(63), nullable=False),
    Column("record_id", BigInteger, nullable=False),
    Column("title", Text, nullable=False),
    Column("row", JSONB),
    Column("at", DateTime(timezone=True), server_default=func.now(), nullable=False),
    Column("account_id", Integer),
    Column("account_name", String(80), nullable=False),
    Column("request_id", BigInteger),
    Column("reason", Text),
    Index("ix_portal_tombstone_record", "entity", "record_id"),
)

# What may still change in a row once it is written; the rest is frozen by the database itself.
MOVING = {
    REQUEST.name: (
        "state", "version", "decided_by", "decided_person", "decided_at", "why", "used_at",
    ),
}  # fmt: skip
