"""The look-back: who looked at how many records in the last 30, 60 or 90 days, and who took files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import render_template, request
from flask_appbuilder import BaseView, expose

from app.audit.actions import AuditAction
from app.audit.chain import Entry, append
from app.features.reminders.people import account_names
from app.features.trail.service import Search, find
from app.features.trail.telling import Teller, TrailLine
from app.features.viewing import service
from app.features.viewing.looking_back import Looked, Period, looked_at
from app.features.viewing.watcher import Watcher
from app.kernel.errors import NotFound
from app.kernel.messages import _l
from app.language.definitions import Entity
from app.records.showing import logged_fields
from app.storage.database import unit_of_work
from app.web.contexts import Crumb, MenuEntry, MenuGroup, Option
from app.web.locale import number_text, say
from app.web.portal import Portal
from app.web.state import Scope, scope
from app.web.views import signed_in

ADDRESS = "/viewing/"
PERIODS = (30, 60, 90)
MOST_SHOWN = 200
MUCH_MORE = 2
MOST_UNCOVERED = 50


@dataclass(frozen=True, slots=True)
class LookedLine:
    """One account; ``tone`` says whether it looked at much more than in the time before."""

    name: str
    url: str
    records: str
    before: str
    tone: str
    days: str
    most: str
    late: str
    values: str
    searches: str
    files: str
    stopped: str


@dataclass(frozen=True, slots=True)
class UncoveredContext:
    """``viewing/uncovered.html``."""

    lines: tuple[TrailLine, ...]
    all_url: str


@dataclass(frozen=True, slots=True)
class LookBackContext:
    """``viewing/look_back.html``."""

    title: str
    entities: tuple[Option, ...]
    periods: tuple[Option, ...]
    lines: tuple[LookedLine, ...]
    uncovered_url: str
    breadcrumbs: tuple[Crumb, ...]


class LookBackView(BaseView):
    """Who looked at what."""

    route_base = "/viewing"
    default_view = "page"

    @expose("/")
    @signed_in
    def page(self) -> Any:
        """The look-back of one entity; that somebody asked for it is an entry itself."""
        here = scope()
        watched, chosen, days = _asked(here)
        runtime = here.state.runtime
        entry = Entry(
            at=runtime.clock.now(), account_id=here.actor.account_id, account_name=here.actor.username,
            action=AuditAction.VIEWING_READ, revision=runtime.revision, entity=chosen.name,
            changes={"days": [None, days]},
        )  # fmt: skip
        with unit_of_work(here.session):
            append(here.session, entry)
        return render_template("viewing/look_back.html", page=_page(here, watched, chosen, days))

    @expose("/uncovered")
    @signed_in
    def uncovered(self) -> Any:
        """The masked values that were uncovered last, with the reasons; a part of the page."""
        here = scope()
        _, chosen, days = _asked(here)
        return render_template("viewing/uncovered.html", page=_uncovered(here, chosen, days))


def looked_line(name: str, url: str, one: Looked) -> LookedLine:
    """The figures as they are shown."""
    much = one.before and one.records > MUCH_MORE * one.before
    return LookedLine(
        name, url, number_text(one.records), number_text(one.before), "danger" if much else "neutral",
        number_text(one.days), number_text(one.most), number_text(one.late), number_text(one.values),
        number_text(one.searches), number_text(one.files), number_text(one.stopped),
    )  # fmt: skip


def account_url(account: int) -> str:
    """The page that looks back at one account."""
    return f"{ADDRESS}account/{account}"


def register(portal: Portal) -> None:
    """Count what is shown, and add the page and its menu entry."""
    portal.watch_views(Watcher)
    portal.add_pages(LookBackView)
    portal.add_menu(_menu)


# Private


def watched_entities(here: Scope) -> list[Entity]:
    """Entities with a budget, with values whose reads are logged, or with masked ones that may be uncovered."""
    revealed = {
        name
        for role in here.schema.roles.values()
        for name, rights in role.may.items()
        if rights.reveal != ()
    }
    return [
        entity
        for entity in here.schema.enabled_entities()
        if entity.viewing is not None
        or entity.name in revealed
        or logged_fields(here.state.runtime, entity)
    ]


def _menu(here: Scope, path: str) -> MenuGroup | None:
    if not service.may_look_back(here.actor) or not watched_entities(here):
        return None
    active = path.startswith(ADDRESS)
    entry = MenuEntry(say(_l("Look-back"), here.language), ADDRESS, "eye", active)
    return MenuGroup(say(_l("Administration"), here.language), "settings", (entry,), active)


def _page(here: Scope, watched: list[Entity], chosen: Entity, days: int) -> LookBackContext:
    runtime = here.state.runtime
    today = runtime.moment().today
    period = Period(chosen.name, days, today)
    found = looked_at(here.session, runtime, period)[:MOST_SHOWN]
    names = account_names(here.session, [one.account_id for one in found])
    title = say(_l("Look-back"), here.language)
    lines = tuple(
        looked_line(names.get(one.account_id, "—"), account_url(one.account_id), one)
        for one in found
    )
    entities = tuple(
        Option(one.name, one.label.text(here.language), selected=one is chosen) for one in watched
    )
    periods = tuple(
        Option(str(one), say(_l("%(days)s days", days=one), here.language), selected=one == days)
        for one in PERIODS
    )
    url = f"{ADDRESS}uncovered?entity={chosen.name}&days={days}"
    return LookBackContext(title, entities, periods, lines, url, (Crumb(title),))


def _asked(here: Scope) -> tuple[list[Entity], Entity, int]:
    """What may be looked back at, what is asked for, and for how many days; raises NotFound."""
    watched = watched_entities(here)
    if not service.may_look_back(here.actor) or not watched:
        raise NotFound
    chosen = next((one for one in watched if one.name == request.args.get("entity")), watched[0])
    days = next((one for one in PERIODS if str(one) == request.args.get("days")), PERIODS[0])
    return watched, chosen, days


def _uncovered(here: Scope, entity: Entity, days: int) -> UncoveredContext:
    runtime = here.state.runtime
    since = runtime.moment().today - timedelta(days=days - 1)
    search = Search(entity=entity.name, action=AuditAction.VALUE_REVEALED, since=since)
    found = find(here.session, search, runtime.zone, before=None, limit=MOST_UNCOVERED)
    all_url = f"/trail/?deed={AuditAction.VALUE_REVEALED}&entity={entity.name}"
    return UncoveredContext(Teller(here, found).lines(), all_url)
