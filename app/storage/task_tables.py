"""Work that happens by itself: what is to be done, and which moments were already served."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    String,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from app.storage.tables import SYSTEM

TASK = Table(
    "portal_task",
    SYSTEM,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("kind", String(60), nullable=False),
    Column("key", String(200), unique=True),
    Column("title", JSONB, nullable=False),
    Column("arguments", JSONB, nullable=False, server_default=text("'{}'")),
    Column("account_id", Integer),
    Column("epoch", Integer, nullable=False, server_default=text("0")),
    Column("language", String(10), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("state", String(12), nullable=False, server_default=text("'ready'")),
    Column("run_at", DateTime(timezone=True), server_default=func.now(), nullable=False),
    Column("sent_at", DateTime(timezone=True)),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("lease_until", DateTime(timezone=True)),
    Column("fence", BigInteger, nullable=False, server_default=text("0")),
    Column("worker", String(120)),
    Column("done", BigInteger, nullable=False, server_default=text("0")),
    Column("total", BigInteger),
    Column("cancel_asked", Boolean, nullable=False, server_default=text("false")),
    Column("result", JSONB),
    Column("problem", JSONB),
    Column("detail", Text),
    Column("created_at", DateTime(timezone=True), server_default=func.now(), nullable=False),
    Column("started_at", DateTime(timezone=True)),
    Column("ended_at", DateTime(timezone=True)),
    Index("ix_portal_task_due", "run_at", postgresql_where=text("state IN ('ready', 'running')")),
    Index("ix_portal_task_account_id", "account_id", "id"),
)

# One row for each moment that a schedule served: whoever inserts it does the work.
SLOT = Table(
    "portal_slot",
    SYSTEM,
    Column("schedule", String(60), primary_key=True),
    Column("moment", DateTime(timezone=True), primary_key=True),
    Column("task_id", BigInteger),
)
