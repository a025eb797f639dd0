"""Accounts as Flask-AppBuilder keeps them: made, found, given a password; each deed is noted."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.access.accounts import ACCESS_COUNTER
from app.audit.actions import AuditAction
from app.audit.chain import Entry, append
from app.kernel.errors import Invalid, NotFound, Refused
from app.kernel.messages import _l
from app.kernel.password_policy import Policy, faults_of
from app.kernel.strength import is_default_password
from app.records.owners import refuse_last_assignment
from app.records.passwords import hash_password, is_password
from app.records.runtime import Runtime
from app.records.sessions import end_sessions
from app.storage.database import bump, current_revision
from app.storage.schedule_tables import REPORT_SCHEDULE
from app.storage.session_tables import PORTAL_PASSWORD

SHORTEST_PASSWORD = 10
MOST_FORMER = 10
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
    """What an account begins with; without ``email`` it has an address that leads nowhere.

    A ``first`` password is known to whoever made the account, so its holder chooses another one.
    """

    username: str
    password: str
    name: str = ""
    email: str | None = None
    first: bool = True


@dataclass(frozen=True, slots=True)
class Account:
    """An account as a list shows it."""

    id: int
    username: str
    name: str
    active: bool
    last_login: datetime | None


def new_password(length: int = 16) -> str:
    """A password by chance, with letters of both sizes and digits."""
    while True:
        made = "".join(secrets.choice(PASSWORD_LETTERS) for _ in range(length))
        if all(re.search(kind, made) for kind in ("[a-z]", "[A-Z]", "[0-9]")):
            return made


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
            "password": hash_password(new.password),
            "now": now.replace(tzinfo=None),
        },
    )
    if account_id is None:
        raise Refused(_l("Another account has this e-mail address."))
    _keep_password(door, int(account_id), now, former=(), must_change=new.first)
    _note(door, AuditAction.ACCOUNT_CREATED, username, now=now, by=by)
    return int(account_id)


def set_password(
    door: Door, username: str, password: str, *, now: datetime, by: str, own: bool = False
) -> None:
    """Give an account another password, which ends its sessions; raises Invalid, Refused.

    One that is not its holder's ``own`` choice has to be changed when signing in.
    """
    _fit_password(password, username)
    account_id = known_account(door, username)
    former = _former(door, account_id)[:MOST_FORMER]
    _keep_password(door, account_id, now, former=former, must_change=not own)
    door.execute(
        text("UPDATE ab_user SET password = :password, changed_on = :now WHERE id = :id"),
        {
            "password": hash_password(password),
            "now": now.replace(tzinfo=None),
            "id": account_id,
        },
    )
    end_sessions(door, (account_id,), now)
    _note(door, AuditAction.PASSWORD_SET, username, now=now, by=by)


def set_active(door: Door, username: str, *, active: bool, now: datetime, by: str) -> None:
    """Open or close an account, which ends its sessions for good; raises Refused when there is none."""
    account_id = known_account(door, username)
    door.execute(
        text("UPDATE ab_user SET active = :active, changed_on = :now WHERE id = :id"),
        {"active": active, "now": now.replace(tzinfo=None), "id": account_id},
    )
    end_sessions(door, (account_id,), now)
    if not active:
        # What came by itself does not come again by itself when the account is opened.
        mine = REPORT_SCHEDULE.c.owner_id == account_id
        door.execute(update(REPORT_SCHEDULE).where(mine).values(active=False))
    deed = AuditAction.ACCOUNT_OPENED if active else AuditAction.ACCOUNT_CLOSED
    _note(door, deed, username, now=now, by=by)


def password_is(door: Door, username: str, password: str) -> bool:
    """Whether the password is that of the account."""
    kept = door.scalar(
        text("SELECT password FROM ab_user WHERE username = :username"), {"username": username}
    )
    return is_password(kept, password)


def refuse_weak(door: Door, username: str, password: str, policy: Policy) -> None:
    """Raise Invalid unless somebody may choose this password for an account."""
    row = door.execute(
        text("SELECT id, first_name, last_name FROM ab_user WHERE lower(username) = lower(:name)"),
        {"name": username},
    ).first()
    names = [username, *_spoken(full_name(row.first_name, row.last_name))] if row else [username]
    faults = list(faults_of(password, policy, names))
    if not faults and row is not None and policy.remembered:
        former = _former(door, row.id)[: policy.remembered]
        if any(is_password(kept, password) for kept in former):
            text_ = _l("None of the last %(count)s passwords may be used again.",
                       count=policy.remembered)  # fmt: skip
            faults.append(text_)
    if faults:
        raise Invalid({"password": tuple(faults)})


def username_of(door: Door, account_id: int) -> str:
    """The name of an account; raises NotFound when there is none."""
    found = door.scalar(text("SELECT username FROM ab_user WHERE id = :id"), {"id": account_id})
    if found is None:
        raise NotFound
    return str(found)


def known_by(door: Door, account_id: int) -> tuple[str, bool]:
    """An account's address ("" when it leads nowhere), and whether its password is not its holder's own choice."""
    row = door.execute(
        text(
            "SELECT u.email, p.must_change FROM ab_user u LEFT JOIN portal_password p ON p.account_id = u.id"
            " WHERE u.id = :id"
        ),
        {"id": account_id},
    ).first()
    mail = row.email if row is not None and row.email else ""
    return "" if mail.endswith(f"@{NOWHERE}") else mail, row is None or bool(row.must_change)


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


def rights_changed(
    session: Session,
    runtime: Runtime,
    entity: str,
    ids: Sequence[int],
    before: Mapping[str, Any] | None = None,
) -> None:
    """After a write of some rows of ``entity``: whoever's rights may hang on it is looked at anew.

    Whoever gains or loses a role signs in again; ``before`` is what a changed row said. Raises Refused
    when nobody would be left to administer or to decide.
    """
    portal = runtime.schema.portal
    if entity == ROLE_ASSIGNMENT:
        refuse_last_assignment(session, runtime, before)
        keep_roles(session, runtime.moment().today)
        held = text("SELECT DISTINCT account_id FROM role_assignment WHERE id = ANY(:ids)")
        touched = set(session.scalars(held, {"ids": list(ids)}))
        touched.add((before or {}).get("account"))
        end_sessions(session, [one for one in touched if one], runtime.clock.now())
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


def _former(door: Door, account_id: int) -> list[str]:
    """The hashes of the present and of earlier passwords, newest first."""
    row = door.execute(
        text(
            "SELECT u.password, p.former FROM ab_user u"
            " LEFT JOIN portal_password p ON p.account_id = u.id WHERE u.id = :id"
        ),
        {"id": account_id},
    ).one()
    return [row.password, *(row.former or ())] if row.password else []


def _keep_password(
    door: Door, account_id: int, now: datetime, *, former: Sequence[str], must_change: bool
) -> None:
    values = {"set_at": now, "must_change": must_change, "former": list(former)}
    statement = insert(PORTAL_PASSWORD).values(account_id=account_id, **values)
    door.execute(statement.on_conflict_do_update(index_elements=["account_id"], set_=values))


def _spoken(name: str) -> list[str]:
    """How a name is typed: in pinyin, in both orders, and by its initials."""
    from pypinyin import lazy_pinyin  # its dictionary costs memory that readers need not pay

    parts = [part.lower() for part in lazy_pinyin(name) if part.strip()]
    whole = "".join("".join(parts).split())
    turned = "".join([*parts[1:], *parts[:1]])
    return [one for one in (whole, turned, *parts, "".join(part[0] for part in parts)) if one]


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
