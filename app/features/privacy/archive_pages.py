"""The pages about records whose time is over: what is due, and what was put away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import flash, redirect, render_template, request
from flask_appbuilder import BaseView, expose

from app.features.privacy import archive
from app.features.privacy.erasure import ERASURE, MOST_DUE, may_ask
from app.features.privacy.holds import may_hold
from app.features.privacy.plans import day_of
from app.features.privacy.retention import due, with_an_end
from app.features.requests import service
from app.features.requests.rules import LONGEST_REASON
from app.features.requests.service import NewRequest
from app.kernel.errors import Forbidden, Invalid, NotFound, PortalError, StaleRevision
from app.kernel.messages import _l
from app.language.definitions import Entity, Rights
from app.records import validation
from app.records.queries import Filter, Query, Row
from app.records.titles import title_of
from app.storage.database import unit_of_work
from app.web.addresses import SEALED, whole
from app.web.contexts import Crumb, MenuEntry, MenuGroup, Option
from app.web.locale import datetime_text, say
from app.web.portal import Portal
from app.web.state import Scope, scope
from app.web.views import signed_in

DUE, ARCHIVE = "/privacy/due", "/privacy/archive"
LONGEST_TYPED = 80


@dataclass(frozen=True, slots=True)
class DueLine:
    """A record of which something is due."""

    id: int
    version: int
    title: str
    url: str
    ended: str


@dataclass(frozen=True, slots=True)
class DueContext:
    """``privacy/due.html``."""

    title: str
    entities: tuple[Option, ...]
    entity: str
    lines: tuple[DueLine, ...]
    archive_url: str
    problem: str
    reason: str
    breadcrumbs: tuple[Crumb, ...]


@dataclass(frozen=True, slots=True)
class ArchivedLine:
    """A record that was put away; ``fetch_url`` is set for whoever may fetch it back."""

    title: str
    kind: str
    url: str
    at: str
    request_url: str
    fetch_url: str


@dataclass(frozen=True, slots=True)
class ArchiveContext:
    """``privacy/archive.html``."""

    title: str
    words: str
    lines: tuple[ArchivedLine, ...]
    problem: str
    breadcrumbs: tuple[Crumb, ...]


class RetentionView(BaseView):
    """What is due, and what was put away."""

    route_base = "/privacy"

    @expose("/due")
    @signed_in
    def due(self) -> Any:
        """The records of one kind of which something is due."""
        here = scope()
        return render_template("privacy/due.html", page=_due_page(here, *_chosen(here)))

    @expose("/due", methods=["POST"])
    @signed_in
    def ask(self) -> Any:
        """Ask to put the chosen ones away."""
        here = scope()
        chosen, entities = _chosen(here)
        reason = request.form.get("reason", "")[:LONGEST_REASON]
        pairs = [one.split(".") for one in request.form.getlist("records")][:MOST_DUE]
        numbers = [[whole(part) for part in pair] for pair in pairs if len(pair) == 2]
        payload = {"due": True, "records": [pair for pair in numbers if None not in pair]}
        try:
            with unit_of_work(here.session):
                if not payload["records"]:
                    raise Invalid({"": (_l("Choose 1 to %(most)s records.", most=MOST_DUE),)})
                new = NewRequest(chosen.name, payload, reason)
                number = service.ask(here.records, ERASURE, new)
        except (NotFound, Forbidden, StaleRevision):
            raise
        except PortalError as refused:
            page = _due_page(here, chosen, entities, _said(here, refused), reason)
            return render_template("privacy/due.html", page=page), refused.status
        flash(say(_l("Asked for. You will be told when it is decided."), here.language), "success")
        return redirect(f"/requests/{number}")

    @expose("/archive")
    @signed_in
    def archive(self) -> Any:
        """What was put away, by number."""
        return render_template("privacy/archive.html", page=_archive_page(scope()))

    @expose("/archive", methods=["POST"])
    @signed_in
    def look(self) -> Any:
        """What was typed comes back sealed: a number tells of a person to whoever knows it."""
        here, typed = scope(), request.form.get("q", "").strip()[:LONGEST_TYPED]
        query = urlencode({SEALED: here.sealer.seal({"q": typed})}) if typed else ""
        return redirect(f"{ARCHIVE}?{query}" if query else ARCHIVE, 303)

    @expose("/archive/<int:number>/fetch", methods=["POST"])
    @signed_in
    def fetch(self, number: int) -> Any:
        """Fetch one record back, with a reason."""
        here, reason = scope(), request.form.get("reason", "").strip()[:LONGEST_REASON]
        row = archive.one(here.session, number, [one.name for one in _archived_kinds(here)])
        entity = here.schema.entities[row.entity]
        here.records.get(entity.name, row.record_id, ())
        if not may_hold(here.records, entity):
            raise Forbidden(_l("Only those who decide erasures fetch records back."))
        runtime, settings = here.state.runtime, here.state.settings
        try:
            if not reason:
                raise Invalid({"reason": (validation.REQUIRED,)})
            with unit_of_work(here.session):
                archive.fetch_back(here.session, runtime, settings, here.actor, number, reason)
        except (NotFound, StaleRevision):
            raise
        except PortalError as refused:
            page = _archive_page(here, _said(here, refused))
            return render_template("privacy/archive.html", page=page), refused.status
        flash(say(_l("The record is as it was."), here.language), "success")
        return redirect(f"/{entity.name}/show/{row.record_id}")


def register(portal: Portal) -> None:
    """Add the pages and their menu entry."""
    portal.add_pages(RetentionView)
    portal.add_menu(_menu)


# Private


def _said(here: Scope, refused: PortalError) -> str:
    if isinstance(refused, Invalid):
        return say(next(iter(refused.problems.values()))[0], here.language)
    return say(refused.message, here.language)


def _kinds(here: Scope) -> list[Entity]:
    """The kinds of which the reader may ask to put records away."""
    return [
        entity
        for entity in with_an_end(here.schema)
        if (access := here.access.entity(entity.name)).allows(Rights.READ)
        and (access.allows(Rights.DELETE) or access.asks(Rights.DELETE))
    ]


def _archived_kinds(here: Scope) -> list[Entity]:
    """The kinds whose archive the reader may search: those he may ask about, or decides on."""
    asked = _kinds(here)
    return [
        entity
        for entity in with_an_end(here.schema)
        if here.access.entity(entity.name).allows(Rights.READ)
        and (entity in asked or may_hold(here.records, entity))
    ]


def _menu(here: Scope, path: str) -> MenuGroup | None:
    if not here.actor.grants or not _archived_kinds(here):
        return None
    active = path in (DUE, ARCHIVE)
    address = DUE if _kinds(here) else ARCHIVE
    entry = MenuEntry(say(_l("Retention"), here.language), address, "archive", active)
    return MenuGroup(say(_l("Administration"), here.language), "settings", (entry,), active)


def _chosen(here: Scope) -> tuple[Entity, list[Entity]]:
    entities = _kinds(here)
    wanted = request.values.get("entity")
    found = next((one for one in entities if one.name == wanted), None)
    if not entities or (wanted and found is None):
        raise NotFound
    return found or entities[0], entities


def _due_page(
    here: Scope, chosen: Entity, entities: list[Entity], problem: str = "", reason: str = ""
) -> DueContext:
    language, title = here.language, say(_l("Retention"), here.language)
    found = due(here.session, here.state.runtime, chosen, MOST_DUE)
    rows = {row.id: row for row in _rows(here, chosen, found)}
    return DueContext(
        title=title,
        entities=tuple(
            Option(one.name, one.label.plural(language), selected=one is chosen) for one in entities
        ),
        entity=chosen.name,
        lines=tuple(_due_line(here, chosen, rows[number]) for number in found if number in rows),
        archive_url=ARCHIVE,
        problem=problem,
        reason=reason,
        breadcrumbs=(Crumb(title),),
    )


def _rows(here: Scope, entity: Entity, ids: list[int]) -> tuple[Row, ...]:
    """The records that the reader sees and may ask about."""
    if not ids or entity.subject is None or entity.subject.ends is None:
        return ()
    columns = (*entity.title_fields, entity.subject.ends, "version")
    wanted = (Filter("id", "in", tuple(ids)),)
    query = Query(entity.name, columns, wanted, limit=MOST_DUE, count=False, titles=False)
    rows = here.records.find(query).rows
    return tuple(row for row in rows if may_ask(here.records, entity, row))


def _due_line(here: Scope, entity: Entity, row: Row) -> DueLine:
    ended = (
        day_of(row.values.get(entity.subject.ends))
        if entity.subject and entity.subject.ends
        else None
    )
    return DueLine(
        row.id, int(row.values["version"]), title_of(entity, row.values, here.language),
        f"/privacy/{entity.name}/{row.id}", ended.isoformat() if ended else "—",
    )  # fmt: skip


def _archive_page(here: Scope, problem: str = "") -> ArchiveContext:
    kinds = {one.name: one for one in _archived_kinds(here)}
    if not kinds:
        raise NotFound
    words, title = _typed(here), say(_l("Archive"), here.language)
    found = archive.search(here.session, list(kinds), words)
    seen = {
        (name, row.id)
        for name, entity in kinds.items()
        for row in _seen(here, entity, [one.record_id for one in found if one.entity == name])
    }
    zone = here.state.runtime.zone
    lines = tuple(
        ArchivedLine(
            one.title, kinds[one.entity].label.text(here.language),
            f"/{one.entity}/show/{one.record_id}", datetime_text(one.at, zone),
            f"/requests/{one.request_id}",
            f"{ARCHIVE}/{one.id}/fetch" if may_hold(here.records, kinds[one.entity]) else "",
        )
        for one in found
        if (one.entity, one.record_id) in seen
    )  # fmt: skip
    crumbs = (Crumb(say(_l("Retention"), here.language), DUE), Crumb(title))
    return ArchiveContext(title, words, lines, problem, crumbs)


def _typed(here: Scope) -> str:
    """Raises Refused for a sealed search that is not the reader's, or too old."""
    token = request.args.get(SEALED)
    typed = here.sealer.open(token).get("q", "") if token else request.args.get("q", "")
    return typed.strip()[:LONGEST_TYPED]


def _seen(here: Scope, entity: Entity, ids: list[int]) -> tuple[Row, ...]:
    wanted = (Filter("id", "in", tuple(ids)),)
    query = Query(entity.name, (), wanted, limit=archive.MOST_FOUND, count=False, titles=False)
    return tuple(here.records.find(query).rows) if ids else ()
