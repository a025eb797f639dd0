"""Nobody acts on the account of somebody who may more than he does himself; taking away is a lesser thing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.access.actor import Actor
from app.access.holders import people, role_holders
from app.access.identity import identity_of
from app.access.session_scope import lowered
from app.kernel.errors import Forbidden
from app.kernel.messages import _l
from app.language.definitions import Role
from app.records.accounts import username_of
from app.records.giving import has_authority, may_hand_on
from app.records.owners import TABLE
from app.records.runtime import Runtime

PART = "accounts"


def refuse_above(session: Session, runtime: Runtime, actor: Actor, account_id: int) -> None:
    """Raise Forbidden when an account holds a role with more authority than the actor's; NotFound without one.

    That is enough for what only takes away: closing an account, ending its sessions. Whoever approves for
    some kinds of records alone is not shielded by it: he is out at once like others.
    """
    username_of(session, account_id)
    for role in roles_of(session, runtime, account_id):
        over_all = {kind: names for kind, names in role.approves.items() if names is None}
        if not has_authority(actor, replace(role, approves=over_all)):
            raise Forbidden(
                _l(
                    "This account holds the role %(role)s, which decides or administers more than you do.",
                    role=role.label,
                )
            )


def is_beyond(session: Session, runtime: Runtime, actor: Actor, account_id: int) -> bool:
    """Whether whoever signs in with an account may more than the actor: nothing that opens it is for him alone."""
    return any(
        not may_hand_on(runtime.schema, actor, role)
        for role in roles_of(session, runtime, account_id)
    )


def roles_of(session: Session, runtime: Runtime, account_id: int) -> Iterator[Role]:
    """The roles that an account holds, also those that begin later: a password taken today is good tomorrow."""
    held = runtime.models.metadata.tables.get(TABLE)
    if held is None:
        return
    today = runtime.moment().today
    names = select(held.c.role).where(
        held.c.account_id == account_id,
        held.c.deleted_at.is_(None),
        or_(held.c.valid_to.is_(None), held.c.valid_to >= today),
    )
    with lowered(session):
        found = sorted(set(session.scalars(names)))
    yield from (runtime.schema.roles[name] for name in found if name in runtime.schema.roles)


def helpers(session: Session, runtime: Runtime, actor: Actor, account_id: int) -> list[int]:
    """The open accounts that may do with an account what the actor may not, whose persons are others than its own."""
    schema, models = runtime.schema, runtime.models
    held = role_holders(session, schema, models, runtime.moment().today)
    parts = [role.name for role in schema.roles.values() if PART in role.administers]
    everybody = {one.account: number for number, one in people(session, schema, models).items()}
    mine = {
        part
        for one in (account_id, actor.account_id or 0)
        for part in identity_of(session, schema, models, one)
    }
    wanted = list(roles_of(session, runtime, account_id))
    found = []
    for one in sorted({account for name in parts for account in held.heads(name)}):
        other = held.actor(schema, one, everybody.get(one))
        stands = all(may_hand_on(schema, other, role) for role in wanted)
        if stands and not mine & identity_of(session, schema, models, one):
            found.append(one)
    return found
