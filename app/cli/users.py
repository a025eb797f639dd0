"""``portal users``: accounts, their passwords and the roles that they hold."""

from __future__ import annotations

import getpass
from datetime import date, datetime

import click
from sqlalchemy import Connection, Engine, select
from sqlalchemy.orm import Session, sessionmaker

from app.access.actor import system_actor
from app.audit.actions import AuditAction
from app.audit.chain import Entry, append
from app.cli.speech import language, say
from app.factory import open_runtime
from app.features.accounts import break_glass
from app.hosting.launch import connected
from app.kernel.errors import Refused
from app.kernel.messages import Label, _l
from app.language.definitions import Rights, Role
from app.records.accounts import (
    NewAccount,
    accounts,
    create_account,
    known_account,
    new_password,
    refuse_weak,
    set_password,
)
from app.records.gateway import records_for
from app.records.owners import owners
from app.records.policies import policy_of
from app.records.runtime import Runtime
from app.records.second_factor import remove_factor
from app.records.sessions import end_sessions
from app.settings import read_settings

ASKED = click.option("--ask", is_flag=True, help="Type the password instead of having one made.")
GRANTED = "role_assignment"
SET_PASSWORD = Label("重设了密码", "has set the password of")
FORGOT_FACTOR = Label("取消了二次验证", "has removed the second factor of")


@click.group()
def users() -> None:
    """Accounts, passwords and roles."""


@users.command("list")
def list_() -> None:
    """Show the accounts with their roles."""
    with open_runtime(connected(read_settings())) as (runtime, engines):
        held = _held(runtime, engines.owner)
        with engines.owner.connect() as connection:
            for one in accounts(connection):
                mark = " " if one.active else "-"
                click.echo(
                    f"{mark} {one.username:20} {one.name:16} {', '.join(held.get(one.id, []))}"
                )


@users.command()
@click.argument("username")
@click.option("--name", default="", help="The person's name.")
@click.option("--email", help="The person's e-mail address.")
@ASKED
def create(username: str, *, name: str, email: str | None, ask: bool) -> None:
    """Make an account."""
    with open_runtime(connected(read_settings())) as (runtime, engines):
        new = NewAccount(username, _password(ask=ask), name, email)
        with engines.owner.begin() as connection:
            _refuse_weak(connection, username, new.password, ask=ask)
            create_account(connection, new, now=runtime.clock.now(), by=_by())
        say(_l("The account %(username)s is ready.", username=username))
        _tell(new.password, ask=ask)


@users.command("set-password")
@click.argument("username")
@ASKED
def set_password_(username: str, *, ask: bool) -> None:
    """Give an account another password."""
    with open_runtime(connected(read_settings())) as (runtime, engines):
        password = _password(ask=ask)
        with sessionmaker(engines.app, autoflush=False)() as session, session.begin():
            _refuse_weak(session, username, password, ask=ask)
            set_password(session, username, password, now=runtime.clock.now(), by=_by())
            _tell_owners(runtime, session, username, SET_PASSWORD)
        say(_l("The account %(username)s has a new password.", username=username))
        _tell(password, ask=ask)


@users.command("reset-second-factor")
@click.argument("username")
def reset_second_factor(username: str) -> None:
    """Forget the second factor of an account, whose phone is lost; its sessions end."""
    with open_runtime(connected(read_settings())) as (runtime, engines):
        now = runtime.clock.now()
        with sessionmaker(engines.app, autoflush=False)() as session, session.begin():
            account_id = known_account(session, username)
            if not remove_factor(session, account_id):
                raise Refused(_l("%(username)s has no second factor.", username=username))
            end_sessions(session, (account_id,), now)
            done = AuditAction.FACTOR_REMOVED
            append(session, Entry(now, None, _by(), done, runtime.revision, record_title=username))
            _tell_owners(runtime, session, username, FORGOT_FACTOR)
        say(
            _l(
                "%(username)s signs in without a second factor, or sets up a new one.",
                username=username,
            )
        )


