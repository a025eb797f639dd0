"""Signing in and out, and switching the language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from flask import redirect, render_template, request
from flask_appbuilder import BaseView, expose
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from app.access.sessions import Stage
from app.audit.actions import AuditAction
from app.kernel.errors import NotFound, PortalError, TooMany
from app.kernel.messages import _l
from app.records.sessions import end_session, keep_session
from app.storage.database import unit_of_work
from app.storage.tables import DEMO, PREFERENCE
from app.web.contexts import LoginContext
from app.web.kept_forms import leads_to_kept
from app.web.locale import LANGUAGES, say
from app.web.sessions import A_YEAR, LANGUAGE_COOKIE, leave, served_by_https
from app.web.signing_in import LONGEST, WrongPassword, admit, note, prove_password, safe_path
from app.web.state import scope

OIDC = "/login/oidc"
# Where a sign-in goes on that is not whole yet.
STEPS: Mapping[str, str] = {
    stage: f"/login/{stage}" for stage in (Stage.FACTOR, Stage.PASSWORD, Stage.ENROL)
}


class SignInView(BaseView):
    """The sign-in page."""

    route_base = ""
    default_view = "login"

    @expose("/login/", methods=["GET", "POST"])
    def login(self) -> Any:
        """Show the form, or sign in with what it sent."""
        here = scope()
        following = safe_path(request.values.get("next", ""))
        if here.known is not None:
            return redirect(following)
        if here.sitting is not None and request.method == "GET" and "again" not in request.args:
            return redirect(STEPS[here.sitting.stage])
        problem: PortalError | None = None
        if request.method == "POST":
            username = request.form.get("username", "").strip()[:LONGEST]
            try:
                proved = prove_password(username, request.form.get("password", "")[:LONGEST])
                with unit_of_work(here.session):
                    admit(proved, following)
            except (WrongPassword, TooMany) as refused:
                problem = refused
            else:
                return redirect(following)
        page = LoginContext(
            title=say(_l("Sign in"), here.language),
            action="/login/",
            username=request.form.get("username", "")[:LONGEST],
            problem=say(problem.message, here.language) if problem else "",
            demo=demo_accounts(),
            next=following if following != "/" else "",
            kept=leads_to_kept(following),
            oidc_url=_oidc(following) if here.state.settings.oidc_issuer else "",
        )
        return render_template("login.html", page=page), *outcome(problem)

    @expose("/logout/", methods=["POST"])
    def logout(self) -> Any:
        """Sign out: this session ends, and whatever copies of its cookie there are."""
        here = scope()
        if here.sitting is not None:
            now = here.state.runtime.clock.now()
            with unit_of_work(here.session):
                end_session(here.session, here.sitting.id, here.sitting.account_id, now)
                note(AuditAction.SIGNED_OUT, here.actor.account_id, here.actor.username)
        leave()
        return redirect("/login/")

    @expose("/lang/<locale>", methods=["POST"])
    def language(self, locale: str) -> Any:
        """Switch the language, for this session and for the account."""
        here = scope()
        if locale not in LANGUAGES:
            raise NotFound
        if here.known is not None and here.sitting is not None:
            values = {"account_id": here.actor.account_id, "language": locale}
            statement = insert(PREFERENCE).values(values)
            with unit_of_work(here.session):
                here.session.execute(
                    statement.on_conflict_do_update(
                        index_elements=["account_id"], set_={"language": locale}
                    )
                )
                keep_session(here.session, here.sitting.sid_hash, language=locale)
            here.state.forget(here.sitting.account_id)
        answer = redirect(safe_path(request.form.get("next", "")))
        answer.set_cookie(
            LANGUAGE_COOKIE, locale, max_age=A_YEAR, samesite="Lax", httponly=True,
            secure=served_by_https(here.state.settings),
        )  # fmt: skip
        return answer


def demo_accounts() -> tuple[tuple[str, str, str], ...]:
    """Name, password and role of the demo accounts; none outside of a demo database."""
    here = scope()
    rows = here.session.execute(select(DEMO.c.username, DEMO.c.password)).all()
    roles = _first_roles() if rows else {}
    order = list(here.schema.roles)
    labels = {name: role.label.text(here.language) for name, role in here.schema.roles.items()}

    def rank(username: str) -> tuple[int, str]:
        role = roles.get(username)
        return (order.index(role) if role in order else len(order), username)

    known = sorted(rows, key=lambda row: rank(row.username))
    return tuple(
        (row.username, row.password, labels.get(roles.get(row.username, ""), "")) for row in known
    )


def _first_roles() -> dict[str, str]:
    """The first role of each account, for the sign-in page of a demo."""
    rows = scope().session.execute(
        text(
            "SELECT DISTINCT ON (u.id) u.username, r.role FROM ab_user u"
            " JOIN role_assignment r ON r.account_id = u.id ORDER BY u.id, r.id"
        )
    )
    return {row.username: row.role for row in rows}


def _oidc(following: str) -> str:
    return OIDC + (f"?{urlencode({'next': following})}" if following != "/" else "")


def outcome(problem: PortalError | None) -> tuple[int, dict[str, str]]:
    """The status and the headers of a page that says what went wrong."""
    waits = {"Retry-After": str(problem.seconds)} if isinstance(problem, TooMany) else {}
    return (problem.status if problem else 200), waits
