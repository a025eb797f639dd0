"""The pages of sessions: one's own, and for administrators those of an account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, render_template, request
from flask_appbuilder import BaseView, expose

from app.features.accounts import service
from app.features.accounts.devices import device_of
from app.features.accounts.rank import refuse_above
from app.kernel.errors import NotFound
from app.kernel.messages import Message, _l
from app.records.accounts import username_of
from app.records.sessions import OpenSession, open_sessions
from app.storage.database import unit_of_work
from app.web.contexts import Crumb
from app.web.locale import datetime_text, say
from app.web.portal import Portal
from app.web.sessions import limits_of
from app.web.state import Scope, scope
from app.web.views import signed_in

OWN = "/sessions/"
ACCOUNTS = "/accounts/"
PROGRAM = _l("Program (API)")


@dataclass(frozen=True, slots=True)
class SessionLine:
    """A session in the list."""

    device: str
    agent: str
    address: str
    begun: str
    seen: str
    here: bool
    end_url: str


@dataclass(frozen=True, slots=True)
class SessionsContext:
    """``accounts/sessions.html``"""

    title: str
    hint: str
    lines: tuple[SessionLine, ...]
    end_all_url: str
    end_all: str
    breadcrumbs: tuple[Crumb, ...]


class SessionsView(BaseView):
    """Where one is signed in."""

    route_base = "/sessions"
    default_view = "own"

    @expose("/")
    @signed_in
    def own(self) -> Any:
        """The reader's own sessions."""
        here = scope()
        return _page(here, _own(here), _l("My sessions"), OWN)

    @expose("/<int:number>/end", methods=["POST"])
    @signed_in
    def end(self, number: int) -> Any:
        """End one of the reader's own sessions."""
        here = scope()
        with unit_of_work(here.session):
            service.end_one(_desk(here), _own(here), number)
        return _done(here, _l("The session is ended."), OWN)

    @expose("/end-others", methods=["POST"])
    @signed_in
    def end_others(self) -> Any:
        """End all of the reader's sessions but this one."""
        here = scope()
        assert here.sitting is not None
        with unit_of_work(here.session):
            service.end_others(_desk(here), here.sitting.sid_hash)
        return _done(here, _l("You are signed out everywhere else."), OWN)


class AccountSessionsView(BaseView):
    """Where an account is signed in, for those who administer accounts."""

    route_base = "/accounts/<int:account>/sessions"
    default_view = "list"

    @expose("/")
    @signed_in
    def list(self, account: int) -> Any:
        """The sessions of an account."""
        here = _administered()
        title = _l("Sessions of %(username)s", username=username_of(here.session, account))
        return _page(here, account, title, f"{ACCOUNTS}{account}/sessions/")

    @expose("/<int:number>/end", methods=["POST"])
    @signed_in
    def end(self, account: int, number: int) -> Any:
        """End one session of an account."""
        here = _administered()
        with unit_of_work(here.session):
            refuse_above(here.session, here.state.runtime, here.actor, account)
            service.end_one(_desk(here), account, number)
        return _done(here, _l("The session is ended."), f"{ACCOUNTS}{account}/sessions/")

    @expose("/end", methods=["POST"])
    @signed_in
    def end_all(self, account: int) -> Any:
        """End all sessions of an account, and what hangs on them."""
        here = _administered()
        with unit_of_work(here.session):
            refuse_above(here.session, here.state.runtime, here.actor, account)
            service.end_all(_desk(here), account)
        return _done(here, _l("All sessions are ended."), f"{ACCOUNTS}{account}/sessions/")


def register(portal: Portal) -> None:
    """Add the pages, and the link in the account menu."""
    portal.add_pages(SessionsView, AccountSessionsView)
    portal.add_account_link(_l("My sessions"), OWN)


# Private


def _desk(here: Scope) -> service.Desk:
    return service.Desk(
        here.session, here.actor, here.state.runtime.clock.now(), request.remote_addr
    )


def _administered() -> Scope:
    here = scope()
    if not service.may_administer(here.actor):
        raise NotFound
    return here


def _own(here: Scope) -> int:
    if here.actor.account_id is None:
        raise NotFound
    return here.actor.account_id


def _page(here: Scope, account_id: int, title: Message, address: str) -> Any:
    now, limits = here.state.runtime.clock.now(), limits_of(here.state.settings)
    found = open_sessions(here.session, account_id, now, limits)
    said, own = say(title, here.language), address == OWN
    above = () if own else (Crumb(say(_l("Accounts"), here.language), ACCOUNTS),)
    page = SessionsContext(
        title=said,
        hint=say(
            _l(
                "A session ends %(idle)s minutes after its last use, and %(hours)s hours after signing in.",
                idle=here.state.settings.session_idle_minutes,
                hours=here.state.settings.session_hours,
            ),
            here.language,
        ),
        lines=tuple(_line(here, one, address) for one in found),
        end_all_url=f"{address}end-others" if own else f"{address}end",
        end_all=say(_l("Sign out everywhere else") if own else _l("End all"), here.language),
        breadcrumbs=(*above, Crumb(said)),
    )
    return render_template("accounts/sessions.html", page=page)


def _line(here: Scope, one: OpenSession, address: str) -> SessionLine:
    zone, this = here.state.runtime.zone, here.sitting is not None and here.sitting.id == one.id
    program = one.kind == "program"
    return SessionLine(
        device=say(PROGRAM, here.language) if program else device_of(one.agent, here.language),
        agent=one.agent,
        address=one.address,
        begun=datetime_text(one.created_at, zone),
        seen=datetime_text(one.seen_at, zone),
        here=this,
        end_url="" if this else f"{address}{one.id}/end",
    )


def _done(here: Scope, text: Message, target: str) -> Any:
    flash(say(text, here.language), "success")
    return redirect(target)
