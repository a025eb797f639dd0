"""Reads what a REST list is asked for: rison with columns, filters, order and page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import prison
from flask import request

from app.kernel.errors import Invalid
from app.kernel.messages import _l
from app.language.definitions import Entity, Field
from app.language.field_types import FIELD_TYPES
from app.records.queries import MAX_PAGE, Filter, Query
from app.web.addresses import in_reach

LONGEST_QUERY = 4000
OPERATORS = {
    "eq": "in", "in": "in", "ct": "contains", "gt": "above", "lt": "below", "rel_o_m": "in", "rel_m_m": "in",
    "between": "between", "empty": "empty", "filled": "filled",
}  # fmt: skip


def read_rison() -> dict[str, Any]:
    """What the parameter ``q`` holds; raises Invalid."""
    text = request.args.get("q", "")
    if not text:
        return {}
    if len(text) > LONGEST_QUERY or text.count("(") > 60:
        raise Invalid({"q": (_l("The query is too long."),)})
    try:
        found = prison.loads(text)
    except (prison.decoder.ParserException, ValueError, RecursionError, IndexError) as error:
        raise Invalid({"q": (_l("The query is not valid rison."),)}) from error
    if not isinstance(found, dict):
        raise Invalid({"q": (_l("The query is not valid rison."),)})
    return found


def names_of(value: Any) -> tuple[str, ...]:
    """The texts of a list; nothing for anything else."""
    return tuple(str(item) for item in value) if isinstance(value, list) else ()


def refuse_unknown(entity: Entity, names: tuple[str, ...]) -> None:
    """Raises Invalid for columns that no field is called."""
    for name in names:
        if entity.field(name) is None:
            raise Invalid({"columns": (_l("There is no field %(name)s.", name=name),)})


def query_of(entity: Entity, names: tuple[str, ...], asked: Mapping[str, Any]) -> Query:
    """The query for the columns ``names``; raises Invalid."""
    size, page = asked.get("page_size", 25), asked.get("page", 0)
    if (
        not isinstance(size, int)
        or not isinstance(page, int)
        or isinstance(size, bool)
        or not 0 <= page < 10**7
    ):
        raise Invalid({"page": (_l("Enter a whole number."),)})
    order, direction = asked.get("order_column"), asked.get("order_direction", "asc")
    if direction not in ("asc", "desc"):
        raise Invalid({"order_direction": (_l("Pick one of the choices."),)})
    sort = entity.list.sort if not order else f"-{order}" if direction == "desc" else str(order)
    size = min(max(size, 1), MAX_PAGE)
    filters = asked.get("filters", [])
    if not isinstance(filters, list) or not all(isinstance(item, dict) for item in filters):
        raise Invalid({"filters": (_l("Enter a list."),)})
    return Query(
        entity=entity.name,
        columns=names,
        filters=tuple(_filter(entity, item) for item in filters),
        search=str(asked.get("search", ""))[:100],
        sort=sort,
        offset=page * size,
        limit=size,
    )


def _filter(entity: Entity, item: Mapping[str, Any]) -> Filter:
    name, operator = str(item.get("col")), OPERATORS.get(str(item.get("opr")))
    field = entity.field(name)
    if field is None or operator is None:
        raise Invalid({"filters": (_l("There is no such filter: %(name)s.", name=name),)})
    value = item.get("value")
    if operator in ("empty", "filled"):
        return Filter(name, operator)
    values = value if isinstance(value, list) and value else [value]
    if operator == "contains":
        if FIELD_TYPES.get(field.type).filter not in ("text", "choice", "tags") or not isinstance(
            value, str
        ):
            raise Invalid({name: (_l("The list cannot be filtered by this."),)})
        return Filter(
            name, "contains" if FIELD_TYPES.get(field.type).filter == "text" else "in", (value,)
        )
    typed = tuple(_typed(field, one) for one in values)
    if operator == "in":
        return Filter(name, "in", typed)
    if FIELD_TYPES.get(field.type).filter not in ("date", "number"):
        raise Invalid({name: (_l("The list cannot be filtered by this."),)})
    if operator == "between" and len(typed) == 2:
        return Filter(name, "between", typed)
    step: Any = _step(field)
    if operator == "above":
        return Filter(name, "between", (typed[0] + step, None))
    if operator == "below":
        return Filter(name, "between", (None, typed[0] - step))
    raise Invalid({name: (_l("The list cannot be filtered by this."),)})


def _step(field: Field) -> Any:
    if FIELD_TYPES.get(field.type).filter == "date":
        return timedelta(microseconds=1) if field.type == "datetime" else timedelta(days=1)
    places = (
        0
        if field.type in ("integer", "rating", "duration")
        else int(field.options.get("places", 2))
    )
    return Decimal(1).scaleb(-places)


def _typed(field: Field, value: Any) -> Any:
    """A filter's value with the type of the field; raises Invalid."""
    wrong = Invalid({field.name: (_l("This does not have the right form."),)})
    kind = FIELD_TYPES.get(field.type).filter
    try:
        if kind == "number":
            return _reachable(Decimal(str(value)))
        if kind == "date":
            text = str(value)
            if field.type == "datetime":
                moment = _reachable(datetime.fromisoformat(text))
                return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return _reachable(date.fromisoformat(text if len(text) > 7 else f"{text}-01"))
        if kind == "link" or field.name == "id":
            number = int(value)
            if not 0 <= number < 2**62:
                raise wrong
            return number
    except (ValueError, TypeError, InvalidOperation) as error:
        raise wrong from error
    if kind == "yes_no":
        if not isinstance(value, bool):
            raise wrong
        return value
    return str(value)


def _reachable(value: Any) -> Any:
    if not in_reach(value):
        raise ValueError(value)
    return value
