"""What a change of roles does to people: who reads how many rows before and after."""

from __future__ import annotations

from dataclasses import dataclass, replace

from app.access.actor import Actor, Grant
from app.access.permissions import Access
from app.features.rights import editing
from app.features.rights.editing import Proposal
from app.features.rights.service import Change, counted
from app.language.definitions import Schema
from app.records.accounts import accounts
from app.records.gateway import Records

MOST_PEOPLE = 8


@dataclass(frozen=True, slots=True)
class Effect:
    """An account with the rows that it reads now and then, by entity."""

    name: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Effects:
    """The people whom a change concerns; rows are counted for the first few of them."""

    people: tuple[Effect, ...]
    others: int


def effects(records: Records, proposal: Proposal) -> Effects:
    """Whom the change concerns, and by how many rows."""
    found: list[Effect] = []
    held = 0
    names = {one.id: f"{one.name} ({one.username})" for one in accounts(records.session)}
    entities = list(dict.fromkeys(one.entity for one in proposal.differences))
    for role in proposal.roles:
        held += len(editing.holders_of(records, role))
        for actor in editing.actors_of(records, role, MOST_PEOPLE - len(found)):
            now = Access(proposal.before, _in(proposal.before, actor))
            then = Access(proposal.after, _in(proposal.after, actor))
            rows = counted(records.session, records.runtime, now, then, entities)
            found.append(Effect(names.get(actor.account_id or 0, actor.name), tuple(rows)))
    return Effects(tuple(found), held - len(found))


# Private


def _in(schema: Schema, actor: Actor) -> Actor:
    """The actor with his roles as a schema has them."""
    grants = tuple(
        Grant(schema.roles[grant.role.name], grant.places)
        for grant in actor.grants
        if grant.role.name in schema.roles
    )
    return replace(actor, grants=grants)
