"""The pages of accounts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import Any

from flask import flash, redirect, render_template, request
from flask_appbuilder import BaseView, expose

from app.features.accounts import resets, service
from app.features.accounts.forms import secret_field, small_form
from app.features.accounts.rank import is_beyond, refuse_above
from app.features.viewing.pages import account_url
from app.features.viewing.service import may_look_back
from app.kernel.errors import NotFound, PortalError
from app.kernel.messages import Message, _l
from app.records.accounts import accounts
from app.records.policies import policy_of
from app.storage.database import unit_of_work
from app.web.contexts import Crumb, MenuEntry, MenuGroup
from app.web.form_contexts import FormField
from app.web.locale import datetime_text, say
from app.web.portal import Portal
from app.web.sessions import begin
from app.web.state import Scope, scope
from app.web.step_up import require_step_up
from app.web.views import signed_in

ADDRESS = "/accounts/"


@dataclass(frozen=True, slots=True)
class AccountLine:
    """An account in the list."""

    id: int
    username: str
    name: str
    active: bool
    last_login: str
    own: bool
    look_back_url: str


@dataclass(frozen=True, slots=True)
class AccountsContext:
    """``accounts/list.html``"""

    title: str
    accounts: tuple[AccountLine, ...]
    add_url: str
    roles_url: str
    breadcrumbs: tuple[Crumb, ...]


class AccountsView(BaseView):
    """Accounts, for those who administer them."""

    route_base = "/accounts"
    default_view = "list"

    @expose("/")
    @signed_in
    def list(self) -> Any:
        """All accounts."""
        here = _administered()
        zone = here.state.runtime.zone
        lines = tuple(
            AccountLine(
                one.id,
                one.username,
                one.name,
                one.active,
                datetime_text(one.last_login.replace(tzinfo=UTC), zone) if one.last_login else "",
                one.id == here.actor.account_id,
                account_url(one.id) if may_look_back(here.actor) else "",
            )
            for one in accounts(here.session)
        )
        roles = "/role_assignment/list/" if "role_assignment" in here.schema.entities else ""
        title = say(_l("Accounts"), here.language)
        page = AccountsContext(title, lines, f"{ADDRESS}add", roles, (Crumb(title),))
        return render_template("accounts/list.html", page=page)

    @expose("/add", methods=["GET", "POST"])
    @signed_in
    def add(self) -> Any:
        """A new account; its first password is shown once."""
        here = _administered()
        error: PortalError | None = None
        if request.method == "POST":
            values = [request.form.get(name, "").strip() for name in ("username", "name", "email")]
            try:
                with unit_of_work(here.session):
                    password = service.add(_desk(here), *values)
            except PortalError as refused:
                error = refused
            else:
                text = _l(
                    "The account %(username)s has the password %(password)s. It is shown only now.",
                    username=values[0],
                    password=password,
                )
                flash(say(text, here.language), "success")
                return redirect(ADDRESS)
        return small_form(
            here, _new_account(here), (ADDRESS, f"{ADDRESS}add"), _l("New account"), error
        )

    @expose("/<int:number>/password", methods=["POST"])
    @signed_in
    def password(self, number: int) -> Any:
        """A new password for an account, shown once; for whoever may more, a way to which only he has the key."""
        here = _administered()
        require_step_up(ADDRESS)
        with unit_of_work(here.session):
            refuse_above(here.session, here.state.runtime, here.actor, number)
            if is_beyond(here.session, here.state.runtime, here.actor, number):
                text = _helped(here, number)
            else:
                username, password = service.give_password(_desk(here), number)
                text = _l(
                    "The account %(username)s has the password %(password)s. It is shown only now.",
                    username=username,
                    password=password,
                )
        flash(say(text, here.language), "success")
        return redirect(ADDRESS)

    @expose("/<int:number>/active", methods=["POST"])
    @signed_in
    def active(self, number: int) -> Any:
        """Open or close an account."""
        here = _administered()
        require_step_up(ADDRESS)
        wanted = request.form.get("active") == "1"
        with unit_of_work(here.session):
            runtime = here.state.runtime
            refuse_above(here.session, runtime, here.actor, number)
            if wanted and is_beyond(here.session, runtime, here.actor, number):
                flash(say(_asked(here, number, "open"), here.language), "warning")
                username = ""
            else:
                username = service.open_or_close(_desk(here), runtime, number, active=wanted)
        if not username:
            return redirect(ADDRESS)
        opened = _l("The account %(username)s is open.", username=username)
        closed = _l("The account %(username)s is closed.", username=username)
        flash(say(opened if wanted else closed, here.language), "success")
        return redirect(ADDRESS)


class PasswordView(BaseView):
    """Everybody's own password."""

    route_base = "/password"
    default_view = "change"

    @expose("/", methods=["GET", "POST"])
    @signed_in
    def change(self) -> Any:
        """Change one's own password."""
        here = scope()
        account_id = here.actor.account_id or 0
        error: PortalError | None = None
        if request.method == "POST":
            old, new, again = (request.form.get(one, "") for one in ("old", "password", "again"))
            policy = policy_of(here.state.settings)
            try:
                with unit_of_work(here.session):
                    service.change_own(_desk(here), old, new, again, policy)
                    begin(account_id, factor_at=here.sitting.factor_at if here.sitting else None)
            except PortalError as refused:
                error = refused
            else:
                flash(say(_l("Your password is changed."), here.language), "success")
                return redirect("/")
        return small_form(
            here, _own_password(here), ("/", "/password/"), _l("Change password"), error
        )