@users.command()
@click.argument("username")
@click.argument("role")
@click.option("--at", "place", help="The code of the place; without it the whole organisation.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="The last day.")
def grant(username: str, role: str, *, place: str | None, until: datetime | None) -> None:
    """Let an account hold a role, from today."""
    with open_runtime(connected(read_settings())) as (runtime, engines):
        found = runtime.schema.roles.get(role)
        if found is None:
            known = ", ".join(runtime.schema.roles)
            raise Refused(
                _l("There is no role %(role)s; there are: %(known)s.", role=role, known=known)
            )
        if found.weighty:
            _refuse_alone(runtime, engines.app, username, found)
        _grant(runtime, engines.app, username, role, place, until.date() if until else None)
        say(_l("%(username)s now holds the role %(role)s.", username=username, role=found.label))


@users.command("break-glass")
@click.argument("username")
@click.argument("role")
@click.option("--why", required=True, help="The reason; every owner reads it.")
def break_glass_(username: str, role: str, *, why: str) -> None:
    """Give a role in an emergency: all owners are told at once, and for a day each of them can stop it."""
    with open_runtime(connected(read_settings())) as (runtime, engines):
        with sessionmaker(engines.app, autoflush=False)() as session, session.begin():
            due = break_glass.ask(session, runtime, (username, role, why), _by())
        when = f"{due.astimezone(runtime.zone):%Y-%m-%d %H:%M}"
        say(
            _l(
                "Every owner has been told. Unless one of them stops it, %(username)s holds the role from"
                " %(when)s.",
                username=username,
                when=when,
            )
        )


# Private


def _grant(
    runtime: Runtime,
    engine: Engine,
    username: str,
    role: str,
    place: str | None,
    until: date | None,
) -> None:
    entities = {name: frozenset(Rights) for name in (GRANTED, str(runtime.schema.portal.tree))}
    actor = system_actor(runtime.schema, entities, _by())
    with sessionmaker(engine, autoflush=False)() as session, session.begin():
        values = {
            "account": known_account(session, username),
            "role": role,
            "held_at": _place(runtime, session.connection().engine, place) if place else None,
            "valid_to": until,
        }
        records_for(runtime, session, actor).create(GRANTED, values)


def _refuse_alone(runtime: Runtime, engine: Engine, username: str, role: Role) -> None:
    """What two people give is not given here alone, once there is somebody who can agree to it."""
    with sessionmaker(engine, autoflush=False)() as session:
        others = set(owners(session, runtime)) - {known_account(session, username)}
    if others:
        raise Refused(
            _l(
                "Two people give the role %(role)s, in the browser. If nobody can: portal users break-glass"
                ' %(username)s %(name)s --why "…" gives it after 24 hours, unless an owner stops it.',
                role=role.label,
                username=username,
                name=role.name,
            )
        )


def _tell_owners(runtime: Runtime, session: Session, username: str, what: Label) -> None:
    break_glass.tell_of_server(session, runtime, username, _by(), what)


def _place(runtime: Runtime, engine: Engine, code: str) -> int:
    """The place with a code, or with just this name where places have no codes."""
    table = runtime.models.metadata.tables[str(runtime.schema.portal.tree)]
    column = table.c.get("code", table.c.get("name"))
    assert column is not None
    with engine.connect() as connection:
        found = connection.scalars(select(table.c.id).where(column == code).limit(2)).all()
    if len(found) != 1:
        raise Refused(_l("There is no place %(code)s.", code=code))
    return int(found[0])


def _held(runtime: Runtime, engine: Engine) -> dict[int, list[str]]:
    tables = runtime.models.metadata.tables
    if GRANTED not in tables:
        return {}
    table, places = tables[GRANTED], tables[str(runtime.schema.portal.tree)]
    title = places.c.get("name", places.c.id)
    statement = (
        select(table.c.account_id, table.c.role, title.label("place"))
        .select_from(table.outerjoin(places, places.c.id == table.c.held_at_id))
        .where(table.c.deleted_at.is_(None))
        .order_by(table.c.id)
    )
    found: dict[int, list[str]] = {}
    with engine.connect() as connection:
        for row in connection.execute(statement):
            role = runtime.schema.roles.get(row.role)
            label = role.label.text(language()) if role else row.role
            at = f"@{row.place}" if row.place else ""
            found.setdefault(row.account_id, []).append(f"{label}{at}")
    return found


def _password(*, ask: bool) -> str:
    if not ask:
        return new_password()
    first = getpass.getpass()
    if getpass.getpass() != first:
        raise Refused(_l("The two passwords differ."))
    return first


def _refuse_weak(
    connection: Connection | Session, username: str, password: str, *, ask: bool
) -> None:
    """What somebody typed follows the rules for passwords; what was made does anyway."""
    if ask:
        refuse_weak(connection, username, password, policy_of(read_settings()))


def _tell(password: str, *, ask: bool) -> None:
    """A made password is shown this once; it goes to standard output, alone on its line."""
    if not ask:
        click.echo(password)


def _by() -> str:
    return f"portal users ({getpass.getuser()})"
