"""What a list asks for, as plain values that can be sealed, and as a query."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.access.permissions import Access, Visibility
from app.features.exports.rules import FORMATS
from app.kernel.errors import Invalid
from app.kernel.messages import _l
from app.language.definitions import Entity, Field
from app.records.gateway import Records
from app.records.queries import Query
from app.web.addresses import Asked, filters_of
from app.web.named_views import named_view

UNFIT = ("children", "secret", "file", "files", "image", "signature")


def offered(access: Access, entity: Entity) -> list[Field]:
    """The fields that may be columns: those that some grant of the reader shows clearly."""
    rights = access.entity(entity.name)
    named = ("created_at", "updated_at")
    fields = [*entity.fields.values(), *(f for f in map(entity.field, named) if f is not None)]
    return [
        field
        for field in fields
        if field.type not in UNFIT and rights.visibility(field.name) is Visibility.CLEAR
    ]


def chosen(access: Access, entity: Entity) -> list[str]:
    """The columns to begin with: those of the list, as far as they may leave."""
    names = [field.name for field in offered(access, entity)]
    return [name for name in entity.list.columns if name in names] or names[:1]


def as_asked(entity: Entity, asked: Asked, columns: tuple[str, ...], kind: str) -> dict[str, Any]:
    """What is asked for as plain values: the payload of a request, and what a grant seals."""
    return {
        "entity": entity.name,
        "search": asked.search,
        "sort": asked.sort,
        "view": asked.view,
        "filters": dict(asked.filters or {}),
        "columns": list(columns),
        "format": kind,
    }


def query_of(records: Records, asked: Mapping[str, Any]) -> Query:
    """The query; raises Invalid for columns, filters or a format that the actor may not have."""
    runtime = records.runtime
    entity = runtime.entity(str(asked["entity"]))
    names = {field.name for field in offered(records.access, entity)}
    columns = tuple(asked["columns"])
    if not columns or not set(columns) <= names or asked["format"] not in FORMATS:
        raise Invalid({"columns": (_l("Choose among the columns that you see clearly."),)})
    view = named_view(records.access, entity, str(asked["view"]))
    if asked["view"] and view is None:
        raise Invalid({"": (_l("This view of the list is gone."),)})
    text = Asked(search=str(asked["search"]), filters=dict(asked["filters"]))
    filters = filters_of(text, entity, runtime.zone)
    if len(filters) != len(asked["filters"]):
        raise Invalid({"": (_l("One of the filters cannot be understood."),)})
    default = (view.sort if view else None) or entity.list.sort
    return Query(
        entity=entity.name,
        columns=columns,
        filters=filters,
        where=view.where if view else None,
        search=text.search,
        sort=str(asked["sort"]) or default,
        count=False,
    )
