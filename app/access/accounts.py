"""Builds the actor of an account from the roles that it holds today."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import or_, select, text
from sqlalchemy.orm import Session

from app.access.actor import Actor, Grant
from app.access.session_scope import lowered
from app.language.definitions import Schema
from app.storage.models import Models

ACCESS_COUNTER = "access"


class Standing(NamedTuple):
    """Whether an account is active, the counter that moves with any change of rights, and its epoch."""

    active: bool
    rights: int
    epoch: int


def epoch_counter(account_id: int) -> str:
    """The counter that moves when every session and token of an account is to end."""
    return f"epoch:{account_id}"


def account_state(session: Session, account_id: int) -> Standing:
    """Where an account stands now; one that does not exist is closed."""
    row = session.execute(
        text(
            "SELECT u.active, (SELECT value FROM portal_counter WHERE name = :counter),"
            " (SELECT value FROM portal_counter WHERE name = :epoch)"
            " FROM ab_user u WHERE u.id = :id"
        ),
        {"id": account_id, "counter": ACCESS_COUNTER, "epoch": epoch_counter(account_id)},
    ).first()
    if row is None:
        return Standing(active=False, rights=0, epoch=0)
    return Standing(bool(row[0]), int(row[1] or 0), int(row[2] or 0))


def load_actor(
    session: Session, schema: Schema, models: Models, account_id: int, today: date
) -> Actor:
    """The actor behind an account, with its grants of ``today``."""
    with lowered(session):
        tables = models.metadata.tables
        user = session.execute(
            text(
                "SELECT u.username, u.first_name, u.last_name, p.language FROM ab_user u"
                " LEFT JOIN portal_preference p ON p.account_id = u.id WHERE u.id = :id"
            ),
            {"id": account_id},
        ).one()
        grants: tuple[Grant, ...] = ()
        if "role_assignment" in tables:
            grants = tuple(_grants(session, schema, models, account_id, today))
        return Actor(
            account_id=account_id,
            username=user.username,
            name=_full_name(user.first_name, user.last_name) or user.username,
            person_id=_person(session, schema, tables, account_id),
            grants=grants,
            language=user.language,
        )


def places_below(parents: Iterable[tuple[int, int | None]], root: int | None) -> tuple[int, ...]:
    """A place and everything under it, from (id, parent) pairs."""
    children: dict[int | None, list[int]] = {}
    for place, parent in parents:
        children.setdefault(parent, []).append(place)
    found: dict[int, None] = {}
    waiting = [] if root is None else [root]
    while waiting:
        place = waiting.pop()
        if place not in found:
            found[place] = None
            waiting.extend(children.get(place, ()))
    return tuple(sorted(found))


# Private


def _full_name(first: str, last: str) -> str:
    chinese = any("\u4e00" <= char <= "\u9fff" for char in first + last)
    return f"{last}{first}" if chinese else f"{first} {last}".strip()


def _grants(
    session: Session, schema: Schema, models: Models, account_id: int, today: date
) -> Iterable[Grant]:
    held = models.metadata.tables["role_assignment"]
    tree = models.metadata.tables[str(schema.portal.tree)]
    parent = schema.entities[str(schema.portal.tree)].tree_parent
    pairs = session.execute(select(tree.c.id, tree.c[f"{parent.name}_id"])).all() if parent else []
    rows = session.execute(
        select(held.c.role, held.c.held_at_id).where(
            held.c.account_id == account_id,
            held.c.deleted_at.is_(None),
            held.c.valid_from <= today,
            or_(held.c.valid_to.is_(None), held.c.valid_to >= today),
        )
    )
    for role, place in rows:
        if role in schema.roles:
            places = places_below([(pair[0], pair[1]) for pair in pairs], place)
            whole = place is None or len(places) == len(pairs)
            yield Grant(schema.roles[role], None if whole else places)


def _person(
    session: Session, schema: Schema, tables: Mapping[str, Any], account_id: int
) -> int | None:
    portal = schema.portal
    if portal.person_entity is None or portal.person_account is None:
        return None
    table = tables[portal.person_entity]
    statement = select(table.c.id).where(table.c[f"{portal.person_account}_id"] == account_id)
    if "deleted_at" in table.c:
        statement = statement.where(table.c.deleted_at.is_(None))
    return session.scalar(statement.order_by(table.c.id).limit(1))
