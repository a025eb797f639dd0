"""What an administrator does with accounts, and everybody with his own password."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.access.accounts import ACCESS_COUNTER
from app.access.actor import Actor
from app.kernel.errors import Forbidden, Invalid
from app.kernel.messages import _l
from app.records.accounts import (
    NewAccount,
    create_account,
    new_password,
    password_is,
    set_active,
    set_password,
    username_of,
)
from app.storage.database import bump

PART = "accounts"


@dataclass(frozen=True, slots=True)
class Desk:
    """Who works on accounts, in which session and when."""

    session: Session
    actor: Actor
    now: datetime


def may_administer(actor: Actor) -> bool:
    """Whether the actor administers accounts."""
    return actor.administers(PART)


def add(desk: Desk, username: str, name: str, email: str) -> str:
    """Make an account and return its first password, which is shown once; raises Invalid, Refused."""
    password = new_password()
    new = NewAccount(username, password, name, email or None)
    create_account(desk.session, new, now=desk.now, by=desk.actor.username)
    return password


def give_password(desk: Desk, account_id: int) -> tuple[str, str]:
    """A new password for somebody else's account: (user name, password); raises Forbidden, Refused."""
    _not_oneself(desk, account_id)
    username, password = username_of(desk.session, account_id), new_password()
    set_password(desk.session, username, password, now=desk.now, by=desk.actor.username)
    return username, password


def open_or_close(desk: Desk, account_id: int, *, active: bool) -> str:
    """Open or close somebody else's account and return its name; it holds from the next request on."""
    _not_oneself(desk, account_id)
    username = username_of(desk.session, account_id)
    set_active(desk.session, username, active=active, now=desk.now, by=desk.actor.username)
    bump(desk.session, ACCESS_COUNTER)
    return username


def change_own(desk: Desk, old: str, new: str, again: str) -> None:
    """Change one's own password; raises Invalid naming the field."""
    if not password_is(desk.session, desk.actor.username, old):
        raise Invalid({"old": (_l("This is not your present password."),)})
    if new != again:
        raise Invalid({"again": (_l("The two entries differ."),)})
    set_password(desk.session, desk.actor.username, new, now=desk.now, by=desk.actor.username)


# Private


def _not_oneself(desk: Desk, account_id: int) -> None:
    if account_id == desk.actor.account_id:
        raise Forbidden(_l("Somebody else must do this with your own account."))
