"""Whether a name and a password belong together: the same work for every answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.kernel.errors import NotFound
from app.kernel.password_policy import Policy
from app.records.passwords import hash_password, is_outdated, is_password


@dataclass(frozen=True, slots=True)
class Proved:
    """An account whose password was right; ``must_change`` says that it needs another one first."""

    account_id: int
    username: str
    must_change: bool


def prove(
    session: Session, username: str, password: str, policy: Policy, now: datetime
) -> Proved | None:
    """The open account of this name and password; None for any other, after the same work."""
    found = text(
        "SELECT u.id, u.username, u.password, u.active, p.must_change, p.set_at FROM ab_user u"
        " LEFT JOIN portal_password p ON p.account_id = u.id WHERE lower(u.username) = lower(:username)"
    )
    row = session.execute(found, {"username": username}).first()
    right = is_password(row.password if row else None, password)
    if row is None or not right or not row.active:
        return None
    if is_outdated(row.password):
        better = text("UPDATE ab_user SET password = :password WHERE id = :id")
        session.execute(better, {"password": hash_password(password), "id": row.id})
    return Proved(int(row.id), row.username, _must_change(row, policy, now))


def known(session: Session, account_id: int, policy: Policy, now: datetime) -> Proved:
    """An account that has proved itself before, and whether its password is still good; NotFound without it."""
    row = session.execute(
        text(
            "SELECT u.id, u.username, p.must_change, p.set_at FROM ab_user u"
            " LEFT JOIN portal_password p ON p.account_id = u.id WHERE u.id = :id"
        ),
        {"id": account_id},
    ).first()
    if row is None:
        raise NotFound
    return Proved(int(row.id), row.username, _must_change(row, policy, now))


def open_account(session: Session, username: str) -> int | None:
    """The id of the open account of this name; None when there is none, or it is closed."""
    found: int | None = session.scalar(
        text("SELECT id FROM ab_user WHERE lower(username) = lower(:username) AND active"),
        {"username": username},
    )
    return found


def note_sign_in(session: Session, account_id: int, now: datetime) -> None:
    """Write down when the account was last signed in."""
    seen = text(
        "UPDATE ab_user SET last_login = :now, login_count = coalesce(login_count, 0) + 1 WHERE id = :id"
    )
    session.execute(seen, {"now": now.replace(tzinfo=None), "id": account_id})


# Private


def _must_change(row: Any, policy: Policy, now: datetime) -> bool:
    old = bool(policy.lasts) and row.set_at is not None and now - row.set_at >= policy.lasts
    return bool(row.must_change) or old
