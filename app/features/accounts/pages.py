"""The pages of accounts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC
from typing import Any

from flask import flash, redirect, render_template, request
from flask_appbuilder import BaseView, expose

from app.features.accounts import service
from app.kernel.errors import Invalid, NotFound, PortalError
from app.kernel.messages import _l
from app.records.accounts import accounts
from app.storage.database import unit_of_work
from app.web.contexts import Crumb, MenuEntry, MenuGroup
from app.web.form_contexts import FormContext, FormField, FormSection, FormTab
from app.web.locale import datetime_text, say
from app.web.portal import Portal
from app.web.security import stay_signed_in
from app.web.state import Scope, scope
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
        return _form(here, _new_account(here), ADDRESS, f"{ADDRESS}add", _l("New account"), error)

    @expose("/<int:number>/password", methods=["POST"])
    @signed_in
    def password(self, number: int) -> Any:
        """A new password for an account, shown once."""
        here = _administered()
        with unit_of_work(here.session):
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
        wanted = request.form.get("active") == "1"
        with unit_of_work(here.session):
            username = service.open_or_close(_desk(here), number, active=wanted)
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
        error: PortalError | None = None
        if request.method == "POST":
            values = [request.form.get(name, "") for name in ("old", "password", "again")]
            try:
                with unit_of_work(here.session):
                    service.change_own(_desk(here), *values)
            except PortalError as refused:
                error = refused
            else:
                stay_signed_in(here)
                flash(say(_l("Your password is changed."), here.language), "success")
                return redirect("/")
        return _form(here, _own_password(here), "/", "/password/", _l("Change password"), error)


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
    return tuple(
        FormField(name, say(label, here.language), "secret", required=True, input_type="password")
        for name, label in labels.items()
    )


def _form(
    here: Scope,
    fields: tuple[FormField, ...],
    cancel: str,
    action: str,
    title: Any,
    error: PortalError | None,
) -> Any:
    problems = error.problems if isinstance(error, Invalid) else {}
    shown = tuple(
        replace(
            item, errors=tuple(say(text, here.language) for text in problems.get(item.name, ()))
        )
        for item in fields
    )
    said = say(title, here.language)
    general = (say(error.message, here.language),) if error and not problems else ()
    page = FormContext(
        title=said,
        entity="account",
        action=action,
        cancel_url=cancel,
        version="",
        tabs=(FormTab("", (FormSection(said, shown),)),),
        problems=general,
        conflict="",
        conditions_url="",
        submit=say(_l("Save"), here.language),
        breadcrumbs=(Crumb(said),),
    )
    return render_template("records/form.html", page=page), error.status if error else 200
