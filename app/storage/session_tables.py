"""Sessions of people and programs, what an account proves itself with, and attempts that failed."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Integer,
    LargeBinary,
    String,
    Table,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from app.storage.tables import SYSTEM

# ``sid_hash`` is the SHA-256 of the identifier, so that a reader of the table can impersonate nobody;
# ``kept`` is sealed with a key made from the identifier itself.
PORTAL_SESSION = Table(
    "portal_session",
    SYSTEM,
    Column("sid_hash", String(64), primary_key=True),
    Column("id", BigInteger, Identity(), nullable=False, unique=True),
    Column("account_id", Integer, nullable=False, index=True),
    Column("epoch", BigInteger, nullable=False),
    Column("kind", String(10), nullable=False),
    Column("stage", String(10), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, index=True),
    Column("seen_at", DateTime(timezone=True), nullable=False),
    Column("proved_at", DateTime(timezone=True), nullable=False),
    Column("factor_at", DateTime(timezone=True)),
    Column("revoked_at", DateTime(timezone=True)),
    Column("address", String(45), nullable=False),
    Column("agent", String(300), nullable=False),
    Column("language", String(10)),
    Column("kept", LargeBinary),
)

# What is known of an account's password beside its hash: ``former`` are earlier hashes, newest first.
PORTAL_PASSWORD = Table(
    "portal_password",
    SYSTEM,
    Column("account_id", Integer, primary_key=True, autoincrement=False),
    Column("set_at", DateTime(timezone=True), nullable=False),
    Column("must_change", Boolean, nullable=False),
    Column("former", JSONB, nullable=False, server_default=text("'[]'")),
)

# The one link by which the holder of an account may choose a new password; what it holds follows from
# the nonce and a key in the home, so that a reader of the table cannot make it.
PORTAL_RESET = Table(
    "portal_reset",
    SYSTEM,
    Column("account_id", Integer, primary_key=True, autoincrement=False),
    Column("nonce", String(64), nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
)

# A role that somebody with the server alone wants to give: it waits, so that any owner can stop it.
PORTAL_BREAK_GLASS = Table(
    "portal_break_glass",
    SYSTEM,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("account_id", Integer, nullable=False),
    Column("role", String(40), nullable=False),
    Column("why", String(500), nullable=False),
    Column("by", String(80), nullable=False),
    Column("asked_at", DateTime(timezone=True), nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
    Column("cancelled_by", Integer),
)

# Attempts that failed, by the digest of what they have in common; none is let through before ``free_at``.
PORTAL_ATTEMPT = Table(
    "portal_attempt",
    SYSTEM,
    Column("key", String(64), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_at", DateTime(timezone=True), nullable=False, index=True),
    Column("free_at", DateTime(timezone=True), nullable=False),
)

# The second factor of an account: the secret sealed with a key from the home, the digests of the
# recovery codes, and the newest time step whose code was taken, so that none is taken twice.
PORTAL_FACTOR = Table(
    "portal_factor",
    SYSTEM,
    Column("account_id", Integer, primary_key=True, autoincrement=False),
    Column("secret", LargeBinary, nullable=False),
    Column("codes", JSONB, nullable=False),
    Column("last_step", BigInteger, nullable=False),
    Column("set_at", DateTime(timezone=True), nullable=False),
)

# A form that was sent after its session had ended: sealed under a key made from what ``digest`` is the
# digest of, for its account alone.
PORTAL_KEPT_FORM = Table(
    "portal_kept_form",
    SYSTEM,
    Column("digest", String(64), primary_key=True),
    Column("account_id", Integer, nullable=False, index=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, index=True),
)
