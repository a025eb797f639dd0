"""Engines, sessions and the unit of work: the only commit of the product."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.orm import Session, scoped_session, sessionmaker

REVISION_LOCK = 7_201_001
APPLY_LOCK_TIMEOUT = "5s"


def make_engine(url: str, *, pool_size: int = 8, ping: bool = False) -> Engine:
    """An engine on PostgreSQL; statements are planned with their values, which searches need.

    With ``ping`` a connection is tried before it is used, so that a restarted database is not noticed.
    """
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=4,
        pool_pre_ping=ping,
        pool_recycle=1800,
        connect_args={
            "prepare_threshold": None,
            "options": "-c timezone=UTC -c statement_timeout=30000",
        },
    )


def make_sessions(engine: Engine) -> scoped_session[Session]:
    """Sessions by thread over ``engine``; nothing is flushed behind the caller's back."""
    return scoped_session(sessionmaker(engine, autoflush=False, expire_on_commit=False))


@contextmanager
def unit_of_work(session: Session) -> Iterator[Session]:
    """Everything inside is saved together, or nothing is."""
    try:
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise


@contextmanager
def read_only(session: Session) -> Iterator[Session]:
    """Reads that leave nothing behind, whatever happens inside."""
    try:
        yield session
    finally:
        session.rollback()


def current_revision(connection: Connection | Session) -> int:
    """The number of the schema revision that the database has; 0 before the first."""
    return int(connection.scalar(text("SELECT coalesce(max(number), 0) FROM portal_revision")) or 0)


def share_revision(session: Session) -> int:
    """The revision, held still until the transaction ends; an apply waits for us, we for it."""
    session.execute(text("SELECT pg_advisory_xact_lock_shared(:key)"), {"key": REVISION_LOCK})
    return current_revision(session)


def own_revision(connection: Connection) -> None:
    """Be the only one who changes tables until the transaction ends; waits a few seconds."""
    connection.execute(text(f"SET LOCAL lock_timeout = '{APPLY_LOCK_TIMEOUT}'"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": REVISION_LOCK})


def bump(session: Session | Connection, counter: str) -> None:
    """Make every process see that what hangs on ``counter`` has changed."""
    session.execute(
        text(
            "INSERT INTO portal_counter (name, value) VALUES (:name, 1)"
            " ON CONFLICT (name) DO UPDATE SET value = portal_counter.value + 1"
        ),
        {"name": counter},
    )
