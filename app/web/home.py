"""The home page with tiles and what needs the reader today, and the search over everything."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from flask import redirect, render_template, request
from flask_appbuilder import BaseView, expose
from sqlalchemy import Text, cast, func, literal, select, union_all

from app.access.permissions import Visibility
from app.kernel.messages import Label, _l
from app.language.definitions import Agenda, Entity, Rights, Tile
from app.records.queries import COUNT_CAP, Query
from app.records.search import matches, terms
from app.records.titles import title_columns, title_from
from app.web import contexts
from app.web.addresses import Asked
from app.web.list_page import ListPage, shower_for
from app.web.locale import say
from app.web.named_views import agenda_name
from app.web.state import Scope, scope
from app.web.views import signed_in

AGENDA_ROWS = 5
SHOWN_AGENDA = 2
FOUND_ROWS = 5
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
    """What the reader's home page shows: all numbers in one statement, the rows of the first lists."""
    language, portal = here.language, here.schema.portal
    tiles = [tile for tile in portal.tiles if _open(here, tile)]
    agenda = [item for item in portal.agenda if _open(here, item)]
    counts = _counts(here, [*tiles, *agenda])
    waiting = [item for item in agenda if counts[item.label]]
    return contexts.HomeContext(
        title=say(_l("Home"), language),
        greeting=say(_greeting(here), language),
        tiles=tuple(_tile(here, tile, counts[tile.label]) for tile in tiles),
        agenda=tuple(_agenda(here, item, counts[item.label]) for item in waiting[:SHOWN_AGENDA]),
        more=tuple(_line(here, item, counts[item.label]) for item in waiting[SHOWN_AGENDA:]),
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


def _open(here: Scope, item: Tile | Agenda) -> bool:
    """Whether the reader may count these rows: he reads them, and the fields they are chosen by."""
    access = here.access.entity(item.entity)
    paths = item.where.names() if item.where else ()
    own = {path[0] for path in paths} - {"actor"}
    return access.allows(Rights.READ) and all(access.clear_everywhere(name) for name in own)


def _counts(here: Scope, items: Sequence[Tile | Agenda]) -> dict[Label, int]:
    """How many rows each item stands for, up to the cap; where counting is slow, a minute old at most."""
    if not items:
        return {}
    assert here.known is not None
    counts: dict[Label, int] = here.known.worked_out(
        COUNTS, KEPT_SECONDS, lambda: _counted(here, items)
    )
    return counts


def _counted(here: Scope, items: Sequence[Tile | Agenda]) -> dict[Label, int]:
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
    return {item.label: int(count) for item, count in zip(items, found, strict=True)}


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
    searched = {
        entity.name: entity
        for entity in here.schema.enabled_entities()
        if _searchable(here, entity)
    }
    if not terms(typed) or not searched:
        return
    parts = [select(_hits(here, entity, typed)) for entity in searched.values()]
    rows = here.session.execute(union_all(*parts) if len(parts) > 1 else parts[0]).all()
    for name, entity in searched.items():
        own = [row for row in rows if row[0] == name]
        if own:
            shown = tuple(_hit(here, entity, row) for row in own)
            url = Asked(search=typed).url(f"/{name}/list/")
            yield contexts.FoundGroup(entity.label.plural(here.language), entity.icon, shown, url)


def _searchable(here: Scope, entity: Entity) -> bool:
    access = here.access.entity(entity.name)
    fields = [*entity.title_fields, *(field.name for field in entity.search_fields)]
    clear = all(access.clear_everywhere(name) for name in fields)
    return bool(entity.search_fields) and entity.in_menu and access.allows(Rights.READ) and clear


def _hits(here: Scope, entity: Entity, typed: str) -> Any:
    model = here.state.runtime.models.classes[entity.name]
    code = _code(entity)
    titles = func.jsonb_build_array(*title_columns(here.state.runtime, entity.name))
    hint = cast(getattr(model, code), Text) if code else literal("")
    wanted = select(
        literal(entity.name).label("entity"), model.id, titles.label("titles"), hint.label("hint")
    )
    return wanted.where(matches(model.search_text, typed)).limit(FOUND_ROWS).subquery()


def _code(entity: Entity) -> str | None:
    fields = entity.fields.values()
    named = (f.name for f in fields if f.type == "code" and f.name not in entity.title_fields)
    return next(named, None)


def _hit(here: Scope, entity: Entity, row: Any) -> contexts.Row:
    title = title_from(entity, row[2], row[1], here.language)
    cells = [contexts.Cell("text", title)] + ([contexts.Cell("text", row[3])] if row[3] else [])
    return contexts.Row(row[1], f"/{entity.name}/show/{row[1]}", tuple(cells))
