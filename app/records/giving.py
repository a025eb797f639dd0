"""Who may give which role: not to oneself, not above one's own authority, and what weighs not alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from sqlalchemy.orm import Session

from app.access.actor import Actor
from app.access.identity import identity_of
from app.access.lattice import lacking
from app.access.permissions import Access
from app.kernel.errors import Forbidden, ToBeDecided
from app.kernel.messages import _l
from app.language.definitions import Decided, Entity, Role, Schema
from app.records.accounts import ROLE_ASSIGNMENT
from app.records.columns import read_whole
from app.records.guarding import to_plain
from app.records.runtime import Runtime

GIVEN = ("account", "role", "held_at", "valid_from", "valid_to")
BEYOND = "giving"


class Giver(Protocol):
    """Who has just written an assignment of a role."""

    runtime: Runtime
    session: Session
    access: Access


def refuse_giving(
    giver: Giver,
    entity: Entity,
    record_id: int,
    before: Mapping[str, Any] | None = None,
    *,
    gone: bool = False,
) -> None:
    """After a write of an assignment, in its transaction: raises Forbidden, or ToBeDecided for a new one.

    The portal itself gives what it is told to.
    """
    actor = giver.access.actor
    if entity.name != ROLE_ASSIGNMENT or actor.account_id is None or not actor.watched:
        return
    alive = None if gone else read_whole(giver.session, giver.runtime, entity, record_id)
    for row in (before, alive):
        if row is not None and "role" in row:
            _refuse_own(giver, actor, row)
            _refuse_above(giver.runtime.schema, actor, row)
    if alive is None or (before is not None and "role" in before and _only_shorter(before, alive)):
        return
    role = giver.runtime.schema.roles.get(str(alive["role"]))
    if role is None or (may_hand_on(giver.runtime.schema, actor, role) and not role.weighty):
        return
    if before is not None:
        raise Forbidden(_l("Two people give this role. End the assignment, and ask for a new one."))
    given = {name: to_plain(alive.get(name)) for name in GIVEN}
    raise ToBeDecided(Decided.RIGHTS, entity.name, {"assign": given}, guard=BEYOND)


def has_all(schema: Schema, actor: Actor, role: Role) -> bool:
    """Whether an actor may do all that a role may, wherever it is held."""
    return not any(lacking(schema, actor, role, name) for name in role.may)


def may_hand_on(schema: Schema, actor: Actor, role: Role) -> bool:
    """Whether an actor stands no lower than a role: in authority, and in rights or in deciding about them."""
    return has_authority(actor, role) and (decides_rights(actor) or has_all(schema, actor, role))


def decides_rights(actor: Actor) -> bool:
    """Whether the actor is himself the one whom others ask for more rights."""
    return any(
        grant.places is None and grant.role.approves.get(Decided.RIGHTS, ()) is None
        for grant in actor.grants
    )


def has_authority(actor: Actor, role: Role) -> bool:
    """Whether an actor administers and decides all that a role does."""
    if not all(actor.administers(part) for part in role.administers):
        return False
    for kind, names in role.approves.items():
        own = [one.approves.get(kind, ()) for one in actor.roles]
        if None in own:
            continue
        if names is None or not set(names) <= {name for some in own for name in some or ()}:
            return False
    return True


# Private


def _refuse_own(giver: Giver, actor: Actor, row: Mapping[str, Any]) -> None:
    schema, models = giver.runtime.schema, giver.runtime.models
    assert actor.account_id is not None
    mine = identity_of(giver.session, schema, models, actor.account_id)
    if mine & identity_of(giver.session, schema, models, int(row["account"])):
        raise Forbidden(_l("Nobody gives himself a role, or changes his own; somebody else must."))


def _refuse_above(schema: Schema, actor: Actor, row: Mapping[str, Any]) -> None:
    role = schema.roles.get(str(row["role"]))
    if role is not None and not has_authority(actor, role):
        text = _l("The role %(role)s decides or administers more than you do.", role=role.label)
        raise Forbidden(text)


def _only_shorter(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether an assignment just ends earlier or begins later."""
    same = all(before.get(name) == after.get(name) for name in ("account", "role", "held_at"))
    old, new = before.get("valid_to"), after.get("valid_to")
    ends = old is None or (new is not None and new <= old)
    return same and ends and after["valid_from"] >= before["valid_from"]
