"""Signing in and out, and switching the language."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask import current_app, redirect, render_template, request, session
from flask_appbuilder import BaseView, expose
from flask_login import login_user, logout_user
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from app.audit.actions import AuditAction
from app.audit.chain import Entry, append
from app.kernel.errors import NotFound
from app.kernel.messages import _l
from app.storage.database import unit_of_work
from app.storage.tables import DEMO, PREFERENCE
from app.web.contexts import LoginContext
from app.web.limits import SignInLimit
from app.web.locale import LANGUAGES, say
from app.web.security import SignedIn, enter
from app.web.state import scope, state

LONGEST = 200
WRONG = _l("The user name or the password is wrong.")
TOO_MANY = _l("Too many attempts. Please wait a minute and try again.")


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
        problem, status = "", 200
        if request.method == "POST":
            limit: SignInLimit = current_app.extensions["sign_in_limit"]
            username = request.form.get("username", "").strip()[:LONGEST]
            if limit.exceeded(request.remote_addr or "", username):
                problem, status = say(TOO_MANY, here.language), 429
            elif self._signed_in(username, request.form.get("password", "")[:LONGEST]):
                return redirect(following)
            else:
                problem, status = say(WRONG, here.language), 401
        page = LoginContext(
            title=say(_l("Sign in"), here.language),
            action="/login/",
            username=request.form.get("username", "")[:LONGEST],
            problem=problem,
            demo=demo_accounts(),
            next=following if following != "/" else "",
        )
        return render_template("login.html", page=page), status

    @expose("/logout/", methods=["POST"])
    def logout(self) -> Any:
        """Sign out."""
        here = scope()
        if here.known is not None:
            note(AuditAction.SIGNED_OUT, here.actor.account_id, here.actor.username)
        locale = session.get("locale")
        logout_user()
        session.clear()
        if locale:
            session["locale"] = locale
        return redirect("/login/")

    @expose("/lang/<locale>")
    def language(self, locale: str) -> Any:
        """Switch the language, for this session and for the account."""
        here = scope()
        if locale not in LANGUAGES:
            raise NotFound
        session["locale"] = locale
        if here.actor.account_id is not None:
            values = {"account_id": here.actor.account_id, "language": locale}
            statement = insert(PREFERENCE).values(values)
            with unit_of_work(here.session):
                here.session.execute(
                    statement.on_conflict_do_update(
                        index_elements=["account_id"], set_={"language": locale}
                    )
                )
            here.state.forget(here.actor.account_id)
        came_from = urlsplit(request.referrer or "")
        own = came_from.netloc == request.host
        return redirect(safe_path(f"{came_from.path}?{came_from.query}".rstrip("?") if own else ""))

    # Private

    def _signed_in(self, username: str, password: str) -> bool:
        security = self.appbuilder.sm
        user = security.auth_user_db(username, password)
        if user is None:
            note(AuditAction.SIGN_IN_REFUSED, None, username)
            return False
        account_id, locale = int(user.id), session.get("locale")
        session.clear()
        if locale:
            session["locale"] = locale
        entered = enter(account_id)
        if entered.known is None:
            return False
        login_user(SignedIn(account_id, entered.known))
        note(AuditAction.SIGNED_IN, account_id, username)
        return True


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


def safe_path(target: str) -> str:
    """A path of this portal, else the home page."""
    parts = urlsplit(target)
    good = (
        target.startswith("/")
        and not target.startswith(("//", "/\\"))
        and not parts.netloc
        and not parts.scheme
    )
    return target if good and "\\" not in target and "\n" not in target else "/"


def note(action: AuditAction, account_id: int | None, username: str) -> None:
    """Write who signed in or out, or was refused, into the trail."""
    here = scope()
    entry = Entry(
        at=state().runtime.clock.now(),
        account_id=account_id,
        account_name=username[:80],
        action=action,
        revision=here.state.runtime.revision,
        address=request.remote_addr,
    )
    with unit_of_work(here.session):
        append(here.session, entry)