def register(portal: Portal) -> None:
    """Add the pages, the menu entry and the link in the account menu."""
    portal.add_pages(AccountsView, PasswordView)
    portal.add_menu(_menu)
    portal.add_account_link(_l("Change password"), "/password/")


# Private


def _menu(here: Scope, path: str) -> MenuGroup | None:
    if not service.may_administer(here.actor):
        return None
    active = path.startswith(ADDRESS)
    label = say(_l("Accounts"), here.language)
    entry = MenuEntry(label, ADDRESS, "user-circle", active)
    return MenuGroup(say(_l("Administration"), here.language), "settings", (entry,), active)


def _desk(here: Scope) -> service.Desk:
    return service.Desk(here.session, here.actor, here.state.runtime.clock.now())


def _administered() -> Scope:
    here = scope()
    if not service.may_administer(here.actor):
        raise NotFound
    return here


def _helped(here: Scope, number: int) -> Message:
    """Let the holder of an account choose a new password, without anybody else learning a way in."""
    if not resets.mail_leads_to(here.session, here.state.settings, number):
        return _asked(here, number, "password")
    resets.send_link(_desk(here), here.state.runtime, number)
    return _l(
        "This account may more than you do, so nobody but its holder gets a way in: a link is on its way to its"
        " own e-mail address. The present password holds until the link is used."
    )


def _asked(here: Scope, number: int, deed: str) -> Message:
    count = resets.ask_others(_desk(here), here.state.runtime, number, deed)
    return _l(
        "This account may more than you do. Those who may do this have been told: %(count)s.",
        count=count,
    )


def _new_account(here: Scope) -> tuple[FormField, ...]:
    def text(name: str, label: Any, *, required: bool, kind: str = "text") -> FormField:
        value = request.form.get(name, "")
        said = say(label, here.language)
        return FormField(name, said, "text", value, required=required, input_type=kind)

    return (
        text("username", _l("User name"), required=True),
        text("name", _l("Name"), required=False),
        text("email", _l("E-mail"), required=False, kind="email"),
    )


def _own_password(here: Scope) -> tuple[FormField, ...]:
    labels = {
        "old": _l("Current password"),
        "password": _l("New password"),
        "again": _l("New password, again"),
    }
    return tuple(secret_field(here, name, label) for name, label in labels.items())
