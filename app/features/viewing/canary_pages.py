"""The page by which whoever looks after the trail makes a record a canary; nobody else learns that there are any."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, render_template
from flask_appbuilder import BaseView, expose

from app.audit.actions import AuditAction
from app.audit.chain import Entry, append
from app.features.viewing import canaries
from app.features.viewing.service import may_look_back
from app.kernel.errors import NotFound
from app.kernel.messages import _l
from app.language.definitions import Entity
from app.records.queries import Row
from app.records.titles import title_of
from app.storage.database import unit_of_work
from app.web.contexts import Crumb, PageLink
from app.web.locale import say
from app.web.portal import Portal
from app.web.state import Scope, scope
from app.web.step_up import require_step_up
from app.web.views import signed_in

ADDRESS = "/canaries"
DEEDS = {"set": AuditAction.CANARY_SET, "clear": AuditAction.CANARY_CLEARED}


@dataclass(frozen=True, slots=True)
class CanaryContext:
    """``viewing/canary.html``: whether the record is one, and where the button leads."""

    title: str
    record: str
    marked: bool
    url: str
    breadcrumbs: tuple[Crumb, ...]


class CanaryView(BaseView):
    """Marks a record, and takes the mark off."""

    route_base = ADDRESS

    @expose("/<name>/<int:pk>")
    @signed_in
    def page(self, name: str, pk: int) -> Any:
        """Whether the record is a canary, with the button."""
        here = scope()
        entity, row = _record(here, name, pk)
        title = say(_l("Canary"), here.language)
        record = title_of(entity, row.values, here.language)
        marked = canaries.is_canary(here.session, name, pk)
        url = f"{ADDRESS}/{name}/{pk}/{'clear' if marked else 'set'}"
        crumbs = (Crumb(record, f"/{name}/show/{pk}"), Crumb(title))
        context = CanaryContext(title, record, marked, url, crumbs)
        return render_template("viewing/canary.html", page=context)

    @expose("/<name>/<int:pk>/<deed>", methods=["POST"])
    @signed_in
    def act(self, name: str, pk: int, deed: str) -> Any:
        """Mark the record, or take the mark off."""
        here, action = scope(), DEEDS.get(deed)
        _record(here, name, pk)
        if action is None:
            raise NotFound
        address = f"{ADDRESS}/{name}/{pk}"
        require_step_up(address)
        runtime = here.state.runtime
        with unit_of_work(here.session):
            if deed == "set":
                canaries.set_canary(here.session, runtime, name, pk, here.actor.username)
            else:
                canaries.clear_canary(here.session, name, pk)
            # The entry is about no record: else the record's own history would give it away.
            append(here.session, Entry(
                at=runtime.clock.now(), account_id=here.actor.account_id,
                account_name=here.actor.username, action=action, revision=runtime.revision,
                changes={"canary": f"{name}/{pk}"},
            ))  # fmt: skip
        flash(say(_l("Done."), here.language), "success")
        return redirect(address)


def register(portal: Portal) -> None:
    """Add the page, and the way to it from the pages of records."""
    portal.add_pages(CanaryView)
    portal.add_links(_links)


# Private


def _record(here: Scope, name: str, pk: int) -> tuple[Entity, Row]:
    """A record that the reader sees; raises NotFound, also for whoever does not look after the trail."""
    entity = here.schema.entities.get(name)
    if entity is None or entity.external_table or not may_look_back(here.actor):
        raise NotFound
    return entity, here.records.get(name, pk, entity.title_fields)


def _links(here: Scope, row: Row) -> Iterator[PageLink]:
    entity = here.schema.entities[row.entity]
    if may_look_back(here.actor) and not entity.external_table and entity.viewing is not None:
        label = say(_l("Canary"), here.language)
        yield PageLink(label, f"{ADDRESS}/{entity.name}/{row.id}", "feather")
