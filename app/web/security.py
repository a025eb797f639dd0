"""Accounts at the rim: Flask-AppBuilder's security manager, asking our own decisions."""

from __future__ import annotations

from typing import Any

from flask import g
from flask_appbuilder import AppBuilder
from flask_appbuilder.models.sqla import Model
from flask_appbuilder.security.sqla.manager import SecurityManager
from flask_babel import refresh
from flask_login import UserMixin
from sqlalchemy import Connection

from app.language.definitions import Rights
from app.web.locale import choose_language
from app.web.state import KnownActor, Scope, scope, state


class SignedIn(UserMixin):
    """The account of a request, as Flask-Login and Flask-AppBuilder want to see it."""

    roles: tuple[Any, ...] = ()
    groups: tuple[Any, ...] = ()

    def __init__(self, account_id: int, known: KnownActor) -> None:
        self.id = account_id
        self.username = known.access.actor.username


class PortalSecurity(SecurityManager):
    """Knows accounts and passwords; what an account may do is decided by ``access``."""

    def register_views(self) -> None:
        """Only the sign-in of the API; pages for accounts are the portal's own."""
        self.appbuilder.add_api(self.security_api)

    def load_user(self, pk: Any) -> SignedIn | None:
        """The account of a cookie or token; None once it is closed."""
        found: Scope = enter(int(pk))
        return SignedIn(int(pk), found.known) if found.known else None

    def load_user_jwt(self, _jwt_header: Any, jwt_data: Any) -> SignedIn | None:
        """The account of a token."""
        user = self.load_user(jwt_data["sub"])
        if user is not None:
            g.user = user
        return user

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


def create_account_tables(connection: Connection) -> None:
    """Flask-AppBuilder's tables of accounts, where they are missing."""
    Model.metadata.create_all(connection)
