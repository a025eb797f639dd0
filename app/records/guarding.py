"""The guard against much at once: counts deletions and sensitive changes of an account in a sliding window."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Protocol

from sqlalchemy import ColumnElement, func, insert, literal, select
from sqlalchemy.orm import Session

from app.access.actor import NOBODY, Actor
from app.access.permissions import Access
from app.kernel.errors import ToBeDecided
from app.language.definitions import Decided, Entity, Schema
from app.language.steps import Effect, EffectKind
from app.records.columns import bare_compiler
from app.records.runtime import Runtime
from app.storage.criteria import Compiler
from app.storage.deed_tables import WATCHED_DEED
from app.storage.encryption import ring_of

LOCK = 7_201_022


class Doer(Protocol):
    """Who deletes or changes records."""

    runtime: Runtime
    session: Session
    access: Access


def sensitive(entity: Entity, names: Iterable[str]) -> bool:
    """Whether a change of these fields counts: personal values, who answers for the record, its place."""
    place = entity.scope[0] if entity.has_place and entity.scope else None
    fields = (entity.field(name) for name in names)
    return any(
        field is not None and (field.sensitivity is not None or field.name in (entity.owner, place))
        for field in fields
    )


def reaches(schema: Schema, entity: Entity, effects: Iterable[Effect]) -> bool:
    """Whether something changes, along with a record of ``entity``, what is sensitive in others."""
    for effect in effects:
        field = entity.field(effect.target) if effect.kind is EffectKind.LINKED else None
        target = schema.entities.get(field.target or "" if field else effect.target)
        if effect.kind is not EffectKind.NEW and target and sensitive(target, effect.sets):
            return True
    return False


def count_deed(
    doer: Doer, kind: Decided, entity: Entity, record_id: int, payload: Mapping[str, Any],
    *, held_as: Decided | None = None,
) -> None:  # fmt: skip
    """Count a deed in its own transaction; raises ToBeDecided when it is one too many.

    ``held_as`` is what a second person then decides, where that is not what is counted.
    """
    actor, schema, asked = doer.access.actor, doer.runtime.schema, held_as or kind
    if not actor.watched or actor.account_id is None or not _decided(schema, asked, entity):
        return
    session, now = doer.session, doer.runtime.clock.now()
    # Several at once are counted one after the other.
    session.execute(select(func.pg_advisory_xact_lock(LOCK, actor.account_id)))
    row = {"account_id": actor.account_id, "kind": kind, "at": now, "entity": entity.name,
           "record_id": record_id}  # fmt: skip
    session.execute(insert(WATCHED_DEED).values(row))
    guard = schema.portal.guard
    done = select(func.count()).where(
        WATCHED_DEED.c.account_id == actor.account_id,
        WATCHED_DEED.c.kind == kind,
        WATCHED_DEED.c.at > now - timedelta(minutes=guard.window),
    )
    count = int(session.scalar(done.select_from(WATCHED_DEED)) or 0)
    deletes = kind is Decided.DELETE
    if count <= (guard.notice_deletes if deletes else guard.notice_changes):
        return
    if count > (guard.deletes if deletes else guard.changes) or on_notice(doer, actor):
        raise ToBeDecided(asked, entity.name, payload, guard=f"{kind}: {count}/{guard.window} min")


def on_notice(doer: Doer, actor: Actor) -> bool:
    """Whether the person behind an account is about to leave, as the portal file says."""
    if actor.person_id is None:
        return False
    found = _leaving(doer.runtime)
    if found is None:
        return False
    compiler, leaves = found
    mine = compiler.identity() == actor.person_id
    one = compiler.from_source(select(literal(1))).where(mine, leaves)
    return doer.session.scalar(one) is not None


def persons_on_notice(session: Session, runtime: Runtime) -> frozenset[int]:
    """Everybody who is about to leave, whether there is an account or not."""
    found = _leaving(runtime)
    if found is None:
        return frozenset()
    compiler, leaves = found
    alive = compiler.not_deleted()
    rows = compiler.from_source(select(compiler.identity())).where(leaves, *alive)
    return frozenset(session.scalars(rows))


def to_plain(value: Any) -> Any:
    """A value of a record as JSON, with its type where JSON has none."""
    match value:
        case datetime():
            return {"datetime": value.isoformat()}
        case date():
            return {"date": value.isoformat()}
        case time():
            return {"time": value.isoformat()}
        case Decimal():
            return {"decimal": str(value)}
        case list() | tuple():
            return [to_plain(one) for one in value]
        case dict():
            return {"table": {name: to_plain(one) for name, one in value.items()}}
    return value


def from_plain(value: Any) -> Any:
    """The value that ``to_plain`` was given."""
    match value:
        case {"datetime": str(text)}:
            return datetime.fromisoformat(text)
        case {"date": str(text)}:
            return date.fromisoformat(text)
        case {"time": str(text)}:
            return time.fromisoformat(text)
        case {"decimal": str(text)}:
            return Decimal(text)
        case {"table": dict(inner)}:
            return {name: from_plain(one) for name, one in inner.items()}
        case list():
            return [from_plain(one) for one in value]
    return value


def kept_values(session: Session, values: Mapping[str, Any]) -> dict[str, str]:
    """The values of a change that waits, encrypted as a whole."""
    text = json.dumps(to_plain(dict(values)), ensure_ascii=False)
    return {"encrypted": ring_of(session.get_bind().dialect).encrypted(text)}


def values_kept(session: Session, kept: Mapping[str, Any]) -> dict[str, Any]:
    """The values that ``kept_values`` was given."""
    text = ring_of(session.get_bind().dialect).plain(str(kept["encrypted"]))
    found: dict[str, Any] = from_plain(json.loads(text))
    return found


# Private


def _leaving(runtime: Runtime) -> tuple[Compiler, ColumnElement[bool]] | None:
    """The condition under which a person is about to leave; None where the portal knows no persons or last days."""
    portal = runtime.schema.portal
    if portal.person_entity is None:
        return None
    compiler = bare_compiler(runtime, NOBODY, runtime.entity(portal.person_entity))
    if portal.guard.when is not None:
        return compiler, compiler.criterion(portal.guard.when.tree)
    if portal.person_until is None:
        return None
    return compiler, compiler.path((portal.person_until,)).is_not(None)


def _decided(schema: Schema, kind: Decided, entity: Entity) -> bool:
    """Whether there is a second person at all: without one nothing could be held back for him."""
    return any(role.decides(kind, entity.name) for role in schema.roles.values())
