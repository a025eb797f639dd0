"""The views of a list that have a name: those of the schema, and those behind the home page."""

from __future__ import annotations

from collections.abc import Iterator

from app.access.permissions import Access
from app.language.definitions import Entity, Schema, View
from app.language.portal_definitions import Agenda, Tile


def named_view(access: Access, entity: Entity, name: str) -> View | None:
    """The view called ``name``; the home page's are called ``agenda-2`` or ``tile-0``.

    Which rows a view holds, and in which order, tells of the fields that it looks at: for whoever
    does not see them clearly there is no such view.
    """
    found = view_of(access.schema, entity, name)
    return found if found is not None and is_open(access, entity, found) else None


def view_of(schema: Schema, entity: Entity, name: str) -> View | None:
    """The view of that name, whoever may use it."""
    found = next((view for view in entity.list.views if view.name == name), None)
    return found or next((view for view in _home_views(schema, entity) if view.name == name), None)


def is_open(access: Access, entity: Entity, item: View | Agenda | Tile) -> bool:
    """Whether the actor sees clearly what a view chooses and sorts rows by."""
    rights, sort = access.entity(entity.name), getattr(item, "sort", None)
    chosen = item.where is None or access.sees(entity.name, item.where)
    return chosen and (not sort or rights.clear_everywhere(sort.removeprefix("-")))


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
