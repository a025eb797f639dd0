"""The page on which owners see what waits since somebody broke the glass, and stop it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, render_template
from flask_appbuilder import BaseView, expose

from app.features.accounts import break_glass
from app.features.accounts.break_glass import ADDRESS, Broken
from app.kernel.errors import NotFound
from app.kernel.messages import _l
from app.records.accounts import username_of
from app.storage.database import unit_of_work
from app.web.contexts import Crumb
from app.web.locale import datetime_text, say
from app.web.portal import Portal
from app.web.state import Scope, scope
from app.web.views import signed_in


@dataclass(frozen=True, slots=True)
class BrokenLine:
    """One role that is to be given."""

    what: str
    why: str
    by: str
    asked: str
    due: str
    stop_url: str


@dataclass(frozen=True, slots=True)
class BrokenContext:
    """``accounts/break_glass.html``"""

    title: str
    lines: tuple[BrokenLine, ...]
    breadcrumbs: tuple[Crumb, ...]


class BreakGlassView(BaseView):
    """What waits, for owners."""

    route_base = "/break-glass"
    default_view = "list"

    @expose("/")
    @signed_in
    def list(self) -> Any:
        """What has not been given yet."""
        here = scope()
        if not break_glass.is_owner(here.session, here.state.runtime, here.actor):
            raise NotFound
        title = say(_l("Roles for which the glass was broken"), here.language)
        lines = tuple(_line(here, one) for one in break_glass.waiting(here.session))
        page = BrokenContext(title, lines, (Crumb(title),))
        return render_template("accounts/break_glass.html", page=page)

    @expose("/<int:number>/stop", methods=["POST"])
    @signed_in
    def stop(self, number: int) -> Any:
        """Stop one; that only takes away, so it asks for no further proof."""
        here = scope()
        with unit_of_work(here.session):
            break_glass.stop(here.session, here.state.runtime, here.actor, number)
        flash(say(_l("It was stopped."), here.language), "success")
        return redirect(ADDRESS)


def register(portal: Portal) -> None:
    """Add the page; notices lead to it."""
    portal.add_pages(BreakGlassView)


# Private


def _line(here: Scope, one: Broken) -> BrokenLine:
    zone, role = here.state.runtime.zone, here.schema.roles.get(one.role)
    label = role.label.text(here.language) if role is not None else one.role
    return BrokenLine(
        f"{username_of(here.session, one.account_id)} · {label}",
        one.why,
        one.by,
        datetime_text(one.asked_at, zone),
        datetime_text(one.due_at, zone),
        f"{ADDRESS}{one.id}/stop",
    )
