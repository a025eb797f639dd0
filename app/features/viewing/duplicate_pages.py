"""The list of what stands twice, for those who decide which of the two records stays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, render_template
from flask_appbuilder import BaseView, expose

from app.audit.actions import AuditAction
from app.audit.chain import Entry, append
from app.features.reminders.people import account_names
from app.features.viewing import settling
from app.kernel.errors import NotFound
from app.kernel.messages import _l
from app.records.titles import Key, load_titles
from app.storage.database import unit_of_work
from app.web.contexts import Crumb, MenuEntry, MenuGroup
from app.web.locale import datetime_text, say
from app.web.portal import Portal
from app.web.state import Scope, scope
from app.web.views import signed_in

ADDRESS = "/duplicates/"


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two records; without an address when the reader does not see it."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class DuplicateLine:
    """What stands twice: the field, the record that came later, and the one that has the value."""

    number: int
    what: str
    later: Side
    earlier: Side
    by: str
    at: str


@dataclass(frozen=True, slots=True)
class DuplicatesContext:
    """``viewing/duplicates.html``."""

    title: str
    lines: tuple[DuplicateLine, ...]
    breadcrumbs: tuple[Crumb, ...]


class DuplicatesView(BaseView):
    """What stands twice."""

    route_base = "/duplicates"
    default_view = "page"

    @expose("/")
    @signed_in
    def page(self) -> Any:
        """What the reader is told of and is not settled yet."""
        here = scope()
        rows = settling.open_ones(here.session, _decided(here))
        names = account_names(here.session, [row.account_id for row in rows if row.account_id])
        pairs = [(row.entity, one) for row in rows for one in (row.record_id, row.other_id)]
        titles = load_titles(here.records.session, here.state.runtime, pairs, here.language)
        lines = tuple(_line(here, row, titles, names.get(row.account_id, "—")) for row in rows)
        title = say(_l("Entered twice"), here.language)
        context = DuplicatesContext(title, lines, (Crumb(title),))
        return render_template("viewing/duplicates.html", page=context)

    @expose("/<int:number>/keep", methods=["POST"])
    @signed_in
    def keep(self, number: int) -> Any:
        """Both records stay as they are."""
        here = scope()
        runtime, decided = here.state.runtime, _decided(here)
        with unit_of_work(here.session):
            one = settling.keep_both(here.session, number, decided)
            append(here.session, Entry(
                at=runtime.clock.now(), account_id=here.actor.account_id,
                account_name=here.actor.username, action=AuditAction.DUPLICATE_KEPT,
                revision=runtime.revision, entity=one.entity, record_id=one.record_id,
                changes={"other_id": [None, one.other_id], "field": [None, one.field]},
            ))  # fmt: skip
        flash(say(_l("Done."), here.language), "success")
        return redirect(ADDRESS)


def register(portal: Portal) -> None:
    """Add the page and its menu entry."""
    portal.add_pages(DuplicatesView)
    portal.add_menu(_menu)


# Private


def _decided(here: Scope) -> dict[str, list[str]]:
    found = settling.decided_by(here.schema, here.actor)
    if not found:
        raise NotFound
    return found


def _menu(here: Scope, path: str) -> MenuGroup | None:
    if not settling.decided_by(here.schema, here.actor):
        return None
    active = path.startswith(ADDRESS)
    entry = MenuEntry(say(_l("Entered twice"), here.language), ADDRESS, "copy", active)
    return MenuGroup(say(_l("Requests"), here.language), "gavel", (entry,), active)


def _line(here: Scope, row: Any, titles: Mapping[Key, str], by: str) -> DuplicateLine:
    entity = here.schema.entities[row.entity]
    field = entity.fields[row.field]
    what = _l("%(entity)s: the same %(field)s", entity=entity.label, field=field.label)
    later, earlier = (_side(titles, (row.entity, one)) for one in (row.record_id, row.other_id))
    at = datetime_text(row.at, here.state.runtime.zone)
    return DuplicateLine(row.id, say(what, here.language), later, earlier, by, at)


def _side(titles: Mapping[Key, str], key: Key) -> Side:
    name, number = key
    return Side(titles[key], f"/{name}/show/{number}") if key in titles else Side(f"#{number}", "")
