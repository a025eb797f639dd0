"""The home page with tiles and what needs the reader today, and the search over everything."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from flask import redirect, render_template, request
from flask_appbuilder import BaseView, expose

from app.access.permissions import Visibility
from app.kernel.messages import _l
from app.language.definitions import Agenda, Entity, Rights
from app.records.queries import COUNT_CAP, Query
from app.web import contexts
from app.web.addresses import Asked
from app.web.list_page import ListPage, shower_for
from app.web.locale import say
from app.web.state import Scope, scope
from app.web.views import signed_in

AGENDA_ROWS = 5
FOUND_ROWS = 5
LIVE_PART = "found"


class HomeView(BaseView):
    """The start page and the search."""

    route_base = ""
    default_view = "index"

    @expose("/")
    @signed_in
    def index(self) -> Any:
        """The home page."""
        return render_template("home.html", page=home_context(scope()))

    @expose("/search/")
    @signed_in
    def search(self) -> Any:
        """Records of every kind that a text is found in."""
        here, typed = scope(), request.args.get("q", "").strip()[:100]
        if not typed and not request.headers.get("HX-Request"):
            return redirect("/")
        page = contexts.SearchContext(say(_l("Search"), here.language), typed, tuple(_found(here, typed)),
                                      (contexts.Crumb(say(_l("Search"), here.language)),))  # fmt: skip
        part = request.headers.get("HX-Target") == LIVE_PART
        return render_template("includes/found.html" if part else "search.html", page=page)


def home_context(here: Scope) -> contexts.HomeContext:
    """What the reader's home page shows."""
    language = here.language
    return contexts.HomeContext(
        title=say(_l("Home"), language),
        greeting=say(_greeting(here), language),
        tiles=tuple(_tiles(here)),
        agenda=tuple(view for item in here.schema.portal.agenda if (view := _agenda(here, item))),
    )


# Private


def _greeting(here: Scope) -> Any:
    moment = here.state.runtime.moment()
    hour = datetime.astimezone(moment.now, moment.zone).hour
    name = here.actor.name
    if hour < 12:
        return _l("Good morning, %(name)s", name=name)
    return (
        _l("Good afternoon, %(name)s", name=name)
        if hour < 18
        else _l("Good evening, %(name)s", name=name)
    )


def _readable(here: Scope, entity: Entity) -> bool:
    return here.access.entity(entity.name).allows(Rights.READ)


def _tiles(here: Scope) -> Iterable[contexts.TileView]:
    for tile in here.schema.portal.tiles:
        entity = here.schema.entities[tile.entity]
        if not _readable(here, entity):
            continue
        reader = here.records.reader
        where = reader.compiler(entity.name).criterion(tile.where.tree) if tile.where else None
        count = reader.count(entity.name, where)
        text = f"{count:,}" if count <= COUNT_CAP else f"{COUNT_CAP:,}+"
        yield contexts.TileView(
            tile.label.text(here.language), text, f"/{entity.name}/list/", tile.icon, tile.tone
        )


def _agenda(here: Scope, agenda: Agenda) -> contexts.AgendaView | None:
    entity = here.schema.entities[agenda.entity]
    access = here.access.entity(entity.name)
    if not _readable(here, entity) or not all(
        access.clear_everywhere(path[0]) for path in agenda.where.names() if path[0] != "actor"
    ):
        return None
    names = tuple(
        name for name in agenda.columns if access.visibility(name) is not Visibility.HIDDEN
    )
    page = here.records.find(
        Query(entity.name, names, where=agenda.where, sort=agenda.sort, limit=AGENDA_ROWS)
    )
    shower = shower_for(here, page.titles)
    maker = ListPage(here, entity, Asked())
    fields = [entity.field(name) for name in names]
    total = f"{page.total:,}" if page.total is not None else f"{COUNT_CAP:,}+"
    return contexts.AgendaView(
        label=agenda.label.text(here.language),
        count=total,
        url=f"/{entity.name}/list/",
        columns=tuple(contexts.Column(f.name, f.label.text(here.language)) for f in fields if f),
        rows=tuple(maker.row(shower, row, names) for row in page.rows),
    )


def _found(here: Scope, typed: str) -> Iterable[contexts.FoundGroup]:
    if not typed:
        return
    for entity in here.schema.enabled_entities():
        if not entity.search_fields or not entity.in_menu or not _readable(here, entity):
            continue
        access = here.access.entity(entity.name)
        names = tuple(
            name for name in entity.title_fields if access.visibility(name) is Visibility.CLEAR
        )
        code = next(
            (f.name for f in entity.fields.values() if f.type == "code" and f.name not in names),
            None,
        )
        columns = (*names, code) if code else names
        page = here.records.find(Query(entity.name, columns, search=typed, limit=FOUND_ROWS))
        if page.rows:
            maker, shower = ListPage(here, entity, Asked()), shower_for(here, page.titles)
            rows = tuple(maker.row(shower, row, columns) for row in page.rows)
            url = Asked(search=typed).url(f"/{entity.name}/list/")
            yield contexts.FoundGroup(entity.label.plural(here.language), entity.icon, rows, url)
