"""The accounts of the demo: who signs in as whom, with passwords of this database alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, insert, select, text

from app.features.demo.stage import Person, Stage
from app.language.definitions import Schema
from app.records.accounts import NewAccount, create_account, new_password
from app.storage.tables import DEMO

SELF = "staff_self"


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """An account as it is handed to whoever tries the demo; ``scope`` None is the whole chain."""

    username: str
    password: str
    role: str
    scope: str | None


def plan_accounts(stage: Stage) -> Iterator[tuple[str, Person, str, int | None, str | None]]:
    """User name, person, role, the unit at which it is held, and a second role."""
    for username, post in (
        ("owner", "CEO"), ("hr", "HRD"), ("admin", "ITM"), ("finance", "CFO"), ("auditor", "AUD"),
    ):  # fmt: skip
        yield username, stage.one(post), username, None, None
    here, there = stage.story, stage.neighbour
    assert here.deputy is not None
    yield "area1", here.deputy, "area_manager", here.unit, "sales"
    yield "area2", there.lead, "area_manager", there.unit, "sales"
    for number, store in enumerate(stage.faces, 1):
        yield f"store{number}", store.manager, "store_manager", store.unit, None
        seller = next(one for one in store.sellers if one.post == "GS")
        yield f"sales{number}", seller, "sales", store.unit, None


def build_accounts(stage: Stage) -> list[NewAccount]:
    """Make the accounts, link each to its person and give it its roles; returns their passwords."""
    made: list[NewAccount] = []
    for username, person, role, unit, second in plan_accounts(stage):
        new = NewAccount(username, new_password(), person.name, f"{username}@qihe.example",
                         first=False)  # fmt: skip
        account = create_account(stage.session, new, now=stage.now, by=stage.actor.username)
        row = stage.records.get("staff", person.id, ("version",))
        stage.records.change("staff", person.id, {"account": account}, row.values["version"])
        roles = [(role, unit), (SELF, person.unit), *([(second, unit)] if second else [])]
        stage.add("role_assignment", (
            {"account": account, "role": name, "held_at": at, "valid_from": min(person.hired, stage.today)}
            for name, at in roles
        ))  # fmt: skip
        made.append(new)
    return made


def keep_passwords(owner: Engine, made: list[NewAccount]) -> None:
    """Keep the passwords for ``portal demo accounts``; the application itself only reads them."""
    rows = [{"username": one.username, "password": one.password} for one in made]
    with owner.begin() as connection:
        connection.execute(insert(DEMO), rows)


def open_demo_accounts(connection: Connection) -> list[str]:
    """The names of the demo accounts that may sign in."""
    statement = text(
        "SELECT username FROM portal_demo_account JOIN ab_user USING (username) WHERE active"
        " ORDER BY username"
    )
    return list(connection.scalars(statement))


def demo_accounts(connection: Connection, schema: Schema, language: str) -> list[DemoAccount]:
    """The accounts with their main role and place; none outside of a demo database."""
    kept = {row.username: row.password for row in connection.execute(select(DEMO))}
    found: dict[str, DemoAccount] = {}
    if not kept:
        return []
    rows = connection.execute(
        text(
            "SELECT u.username, r.role, o.name AS place FROM ab_user u"
            " JOIN role_assignment r ON r.account_id = u.id AND r.deleted_at IS NULL"
            " LEFT JOIN org_unit o ON o.id = r.held_at_id"
            " WHERE r.role <> :own ORDER BY u.id, r.id"
        ),
        {"own": SELF},
    )
    for row in rows:
        role = schema.roles.get(row.role)
        if row.username in kept and row.username not in found and role is not None:
            found[row.username] = DemoAccount(
                row.username, kept[row.username], role.label.text(language), row.place
            )
    return list(found.values())
