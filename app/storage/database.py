"""Engines, sessions and the unit of work: the only commit of the product."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from app.kernel.clock import Clock, SystemClock
from app.storage.encryption import KeyRing, give_keys
from app.storage.walls import ENGINE, SETTING

REVISION_LOCK = 7_201_001
APPLY_LOCK_TIMEOUT = "5s"
SIGNED_SIZE, SEALING_CLOCK = "portal_signed_size", "portal_sealing_clock"
BESIDE_ENGINE = "portal_beside"
# So many notes are saved at once beside other work; each takes a moment.
BESIDE = 2

# The revision is read in a snapshot of its own, after the lock was waited for. From then on the
# transaction is the portal's own: its rules look at rows that the actor may not read.
SHARE_REVISION_FUNCTION = f"""
CREATE OR REPLACE FUNCTION portal_share_revision() RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared({REVISION_LOCK});
    PERFORM set_config('{SETTING}', '{ENGINE}', true);
    RETURN (SELECT coalesce(max(number), 0) FROM portal_revision);
END $$
"""  # noqa: S608 - a constant of this module


def make_engine(
    url: str, *, pool_size: int = 8, ping: bool = False, signed: Callable[[], int] | None = None,
    clock: Clock | None = None, keys: KeyRing | None = None,
) -> Engine:  # fmt: skip
    """An engine on PostgreSQL; statements are planned with their values, which searches need.

    With ``ping`` a connection is tried before it is used, so that a restarted database is not noticed.
    ``signed`` says how many entries the trail had when it was signed last: a shorter one is not written to.
    ``clock`` is the one whose time its entries are sealed with, ``keys`` are those of encrypted fields.
    """

    def made(size: int, options: dict[str, Any]) -> Engine:
        engine = create_engine(
            url,
            execution_options={
                SIGNED_SIZE: signed, SEALING_CLOCK: clock or SystemClock(), **options
            },
            pool_size=size,
            max_overflow=4,
            pool_pre_ping=ping,
            pool_recycle=1800,
            connect_args={
                "prepare_threshold": None,
                "options": f"-c timezone=UTC -c statement_timeout=30000 -c {SETTING}={ENGINE.replace(' ', '')}",
            },
        )  # fmt: skip
        if keys is not None:
            give_keys(engine, keys)
        return engine

    beside = made(BESIDE, {})
    engine = made(pool_size, {BESIDE_ENGINE: beside})
    event.listen(engine, "engine_disposed", lambda _: beside.dispose())
    return engine


def session_beside(session: Session) -> Session:
    """A session for what is saved whatever becomes of ``session``, with connections of its own.

    Whoever holds a connection and waited for another of the same pool could wait for all who do likewise.
    """
    bind = session.get_bind()
    found: Engine | None = bind.get_execution_options().get(BESIDE_ENGINE)
    return Session(found or bind)


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
    return int(session.scalar(text("SELECT portal_share_revision()")) or 0)


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
