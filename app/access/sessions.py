"""Sessions as they are read at each request: one statement tells the session and its account's standing."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.access.accounts import ACCESS_COUNTER, Standing

SEEN_EVERY = timedelta(minutes=1)


class SessionKind(StrEnum):
    """Who holds a session."""

    BROWSER = "browser"
    PROGRAM = "program"


class Stage(StrEnum):
    """How far a sign-in has come; only a whole one lets its account in."""

    WHOLE = "whole"
    FACTOR = "factor"
    ENROL = "enrol"
    PASSWORD = "password"  # noqa: S105 - the name of a step


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a session lasts without a request, and altogether."""

    idle: timedelta
    whole: timedelta


@dataclass(frozen=True, slots=True)
class Sitting:
    """A session with the standing of its account. ``kept`` is sealed under the identifier."""

    id: int
    sid_hash: str
    account_id: int
    epoch: int
    kind: str
    stage: str
    created_at: datetime
    seen_at: datetime
    proved_at: datetime
    factor_at: datetime | None
    language: str | None
    kept: bytes | None
    standing: Standing

    def alive(self, now: datetime, limits: Limits) -> bool:
        """Whether the session still holds; programs renew their tokens, so no pause ends theirs."""
        idle = self.kind == SessionKind.BROWSER and now - self.seen_at >= limits.idle
        same = self.standing.active and self.epoch == self.standing.epoch
        return same and not idle and now - self.created_at < limits.whole

    @property
    def whole(self) -> bool:
        """Whether nothing is left to do before the account is let in."""
        return self.stage == Stage.WHOLE


def hash_of(sid: str) -> str:
    """What the database knows of an identifier."""
    return hashlib.sha256(sid.encode()).hexdigest()


def find_sitting(session: Session, sid_hash: str) -> Sitting | None:
    """The session with an identifier of this hash; None when there is none or it was ended."""
    row = session.execute(
        text(
            "SELECT s.id, s.sid_hash, s.account_id, s.epoch, s.kind, s.stage, s.created_at, s.seen_at,"
            " s.proved_at, s.factor_at, s.language, s.kept, u.active,"
            " (SELECT value FROM portal_counter WHERE name = :counter) AS rights,"
            " (SELECT value FROM portal_counter WHERE name = 'epoch:' || s.account_id) AS now_epoch"
            " FROM portal_session s JOIN ab_user u ON u.id = s.account_id"
            " WHERE s.sid_hash = :sid_hash AND s.revoked_at IS NULL"
        ),
        {"sid_hash": sid_hash, "counter": ACCESS_COUNTER},
    ).first()
    if row is None:
        return None
    standing = Standing(bool(row.active), int(row.rights or 0), int(row.now_epoch or 0))
    read = {name: getattr(row, name) for name in Sitting.__slots__ if name != "standing"}
    return Sitting(**read, standing=standing)
