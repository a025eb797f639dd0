"""Makes the Flask application of one revision: views and API from the schema, and what guards them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from flask import Flask, Response, abort, current_app, g, jsonify, request
from flask_appbuilder import BaseView
from flask_appbuilder.api import BaseApi
from flask_babel import Babel
from flask_wtf.csrf import CSRFProtect
from jinja2 import Environment, StrictUndefined
from werkzeug.exceptions import NotFound
from werkzeug.routing import IntegerConverter

from app.kernel.messages import Message
from app.language.definitions import Entity
from app.settings import Settings
from app.web.api import RecordApi
from app.web.catalogs import catalog_of, compiled_catalogs
from app.web.contexts import MenuGroup
from app.web.errors import install_errors
from app.web.files_page import FileView
from app.web.home import HomeView
from app.web.kept_page import KeptView
from app.web.locale import LANGUAGES, TEXTS, selected_locale, translated
from app.web.openapi import OpenApiView
from app.web.origins import is_known_host, refuse_foreign
from app.web.record_interface import RecordInterface
from app.web.security import PortalBuilder, PortalSecurity, enter_by_cookie
from app.web.sessions import PortalSessions, served_by_https
from app.web.shell import (
    ADDITIONS,
    Additions,
    Bell,
    Hold,
    Links,
    MenuAddition,
    Notes,
    Waiting,
    Watcher,
    shell,
)
from app.web.sign_in import SignInView
from app.web.state import PortalState, install_state, scope
from app.web.tokens import TokenApi
from app.web.views import RecordView

STATIC = Path(__file__).with_name("static")
KEY_BITS = 63
MENUS_KEPT = 256
OPEN_PATHS = ("/health",)
AUDIENCE = "storewarden-api"
A_YEAR = "max-age=31536000; includeSubDomains"
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
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

    def add_api(self, api: type[BaseApi]) -> None:
        """Addresses for programs, which come with a token instead of a form's mark."""
        self._builder.add_api(api)

    def add_menu(self, menu: MenuAddition) -> None:
        """A group of the menu, for those who may see it."""
        self.additions.menus.append(menu)

    def add_account_link(self, label: Message, url: str) -> None:
        """A page in the menu of the reader's own account."""
        self.additions.account_links.append((label, url))

    def extend(self, name: str, thing: Any) -> None:
        """Something that the feature's pages find again in the application."""
        current_app.extensions[name] = thing

    def add_waiting(self, waiting: Waiting) -> None:
        """A list on the home page of what needs the reader today."""
        self.additions.waiting.append(waiting)

    def watch_views(self, watcher: Watcher) -> None:
        """Somebody who hears what is about to be shown to a reader."""
        self.additions.watcher = watcher

    def add_notes(self, notes: Notes) -> None:
        """Something to say on the pages of records."""
        self.additions.notes.append(notes)

    def add_links(self, links: Links) -> None:
        """Where else to go from the pages of records."""
        self.additions.links.append(links)

    def hold(self, hold: Hold) -> None:
        """Where deeds go that a second person has to decide."""
        self.additions.hold = hold

    def ring(self, bell: Bell) -> None:
        """The bell at the top of every page."""
        self.additions.bell = bell


Register = Callable[[Portal], None]


def build_portal(state: PortalState, features: tuple[Register, ...] = ()) -> Flask:
    """The application of ``state``; nothing is kept at import, so several can live side by side."""
    app = Flask("app.web", static_folder=None, template_folder="templates")
    app.url_map.converters["int"] = KeyConverter
    app.config.from_mapping(_configuration(state.settings))
    install_state(app, state)
    app.session_interface = PortalSessions(state.settings)
    app.extensions[TEXTS] = {name: catalog_of(state.settings.home, name) for name in LANGUAGES}
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
        for page in (HomeView, SignInView, FileView, KeptView, OpenApiView):
            builder.add_view_no_menu(page)
        builder.add_api(TokenApi)
        portal = Portal(builder)
        for register in features:
            register(portal)
        app.extensions[ADDITIONS] = portal.additions
        state.watcher = portal.additions.watcher
    _finish(app, state)
    return app


