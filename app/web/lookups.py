"""Finds the records that a link may point to, as one types."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, literal, select

from app.kernel.errors import NotFound
from app.language.definitions import Entity, Field, Rights
from app.records.search import matches, terms
from app.records.titles import title_from
from app.storage.criteria import Compiler
from app.storage.models import has_search, has_sort_key
from app.web.state import Scope

SHOWN = 20
FIRST_HITS = 200


def look_up(scope: Scope, entity: Entity, field_name: str, typed: str) -> list[dict[str, Any]]:
    """At most SHOWN records by name, pinyin, initials or number; raises NotFound for other fields."""
    field = entity.fields.get(field_name)
    allowed = scope.access.entity(entity.name)
    usable = any(allowed.allows(right) for right in (Rights.READ, Rights.CREATE, Rights.EDIT))
    if field is None or not usable:
        raise NotFound
    found: list[dict[str, Any]] = []
    for target in _targets(entity, field):
        prefix = f"{target}:" if field.type == "reference" else ""
        found += [
            {**row, "id": f"{prefix}{row['id']}"}
            for row in _search(scope, entity, field, target, typed)
        ]
    return found[:SHOWN]


def look_up_records(scope: Scope, name: str, typed: str) -> list[dict[str, Any]]:
    """At most SHOWN records of an entity that the reader may see, by what they are called."""
    return _search(scope, scope.schema.entities[name], None, name, typed)[:SHOWN]


# Private


def _targets(entity: Entity, field: Field) -> tuple[str, ...]:
    if field.type == "parent":
        return (entity.name,)
    if field.type == "reference":
        return tuple(field.options["to"])
    if field.type in ("link", "links"):
        return (str(field.target),)
    raise NotFound


def _search(
    scope: Scope, entity: Entity, field: Field | None, name: str, typed: str
) -> list[dict[str, Any]]:
    target = scope.schema.entities[name]
    if name != "account" and not scope.access.entity(name).allows(Rights.READ):
        return []
    if name == "account" and not scope.actor.administers("accounts"):
        return []
    runtime = scope.state.runtime
    model = runtime.models.classes[name]
    columns = [getattr(model, part) for part in target.title_fields]
    hint = next((f for f in target.fields.values() if f.type == "code"), None)
    hint = hint if hint is not None and hint.name not in target.title_fields else None
    statement = select(
        model.id,
        func.jsonb_build_array(*columns),
        getattr(model, hint.name) if hint else literal(""),
    )
    compiler = scope.records.reader.compiler(name)
    where = field.options.get("where") if field is not None else None
    if where is not None:
        record = Compiler(runtime.schema, runtime.models, runtime.moment(), compiler.actor, target, model,
                          record={}, record_entity=entity)  # fmt: skip
        if not any(path[0] == "record" for path in where.names()):
            statement = statement.where(record.criterion(where.tree))
    order: list[Any] = [model.sort_key] if has_sort_key(target) else [model.id]
    if terms(typed) and has_search(target):
        hits = (
            select(model.id).where(matches(model.search_text, typed)).limit(FIRST_HITS).cte("hits")
        )
        statement = statement.where(model.id.in_(select(hits.c.id)))
    elif terms(typed):
        statement = statement.where(columns[0].ilike(f"%{typed.strip()}%"))
    rows = scope.session.execute(statement.order_by(*order).limit(SHOWN))
    return [
        {
            "id": row[0],
            "text": title_from(target, row[1], row[0], scope.language),
            "hint": row[2] or "",
        }
        for row in rows
    ]
