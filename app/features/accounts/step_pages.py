"""The steps of a sign-in that come after the password: a code, a new password, a second factor."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, request
from flask_appbuilder import BaseView, expose

from app.access.sessions import Sitting, Stage
from app.features.accounts import factor, resets, service
from app.features.accounts.forms import GO_ON, code_field, secret_field, small_form
from app.kernel.errors import Invalid, PortalError
from app.kernel.messages import _l
from app.records.accounts import username_of
from app.records.policies import policy_of
from app.storage.database import unit_of_work
from app.web.locale import say
from app.web.portal import Portal
from app.web.signing_in import go_on, prove_code
from app.web.state import Scope, scope

SIGN_IN, SIGN_IN_ANEW = "/login/", "/login/?again=1"


class StepsView(BaseView):
    """Pages between the password and the portal; each is for whoever stands at that step alone."""

    route_base = "/login"
    default_view = "password"

    @expose("/factor", methods=["GET", "POST"])
    def factor(self) -> Any:
        """Type the code of the phone, or a recovery code."""
        here = scope()
        sitting = _at(here, Stage.FACTOR)
        if sitting is None:
            return redirect(SIGN_IN)
        error: PortalError | None = None
        if request.method == "POST":
            try:
                prove_code(sitting.account_id, request.form.get("code", ""))
                with unit_of_work(here.session):
                    following = go_on(sitting, here.state.runtime.clock.now())
            except PortalError as refused:
                error = refused
            else:
                return redirect(following)
        fields = (code_field(here, _l("Code from your phone, or a recovery code")),)
        title = _l("Second factor")
        return small_form(here, fields, (SIGN_IN_ANEW, "/login/factor"), title, error, GO_ON)

    @expose("/password", methods=["GET", "POST"])
    def password(self) -> Any:
        """Choose a password of one's own instead of a first or an old one."""
        here = scope()
        sitting = _at(here, Stage.PASSWORD)
        if sitting is None:
            return redirect(SIGN_IN)
        error: PortalError | None = None
        username = username_of(here.session, sitting.account_id)
        if request.method == "POST":
            new, again = (request.form.get(name, "") for name in ("password", "again"))
            now = here.state.runtime.clock.now()
            desk = service.Desk(here.session, here.actor, now, request.remote_addr)
            try:
                with unit_of_work(here.session):
                    policy = policy_of(here.state.settings)
                    service.choose(desk, username, new, again, policy)
                    following = go_on(sitting, sitting.factor_at)
            except PortalError as refused:
                error = refused
            else:
                flash(say(_l("Your password is changed."), here.language), "success")
                return redirect(following)
        fields = (
            secret_field(here, "password", _l("New password")),
            secret_field(here, "again", _l("New password, again")),
        )
        title = _l("Choose a password")
        return small_form(here, fields, (SIGN_IN_ANEW, "/login/password"), title, error)

    @expose("/reset/<int:number>/<code>", methods=["GET", "POST"])
    def reset(self, number: int, code: str) -> Any:
        """Choose a new password by the link of a mail; what else the sign-in asks for is asked for afterwards."""
        here, now = scope(), scope().state.runtime.clock.now()
        settings, error = here.state.settings, None
        username = resets.open_link(here.session, settings, number, code, now)
        if request.method == "POST":
            new, again = (request.form.get(name, "") for name in ("password", "again"))
            desk = service.Desk(here.session, here.actor, now, request.remote_addr)
            try:
                with unit_of_work(here.session):
                    resets.use_up(here.session, number)
                    service.choose(desk, username, new, again, policy_of(settings))
            except Invalid as refused:
                error = refused
            else:
                flash(say(_l("Your password is changed."), here.language), "success")
                return redirect(SIGN_IN)
        fields = (
            secret_field(here, "password", _l("New password")),
            secret_field(here, "again", _l("New password, again")),
        )
        addresses = (SIGN_IN, f"/login/reset/{number}/{code}")
        return small_form(here, fields, addresses, _l("Choose a password"), error)

    @expose("/enrol", methods=["GET", "POST"])
    def enrol(self) -> Any:
        """Set up the second factor that a role asks for."""
        here = scope()
        sitting = _at(here, Stage.ENROL)
        if sitting is None:
            return redirect(SIGN_IN)
        error: PortalError | None = None
        if request.method == "POST":
            try:
                with unit_of_work(here.session):
                    codes = factor.confirm(here, sitting.account_id, request.form.get("code", ""))
                    following = go_on(sitting, here.state.runtime.clock.now())
            except PortalError as refused:
                error = refused
            else:
                return factor.codes_page(here, codes, following)
        return factor.enrol_page(here, sitting.account_id, "/login/enrol", error)


def register(portal: Portal) -> None:
    """Add the pages."""
    portal.add_pages(StepsView)


# Private


def _at(here: Scope, stage: Stage) -> Sitting | None:
    """The session of somebody who stands at a step."""
    return here.sitting if here.sitting is not None and here.sitting.stage == stage else None