def generated(entity: Entity, state: PortalState) -> tuple[type[RecordView], type[RecordApi]]:
    """The view and the API of an entity, as classes of their own."""
    interface = RecordInterface(entity, state.runtime.models.classes[entity.name])
    common = {"entity": entity, "datamodel": interface, "class_permission_name": entity.name}
    view = type(f"{entity.name}_pages", (RecordView,), {**common, "route_base": f"/{entity.name}"})
    api = type(f"{entity.name}_api", (RecordApi,), {**common, "resource_name": entity.name})
    return view, api


class KeyConverter(IntegerConverter):
    """A number in an address; what no key column can hold is no such page, whatever the method."""

    def to_python(self, value: str) -> int:
        """The number; raises NotFound."""
        number: int = super().to_python(value)
        if number.bit_length() > KEY_BITS:
            raise NotFound
        return number


# Private


def _configuration(settings: Settings) -> dict[str, Any]:
    return {
        "SECRET_KEY": settings.secret_key,
        "JWT_SECRET_KEY": hashlib.sha256(b"jwt:" + settings.secret_key.encode()).hexdigest(),
        "JWT_ACCESS_TOKEN_EXPIRES": timedelta(minutes=10),
        "JWT_REFRESH_TOKEN_EXPIRES": timedelta(hours=settings.session_hours),
        "JWT_ALGORITHM": "HS256",
        "JWT_ENCODE_AUDIENCE": AUDIENCE,
        "JWT_DECODE_AUDIENCE": AUDIENCE,
        "MAX_CONTENT_LENGTH": 24 * 2**20,
        "MAX_FORM_MEMORY_SIZE": 4 * 2**20,
        "MAX_FORM_PARTS": 5000,
        "WTF_CSRF_TIME_LIMIT": None,
        "FAB_UPDATE_PERMS": False,
        "FAB_ADD_SECURITY_API": False,
        "FAB_API_SWAGGER_UI": False,
        "FAB_API_KEY_ENABLED": False,
        "FAB_API_SHOW_STACKTRACE": False,
        "FAB_API_ALLOW_JSON_QS": False,
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
    app.add_url_rule("/health", "health", _health)
    install_errors(app)
    app.after_request(partial(_headers, headers_of(state.settings)))
    app.teardown_appcontext(_leave)
    assets, own = f"/vendor/{state.settings.assets.name}/", f"/static/{_digest(STATIC)}/"
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    # Flask-Babel looks for its catalog anew with each of a page's two hundred texts.
    app.jinja_env.install_gettext_callables(_text, _plural, newstyle=True)  # type: ignore[attr-defined]
    app.jinja_env.globals.update(
        asset=lambda name: own + name,
        vendor=lambda name: assets + name,
        menu_html=_menu_html(app.jinja_env),
    )
    app.context_processor(lambda: {"shell": shell(scope())})


def headers_of(settings: Settings) -> Mapping[str, str]:
    """What every answer says to the browser about itself."""
    https = {"Strict-Transport-Security": A_YEAR} if served_by_https(settings) else {}
    return {**HEADERS, **https}


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
    here = enter_by_cookie()
    if not is_known_host(request.host, here.state.settings):
        abort(400)
    refuse_foreign(request, here.state.settings)
    sent = (text for _, text in request.values.items(multi=True))
    if any("\0" in text for text in (request.path, *sent)):
        abort(400)
    return None


def _leave(error: BaseException | None) -> None:
    here = getattr(g, "portal_scope", None)
    if here is not None:
        here.state.sessions.remove()


def _health() -> Response:
    return jsonify(status="ok")


def _headers(headers: Mapping[str, str], response: Response) -> Response:
    for name, value in headers.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def _text(text: str) -> str:
    return translated(text, selected_locale())


def _plural(one: str, many: str, count: int) -> str:
    return translated(one if count == 1 else many, selected_locale())


def _menu_html(templates: Environment) -> Callable[[tuple[MenuGroup, ...], str], str]:
    """Draws a menu; each is drawn once, for most readers have the same."""

    @lru_cache(maxsize=MENUS_KEPT)
    def draw(menu: tuple[MenuGroup, ...], language: str) -> str:
        drawn: str = templates.get_template("includes/menu.html").module.nav(menu)  # type: ignore[attr-defined]
        return drawn

    return draw


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:12]
