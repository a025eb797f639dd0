"""One's own second factor, and the page that asks for a fresh proof of who one is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import flash, redirect, request
from flask_appbuilder import BaseView, expose

from app.audit.actions import AuditAction
from app.features.accounts import factor
from app.features.accounts.forms import GO_ON, secret_field, small_form
from app.kernel.errors import Forbidden, PortalError
from app.kernel.messages import _l
from app.records.second_factor import factor_of, remove_factor
from app.records.sessions import end_other_sessions, keep_session
from app.storage.database import unit_of_work
from app.web.locale import say
from app.web.portal import Portal
from app.web.sign_in import demo_accounts
from app.web.signing_in import needs_factor, note, prove_code, prove_password, safe_path
from app.web.state import Scope, scope
from app.web.step_up import require_step_up
from app.web.views import signed_in

ADDRESS = "/second-factor/"


class FactorView(BaseView):
    """One's own second factor."""

    route_base = "/second-factor"
    default_view = "own"

    @expose("/", methods=["GET", "POST"])
    @signed_in
    def own(self) -> Any:
        """Set it up, or anew for another phone."""
        here = scope()
        require_step_up(ADDRESS)
        account_id, error = here.actor.account_id or 0, None
        if request.method == "POST":
            try:
                with unit_of_work(here.session):
                    codes = factor.confirm(here, account_id, request.form.get("code", ""))
                    _only_this(here)
            except PortalError as refused:
                error = refused
            else:
                return factor.codes_page(here, codes, "/")
        return factor.enrol_page(here, account_id, ADDRESS, error)

    @expose("/remove", methods=["POST"])
    @signed_in
    def remove(self) -> Any:
        """Go without, where no role asks for it."""
        here = scope()
        require_step_up(ADDRESS)
        account_id = here.actor.account_id or 0
        if needs_factor(account_id):
            raise Forbidden(_l("One of your roles needs a second factor."))
        with unit_of_work(here.session):
            if remove_factor(here.session, account_id):
                note(AuditAction.FACTOR_REMOVED, account_id, here.actor.username)
                _only_this(here)
        flash(say(_l("The second factor is removed."), here.language), "success")
        return redirect("/")


class ProveView(BaseView):
    """A fresh proof before something dangerous."""

    route_base = "/prove"
    default_view = "again"

    @expose("/", methods=["GET", "POST"])
    @signed_in
    def again(self) -> Any:
        """Ask for the code of the phone where there is one, else for the password."""
        here = scope()
        account_id, following = (
            here.actor.account_id or 0,
            safe_path(request.values.get("next", "")),
        )
        by_code = factor_of(here.session, account_id) is not None
        error: PortalError | None = None
        if request.method == "POST":
            given = request.form.get("proof", "")
            try:
                if by_code:
                    prove_code(account_id, given)
                else:
                    prove_password(here.actor.username, given)
                _proved(here, by_code=by_code)
            except PortalError as refused:
                error = refused
            else:
                return redirect(following)
        label = _l("Code from your phone, or a recovery code") if by_code else _l("Password")
        asked = secret_field(here, "proof", label)
        fields = (asked if by_code else replace(asked, help=_shown(here)),)
        action, title = f"/prove/?next={following}", _l("Please prove that it is you")
        return small_form(here, fields, ("/", action), title, error, GO_ON)


def register(portal: Portal) -> None:
    """Add the pages, and the link in the account menu."""
    portal.add_pages(FactorView, ProveView)
    portal.add_account_link(_l("Second factor"), ADDRESS)


# Private


def _shown(here: Scope) -> str:
    """In a demo, the password that its sign-in page shows as well."""
    own = (password for name, password, _ in demo_accounts() if name == here.actor.username)
    password = next(own, "")
    return say(_l("Demo: %(password)s", password=password), here.language) if password else ""


def _only_this(here: Scope) -> None:
    """The other sessions did not prove themselves with this factor."""
    assert here.sitting is not None
    now = here.state.runtime.clock.now()
    end_other_sessions(here.session, here.sitting.account_id, here.sitting.sid_hash, now)


def _proved(here: Scope, *, by_code: bool) -> None:
    assert here.sitting is not None
    now = here.state.runtime.clock.now()
    values = {"proved_at": now, **({"factor_at": now} if by_code else {})}
    with unit_of_work(here.session):
        keep_session(here.session, here.sitting.sid_hash, **values)
        note(AuditAction.PROVED_AGAIN, here.sitting.account_id, here.actor.username)
