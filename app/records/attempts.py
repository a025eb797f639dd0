"""Attempts to prove who one is: counted in the database before they are looked at, slowed down, never locked out."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from app.storage.session_tables import PORTAL_ATTEMPT as TABLE

FORGOTTEN_AFTER = timedelta(hours=1)
# Who fails this often waits, twice as long each time.
COUNT = text(
    "INSERT INTO portal_attempt AS a (key, failures, last_at, free_at) VALUES (:key, 1, :now, :now)"
    " ON CONFLICT (key) DO UPDATE SET last_at = :now,"
    " failures = CASE WHEN a.last_at < :old THEN 1 ELSE a.failures + 1 END,"
    " free_at = :now + make_interval(secs => CASE"
    " WHEN a.last_at < :old OR a.failures + 1 < :free THEN 0"
    " ELSE least(:most, :first * power(2, least(a.failures + 1 - :free, 20))) END)"
    " WHERE a.free_at <= :now RETURNING failures"
)


@dataclass(frozen=True, slots=True)
class Limit:
    """After ``free`` failures one waits ``first`` seconds, then twice as long each time, ``most`` at the most."""

    free: int
    first: float
    most: float


BY_ACCOUNT_AND_ADDRESS = Limit(5, 5, 900)
BY_ADDRESS = Limit(50, 5, 300)
BY_SECOND_FACTOR = Limit(5, 5, 900)
NOTED_REFUSALS = Limit(30, 3600, 3600)


@dataclass(frozen=True, slots=True)
class Bucket:
    """What attempts have in common, with how many of them are borne."""

    name: str
    limit: Limit

    @property
    def key(self) -> str:
        """What the table knows of it."""
        return hashlib.sha256(self.name.encode()).hexdigest()


def sign_in_buckets(username: str, address: str) -> tuple[Bucket, Bucket]:
    """Those of an attempt to sign in: the same account from elsewhere is another bucket."""
    return (
        Bucket(f"sign-in\0{username.lower()}\0{address}", BY_ACCOUNT_AND_ADDRESS),
        Bucket(f"address\0{address}", BY_ADDRESS),
    )


def second_factor_bucket(account_id: int) -> Bucket:
    """That of the codes of an account, from wherever they come: the password was right already."""
    return Bucket(f"second factor\0{account_id}", BY_SECOND_FACTOR)


def refusals_bucket(account_id: int) -> Bucket:
    """That of the records which were kept from an account."""
    return Bucket(f"refusals\0{account_id}", NOTED_REFUSALS)


def wait_of(session: Session, buckets: tuple[Bucket, ...], now: datetime) -> int:
    """Count an attempt; how many seconds to wait before it is looked at, 0 when it may go on."""
    for bucket in buckets:
        limit = bucket.limit
        values = {
            "key": bucket.key, "now": now, "old": now - FORGOTTEN_AFTER, "free": limit.free,
            "first": limit.first, "most": limit.most,
        }  # fmt: skip
        if session.execute(COUNT, values).first() is None:
            free_at = session.scalar(select(TABLE.c.free_at).where(TABLE.c.key == bucket.key))
            return max(1, round((free_at - now).total_seconds())) if free_at else 1
    return 0


def forgive(session: Session, buckets: tuple[Bucket, ...]) -> None:
    """The attempt was good: forget the failures of the first bucket, and take this one back from the others."""
    session.execute(delete(TABLE).where(TABLE.c.key == buckets[0].key))
    for bucket in buckets[1:]:
        back = text(
            "UPDATE portal_attempt SET failures = greatest(failures - 1, 0), free_at = last_at WHERE key = :key"
        )
        session.execute(back, {"key": bucket.key})


def forget_attempts(session: Session, now: datetime) -> None:
    """Forget what no longer counts."""
    session.execute(delete(TABLE).where(TABLE.c.last_at < now - FORGOTTEN_AFTER))
