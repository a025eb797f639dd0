"""Accounts at the rim: Flask-AppBuilder's security manager, asking our own decisions."""

from __future__ import annotations

from typing import Any

from flask import g, request
from flask_appbuilder import AppBuilder
from flask_appbuilder.models.sqla import Model
from flask_appbuilder.security.sqla.manager import SecurityManager
from flask_babel import refresh
from flask_login import UserMixin
from sqlalchemy import Connection

from app.access.sessions import SessionKind, Sitting, find_sitting, hash_of
from app.language.definitions import Rights
from app.web.factor_hold import as_far_as_proved
from app.web.locale import choose_language
from app.web.sessions import LANGUAGE_COOKIE, current_session, limits_of
from app.web.state import KnownActor, Scope, scope, state

EPOCH, SID = "epoch", "sid"


class SignedIn(UserMixin):
    """The account of a request, as Flask-Login and Flask-AppBuilder want to see it."""

    roles: tuple[Any, ...] = ()
    groups: tuple[Any, ...] = ()

    def __init__(self, known: KnownActor) -> None:
        self.id = known.access.actor.account_id
        self.username = known.access.actor.username


class PortalSecurity(SecurityManager):
    """Knows accounts and passwords; what an account may do is decided by ``access``."""

    def register_views(self) -> None:
        """Pages for accounts and the sign-in of programs are the portal's own."""

    def load_user(self, pk: Any) -> SignedIn | None:  # noqa: ARG002  # their shape
        """Nobody: Flask-Login keeps no account in the session."""
        return None

    def load_user_jwt(self, _jwt_header: Any, jwt_data: Any) -> SignedIn | None:
        """The account of a token, while the session of the token holds."""
        here = enter_by(str(jwt_data.get(SID, "")), kind=SessionKind.PROGRAM)
        sitting = here.sitting
        same = (str(jwt_data["sub"]), jwt_data.get(EPOCH))
        if sitting is None or same != (str(sitting.account_id), sitting.epoch):
            enter(None)
            return None
        g.user = _signed_in(here)
        return _signed_in(here)

    def create_login_manager(self, app: Any) -> Any:
        """Flask-Login asks the scope of the request, and keeps nothing itself."""
        manager = super().create_login_manager(app)
        manager.session_protection = None
        manager.request_loader(lambda request: _signed_in(scope()) if "portal_scope" in g else None)
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


def enter(sitting: Sitting | None) -> Scope:
    """Begin (or begin anew) the request's scope for a session, or for a stranger."""
    here = state()
    chosen = sitting.language if sitting else request.cookies.get(LANGUAGE_COOKIE)
    g.portal_scope = Scope(
        here, sitting, lambda actor: choose_language(chosen, actor, here.settings.language)
    )
    found: Scope = g.portal_scope
    held = as_far_as_proved(found, sitting) if sitting is not None and found.known else None
    if held is not None:
        return enter(held)
    refresh()
    return found


def enter_by(sid_hash: str, *, kind: SessionKind) -> Scope:
    """Begin the scope of the session with this identifier, of a stranger when it no longer holds."""
    here = state()
    sitting, now = find_sitting(here.sessions(), sid_hash), here.runtime.clock.now()
    if sitting is None or sitting.kind != kind or not sitting.alive(now, limits_of(here.settings)):
        return enter(None)
    current_session().take_up(sitting, now)
    return enter(sitting)


def enter_by_cookie() -> Scope:
    """Begin the scope of whoever the cookie names."""
    own = current_session()
    return enter(None) if own.fresh else enter_by(hash_of(own.sid), kind=SessionKind.BROWSER)


def create_account_tables(connection: Connection) -> None:
    """Flask-AppBuilder's tables of accounts, where they are missing."""
    Model.metadata.create_all(connection)


# Private


def _signed_in(here: Scope) -> SignedIn | None:
    return SignedIn(here.known) if here.known is not None else None
