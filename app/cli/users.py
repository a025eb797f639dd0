"""``portal users``: accounts, their passwords and the roles that they hold."""

from __future__ import annotations

import getpass
from datetime import date, datetime

import click
from sqlalchemy import Engine, select
from sqlalchemy.orm import sessionmaker

from app.access.actor import system_actor
from app.cli.speech import language, say
from app.factory import open_runtime
from app.hosting.launch import connected
from app.kernel.errors import Refused
from app.kernel.messages import _l
from app.language.definitions import Rights
from app.records.accounts import (
    NewAccount,
    accounts,
    create_account,
    known_account,
    new_password,
    set_password,
)
from app.records.gateway import records_for
from app.records.runtime import Runtime
from app.settings import read_settings

ASKED = click.option("--ask", is_flag=True, help="Type the password instead of having one made.")
GRANTED = "role_assignment"


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
        with engines.owner.begin() as connection:
            set_password(connection, username, password, now=runtime.clock.now(), by=_by())
        say(_l("The account %(username)s has a new password.", username=username))
        _tell(password, ask=ask)


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
        _grant(runtime, engines.app, username, role, place, until.date() if until else None)
        say(_l("%(username)s now holds the role %(role)s.", username=username, role=found.label))


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


def _tell(password: str, *, ask: bool) -> None:
    """A made password is shown this once; it goes to standard output, alone on its line."""
    if not ask:
        click.echo(password)


def _by() -> str:
    return f"portal users ({getpass.getuser()})"
