"""Makes the Flask application of one revision: views and API from the schema, and what guards them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Flask, Response, abort, g, jsonify, request
from flask_appbuilder import BaseView
from flask_babel import Babel
from flask_login import current_user
from flask_wtf.csrf import CSRFProtect
from jinja2 import StrictUndefined

from app.access.session_scope import release
from app.kernel.messages import Message
from app.language.definitions import Entity
from app.settings import Settings
from app.web.api import RecordApi
from app.web.catalogs import compiled_catalogs
from app.web.errors import install_errors
from app.web.files_page import FileView
from app.web.home import HomeView
from app.web.limits import SignInLimit
from app.web.locale import selected_locale
from app.web.openapi import OpenApiView
from app.web.record_interface import RecordInterface
from app.web.security import PortalBuilder, PortalSecurity, enter
from app.web.shell import ADDITIONS, Additions, Bell, MenuAddition, shell
from app.web.sign_in import SignInView
from app.web.state import PortalState, install_state, scope
from app.web.tokens import TokenApi
from app.web.views import RecordView

STATIC = Path(__file__).with_name("static")
OPEN_PATHS = ("/health",)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none';"
        " form-action 'self'; frame-ancestors 'none'"
    ),
}


class Portal:
    """What a feature may add to an application."""

    def __init__(self, builder: PortalBuilder) -> None:
        self._builder = builder
        self.additions = Additions()

    def add_pages(self, *pages: type[BaseView]) -> None:
        """Views with addresses of their own."""
        for page in pages:
            self._builder.add_view_no_menu(page)

    def add_menu(self, menu: MenuAddition) -> None:
        """A group of the menu, for those who may see it."""
        self.additions.menus.append(menu)

    def add_account_link(self, label: Message, url: str) -> None:
        """A page in the menu of the reader's own account."""
        self.additions.account_links.append((label, url))

    def ring(self, bell: Bell) -> None:
        """The bell at the top of every page."""
        self.additions.bell = bell


Register = Callable[[Portal], None]


def build_portal(state: PortalState, features: tuple[Register, ...] = ()) -> Flask:
    """The application of ``state``; nothing is kept at import, so several can live side by side."""
    app = Flask("app.web", static_folder=None, template_folder="templates")
    app.config.from_mapping(_configuration(state.settings))
    install_state(app, state)
    app.before_request(_enter)
    CSRFProtect(app)
    with app.app_context():
        builder = PortalBuilder(
            app,
            state.sessions,
            security_manager_class=PortalSecurity,
            indexview=None,
            update_perms=False,
        )
        Babel(app, locale_selector=selected_locale)
        for entity in state.schema.enabled_entities():
            view, api = generated(entity, state)
            builder.add_view_no_menu(view)
            builder.add_api(api)
        for page in (HomeView, SignInView, FileView, OpenApiView):
            builder.add_view_no_menu(page)
        builder.add_api(TokenApi)
        portal = Portal(builder)
        for register in features:
            register(portal)
        app.extensions[ADDITIONS] = portal.additions
    _finish(app, state)
    return app


def generated(entity: Entity, state: PortalState) -> tuple[type[RecordView], type[RecordApi]]:
    """The view and the API of an entity, as classes of their own."""
    interface = RecordInterface(entity, state.runtime.models.classes[entity.name])
    common = {"entity": entity, "datamodel": interface, "class_permission_name": entity.name}
    view = type(f"{entity.name}_pages", (RecordView,), {**common, "route_base": f"/{entity.name}"})
    api = type(f"{entity.name}_api", (RecordApi,), {**common, "resource_name": entity.name})
    return view, api


# Private


def _configuration(settings: Settings) -> dict[str, Any]:
    return {
        "SECRET_KEY": settings.secret_key,
        "JWT_SECRET_KEY": hashlib.sha256(b"jwt:" + settings.secret_key.encode()).hexdigest(),
        "JWT_ACCESS_TOKEN_EXPIRES": timedelta(minutes=10),
        "SESSION_COOKIE_NAME": "__Host-s" if settings.cookie_secure else "portal",
        "SESSION_COOKIE_SECURE": settings.cookie_secure,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_HTTPONLY": True,
        "PERMANENT_SESSION_LIFETIME": timedelta(hours=10),
        "MAX_CONTENT_LENGTH": 24 * 2**20,
        "MAX_FORM_MEMORY_SIZE": 4 * 2**20,
        "MAX_FORM_PARTS": 5000,
        "TRUSTED_HOSTS": list(settings.trusted_hosts) or None,
        "WTF_CSRF_TIME_LIMIT": None,
        "FAB_UPDATE_PERMS": False,
        "FAB_ADD_SECURITY_API": False,
        "FAB_API_SWAGGER_UI": False,
        "FAB_API_MAX_PAGE_SIZE": 100,
        "AUTH_RATE_LIMITED": False,
        "RATELIMIT_ENABLED": False,
        "LANGUAGES": {
            "zh": {"flag": "cn", "name": "中文"},
            "en": {"flag": "gb", "name": "English"},
        },
        "BABEL_DEFAULT_LOCALE": settings.language,
        "BABEL_TRANSLATION_DIRECTORIES": str(compiled_catalogs(settings.home)),
    }


def _finish(app: Flask, state: PortalState) -> None:
    app.extensions["sign_in_limit"] = SignInLimit(state.settings.redis_url or None)
    app.add_url_rule("/health", "health", _health)
    install_errors(app)
    app.after_request(_headers)
    app.teardown_appcontext(_leave)
    assets, own = f"/vendor/{state.settings.assets.name}/", f"/static/{_digest(STATIC)}/"
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(asset=lambda name: own + name, vendor=lambda name: assets + name)
    app.context_processor(lambda: {"shell": shell(scope())})


def static_roots(settings: Settings) -> dict[str, Path]:
    """Address prefixes of static files with their folders."""
    return {
        f"vendor/{settings.assets.name}/": settings.assets,
        f"static/{_digest(STATIC)}/": STATIC,
    }


def _enter() -> Any:
    """Find out who asks, before anything else happens."""
    if request.path in OPEN_PATHS:
        return None
    if not current_user.is_authenticated and not hasattr(g, "portal_scope"):
        enter(None)
    sent = (text for _, text in request.values.items(multi=True))
    if any("\0" in text for text in (request.path, *sent)):
        abort(400)
    return None


def _leave(error: BaseException | None) -> None:
    here = getattr(g, "portal_scope", None)
    if here is not None:
        release(here.session)
        here.state.sessions.remove()


def _health() -> Response:
    return jsonify(status="ok")


def _headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:12]
