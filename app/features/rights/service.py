"""Answers why an account may or may not do something with a record, and what a further role would change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, func, literal, select
from sqlalchemy.orm import Session

from app.access.accounts import load_actor, places_below
from app.access.actor import Actor, Grant
from app.access.permissions import Access, HeldRights, Visibility
from app.access.row_scope import covered, rows_seen
from app.access.session_scope import lowered
from app.kernel.errors import NotFound
from app.kernel.messages import Message, _l
from app.language.definitions import Deletion, Entity, Rights, Role
from app.records.queries import COUNT_CAP
from app.records.runtime import Runtime
from app.records.titles import load_titles
from app.storage.columns import column_name


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a right is there, and why: each reason is of one role that the account holds."""

    right: Rights
    allowed: bool
    reasons: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """What an account may do with one record."""

    answers: tuple[Answer, ...]
    fields: tuple[tuple[str, Visibility], ...]


@dataclass(frozen=True, slots=True)
class Change:
    """How many rows of an entity an account would read after a further role; counted up to COUNT_CAP."""

    entity: Entity
    before: int
    after: int


def may_administer(actor: Actor) -> bool:
    """Whether an actor may look at everybody's rights."""
    return actor.administers("accounts") or actor.administers("roles")


def account_actor(session: Session, runtime: Runtime, account_id: int) -> Actor:
    """The actor of an account; raises NotFound when there is none."""
    known = load_titles(session, runtime, {("account", account_id)}, "zh")
    if ("account", account_id) not in known:
        raise NotFound
    return load_actor(session, runtime.schema, runtime.models, account_id, runtime.moment().today)


def explain(
    session: Session, runtime: Runtime, actor: Actor, name: str, record_id: int
) -> Explained:
    """Why the actor may or may not do each thing with a record; the asker must be able to read it."""
    access = Access(runtime.schema, actor)
    entity = access.entity(name)
    with lowered(session):
        covering = [h for h in entity.held if _covers(session, runtime, access, h, record_id)]
    answers = tuple(
        _answer(access, right, name, covering) for right in Rights if right is not Rights.CREATE
    )
    fields = tuple(
        (field.name, entity.visibility(field.name, covering))
        for field in entity.entity.fields.values()
    )
    return Explained(answers, fields)


def what_if(
    session: Session, runtime: Runtime, actor: Actor, role: Role, place: int | None
) -> list[Change]:
    """The entities of which the actor would read other rows if he held ``role`` at ``place``."""
    with lowered(session):
        places = _places(session, runtime, place)
    more = replace(actor, grants=(*actor.grants, Grant(role, places)))
    now, then = Access(runtime.schema, actor), Access(runtime.schema, more)
    read = [name for name, rights in role.may.items() if Rights.READ in rights.rights]
    return [one for one in counted(session, runtime, now, then, read) if one.before != one.after]


def counted(
    session: Session, runtime: Runtime, now: Access, then: Access, names: Sequence[str]
) -> list[Change]:
    """How many rows of each entity are read now and then, in one statement."""
    touched = [
        e for e in runtime.schema.entities.values() if e.name in names and not e.external_table
    ]
    counts = [_count(runtime, access, entity) for entity in touched for access in (now, then)]
    if not counts:
        return []
    with lowered(session):
        found = list(session.execute(select(*counts)).one())
    return [Change(entity, found[2 * n], found[2 * n + 1]) for n, entity in enumerate(touched)]


# Private


def _covers(
    session: Session, runtime: Runtime, access: Access, held: HeldRights, record_id: int
) -> bool:
    criterion = covered(access, runtime.models, runtime.moment(), held)
    if criterion is None:
        return True
    table = runtime.models.metadata.tables[held.entity.external_table or held.entity.name]
    return bool(session.scalar(select(func.count()).where(table.c.id == record_id, criterion)))


def _answer(access: Access, right: Rights, name: str, covering: list[HeldRights]) -> Answer:
    entity = access.entity(name)
    reasons = []
    for held in (one for one in entity.held if one.only is None):
        role, given = held.grant.role.label, right in held.rights.rights
        if right in held.rights.by_request:
            reasons.append(
                _l("The role %(role)s may only ask for it; a second person decides.", role=role)
            )
        elif not given:
            reasons.append(_l("The role %(role)s does not give it.", role=role))
        elif held in covering:
            reasons.append(
                _l("The role %(role)s gives it, and the record is within its reach.", role=role)
            )
        else:
            reasons.append(
                _l("The role %(role)s gives it, but the record is out of its reach.", role=role)
            )
    if not entity.held:
        decision = access.decide(name, right)
        reasons.append(decision.reason)
    return Answer(right, entity.allows(right, covering), tuple(reasons))


def _count(runtime: Runtime, access: Access, entity: Entity) -> ColumnElement[int]:
    if not access.entity(entity.name).allows(Rights.READ):
        return literal(0)
    rows = rows_seen(access, runtime.models, runtime.moment(), entity.name)
    return select(func.count()).select_from(rows.limit(COUNT_CAP + 1).subquery()).scalar_subquery()


def _places(session: Session, runtime: Runtime, place: int | None) -> tuple[int, ...] | None:
    """A place with what lies below; None for the whole tree."""
    name = runtime.schema.portal.tree
    if place is None or name is None:
        return None
    entity = runtime.entity(name)
    parent = entity.tree_parent
    assert parent is not None
    table = runtime.models.metadata.tables[name]
    alive = [table.c.deleted_at.is_(None)] if entity.deletion is Deletion.SOFT else []
    rows = session.execute(select(table.c.id, table.c[column_name(parent)]).where(*alive)).all()
    return places_below([(row[0], row[1]) for row in rows], place)
