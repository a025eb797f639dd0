"""Sessions are begun, renewed and ended here; whoever ends those of an account ends all that hangs on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, text, update
from sqlalchemy.orm import Session

from app.access.accounts import account_state, epoch_counter
from app.access.sessions import Limits, Stage, hash_of
from app.storage.database import bump
from app.storage.session_tables import PORTAL_SESSION as TABLE

Door = Connection | Session
LONGEST_AGENT = 300
KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session that begins. ``sid`` is the identifier that only its holder ever has."""

    sid: str
    account_id: int
    kind: str
    address: str
    agent: str
    language: str | None = None
    stage: str = Stage.WHOLE
    factor_at: datetime | None = None
    kept: bytes | None = None


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session as a list of them shows it."""

    id: int
    sid_hash: str
    kind: str
    created_at: datetime
    seen_at: datetime
    address: str
    agent: str


def begin_session(session: Session, new: NewSession, now: datetime) -> None:
    """Keep a new session under the present epoch of its account."""
    values = {
        "sid_hash": hash_of(new.sid),
        "account_id": new.account_id,
        "epoch": account_state(session, new.account_id).epoch,
        "kind": new.kind,
        "stage": new.stage,
        "created_at": now,
        "seen_at": now,
        "proved_at": now,
        "factor_at": new.factor_at,
        "address": new.address[:45],
        "agent": new.agent[:LONGEST_AGENT],
        "language": new.language,
        "kept": new.kept,
    }
    session.execute(insert(TABLE).values(values))


def keep_session(session: Session, sid_hash: str, **values: object) -> None:
    """Write down what has changed of a session: when it was seen, what it remembers."""
    session.execute(update(TABLE).where(TABLE.c.sid_hash == sid_hash).values(**values))


def end_session(session: Session, number: int, account_id: int, now: datetime) -> bool:
    """End one session of an account; false when it has no such open session."""
    mine = (TABLE.c.id == number) & (TABLE.c.account_id == account_id)
    ended = update(TABLE).where(mine, TABLE.c.revoked_at.is_(None)).values(revoked_at=now)
    return session.execute(ended.returning(TABLE.c.id)).first() is not None


def end_sessions(door: Door, account_ids: Sequence[int], now: datetime) -> None:
    """End every session and token of some accounts, and the tasks that they asked for.

    The accounts are locked first, in order: a task that is about to end waits and is then refused.
    """
    locked = text("SELECT id FROM ab_user WHERE id = ANY(:ids) ORDER BY id FOR NO KEY UPDATE")
    for account_id in door.scalars(locked, {"ids": sorted(set(account_ids))}).all():
        bump(door, epoch_counter(account_id))
        mine = (TABLE.c.account_id == account_id) & TABLE.c.revoked_at.is_(None)
        door.execute(update(TABLE).where(mine).values(revoked_at=now))


def end_other_sessions(session: Session, account_id: int, sid_hash: str, now: datetime) -> None:
    """End all sessions of an account but one, which goes on under the new epoch."""
    end_sessions(session, (account_id,), now)
    epoch = account_state(session, account_id).epoch
    keep_session(session, sid_hash, revoked_at=None, epoch=epoch)


def open_sessions(
    session: Session, account_id: int, now: datetime, limits: Limits
) -> list[OpenSession]:
    """The sessions of an account that still hold, the one used last first."""
    columns = (TABLE.c[name] for name in OpenSession.__slots__)
    epoch = account_state(session, account_id).epoch
    mine = (TABLE.c.account_id == account_id) & (TABLE.c.epoch == epoch)
    held = (TABLE.c.created_at > now - limits.whole) & TABLE.c.revoked_at.is_(None)
    seen = (TABLE.c.seen_at > now - limits.idle) | (TABLE.c.kind != "browser")
    rows = session.execute(
        select(*columns).where(mine, held, seen).order_by(TABLE.c.seen_at.desc(), TABLE.c.id.desc())
    )
    return [OpenSession(*row) for row in rows]


def forget_sessions(session: Session, now: datetime) -> None:
    """Forget the sessions of long ago."""
    session.execute(delete(TABLE).where(TABLE.c.created_at < now - KEPT))
