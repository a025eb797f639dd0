"""Dashboards in the browser."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import redirect, render_template, request
from flask_appbuilder import BaseView, expose
from markupsafe import Markup

from app.features.reports import dashboards
from app.features.reports.contexts import Figure, Heading
from app.features.reports.dashboards import ShownFigure, ShownPicture
from app.features.reports.results import Line
from app.features.reports.showing import Shown
from app.features.reports.telling import names_of, told_by
from app.kernel.errors import NotFound
from app.kernel.messages import _l
from app.language.dashboard_definitions import Dashboard
from app.web.contexts import Cell, Crumb, MenuEntry, MenuGroup
from app.web.locale import say
from app.web.portal import Portal
from app.web.shell import shows
from app.web.state import Scope, scope
from app.web.views import signed_in

ADDRESS = "/dashboards/"
KEPT_SECONDS = 300
SPARK_WIDTH, SPARK_HEIGHT = 100, 24


@dataclass(frozen=True, slots=True)
class FigureTile:
    """A figure: its value, what it means, how it moved; ``spark`` are the points of its trend."""

    label: str
    value: Cell
    definition: str
    why: str
    url: str
    change: str
    direction: str
    spark: str
    trend: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PictureCard:
    """A chart, as JSON for the script, and the same figures as a table."""

    title: str
    help: str
    url: str
    wide: bool
    chart: str
    headings: tuple[Heading, ...]
    lines: tuple[tuple[Figure, ...], ...]


@dataclass(frozen=True, slots=True)
class DashboardBody:
    """``reports/dashboard_body.html``"""

    tiles: tuple[FigureTile, ...]
    pictures: tuple[PictureCard, ...]
    as_of: str


@dataclass(frozen=True, slots=True)
class DashboardContext:
    """``reports/dashboard.html``; ``body`` is empty while its figures are worked out."""

    title: str
    help: str
    others: tuple[MenuEntry, ...]
    body: Markup
    body_url: str
    whole_url: str
    breadcrumbs: tuple[Crumb, ...]


class DashboardsView(BaseView):
    """Dashboards."""

    route_base = "/dashboards"
    default_view = "first"

    @expose("/")
    @signed_in
    def first(self) -> Any:
        """The first dashboard of the reader."""
        found = dashboards.dashboards_for(scope().records)
        if not found:
            raise NotFound
        return redirect(f"{ADDRESS}{found[0].name}")

    @expose("/<name>")
    @signed_in
    def one(self, name: str) -> Any:
        """A dashboard; its figures come with it when they are at hand, else as soon as they are."""
        here = scope()
        dashboard = dashboards.open_dashboard(here.records, name)
        body = _kept(here, dashboard)
        if not body and "whole" in request.args:
            body = _body(here, dashboard)
        return render_template("reports/dashboard.html", page=_context(here, dashboard, body))

    @expose("/<name>/body")
    @signed_in
    def body(self, name: str) -> Any:
        """The figures and pictures of a dashboard alone."""
        here = scope()
        dashboard = dashboards.open_dashboard(here.records, name)
        return _body(here, dashboard)


def register(portal: Portal) -> None:
    """Add the pages and the menu entry."""
    portal.add_pages(DashboardsView)
    portal.add_menu(_menu)


# Private


def _menu(here: Scope, path: str) -> MenuGroup | None:
    held = {role.name for role in here.actor.roles}
    if not any(held & set(one.readers) for one in here.schema.dashboards.values()):
        return None
    active = path.startswith(ADDRESS)
    entry = MenuEntry(say(_l("Dashboards"), here.language), ADDRESS, "layout-dashboard", active)
    return MenuGroup(say(_l("Reports"), here.language), "chart-bar", (entry,), active)


def _key(here: Scope, dashboard: Dashboard) -> str:
    return f"dashboard {dashboard.name} {here.language}"


def _kept(here: Scope, dashboard: Dashboard) -> Markup:
    """What was worked out a short while ago; empty when there is nothing."""
    assert here.known is not None
    found = here.known.remembered(_key(here, dashboard), KEPT_SECONDS)
    return _markup(found) if found else Markup("")


def _body(here: Scope, dashboard: Dashboard) -> Markup:
    """The figures and pictures, kept for a while where they are slow to work out."""
    assert here.known is not None

    def work_out() -> bytes:
        html = render_template("reports/dashboard_body.html", body=_figures(here, dashboard))
        return zlib.compress(html.encode())

    found: bytes = here.known.worked_out(_key(here, dashboard), KEPT_SECONDS, work_out)
    return _markup(found)


def _markup(kept: bytes) -> Markup:
    return Markup(zlib.decompress(kept).decode())  # noqa: S704 - made and escaped by a template


def _figures(here: Scope, dashboard: Dashboard) -> DashboardBody:
    records, moment = here.records, here.state.runtime.moment()
    results: dashboards.Results = {}
    return DashboardBody(
        tiles=tuple(_tile(here, one) for one in dashboards.figures(records, dashboard, results)),
        pictures=tuple(
            _card(here, one) for one in dashboards.pictures(records, dashboard, results)
        ),
        as_of=moment.now.astimezone(moment.zone).strftime("%H:%M"),
    )


def _context(here: Scope, dashboard: Dashboard, body: Markup) -> DashboardContext:
    language, schema = here.language, here.schema
    title = dashboard.label.text(language)
    # Its figures come later, or from what is kept; the page around them is theirs.
    for picture in dashboard.pictures:
        shows(*names_of(schema, told_by(schema, schema.reports[picture.report])))
    others = tuple(
        MenuEntry(one.label.text(language), f"{ADDRESS}{one.name}", one.icon, one is dashboard)
        for one in dashboards.dashboards_for(here.records)
    )
    return DashboardContext(
        title=title,
        help=dashboard.help.text(language) if dashboard.help else "",
        others=others if len(others) > 1 else (),
        body=body,
        body_url=f"{ADDRESS}{dashboard.name}/body",
        whole_url=f"{ADDRESS}{dashboard.name}?whole=1",
        breadcrumbs=(Crumb(title),),
    )


def _tile(here: Scope, figure: ShownFigure) -> FigureTile:
    shown = Shown(here, figure.run, figure.result)
    name, language = figure.column.name, here.language
    line = Line((), {name: figure.value}, {name: figure.before})
    change, direction = shown.change(figure.column, line)
    asked = urlencode(dict(figure.run.asked.texts))
    definition = figure.column.definition
    return FigureTile(
        label=figure.label.text(language),
        value=shown.cell(figure.column, figure.value),
        definition=definition.text(language) if definition else "",
        why=say(figure.column.withheld, language) if figure.column.withheld else "",
        url=f"{shown.url}?{asked}" if asked else shown.url,
        change=change,
        direction=direction,
        spark=spark([*figure.trend, figure.value]) if figure.trend else "",
        trend=tuple(shown.cell(figure.column, value).text for value in figure.trend),
    )


def _card(here: Scope, picture: ShownPicture) -> PictureCard:
    most = len(list(picture.result.lines))
    shown, report = Shown(here, picture.run, picture.result, most), picture.run.report
    asked = urlencode(dict(picture.run.asked.texts))
    return PictureCard(
        title=picture.label.text(here.language),
        help=report.help.text(here.language) if report.help else "",
        url=f"{shown.url}?{asked}" if asked else shown.url,
        wide=picture.picture.wide,
        chart=shown.chart(),
        headings=shown.headings(),
        lines=shown.lines(),
    )


def spark(values: Sequence[Any]) -> str:
    """The points of a small line for an SVG of SPARK_WIDTH by SPARK_HEIGHT; empty for less than two numbers."""
    numbers = [float(value) if isinstance(value, int | float) or hasattr(value, "as_tuple") else None
               for value in values]  # fmt: skip
    known = [number for number in numbers if number is not None]
    if len(known) < 2:
        return ""
    low, high = min(known), max(known)
    span, step = (high - low) or 1.0, SPARK_WIDTH / (len(numbers) - 1)
    points = [
        f"{position * step:.1f},{SPARK_HEIGHT - 2 - (number - low) / span * (SPARK_HEIGHT - 4):.1f}"
        for position, number in enumerate(numbers)
        if number is not None
    ]
    return " ".join(points)
