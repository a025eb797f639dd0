"""Decides what an actor may do with an entity, always with the reason."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum
from functools import cached_property
from typing import Any

from app.access.actor import Actor, Grant
from app.kernel.messages import Message, _l
from app.language.definitions import Entity, EntityRights, Field, Rights, RowRule, Schema
from app.language.evaluation import Moment
from app.language.expressions import Expression
from app.language.paths import holder_of, link_target, walk_path
from app.language.source import Place

UNKNOWN_PLACE = Place("", 0)
# Statements of one actor, of which a page needs two.
MOST_KEPT = 200
# Values that are no single text to uncover.
KEPT = ("children", "links", "secret", "file", "files", "image", "signature")


class Visibility(IntEnum):
    """How a field appears to the reader."""

    HIDDEN = 0
    MASKED = 1
    CLEAR = 2


@dataclass(frozen=True, slots=True)
class Decision:
    """Allowed or not, why, and the rule that says so."""

    allowed: bool
    reason: Message
    rule: Place = UNKNOWN_PLACE


@dataclass(frozen=True, slots=True)
class HeldRights:
    """What one grant gives on an entity, and on which of its rows; ``only`` narrows the rows of the rule.

    What a role hides of some records makes two of one grant: one that hides it and covers all of its rows, and
    one that shows it and covers the others.
    """

    grant: Grant
    entity: Entity
    rights: EntityRights
    rule: RowRule
    only: Expression | None = None


@dataclass(frozen=True)
class EntityAccess:
    """What an actor may do with one entity, over all grants.

    ``held`` below are grants; functions take those that cover a row (all when not said).
    """

    schema: Schema
    entity: Entity
    held: tuple[HeldRights, ...]

    def allows(self, right: Rights, covering: Iterable[HeldRights] | None = None) -> bool:
        """Whether any of the grants gives ``right``."""
        return any(right in held.rights.rights for held in self._over(covering))

    def asks(self, right: Rights, covering: Iterable[HeldRights] | None = None) -> bool:
        """Whether any of the grants lets the actor ask for ``right``, and none gives it."""
        over = tuple(self._over(covering))
        return not self.allows(right, over) and any(
            right in held.rights.by_request for held in over
        )

    def may_move(self, move: str, covering: Iterable[HeldRights] | None = None) -> bool:
        """Whether any of the grants gives the move."""
        return any(
            Rights.MOVE in held.rights.rights
            and (held.rights.moves is None or move in held.rights.moves)
            for held in self._over(covering)
        )

    def may_set(
        self, field: str, right: Rights, covering: Iterable[HeldRights] | None = None
    ) -> bool:
        """Whether any of the grants lets the field be set when creating or editing.

        A field that the same grant does not show clearly cannot be set by it.
        """
        return any(self._sets(held, field, right) for held in self._over(covering))

    def may_only_ask(self, field: str, covering: Iterable[HeldRights] | None = None) -> bool:
        """Whether a change of the field waits for a second person, by every grant that lets it be filled in."""
        over = [held for held in self._over(covering) if self._sets(held, field, Rights.EDIT)]
        return bool(over) and all(field in held.rights.ask_fields for held in over)

    def visibility(self, field: str, covering: Iterable[HeldRights] | None = None) -> Visibility:
        """How the field of a row appears: the best that a grant covering the row gives."""
        over = tuple(self._over(covering))
        # Asked for each value of each row; grants are compared by identity, as they are large.
        key = field, tuple(map(id, over))
        if key not in self._visibilities:
            seen = (self._seen(held, field) for held in over)
            self._visibilities[key] = over, max(seen, default=Visibility.HIDDEN)
        return self._visibilities[key][1]

    def may_reveal(self, field: str, covering: Iterable[HeldRights] | None = None) -> bool:
        """Whether a field that appears masked may be uncovered, by a grant that shows it masked itself."""
        over, kind = tuple(self._over(covering)), self.entity.field(field)
        if (
            kind is None
            or kind.type in KEPT
            or self.visibility(field, over) is not Visibility.MASKED
        ):
            return False
        return any(
            self._seen(held, field) is Visibility.MASKED
            and (held.rights.reveal is None or field in held.rights.reveal)
            for held in over
        )

    def clear_everywhere(self, field: str) -> bool:
        """Whether every reading grant shows the field; only then may it be searched or sorted."""
        readers = [held for held in self.held if Rights.READ in held.rights.rights]
        return bool(readers) and all(
            self._seen(held, field) is Visibility.CLEAR for held in readers
        )

    @cached_property
    def _visibilities(self) -> dict[Any, tuple[tuple[HeldRights, ...], Visibility]]:
        return {}

    @cached_property
    def differs_by_row(self) -> bool:
        """Whether grants give different things, so that rows must tell which ones cover them."""
        return len({_shape(held.rights) for held in self.held}) > 1

    # Private

    def _sets(self, held: HeldRights, field: str, right: Rights) -> bool:
        rights, seen = held.rights, self._seen(held, field)
        names = rights.create_fields if right is Rights.CREATE else rights.edit_fields
        asked = right is Rights.EDIT and field in rights.ask_fields
        named = right in rights.rights and (names is None or field in names or asked)
        if right is Rights.CREATE:
            return named and seen is not Visibility.HIDDEN
        return named and seen is Visibility.CLEAR

    def _over(self, covering: Iterable[HeldRights] | None) -> Iterable[HeldRights]:
        return self.held if covering is None else covering

    def _seen(self, held: HeldRights, name: str, depth: int = 0) -> Visibility:
        if Rights.READ not in held.rights.rights:
            return Visibility.HIDDEN
        field = self.entity.field(name)
        if field is None or name in held.rights.hide or depth > 6:
            return Visibility.HIDDEN
        own = self._own(held, field)
        sources = [self._source(held, path, depth) for path in sources_of(field)]
        summed = [self._elsewhere(held, *parts) for parts in summed_fields(field)]
        return min([own, *sources, *summed])

    def _own(self, held: HeldRights, field: Field) -> Visibility:
        shown = held.rights.show is None or field.name in held.rights.show
        if field.name in held.rights.mask or (field.sensitivity is not None and not shown):
            return Visibility.MASKED
        return Visibility.CLEAR

    def _source(self, held: HeldRights, path: tuple[str, ...], depth: int) -> Visibility:
        """A computed value shows no more than what it is computed from."""
        if path[0] == "actor":
            return Visibility.CLEAR
        if len(path) > 1:
            holder = holder_of(self.schema.entities, self.entity, path)
            last = walk_path(self.schema.entities, self.entity, path)[-1]
            return self._elsewhere(held, holder.name, last.name)
        seen = self._seen(held, path[0], depth + 1)
        return Visibility.HIDDEN if seen is not Visibility.CLEAR else seen

    def _elsewhere(self, held: HeldRights, entity: str, name: str) -> Visibility:
        """Clear when the role shows the field of another entity clearly, else hidden."""
        holder = self.schema.entities[entity]
        rights, field = held.grant.role.may.get(entity), holder.field(name)
        if rights is None or Rights.READ not in rights.rights or name in rights.hide:
            return Visibility.HIDDEN
        # Which record it would be is not known here.
        if rights.hide_when is not None and name in rights.hide_when.fields:
            return Visibility.HIDDEN
        there = EntityAccess(self.schema, holder, ())
        own = HeldRights(held.grant, holder, rights, held.rule)
        clear = field is not None and there._own(own, field) is Visibility.CLEAR
        return Visibility.CLEAR if clear else Visibility.HIDDEN


class Access:
    """The decisions for one actor over one schema; entities are looked at once."""

    def __init__(self, schema: Schema, actor: Actor) -> None:
        self.schema = schema
        self.actor = actor
        self._entities: dict[str, EntityAccess] = {}
        self._kept: tuple[datetime | None, dict[Hashable, Any]] = None, {}

    def kept(self, moment: Moment, key: Hashable, make: Callable[[], Any]) -> Any:
        """What ``make`` gives, made once a minute: a statement that speaks of now is no older than that."""
        minute = moment.now.replace(second=0, microsecond=0)
        if self._kept[0] != minute or len(self._kept[1]) >= MOST_KEPT:
            self._kept = minute, {}
        found = self._kept[1]
        if key not in found:
            found[key] = make()
        return found[key]

    def entity(self, name: str) -> EntityAccess:
        """What the actor may do with an entity."""
        if name not in self._entities:
            entity = self.schema.entities[name]
            self._entities[name] = EntityAccess(self.schema, entity, tuple(self._held(entity)))
        return self._entities[name]

    def sees(self, name: str, expression: Expression) -> bool:
        """Whether the actor sees clearly, on all rows, each field by which a condition chooses rows."""
        return all(
            self._sees(name, path)
            for path in expression.names()
            if path[0] not in ("actor", "param")
        )

    def decide(self, name: str, right: Rights) -> Decision:
        """Whether the actor may use ``right`` on any row of the entity, and why."""
        entity = self.schema.entities[name]
        for held in self.entity(name).held:
            if right in held.rights.rights:
                reason = _l("The role %(role)s allows it.", role=held.grant.role.label)
                return Decision(allowed=True, reason=reason, rule=held.rights.place)
        if self.entity(name).asks(right):
            return Decision(
                allowed=False, reason=_l("You may only ask for this; a second person decides.")
            )
        if not self.actor.grants:
            return Decision(allowed=False, reason=_l("You hold no role today."))
        return Decision(
            allowed=False,
            reason=_l("None of your roles allows this with %(entity)s.", entity=entity.label),
            rule=self.actor.grants[0].role.place,
        )

    # Private

    def _sees(self, name: str, path: tuple[str, ...]) -> bool:
        for step in path:
            access = self.entity(name)
            if not access.clear_everywhere(step):
                return False
            field = access.entity.field(step)
            name = (link_target(field, access.entity) if field is not None else None) or name
        return True

    def _held(self, entity: Entity) -> Iterable[HeldRights]:
        for grant in self.actor.grants:
            rights = grant.role.may.get(entity.name)
            if rights is not None:
                yield from held_of(grant, entity, rights)


def held_of(grant: Grant, entity: Entity, rights: EntityRights) -> Iterable[HeldRights]:
    """What a grant gives on an entity: in two parts where it hides something of some records."""
    rule, hidden = rule_of(grant, entity), rights.hide_when
    if hidden is None:
        return (HeldRights(grant, entity, rights, rule),)
    less = replace(rights, hide=(*rights.hide, *hidden.fields))
    return (
        HeldRights(grant, entity, less, rule),
        HeldRights(grant, entity, rights, rule, hidden.otherwise),
    )


def rule_of(grant: Grant, entity: Entity) -> RowRule:
    """The rows that a grant sees: what the role says, else below the place, else all when unscoped."""
    said = grant.role.sees.get(entity.name)
    if said is None and entity.seen_when is not None and grant.places is not None:
        return RowRule("condition", entity.seen_when, entity.place)
    return said or RowRule("all" if entity.scope is None else "below", None, grant.role.place)


def sources_of(field: Field) -> tuple[tuple[str, ...], ...]:
    """The paths that a computed or looked-up field is made of."""
    if field.type == "computed":
        names: tuple[tuple[str, ...], ...] = field.options["value"].names()
        return names
    if field.type == "lookup":
        return (tuple(field.options["path"]),)
    return ()


def summed_fields(field: Field) -> tuple[tuple[str, str], ...]:
    """The fields of other entities that a summary counts by, adds up and chooses rows with."""
    if field.type != "summary":
        return ()
    entity, *names = field.options.get("sum") or field.options["count"]
    where = field.options.get("where")
    paths = where.names() if where else ()
    names += [path[0] for path in paths if path[0] != "actor"]
    return tuple((entity, name) for name in names)


def _shape(rights: EntityRights) -> tuple[object, ...]:
    return (
        rights.rights,
        rights.by_request,
        rights.create_fields,
        rights.edit_fields,
        rights.moves,
        rights.hide,
        rights.mask,
        rights.show,
        rights.reveal,
        rights.ask_fields,
    )
