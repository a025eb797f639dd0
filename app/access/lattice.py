"""Compares rights: what one role adds to another, and whether an actor has what he wants to give."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from app.access.actor import Actor, Grant
from app.access.permissions import Access, EntityAccess, HeldRights, Visibility, rule_of
from app.language.definitions import Entity, EntityRights, Rights, Role, RowRule, Schema
from app.language.hidings import HIDE_WHEN, HiddenWhen

ROWS, FIELD, REQUEST = "rows", "field:", "request"
LISTED = (Rights.CREATE, Rights.EDIT, Rights.MOVE)
# Who reads or takes more with these rights needs a second person.
TAKING = (Rights.READ, Rights.EXPORT, Rights.PRINT)
PERSONAL = (("actor", "person"), ("actor", "account"))
Names = tuple[str, ...] | None
# How much of a field is seen, from least to most.
LEVELS = ("hidden", "masked", "reveal", "clear")


@dataclass(frozen=True, slots=True)
class Difference:
    """A right that a role has before and after: ``wider`` when it allows more, ``waits`` for a second person.

    ``what`` is a right, ``rows`` or ``field:`` with a name; the values are those of the rule book.
    """

    role: str
    entity: str
    what: str
    before: Any
    after: Any
    wider: bool
    waits: bool


def differences(before: Schema, after: Schema) -> list[Difference]:
    """What the roles of ``after`` may do otherwise than those of ``before``."""
    found: list[Difference] = []
    for name in {**before.roles, **after.roles}:
        old, new = before.roles.get(name), after.roles.get(name)
        if old is not None and new is not None and (old.may, old.sees) == (new.may, new.sees):
            continue
        entities = {*(old.may if old else ()), *(new.may if new else ())}
        for entity in (one for one in after.entities if one in entities):
            sides = _Side(before, old, entity), _Side(after, new, entity)
            found += _compared(name, *sides)
    return found


def lacking(schema: Schema, actor: Actor, role: Role, name: str) -> list[str]:
    """What a role may do with an entity and the actor may not, on every row that the role can ever reach.

    A role may be held anywhere, so only what the actor holds over the whole tree counts.
    """
    entity, rights = schema.entities[name], role.may.get(name)
    if rights is None or not (rights.rights or rights.by_request):
        return []
    reach = rule_of(Grant(role, None), entity)
    own = [h for h in Access(schema, actor).entity(name).held if _within(reach, h)]
    missing: list[str] = [right for right in Rights if not _has(rights, own, right)]
    missing += [right for right in rights.by_request if not _may_ask(own, right)]
    if any(_unlimited(rights, way) and not any(_unlimited(one.rights, way) for one in own)
           for way in ("show", "reveal")):  # fmt: skip
        missing.append(f"{FIELD}*")
    return [*missing, *_unseen(schema, entity, role, own)]


# Private


class _Side:
    """A role with an entity in one of two schemas."""

    def __init__(self, schema: Schema, role: Role | None, name: str) -> None:
        self.schema = schema
        self.entity = schema.entities.get(name)
        self.rights = role.may.get(name) if role is not None else None
        self.rule: RowRule | None = None
        held: tuple[HeldRights, ...] = ()
        if role is not None and self.rights is not None and self.entity is not None:
            self.rule = rule_of(Grant(role, None), self.entity)
            held = (HeldRights(Grant(role, None), self.entity, self.rights, self.rule),)
        self.access = EntityAccess(schema, self.entity, held) if self.entity is not None else None

    def value(self, right: Rights) -> Any:
        """The right as the rule book says it."""
        if self.rights is None:
            return False
        if right in self.rights.by_request:
            return REQUEST
        if right not in self.rights.rights:
            return False
        names = names_of(self.rights, right)
        return True if names is None else sorted(names)

    def seen(self, field: str) -> str:
        """How a field appears."""
        if self.access is None or self.entity is None or self.entity.field(field) is None:
            return LEVELS[0]
        return level(self.access, field)

    def hidden(self) -> HiddenWhen | None:
        """What is not seen of some records."""
        return self.rights.hide_when if self.rights is not None else None

    def rows(self) -> str | None:
        """The rows that are reached, while any are read."""
        if self.rights is None or self.rule is None or Rights.READ not in self.rights.rights:
            return None
        return self.rule.condition.text if self.rule.condition else self.rule.kind


def level(access: EntityAccess, field: str) -> str:
    """How much of a field is seen: one of LEVELS."""
    seen = access.visibility(field)
    if seen is Visibility.MASKED and access.may_reveal(field):
        return "reveal"
    return seen.name.lower()


def names_of(rights: EntityRights, right: Rights) -> Names:
    """What a right is limited to; None when it is not."""
    if right is Rights.CREATE:
        return rights.create_fields
    if right is Rights.EDIT:
        return rights.edit_fields
    return rights.moves if right is Rights.MOVE else None


def _compared(role: str, old: _Side, new: _Side) -> Iterator[Difference]:
    assert new.entity is not None
    name = new.entity.name
    for right in Rights:
        before, after = old.value(right), new.value(right)
        if before != after:
            wider = not _weighs_no_more(after, before)
            waits = wider and _waits(new.entity, right, before, after)
            yield Difference(role, name, right.value, before, after, wider, waits)
    if old.rows() != new.rows() and None not in (old.rows(), new.rows()):
        yield Difference(role, name, ROWS, old.rows(), new.rows(), wider=True, waits=True)
    was_hidden, hidden = old.hidden(), new.hidden()
    if was_hidden != hidden and new.rows() is not None:
        wider = was_hidden is not None and not _hides_as_much(hidden, was_hidden)
        before, after = (one.text if one is not None else None for one in (was_hidden, hidden))
        yield Difference(role, name, HIDE_WHEN, before, after, wider, waits=wider)
    for field in new.entity.fields:
        was, seen = old.seen(field), new.seen(field)
        if was != seen:
            wider = LEVELS.index(seen) > LEVELS.index(was)
            yield Difference(role, name, f"{FIELD}{field}", was, seen, wider, waits=wider)


def _hides_as_much(after: HiddenWhen | None, before: HiddenWhen) -> bool:
    return (
        after is not None
        and after.when.tree == before.when.tree
        and set(before.fields) <= set(after.fields)
    )


def _weighs_no_more(after: Any, before: Any) -> bool:
    """Whether a value allows nothing that another does not."""
    if after is False or before is True:
        return True
    if isinstance(after, list) and isinstance(before, list):
        return set(after) <= set(before)
    return bool(after == before)


def _waits(entity: Entity, right: Rights, before: Any, after: Any) -> bool:
    """Whether more of a right means that more is read or taken; asking is not taking yet."""
    if right in TAKING:
        return after is True
    if right not in LISTED:
        return False
    former = set(before) if isinstance(before, list) else set()
    keys = {entity.owner, entity.scope[0] if entity.has_place and entity.scope else None} - {None}
    if right is not Rights.MOVE:
        return after is True or bool(keys & (set(after) - former)) if keys else False
    moves = entity.states.moves if entity.states else ()
    added = [m for m in moves if after is True or m.name in after]
    return any(
        m.effects or keys & {*m.sets, *m.asks, *m.offers} for m in added if m.name not in former
    )


def _within(reach: RowRule, held: HeldRights) -> bool:
    """Whether the grant covers every row that a rule can reach, wherever and by whomever it is held."""
    rule = held.rule
    if held.grant.places is not None or held.only is not None:
        return False
    if rule.kind in ("all", "below"):
        return True
    if rule.condition is None or reach.condition is None:
        return False
    # What depends on the person is another thing for each of them.
    alone = any(path[:2] in PERSONAL for path in rule.condition.names())
    return not alone and rule.condition.tree == reach.condition.tree


def _unlimited(rights: EntityRights, name: str) -> bool:
    """Whether every sensitive field is shown or may be uncovered, also one that is yet to come."""
    return rights.show is None or (name == "reveal" and rights.reveal is None)


def _has(rights: EntityRights, own: Iterable[HeldRights], right: Rights) -> bool:
    if right not in rights.rights:
        return True
    given = [held.rights for held in own if right in held.rights.rights]
    limits = [names_of(one, right) for one in given]
    wanted = names_of(rights, right)
    if not given:
        return False
    if None in limits:
        return True
    return wanted is not None and set(wanted) <= {name for one in limits for name in one or ()}


def _may_ask(own: Iterable[HeldRights], right: Rights) -> bool:
    return any(right in held.rights.rights | held.rights.by_request for held in own)


def _unseen(schema: Schema, entity: Entity, role: Role, own: list[HeldRights]) -> Iterator[str]:
    """The fields that the role sees better than the actor does."""
    rule = rule_of(Grant(role, None), entity)
    theirs = EntityAccess(
        schema, entity, (HeldRights(Grant(role, None), entity, role.may[entity.name], rule),)
    )
    mine = EntityAccess(schema, entity, tuple(own))
    for field in entity.fields:
        if LEVELS.index(level(theirs, field)) > LEVELS.index(level(mine, field)):
            yield f"{FIELD}{field}"
