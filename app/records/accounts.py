"""Accounts as Flask-AppBuilder keeps them: made, found, given a password; each deed is noted."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session
from werkzeug.security import check_password_hash, generate_password_hash

from app.access.accounts import ACCESS_COUNTER, epoch_counter
from app.audit.actions import AuditAction
from app.audit.chain import Entry, append
from app.kernel.errors import Invalid, NotFound, Refused
from app.kernel.messages import _l
from app.kernel.strength import is_default_password
from app.records.runtime import Runtime
from app.storage.database import bump, current_revision

SHORTEST_PASSWORD = 10
LONGEST_NAME = 64
# Letters and digits that nobody mistakes for one another.
PASSWORD_LETTERS = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # noqa: S105 - an alphabet
NOWHERE = "portal.invalid"

ROLE_ASSIGNMENT = "role_assignment"
KEEP_ROLES = text(
    "WITH wanted AS (SELECT DISTINCT a.account_id AS user_id, r.id AS role_id"
    " FROM role_assignment a JOIN ab_role r ON r.name = a.role WHERE a.deleted_at IS NULL"
    " AND a.valid_from <= :today AND (a.valid_to IS NULL OR a.valid_to >= :today)),"
    " gone AS (DELETE FROM ab_user_role h WHERE NOT EXISTS (SELECT 1 FROM wanted w"
    " WHERE w.user_id = h.user_id AND w.role_id = h.role_id))"
    " INSERT INTO ab_user_role (id, user_id, role_id)"
    " SELECT nextval('ab_user_role_id_seq'), w.user_id, w.role_id FROM wanted w WHERE NOT EXISTS"
    " (SELECT 1 FROM ab_user_role h WHERE h.user_id = w.user_id AND h.role_id = w.role_id)"
)

Door = Connection | Session


@dataclass(frozen=True, slots=True)
class NewAccount:
    """What an account begins with; without ``email`` it has an address that leads nowhere."""

    username: str
    password: str
    name: str = ""
    email: str | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """An account as a list shows it."""

    id: int
    username: str
    name: str
    active: bool
    last_login: datetime | None


def new_password(length: int = 16) -> str:
    """A password by chance."""
    return "".join(secrets.choice(PASSWORD_LETTERS) for _ in range(length))


def create_account(door: Door, new: NewAccount, *, now: datetime, by: str) -> int:
    """Make an account and return its id; raises Invalid, and Refused when the name is taken."""
    username = new.username.strip()
    if not username or len(username) > LONGEST_NAME or any(char.isspace() for char in username):
        raise Invalid({"username": (_l("A user name has 1 to 64 characters and no spaces."),)})
    _fit_password(new.password, username)
    if find_account(door, username) is not None:
        raise Refused(_l("There is already an account %(username)s.", username=username))
    first, last = split_name(new.name or username)
    account_id = door.scalar(
        text(
            "INSERT INTO ab_user (id, username, first_name, last_name, email, password, active,"
            " created_on, changed_on) VALUES (nextval('ab_user_id_seq'), :username, :first, :last,"
            " :email, :password, true, :now, :now) ON CONFLICT DO NOTHING RETURNING id"
        ),
        {
            "username": username,
            "first": first,
            "last": last,
            "email": new.email or f"{username}@{NOWHERE}",
            "password": generate_password_hash(new.password),
            "now": now.replace(tzinfo=None),
        },
    )
    if account_id is None:
        raise Refused(_l("Another account has this e-mail address."))
    _note(door, AuditAction.ACCOUNT_CREATED, username, now=now, by=by)
    return int(account_id)


def set_password(door: Door, username: str, password: str, *, now: datetime, by: str) -> None:
    """Give an account another password, which ends its sessions; raises Invalid, Refused."""
    _fit_password(password, username)
    account_id = known_account(door, username)
    door.execute(
        text("UPDATE ab_user SET password = :password, changed_on = :now WHERE id = :id"),
        {
            "password": generate_password_hash(password),
            "now": now.replace(tzinfo=None),
            "id": account_id,
        },
    )
    bump(door, epoch_counter(account_id))
    _note(door, AuditAction.PASSWORD_SET, username, now=now, by=by)


def set_active(door: Door, username: str, *, active: bool, now: datetime, by: str) -> None:
    """Open or close an account, which ends its sessions for good; raises Refused when there is none."""
    account_id = known_account(door, username)
    door.execute(
        text("UPDATE ab_user SET active = :active, changed_on = :now WHERE id = :id"),
        {"active": active, "now": now.replace(tzinfo=None), "id": account_id},
    )
    bump(door, epoch_counter(account_id))
    deed = AuditAction.ACCOUNT_OPENED if active else AuditAction.ACCOUNT_CLOSED
    _note(door, deed, username, now=now, by=by)


def password_is(door: Door, username: str, password: str) -> bool:
    """Whether the password is that of the account."""
    kept = door.scalar(
        text("SELECT password FROM ab_user WHERE username = :username"), {"username": username}
    )
    return bool(kept) and check_password_hash(kept, password)


def username_of(door: Door, account_id: int) -> str:
    """The name of an account; raises NotFound when there is none."""
    found = door.scalar(text("SELECT username FROM ab_user WHERE id = :id"), {"id": account_id})
    if found is None:
        raise NotFound
    return str(found)


def find_account(door: Door, username: str) -> int | None:
    """The id of an account by its name, whatever the case of its letters."""
    found: int | None = door.scalar(
        text("SELECT id FROM ab_user WHERE lower(username) = lower(:username)"),
        {"username": username},
    )
    return found


def known_account(door: Door, username: str) -> int:
    """As ``find_account``; raises Refused when there is none."""
    found = find_account(door, username)
    if found is None:
        raise Refused(_l("There is no account %(username)s.", username=username))
    return found


def accounts(door: Door) -> Iterator[Account]:
    """All accounts by name."""
    rows = door.execute(
        text(
            "SELECT id, username, first_name, last_name, active, last_login FROM ab_user"
            " ORDER BY username"
        )
    )
    for row in rows:
        name = full_name(row.first_name, row.last_name) or row.username
        yield Account(row.id, row.username, name, bool(row.active), row.last_login)


def keep_roles(door: Door, today: date) -> None:
    """Bring Flask-AppBuilder's table of roles held in step with the role assignments of ``today``."""
    door.execute(KEEP_ROLES, {"today": today})


