"""What an administrator does with accounts, and everybody with his own password."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.access.accounts import ACCESS_COUNTER
from app.access.actor import Actor
from app.audit.actions import AuditAction
from app.audit.chain import Entry, append
from app.kernel.errors import Forbidden, Invalid, NotFound
from app.kernel.messages import _l
from app.kernel.password_policy import Policy
from app.records.accounts import (
    NewAccount,
    create_account,
    new_password,
    password_is,
    refuse_weak,
    set_active,
    set_password,
    username_of,
)
from app.records.owners import refuse_last_account
from app.records.runtime import Runtime
from app.records.sessions import end_other_sessions, end_session, end_sessions
from app.storage.database import bump, current_revision

PART = "accounts"


@dataclass(frozen=True, slots=True)
class Desk:
    """Who works on accounts, in which session and when."""

    session: Session
    actor: Actor
    now: datetime
    address: str | None = None


def may_administer(actor: Actor) -> bool:
    """Whether the actor administers accounts."""
    return actor.administers(PART)


def end_one(desk: Desk, account_id: int, number: int) -> None:
    """End one session of an account; raises NotFound when it has no such session."""
    if not end_session(desk.session, number, account_id, desk.now):
        raise NotFound
    username = username_of(desk.session, account_id)
    note(desk, AuditAction.SESSION_ENDED, username, {"session": number})


def end_others(desk: Desk, sid_hash: str) -> None:
    """End all sessions of the actor but one."""
    assert desk.actor.account_id is not None
    end_other_sessions(desk.session, desk.actor.account_id, sid_hash, desk.now)
    note(desk, AuditAction.SESSIONS_ENDED, desk.actor.username, {"but": "this one"})


def end_all(desk: Desk, account_id: int) -> None:
    """End all sessions and tokens of an account, and the tasks that it asked for."""
    username = username_of(desk.session, account_id)
    end_sessions(desk.session, (account_id,), desk.now)
    note(desk, AuditAction.SESSIONS_ENDED, username, {})


def note(desk: Desk, action: AuditAction, username: str, changes: Mapping[str, Any]) -> None:
    """Write down what was done with an account, in the caller's transaction."""
    revision = current_revision(desk.session)
    append(
        desk.session,
        Entry(
            desk.now, desk.actor.account_id, desk.actor.username, action, revision,
            record_title=username, changes=dict(changes), address=desk.address,
        ),
    )  # fmt: skip


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


def open_or_close(desk: Desk, runtime: Runtime, account_id: int, *, active: bool) -> str:
    """Open or close somebody else's account and return its name; it holds from the next request on.

    Raises Refused for the last that administers or decides.
    """
    _not_oneself(desk, account_id)
    if not active:
        refuse_last_account(desk.session, runtime, account_id)
    username = username_of(desk.session, account_id)
    set_active(desk.session, username, active=active, now=desk.now, by=desk.actor.username)
    bump(desk.session, ACCESS_COUNTER)
    return username


def change_own(desk: Desk, old: str, new: str, again: str, policy: Policy) -> None:
    """Change one's own password; raises Invalid naming the field."""
    if not password_is(desk.session, desk.actor.username, old):
        raise Invalid({"old": (_l("This is not your present password."),)})
    choose(desk, desk.actor.username, new, again, policy)


def choose(desk: Desk, username: str, new: str, again: str, policy: Policy) -> None:
    """Set a password that the holder of an account has chosen; raises Invalid naming the field."""
    if new != again:
        raise Invalid({"again": (_l("The two entries differ."),)})
    refuse_weak(desk.session, username, new, policy)
    set_password(desk.session, username, new, now=desk.now, by=username, own=True)


# Private


def _not_oneself(desk: Desk, account_id: int) -> None:
    if account_id == desk.actor.account_id:
        raise Forbidden(_l("Somebody else must do this with your own account."))
