"""The home page with tiles and what needs the reader today, and the search over everything."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from flask import redirect, render_template, request
from flask_appbuilder import BaseView, expose
from sqlalchemy import func, literal, select

from app.access.permissions import Visibility
from app.kernel.messages import _l
from app.language.definitions import Entity, Rights
from app.language.portal_definitions import Agenda, Tile
from app.records.finding import Hit, find_everywhere
from app.records.queries import COUNT_CAP, Query
from app.records.searching import searchable
from app.web import contexts
from app.web.addresses import SEALED, Asked
from app.web.list_page import ListPage, shower_for
from app.web.locale import say
from app.web.named_views import agenda_name, is_open
from app.web.shell import waiting as added
from app.web.state import Scope, scope
from app.web.views import signed_in

AGENDA_ROWS = 5
SHOWN_AGENDA = 2
FOUND_ROWS = 5
LONGEST_TYPED = 100
LIVE_PART = "found"
COUNTS = "home counts"
KEPT_SECONDS = 60


class HomeView(BaseView):
    """The start page and the search."""

    route_base = ""
    default_view = "index"

    @expose("/")
    @signed_in
    def index(self) -> Any:
        """The home page."""
        return render_template("home.html", page=home_context(scope()))

    @expose("/search/", methods=["GET", "POST"])
    @signed_in
    def search(self) -> Any:
        """Records of every kind that a text is found in."""
        here, live = scope(), bool(request.headers.get("HX-Request"))
        typed = _typed(here).strip()[:LONGEST_TYPED]
        if not typed and not live:
            return redirect("/")
        if request.method == "POST" and not live:
            return redirect(f"/search/?{SEALED}={here.sealer.seal({'q': typed})}", 303)
        page = contexts.SearchContext(say(_l("Search"), here.language), typed, tuple(_found(here, typed)),
                                      (contexts.Crumb(say(_l("Search"), here.language)),))  # fmt: skip
        part = request.headers.get("HX-Target") == LIVE_PART
        return render_template("includes/found.html" if part else "search.html", page=page)


def home_context(here: Scope) -> contexts.HomeContext:
    """What the reader's home page shows: all numbers in one statement, the rows of the first lists."""
    language, portal = here.language, here.schema.portal
    tiles = [tile for tile in portal.tiles if _open(here, tile)]
    agenda = [item for item in portal.agenda if _open(here, item)]
    counts = _counts(here, [*tiles, *agenda])
    waiting = [pair for pair in zip(agenda, counts[len(tiles) :], strict=True) if pair[1]]
    return contexts.HomeContext(
        title=say(_l("Home"), language),
        greeting=say(_greeting(here), language),
        tiles=tuple(
            _tile(here, tile, count)
            for tile, count in zip(tiles, counts[: len(tiles)], strict=True)
        ),
        agenda=(
            *added(here),
            *(_agenda(here, item, count) for item, count in waiting[:SHOWN_AGENDA]),
        ),
        more=tuple(_line(here, item, count) for item, count in waiting[SHOWN_AGENDA:]),
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


def _typed(here: Scope) -> str:
    """What was typed into the form, or stands sealed in the address."""
    token = request.args.get(SEALED)
    return here.sealer.open(token).get("q", "") if token else str(request.values.get("q", ""))


def _open(here: Scope, item: Tile | Agenda) -> bool:
    """Whether the reader may count these rows: he reads them, and the fields they are chosen by.

    What has no pages, its module being off, is not counted: the number would lead nowhere.
    """
    entity = here.schema.entities[item.entity]
    allowed = here.access.entity(item.entity).allows(Rights.READ)
    return allowed and here.schema.has_pages(entity.name) and is_open(here.access, entity, item)


def _counts(here: Scope, items: Sequence[Tile | Agenda]) -> tuple[int, ...]:
    """How many rows each item stands for, up to the cap; where counting is slow, a minute old at most."""
    if not items:
        return ()
    assert here.known is not None
    counts: tuple[int, ...] = here.known.worked_out(
        COUNTS, KEPT_SECONDS, lambda: _counted(here, items)
    )
    return counts


def _counted(here: Scope, items: Sequence[Tile | Agenda]) -> tuple[int, ...]:
    columns = []
    for item in items:
        model = here.state.runtime.models.classes[item.entity]
        some = select(literal(1)).select_from(model).limit(COUNT_CAP + 1)
        if item.where is not None:
            compiler = here.records.reader.compiler(item.entity)
            some = some.where(compiler.criterion(item.where.tree))
        inner = some.subquery()
        columns.append(select(func.count()).select_from(inner).scalar_subquery())
    found = here.session.execute(select(*columns)).one()
    return tuple(int(count) for count in found)


def _count_text(count: int) -> str:
    return f"{count:,}" if count <= COUNT_CAP else f"{COUNT_CAP:,}+"


def _url(here: Scope, item: Tile | Agenda) -> str:
    plain = isinstance(item, Tile) and item.where is None
    view = "" if plain else f"?view={agenda_name(here.schema, item)}"
    return f"/{item.entity}/list/{view}"


def _tile(here: Scope, tile: Tile, count: int) -> contexts.TileView:
    label = tile.label.text(here.language)
    return contexts.TileView(label, _count_text(count), _url(here, tile), tile.icon, tile.tone)


def _line(here: Scope, item: Agenda, count: int) -> contexts.TileView:
    icon = here.schema.entities[item.entity].icon
    label = item.label.text(here.language)
    return contexts.TileView(label, _count_text(count), _url(here, item), icon, "neutral")


def _agenda(here: Scope, item: Agenda, count: int) -> contexts.AgendaView:
    entity = here.schema.entities[item.entity]
    access = here.access.entity(entity.name)
    names = tuple(n for n in item.columns if access.visibility(n) is not Visibility.HIDDEN)
    query = Query(
        entity.name, names, where=item.where, sort=item.sort, limit=AGENDA_ROWS, count=False
    )
    page = here.records.find(query)
    shower = shower_for(here, page.titles)
    maker = ListPage(here, entity, Asked())
    fields = [entity.field(name) for name in names]
    return contexts.AgendaView(
        label=item.label.text(here.language),
        count=_count_text(count),
        url=_url(here, item),
        columns=tuple(contexts.Column(f.name, f.label.text(here.language)) for f in fields if f),
        rows=tuple(maker.row(shower, row, names) for row in page.rows),
    )


def _found(here: Scope, typed: str) -> Iterable[contexts.FoundGroup]:
    """Records by kind, all kinds in one statement."""
    searched = [entity for entity in here.schema.enabled_entities() if _searchable(here, entity)]
    found = find_everywhere(here.records.reader, searched, typed, FOUND_ROWS)
    for entity in searched:
        if entity.name in found:
            shown = tuple(_hit(entity, hit) for hit in found[entity.name])
            url = Asked(search=typed, seal=here.sealer.seal).url(f"/{entity.name}/list/")
            yield contexts.FoundGroup(entity.label.plural(here.language), entity.icon, shown, url)


def _searchable(here: Scope, entity: Entity) -> bool:
    access = here.access.entity(entity.name)
    fields = [*entity.title_fields, *(field.name for field in entity.search_fields)]
    clear = all(access.clear_everywhere(name) for name in fields)
    return (
        searchable(here.access, entity) and entity.in_menu and access.allows(Rights.READ) and clear
    )


def _hit(entity: Entity, hit: Hit) -> contexts.Row:
    cells = [contexts.Cell("text", hit.title)]
    cells += [contexts.Cell("text", hit.hint)] if hit.hint else []
    return contexts.Row(hit.id, f"/{entity.name}/show/{hit.id}", tuple(cells))