def rights_changed(session: Session, runtime: Runtime, entity: str) -> None:
    """After a write of ``entity``: whoever's rights may hang on it is looked at anew."""
    portal = runtime.schema.portal
    if entity == ROLE_ASSIGNMENT:
        keep_roles(session, runtime.moment().today)
    if entity in (ROLE_ASSIGNMENT, portal.tree, portal.person_entity):
        bump(session, ACCESS_COUNTER)


def split_name(name: str) -> tuple[str, str]:
    """First and last name; in Chinese names the first character is the family's."""
    if any("\u4e00" <= char <= "\u9fff" for char in name):
        return name[1:LONGEST_NAME], name[:1]
    first, _, last = name.rpartition(" ")
    return (first or last)[:LONGEST_NAME], (last if first else "")[:LONGEST_NAME]


def full_name(first: str, last: str) -> str:
    """The name as it is said: family first in Chinese."""
    chinese = any("\u4e00" <= char <= "\u9fff" for char in first + last)
    return f"{last}{first}" if chinese else f"{first} {last}".strip()


# Private


def _fit_password(password: str, username: str) -> None:
    if len(password) < SHORTEST_PASSWORD:
        text_ = _l("A password has at least %(count)s characters.", count=SHORTEST_PASSWORD)
        raise Invalid({"password": (text_,)})
    if is_default_password(password, username):
        text_ = _l("This password is one of the first that anybody would try.")
        raise Invalid({"password": (text_,)})


def _note(door: Door, action: AuditAction, username: str, *, now: datetime, by: str) -> None:
    revision = current_revision(door)
    append(door, Entry(now, None, by, action, revision, record_title=username))
