"""Which rows an actor reaches, as SQL; ``false`` where nothing grants."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Select,
    any_,
    false,
    literal,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import BooleanClauseList, Grouping

from app.access.actor import Actor
from app.access.permissions import Access, HeldRights
from app.language.definitions import Deletion, Rights
from app.language.evaluation import Moment
from app.language.expressions import Expression
from app.storage.criteria import ActorValues, Compiler
from app.storage.models import Models


def row_scope(
    access: Access, models: Models, moment: Moment, name: str, right: Rights
) -> ColumnElement[bool] | None:
    """The rows of an entity on which the actor may use ``right``; None when it is all of them."""
    held = [item for item in access.entity(name).held if right in item.rights.rights]
    return any_of(access, models, moment, held)


def any_of(
    access: Access, models: Models, moment: Moment, held: Iterable[HeldRights], source: Any = None
) -> ColumnElement[bool] | None:
    """The rows of the entity's table, or of ``source``, that at least one of the grants covers.

    None when it is all of them.
    """
    criteria: list[ColumnElement[bool]] = []
    found = tuple(held)
    wide = {id(item.grant) for item in found if item.only is None}
    for item in found:
        # The part of a grant that shows more covers no row beyond those of the grant.
        if item.only is not None and id(item.grant) in wide:
            continue
        criterion = covered(access, models, moment, item, source)
        if criterion is None:
            return None
        criteria.append(criterion)
    return or_(*criteria) if criteria else false()


def rows_seen(access: Access, models: Models, moment: Moment, name: str) -> Select[Any]:
    """A 1 for each row of an entity on which the actor may READ, none of them twice.

    What grants cover is read one after another, so that each part can stay inside its index; a
    disjunction of them would have to visit the table for every row.
    """
    soft = access.schema.entities[name].deletion is Deletion.SOFT
    held = [item for item in access.entity(name).held if Rights.READ in item.rights.rights]
    # A number gives no row away. Behind the policy of the table itself no index would be enough.
    table = models.path(name)
    scope = any_of(access, models, moment, held, table)
    if scope is None:
        table = models.metadata.tables[name]
    alive = [table.c.deleted_at.is_(None)] if soft else []
    row = select(literal(1).label("one")).select_from(table).where(*alive)
    if scope is None:
        return row
    parts: list[Select[Any]] = []
    before: list[ColumnElement[bool]] = []
    for criterion in _either(scope):
        parts.append(row.where(criterion, *(one.is_not(true()) for one in before)))
        before.append(criterion)
    found = union_all(*parts).subquery() if len(parts) > 1 else parts[0].subquery()
    return select(found.c.one)


def covered(
    access: Access, models: Models, moment: Moment, held: HeldRights, source: Any = None
) -> ColumnElement[bool] | None:
    """The rows of the entity's bare table, or of ``source``, that one grant covers; None for all."""
    found = _ruled(access, models, moment, held, source)
    if held.only is None:
        return found
    narrower = _met(access, models, moment, held, held.only, source)
    return narrower if found is None else found & narrower


def actor_values(actor: Actor, places: tuple[int, ...] | None) -> ActorValues:
    """What ``actor.…`` stands for in a condition of a grant at ``places``."""
    return ActorValues(actor.person_id, actor.account_id, places)


# Private


def _ruled(
    access: Access, models: Models, moment: Moment, held: HeldRights, source: Any
) -> ColumnElement[bool] | None:
    entity = held.entity
    bare = models.metadata.tables[entity.external_table or entity.name]
    table = bare if source is None else source
    if held.rule.kind == "all":
        return None
    if held.rule.kind == "below":
        if held.grant.places is None:
            return None
        column = table.c.id if entity.scope == ("self",) else table.c.place_id
        # One array however many places there are keeps the statement the same, and short;
        # the rows of a single place can be read in the order of an index.
        if len(held.grant.places) == 1:
            return column == literal(held.grant.places[0], BigInteger)
        return column == any_(literal(list(held.grant.places), ARRAY(BigInteger)))
    assert held.rule.condition is not None
    return _met(access, models, moment, held, held.rule.condition, source)


def _met(
    access: Access,
    models: Models,
    moment: Moment,
    held: HeldRights,
    condition: Expression,
    source: Any,
) -> ColumnElement[bool]:
    entity = held.entity
    bare = models.metadata.tables[entity.external_table or entity.name]
    values = actor_values(access.actor, held.grant.places)
    compiler = Compiler(
        access.schema, models, moment, values, entity, bare if source is None else source,
        scoped=False, paths=True,
    )  # fmt: skip
    return compiler.criterion(condition.tree)


def _either(criterion: ColumnElement[bool]) -> list[ColumnElement[bool]]:
    """The criteria of which at least one must hold."""
    if isinstance(criterion, Grouping):
        return _either(cast("ColumnElement[bool]", criterion.element))
    if isinstance(criterion, BooleanClauseList) and criterion.operator is operators.or_:
        return [part for clause in criterion.clauses for part in _either(clause)]
    return [criterion]
