"""Accounts at the rim: Flask-AppBuilder's security manager, asking our own decisions."""

from __future__ import annotations

from typing import Any

from flask import g
from flask_appbuilder import AppBuilder
from flask_appbuilder.models.sqla import Model
from flask_appbuilder.security.sqla.manager import SecurityManager
from flask_babel import refresh
from flask_login import UserMixin, login_user
from sqlalchemy import Connection

from app.language.definitions import Rights
from app.web.addresses import whole
from app.web.locale import choose_language
from app.web.state import KnownActor, Scope, scope, state

EPOCH = "epoch"


class SignedIn(UserMixin):
    """The account of a request, as Flask-Login and Flask-AppBuilder want to see it."""

    roles: tuple[Any, ...] = ()
    groups: tuple[Any, ...] = ()

    def __init__(self, account_id: int, known: KnownActor) -> None:
        self.id = account_id
        self.username = known.access.actor.username
        self.epoch = known.epoch

    def get_id(self) -> str:
        """What the session keeps of the account."""
        return f"{self.id}.{self.epoch}"


class PortalSecurity(SecurityManager):
    """Knows accounts and passwords; what an account may do is decided by ``access``."""

    def register_views(self) -> None:
        """Pages for accounts and the sign-in of programs are the portal's own."""

    def load_user(self, pk: Any) -> SignedIn | None:
        """The account of a session; None once it is closed or the session was ended."""
        number, _, epoch = str(pk).partition(".")
        return _entered(whole(number), whole(epoch))

    def load_user_jwt(self, _jwt_header: Any, jwt_data: Any) -> SignedIn | None:
        """The account of a token."""
        user = _entered(whole(str(jwt_data["sub"])), jwt_data.get(EPOCH))
        if user is not None:
            g.user = user
        return user

    def create_jwt_manager(self, app: Any) -> Any:
        """Tokens carry the epoch of their account."""
        manager = super().create_jwt_manager(app)
        manager.additional_claims_loader(_claims)
        return manager

    def has_access(self, permission_name: str, view_name: str) -> bool:
        """Flask-AppBuilder's question, answered from the schema: ``can_<right>`` on an entity."""
        here = scope()
        right = permission_name.removeprefix("can_")
        if here.known is None or view_name not in here.schema.entities or right not in set(Rights):
            return False
        return here.access.decide(view_name, Rights(right)).allowed

    def is_item_public(self, permission_name: str, view_name: str) -> bool:  # noqa: ARG002  # their shape
        """Nothing is public."""
        return False

    def add_permissions_view(self, base_permissions: Any, view_menu: Any) -> None:
        """Permissions are synchronised when a schema is applied, not here."""

    def add_permissions_menu(self, view_menu_name: Any) -> None:
        """As above."""

    def create_db(self) -> None:
        """Tables are made by ``portal prepare``."""


class PortalBuilder(AppBuilder):
    """Flask-AppBuilder without its own pages, templates and permission start-up."""

    def _add_global_static(self) -> None:
        """No page of ours uses its scripts and styles."""

    def _add_global_filters(self) -> None:
        """Our templates need none of its filters."""

    def _add_admin_views(self) -> None:
        self.sm.register_views()

    def _add_menu_permissions(self) -> None:
        """The menu comes from the schema and the actor."""


def enter(account_id: int | None) -> Scope:
    """Begin (or begin anew) the request's scope for an account."""
    known = getattr(g, "portal_scope", None)
    if known is not None and known.actor.account_id == account_id:
        return known
    here = state()
    g.portal_scope = Scope(
        here, account_id, lambda actor: choose_language(actor, here.settings.language)
    )
    refresh()
    found: Scope = g.portal_scope
    return found


def stay_signed_in(here: Scope) -> None:
    """Go on with the present session after the others were ended."""
    account_id = here.actor.account_id
    known = here.state.known_actor(here.session, account_id) if account_id is not None else None
    if account_id is not None and known is not None:
        login_user(SignedIn(account_id, known))


def create_account_tables(connection: Connection) -> None:
    """Flask-AppBuilder's tables of accounts, where they are missing."""
    Model.metadata.create_all(connection)


# Private


def _entered(account_id: int | None, epoch: object) -> SignedIn | None:
    """Begin the scope of an account, unless what it came with is of another epoch."""
    found = enter(account_id)
    if account_id is None or found.known is None:
        return None
    if found.known.epoch == epoch:
        return SignedIn(account_id, found.known)
    enter(None)
    return None


def _claims(identity: str) -> dict[str, int]:
    here = state()
    known = here.known_actor(here.sessions(), int(identity))
    return {EPOCH: known.epoch if known else -1}
