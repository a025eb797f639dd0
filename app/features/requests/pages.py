"""The pages of requests: what I asked for, what waits for me, and deciding with a reason."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from flask import current_app, flash, redirect, render_template, request
from flask_appbuilder import BaseView, expose

from app.features.requests import contexts, reading, service
from app.features.requests.kinds import Kind, Kinds
from app.features.requests.service import NewRequest, Verdict
from app.features.requests.showing import (
    Asking,
    ask_form,
    lines_of,
    page_of,
    record_notes,
    waiting_view,
)
from app.features.requests.telling import ADDRESS
from app.kernel.errors import Forbidden, Invalid, NotFound, PortalError, StaleRevision, ToBeDecided
from app.kernel.messages import Message, _l
from app.language.definitions import Decided, Rights
from app.storage.database import unit_of_work
from app.web.addresses import whole
from app.web.contexts import Crumb, MenuEntry, MenuGroup, ViewLink
from app.web.locale import say
from app.web.portal import Portal, Register
from app.web.state import Scope, scope
from app.web.step_up import require_step_up
from app.web.views import signed_in

EXTENSION = "portal_requests"
PAIRS = re.compile(r"[0-9]{1,18}\.[0-9]{1,9}(,[0-9]{1,18}\.[0-9]{1,9}){0,99}")
VIEWS: dict[str, Message] = {
    "decide": _l("To decide"),
    "mine": _l("My requests"),
    "decided": _l("Decided by me"),
}
EMPTY: dict[str, tuple[Message, Message]] = {
    "decide": (_l("Nothing waits for your decision"), _l("What somebody asks for and you decide appears here.")),
    "mine": (_l("You have asked for nothing"),
             _l("What you may not do at once, you can ask for on the page of the record.")),
    "decided": (_l("You have decided nothing yet"), _l("What you approve or refuse stays here.")),
}  # fmt: skip
GUARDED = _l("Held back by the guard against deleting and changing much at once.")
GIVING = _l("A role that two people give.")
CHANGING = _l("This changes once a second person agrees.")
PAGE = 50


class RequestsView(BaseView):
    """Requests that a second person decides."""

    route_base = ADDRESS
    default_view = "list"

    @expose("/")
    @signed_in
    def list(self) -> Any:
        """What waits for the reader, what he asked for, what he decided."""
        here = scope()
        waiting = service.to_decide(here.records, _kinds())
        wanted = request.args.get("view", "")
        view = wanted if wanted in VIEWS else "decide" if waiting else "mine"
        return render_template("requests/list.html", page=_list(here, view, waiting))

    @expose("/<int:number>")
    @signed_in
    def one(self, number: int) -> Any:
        """One request."""
        here = scope()
        found = service.request_for(here.records, _kinds(), number)
        return render_template("requests/one.html", page=page_of(here, _kinds(), found))

    @expose("/<int:number>/decide", methods=["POST"])
    @signed_in
    def decide(self, number: int) -> Any:
        """Approve or refuse."""
        require_step_up(f"{ADDRESS}/{number}")
        here, form = scope(), request.form
        approved = form.get("verdict") == "approve"
        verdict = Verdict(approved, form.get("why", ""), whole(form.get("version")) or 0)
        try:
            with unit_of_work(here.session):
                service.decide(here.records, _kinds(), number, verdict)
        except (NotFound, Forbidden, StaleRevision):
            raise
        except PortalError as refused:
            problem = _why(refused)
            found = service.request_for(here.records, _kinds(), number)
            page = page_of(
                here, _kinds(), found, why=verdict.why, problem=say(problem, here.language)
            )
            return render_template("requests/one.html", page=page), refused.status
        said = _l("Approved.") if approved else _l("Refused.")
        flash(say(said, here.language), "success")
        return redirect(f"{ADDRESS}/{number}")

    @expose("/<int:number>/withdraw", methods=["POST"])
    @signed_in
    def withdraw(self, number: int) -> Any:
        """Take a request of one's own back."""
        here = scope()
        with unit_of_work(here.session):
            version = whole(request.form.get("version")) or 0
            service.withdraw(here.records, _kinds(), number, version)
        flash(say(_l("The request was withdrawn."), here.language), "success")
        return redirect(f"{ADDRESS}/{number}")

    @expose("/delete/<name>", methods=["GET", "POST"])
    @signed_in
    def delete(self, name: str) -> Any:
        """Ask for the deletion of records."""
        here, given = scope(), request.values.get("records", "")
        entity = here.schema.entities.get(name)
        access = here.access.entity(name) if entity else None
        if entity is None or access is None or not access.allows(Rights.READ):
            raise NotFound
        if not access.asks(Rights.DELETE):
            raise Forbidden(_l("None of your roles lets you ask for this."))
        if not PAIRS.fullmatch(given):
            raise NotFound
        payload = {"records": [[int(n) for n in pair.split(".")] for pair in given.split(",")]}
        problems: dict[str, tuple[Message, ...]] = {}
        reason = request.form.get("reason", "")
        if request.method == "POST":
            try:
                number = _ask(here, Decided.DELETE, NewRequest(name, payload, reason))
            except StaleRevision:
                raise
            except Invalid as invalid:
                problems = dict(invalid.problems)
            except PortalError as refused:
                problems = {"": (refused.message,)}
            else:
                return _asked(here, number)
        numbers = _kinds()[Decided.DELETE].records_of(payload)
        form = ask_form(here, entity, Asking(numbers, given, reason, problems))
        return render_template("records/form.html", page=form), 422 if problems else 200


