"""Finds records by what they are called, to be offered or listed; what is found counts as looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, Text, cast, func, literal, or_, select, union_all

from app.language.definitions import Entity
from app.records.reading import Reader, search_noted
from app.records.search import terms
from app.records.searching import holds, searched_links
from app.records.titles import title_columns, title_from
from app.storage.models import has_search, has_sort_key

FIRST_HITS = 200


class Hit(NamedTuple):
    """A record that was found; ``hint`` is its code."""

    id: int
    title: str
    hint: str


def find_everywhere(
    reader: Reader, entities: Sequence[Entity], typed: str, limit: int
) -> Mapping[str, list[Hit]]:
    """Records of several kinds that a text is found in, in one statement; raises TooManySeen."""
    if not terms(typed) or not entities:
        return {}
    search_noted(reader, None, typed)
    parts = []
    for entity in entities:
        found = holds(reader.access, reader.compiler(entity.name), typed)
        hits = _titled(reader, entity).where(found).limit(limit)
        parts.append(select(hits.subquery()))
    return _hits(reader, entities, union_all(*parts) if len(parts) > 1 else parts[0])


def find_titled(
    reader: Reader, entity: Entity, typed: str, where: Sequence[ColumnElement[bool]], limit: int
) -> list[Hit]:
    """Records of one kind by a part of what they are called, in the order of their titles; raises TooManySeen."""
    model = reader.runtime.models.classes[entity.name]
    statement = _titled(reader, entity).where(*where)
    if terms(typed):
        search_noted(reader, entity.name, typed)
        statement = statement.where(_called(reader, entity, typed))
    order: Any = model.sort_key if has_sort_key(entity) else model.id
    return _hits(reader, [entity], statement.order_by(order).limit(limit)).get(entity.name, [])


# Private


def _titled(reader: Reader, entity: Entity) -> Select[Any]:
    model = reader.runtime.models.classes[entity.name]
    codes = (field.name for field in entity.fields.values() if field.type == "code")
    code = next((name for name in codes if name not in entity.title_fields), None)
    return select(
        literal(entity.name).label("entity"),
        model.id,
        func.jsonb_build_array(*title_columns(reader.runtime, entity.name)).label("titles"),
        (cast(getattr(model, code), Text) if code else literal("")).label("hint"),
    )


def _called(reader: Reader, entity: Entity, typed: str) -> ColumnElement[bool]:
    model = reader.runtime.models.classes[entity.name]
    named = any(searched_links(reader.access, entity))
    if not has_search(entity):
        # A title may begin with a date or a number: its text is what is looked into.
        title = cast(title_columns(reader.runtime, entity.name)[0], Text)
        found: ColumnElement[bool] = title.icontains(typed.strip(), autoescape=True)
        if named:
            return or_(found, holds(reader.access, reader.compiler(entity.name), typed))
        return found
    found_in = holds(reader.access, reader.compiler(entity.name), typed)
    hits = select(model.id).where(found_in).limit(FIRST_HITS).cte("hits")
    among: ColumnElement[bool] = model.id.in_(select(hits.c.id))
    return among


def _hits(reader: Reader, entities: Sequence[Entity], statement: Any) -> dict[str, list[Hit]]:
    known = {entity.name: entity for entity in entities}
    found: dict[str, list[Hit]] = {}
    for name, number, titles, hint in reader.session.execute(statement):
        title = title_from(known[name], titles, number, reader.language)
        found.setdefault(name, []).append(Hit(number, title, hint or ""))
    for name, hits in found.items():
        reader.shown(known[name], [hit.id for hit in hits])
    return found
