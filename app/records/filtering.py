"""Turns what a reader asks for into criteria over columns that he sees in clear."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, any_, exists, literal, null, or_

from app.access.permissions import Access
from app.kernel.errors import Invalid
from app.kernel.messages import _l
from app.language.definitions import Entity, Field
from app.language.field_types import FIELD_TYPES
from app.language.values import WrongValue, check_value
from app.records.queries import Filter, Query
from app.records.titles import among
from app.storage.criteria import Compiler


def filtered(compiler: Compiler, decisions: Access, query: Query) -> list[ColumnElement[bool]]:
    """The criteria of a query over the compiler's entity.

    Raises Invalid for a filter or condition over fields that the actor does not see clearly.
    """
    access = decisions.entity(query.entity)
    entity = access.entity
    found = []
    for item in query.filters:
        field = entity.field(item.field)
        known = field is not None and bool(FIELD_TYPES.get(field.type).filter or item.field == "id")
        if field is None or not known or not access.clear_everywhere(item.field):
            raise Invalid({item.field: (_l("The list cannot be filtered by this."),)})
        found.append(_filter(compiler, entity, field, item))
    if query.where is not None:
        if not decisions.sees(entity.name, query.where):
            raise Invalid({"": (_l("The list cannot be filtered by this."),)})
        found.append(compiler.criterion(query.where.tree))
    return found


# Private


def _filter(compiler: Compiler, entity: Entity, field: Field, item: Filter) -> ColumnElement[bool]:
    if field.type == "links":
        table = compiler.models.links[entity.name, field.name]
        model = compiler.models.classes[entity.name]
        return exists().where(table.c.record_id == model.id, table.c.target_id.in_(item.values))
    column = compiler.path((field.name,))
    if field.encrypted:
        return _encrypted_filter(field, column, item)
    if item.operator == "between":
        low, high = item.values
        bounds = [column >= low] if low is not None else []
        return and_(*bounds, *([column <= high] if high is not None else []))
    if item.operator == "contains":
        escaped = str(item.values[0]).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return column.ilike(f"%{escaped}%")
    if item.operator in ("empty", "filled"):
        return column.is_(null()) if item.operator == "empty" else column.is_not(null())
    if field.type in ("choices", "tags"):
        return or_(
            *(literal(value).op("=", is_comparison=True)(any_(column)) for value in item.values)
        )
    linked = FIELD_TYPES.get(field.type).filter == "link" or field.name == "id"
    return among(column, item.values) if linked else column.in_(item.values)


def _encrypted_filter(field: Field, column: Any, item: Filter) -> ColumnElement[bool]:
    """Whole values only: those of encrypted fields are found by their blind index."""
    if item.operator in ("empty", "filled"):
        gap: ColumnElement[bool] = column.is_(None)
        return gap if item.operator == "empty" else ~gap
    if item.operator not in ("in", "contains"):
        raise Invalid({field.name: (_l("The list cannot be filtered by this."),)})
    wanted = []
    for typed in item.values:
        try:
            wanted.append(str(check_value(field, typed)))
        except WrongValue:
            wanted.append(str(typed))
    found: ColumnElement[bool] = column.in_(wanted)
    return found