def register(kinds: Iterable[Kind]) -> Register:
    """Adds the pages of requests of these kinds."""
    known: Kinds = {kind.name: kind for kind in kinds}

    def add(portal: Portal) -> None:
        portal.extend(EXTENSION, known)
        portal.add_pages(RequestsView)
        portal.add_menu(_menu)
        portal.add_waiting(lambda here: waiting_view(here, known))
        portal.add_notes(lambda here, entity, number: record_notes(here, known, entity, number))
        portal.hold(_hold)

    return add


# Private


def _kinds() -> Kinds:
    found: Kinds = current_app.extensions[EXTENSION]
    return found


def _why(refused: PortalError) -> Message:
    if isinstance(refused, Invalid):
        return next(iter(refused.problems.values()))[0]
    return refused.message


def _ask(here: Scope, kind: str, new: NewRequest) -> int:
    with unit_of_work(here.session):
        return service.ask(here.records, _kinds()[kind], new)


def _asked(here: Scope, number: int) -> Any:
    flash(say(_l("Asked for. You will be told when it is decided."), here.language), "success")
    return redirect(f"{ADDRESS}/{number}")


def _hold(here: Scope, fault: ToBeDecided, reason: str | None) -> str:
    """Ask for a deed that was held back; without a reason its form asks for one."""
    asked_to_change = fault.kind == Decided.CHANGE and not fault.guard
    if reason is None and not fault.guard and not asked_to_change:
        pairs: Any = fault.payload["records"]
        given = ",".join(f"{number}.{version}" for number, version in pairs)
        return f"{ADDRESS}/{fault.kind}/{fault.entity}?records={given}"
    with unit_of_work(here.session):
        done = _kinds()[fault.kind].alone(here.records, fault.payload)
    if done:
        return done
    giving = fault.kind == Decided.RIGHTS
    words = say(GIVING if giving else CHANGING if asked_to_change else GUARDED, here.language)
    assigned: Any = fault.payload.get("assign") or {}
    new = NewRequest(
        "" if giving else fault.entity, fault.payload, reason or (words if fault.guard or asked_to_change else ""),
        "" if giving else fault.guard, assigned.get("account"),
    )  # fmt: skip
    number = _ask(here, fault.kind, new)
    if (fault.guard or asked_to_change) and not request.path.startswith("/api/"):
        flash(words, "warning")
    return f"{ADDRESS}/{number}"


def _menu(here: Scope, path: str) -> MenuGroup | None:
    if not here.actor.grants:
        return None
    active = path.startswith(f"{ADDRESS}/")
    entry = MenuEntry(say(_l("Requests"), here.language), f"{ADDRESS}/", "gavel", active)
    return MenuGroup(say(_l("Requests"), here.language), "gavel", (entry,), active)


def _list(here: Scope, view: str, waiting: Any) -> contexts.RequestsContext:
    before = whole(request.args.get("before"))
    readers: dict[str, Callable[..., Any]] = {"mine": reading.own, "decided": reading.decided}
    found = (
        waiting if view == "decide" else readers[view](here.records, before=before, limit=PAGE + 1)
    )
    shown = found if view == "decide" else found[:PAGE]
    more = len(found) > len(shown)
    nothing, advice = EMPTY[view]
    title = say(_l("Requests"), here.language)
    return contexts.RequestsContext(
        title=title,
        views=tuple(
            ViewLink(
                say(label, here.language)
                + (f" ({len(waiting)})" if name == "decide" and waiting else ""),
                f"{ADDRESS}/?view={name}",
                name == view,
            )
            for name, label in VIEWS.items()
        ),
        lines=lines_of(here, _kinds(), shown),
        nothing=say(nothing, here.language),
        advice=say(advice, here.language),
        older_url=f"{ADDRESS}/?view={view}&before={shown[-1].id}" if more else "",
        breadcrumbs=(Crumb(title),),
    )
