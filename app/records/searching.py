"""Where free search looks: into a record's own words, and into those of the records that its links name."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import ColumnElement, false, select, union_all

from app.access.permissions import Access
from app.language.definitions import Entity, Field, Rights
from app.records.search import matches
from app.storage.criteria import Compiler


def searched_links(access: Access, entity: Entity) -> Iterator[Field]:
    """The links through which an actor may search: he sees them, and all that search looks into behind them."""
    held = access.entity(entity.name)
    for field in entity.fields.values():
        if not field.search or field.type != "link":
            continue
        target = access.entity(str(field.target))
        behind = target.entity
        names = [*behind.title_fields, *(one.name for one in behind.search_fields)]
        clear = held.clear_everywhere(field.name) and all(map(target.clear_everywhere, names))
        if clear and target.allows(Rights.READ):
            yield field


def searchable(access: Access, entity: Entity) -> bool:
    """Whether there is anything to search for an actor."""
    return bool(entity.search_fields) or any(searched_links(access, entity))


def holds(access: Access, compiler: Compiler, typed: str) -> ColumnElement[bool]:
    """The rows of a reader's compiler that a text is found in, each way by its index.

    Linked records are looked for inside the reader's scope: a hit tells only what he sees.
    """
    entity = compiler.entity
    links = list(searched_links(access, entity))
    if not links:
        own = bool(entity.search_fields)
        return matches(compiler.source.search_text, typed) if own else false()
    outer = compiler.over(entity.name)
    ways = []
    if entity.search_fields:
        ways.append(select(outer.identity()).where(matches(outer.source.search_text, typed)))
    for field in links:
        inner = outer.linked(field)
        named = select(inner.identity()).where(matches(inner.source.search_text, typed))
        ways.append(select(outer.identity()).where(outer.own(field).in_(named)))
    among: ColumnElement[bool] = compiler.identity().in_(union_all(*ways))
    return among
