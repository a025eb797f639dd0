"""The views of a list that have a name: those of the schema, and those behind the home page."""

from __future__ import annotations

from collections.abc import Iterator

from app.language.definitions import Agenda, Entity, Schema, Tile, View


def named_view(schema: Schema, entity: Entity, name: str) -> View | None:
    """The view called ``name``; the home page's are called ``agenda-2`` or ``tile-0``."""
    found = next((view for view in entity.list.views if view.name == name), None)
    return found or next((view for view in _home_views(schema, entity) if view.name == name), None)


def agenda_name(schema: Schema, item: Agenda | Tile) -> str:
    """The name of the view behind a list or number of the home page."""
    if isinstance(item, Agenda):
        return f"agenda-{schema.portal.agenda.index(item)}"
    return f"tile-{schema.portal.tiles.index(item)}"


# Private


def _home_views(schema: Schema, entity: Entity) -> Iterator[View]:
    for item in schema.portal.agenda:
        if item.entity == entity.name:
            name = agenda_name(schema, item)
            yield View(name, item.label, item.where, item.columns, item.sort)
    for tile in schema.portal.tiles:
        if tile.entity == entity.name:
            yield View(agenda_name(schema, tile), tile.label, tile.where, (), None)
