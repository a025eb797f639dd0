"""What people are told: notices, what was sent of them outside, and which leads of reminders were served."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    String,
    Table,
    Text,
    Time,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from app.storage.tables import SYSTEM

NOTICE = Table(
    "portal_notice",
    SYSTEM,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("account_id", Integer, nullable=False),
    Column("key", String(200), nullable=False, unique=True),
    Column("kind", String(60), nullable=False),
    Column("urgency", String(10), nullable=False, server_default=text("'normal'")),
    Column("texts", JSONB, nullable=False),
    Column("entity", String(63)),
    Column("record_id", BigInteger),
    Column("created_at", DateTime(timezone=True), server_default=func.now(), nullable=False),
    Column("read_at", DateTime(timezone=True)),
    Column("handled_at", DateTime(timezone=True)),
    Column("snoozed_until", DateTime(timezone=True)),
    Index("ix_portal_notice_account_id", "account_id", "id"),
    # The bell of every page counts these.
    Index("ix_portal_notice_unread", "account_id",
          postgresql_where=text("read_at IS NULL AND handled_at IS NULL")),
)  # fmt: skip

# What a notice leads to when it is no record: a page, and a file that a mail may take along.
NOTICE_DOCUMENT = Table(
    "portal_notice_document",
    SYSTEM,
    Column("notice_id", BigInteger, ForeignKey("portal_notice.id", ondelete="CASCADE"),
           primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("path", String(200), nullable=False),
)  # fmt: skip

# ``message`` names the mail or post that took the notice along: a digest takes many.
DELIVERY = Table(
    "portal_delivery",
    SYSTEM,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("notice_id", BigInteger, ForeignKey("portal_notice.id", ondelete="CASCADE"),
           nullable=False),
    Column("account_id", Integer, nullable=False),
    Column("channel", String(20), nullable=False),
    Column("urgency", String(10), nullable=False),
    Column("state", String(12), nullable=False, server_default=text("'waiting'")),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("next_at", DateTime(timezone=True), nullable=False),
    Column("lease_until", DateTime(timezone=True)),
    Column("message", String(80)),
    Column("error", Text),
    Column("sent_at", DateTime(timezone=True)),
    UniqueConstraint("notice_id", "channel"),
    Index("ix_portal_delivery_due", "next_at",
          postgresql_where=text("state IN ('waiting', 'sending')")),
    Index("ix_portal_delivery_message", "account_id", "channel", "message"),
)  # fmt: skip

# A channel that fails again and again is left alone for a while.
BREAKER = Table(
    "portal_breaker",
    SYSTEM,
    Column("name", String(120), primary_key=True),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("open_until", DateTime(timezone=True)),
)

NOTICE_PREFERENCE = Table(
    "portal_notice_preference",
    SYSTEM,
    Column("account_id", Integer, primary_key=True),
    Column("mail", Boolean, nullable=False, server_default=text("true")),
    Column("robot_url", String(500), nullable=False, server_default=text("''")),
    Column("digest", Boolean, nullable=False, server_default=text("true")),
    Column("quiet_from", Time),
    Column("quiet_to", Time),
)

# One row for each lead of a record that a recipient was served: told, covered by a later lead, or withheld.
REMINDED = Table(
    "portal_reminded",
    SYSTEM,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("reminder", String(40), nullable=False),
    Column("record_id", BigInteger, nullable=False),
    Column("due", String(32), nullable=False),
    Column("lead", String(12), nullable=False),
    Column("account_id", Integer, nullable=False),
    Column("state", String(12), nullable=False),
    Column("lead_on", Date, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("reminder", "record_id", "due", "lead", "account_id",
                     name="uq_portal_reminded_once"),
)  # fmt: skip

# What administrators changed of a reminder; without a row it is as the schema says.
REMINDER_CHANGE = Table(
    "portal_reminder_change",
    SYSTEM,
    Column("reminder", String(40), primary_key=True),
    Column("changes", JSONB, nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    Column("changed_by", String(80), nullable=False),
)
