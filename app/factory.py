"""The composition root: settings → database → schema → models → web; knows every part."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session
from sqlalchemy.orm.scoping import scoped_session
from werkzeug.middleware.proxy_fix import ProxyFix
from whitenoise import WhiteNoise

from app.access.accounts import ACCESS_COUNTER
from app.access.second_wall import walls
from app.access.session_scope import install
from app.audit.actions import AuditAction
from app.audit.chain import Entry, append
from app.audit.checkpoints import open_log
from app.audit.shelf import latest_size
from app.audit.upgrading import seal_old_trail, set_old_trail_aside
from app.features.accounts.founding import found
from app.features.catalogue import FEATURES, TASKS
from app.features.demo.accounts import demo_accounts, open_demo_accounts
from app.features.demo.service import fits_demo, load_demo
from app.features.reminders.service import remind
from app.kernel.clock import Clock, SystemClock
from app.kernel.errors import Refused, Unavailable
from app.kernel.messages import Message, _l
from app.language.compiler import compile_schema, compile_sources
from app.language.definitions import Schema
from app.language.findings import SchemaInvalid
from app.language.overlay_merge import Conflict, base_sources
from app.records.factor_asked import end_without_factor
from app.records.reindexing import refresh_derived
from app.records.runtime import Runtime
from app.records.search import GRAMS_FUNCTION
from app.safety import demo_in_public, is_public, refuse_unsafe, refuse_without_files
from app.settings import Settings, read_settings
from app.storage.applying import Order, apply_schema, plan_schema, revisions
from app.storage.database import (
    bump,
    current_revision,
    make_engine,
    make_sessions,
    own_revision,
    unit_of_work,
)
from app.storage.encryption import FILE, KeyRing
from app.storage.laying import Laid, lay, settle
from app.storage.looking import refuse_other_hash, say_when_other
from app.storage.models import build_models
from app.storage.overlays import counters
from app.storage.steps import Plan
from app.storage.system import create_system_tables
from app.storage.walls import raise_walls
from app.tasks.kinds import TaskKind
from app.tasks.runner import Workshop
from app.web.door import Door, Slot
from app.web.permissions import synchronise
from app.web.portal import build_portal, headers_of, static_roots
from app.web.security import create_account_tables
from app.web.state import PortalState

WATCH_SECONDS = 2.0
CLI = "portal schema apply"


@dataclass(frozen=True)
class Engines:
    """Two ways to one database: ``owner`` changes tables, ``app`` only rows."""

    owner: Engine
    app: Engine

    def dispose(self) -> None:
        """Close every connection."""
        self.owner.dispose()
        self.app.dispose()


def keys_of(settings: Settings) -> KeyRing:
    """The keys of encrypted fields, in the home folder."""
    return KeyRing(settings.home / FILE, settings.cipher)


def open_engines(settings: Settings) -> Engines:
    """Engines for the database that the settings name."""
    signed = partial(latest_size, settings.home)
    keys = keys_of(settings)
    owner = make_engine(settings.database_owner_url, pool_size=2, signed=signed, keys=keys)
    size = settings.web_threads + 1
    app = make_engine(settings.database_url, pool_size=size, signed=signed, keys=keys)
    return Engines(owner, app)


def create_app_from_environment() -> Any:
    """The WSGI application for a server process; raises SettingsError when it would be unsafe."""
    logging.basicConfig(level=logging.WARNING)
    settings = read_settings()
    refuse_unsafe(settings)
    refuse_without_files(settings)
    return create_app(settings)


def create_app(settings: Settings, clock: Clock | None = None) -> Any:
    """The WSGI application: static files, and the door to the newest revision of the portal."""
    signed = partial(latest_size, settings.home)
    size = settings.web_threads + 1
    keys = keys_of(settings)
    engine = make_engine(
        settings.database_url, pool_size=size, signed=signed, clock=clock, keys=keys
    )
    door = make_door(settings, engine, clock or SystemClock())
    said = headers_of(settings)

    def add(headers: Any, path: str, url: str) -> None:
        for name, value in said.items():
            headers[name] = value

    static = WhiteNoise(
        door,
        max_age=31_536_000,
        immutable_file_test=lambda path, url: True,
        allow_all_origins=False,
        add_headers_function=add,
    )
    for prefix, folder in static_roots(settings).items():
        static.add_files(str(folder), prefix=prefix)
    return static


def make_door(settings: Settings, engine: Engine, clock: Clock) -> Door:
    """The door over the newest revision in the database."""

    def newest() -> int:
        with engine.connect() as connection:
            return current_revision(connection)

    def build() -> Slot:
        with engine.connect() as connection:
            latest = revisions(connection, 1)
        if not latest:
            raise Unavailable(_l("The database holds no schema yet; run portal prepare."))
        schema = compile_sources(latest[0].sources)
        return make_slot(settings, engine, make_runtime(settings, schema, latest[0].number, clock))

    return Door(build, newest, WATCH_SECONDS)


def make_runtime(settings: Settings, schema: Schema, revision: int, clock: Clock) -> Runtime:
    """What one revision stands on."""
    return Runtime(schema, build_models(schema), revision, clock, settings.timezone)


def make_slot(settings: Settings, engine: Engine, runtime: Runtime) -> Slot:
    """One revision's application, with what lets it go."""
    sessions: scoped_session[Session] = make_sessions(engine)
    install(sessions)
    app = build_portal(PortalState(runtime, sessions, settings), FEATURES)

    def dispose() -> None:
        sessions.remove()
        runtime.models.dispose()
        engine.clear_compiled_cache()

    if settings.trusted_proxies:
        # The address that the outermost of our own proxies saw; whatever stands left of it anybody may have written.
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=settings.trusted_proxies, x_proto=0, x_host=0
        )
    return Slot(runtime.revision, app.__call__, dispose)


class Workshops:
    """The workshop of the newest revision, for a process that runs tasks."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock | None = None,
        kinds: Iterable[TaskKind] = TASKS,
    ) -> None:
        self.kinds = {kind.name: kind for kind in kinds}
        signed = partial(latest_size, settings.home)
        self.engine = make_engine(
            settings.database_url,
            pool_size=4,
            ping=True,
            signed=signed,
            clock=clock,
            keys=keys_of(settings),
        )
        self._settings = settings
        self._clock = clock or SystemClock()
        self._newest: Workshop | None = None

    def newest(self) -> Workshop:
        """The workshop, built anew when the schema has changed; raises Unavailable before the first."""
        with self.engine.connect() as connection:
            number = current_revision(connection)
            if self._newest is not None and self._newest.runtime.revision == number:
                return self._newest
            latest = revisions(connection, 1)
        if not latest:
            raise Unavailable(_l("The database holds no schema yet; run portal prepare."))
        schema = compile_sources(latest[0].sources)
        runtime = make_runtime(self._settings, schema, latest[0].number, self._clock)
        if self._newest is not None:
            self._newest.runtime.models.dispose()
        self._newest = Workshop(runtime, self._settings, self.engine, self.kinds)
        return self._newest

    def after_fork(self) -> None:
        """Leave the parent's connections alone; to be called first in a child."""
        self.engine.dispose(close=False)


@contextmanager
def open_runtime(settings: Settings) -> Iterator[tuple[Runtime, Engines]]:
    """The newest revision and its database, for a command."""
    engines = open_engines(settings)
    try:
        schema, number = compiled_revision(engines)
        yield make_runtime(settings, schema, number, SystemClock()), engines
    finally:
        engines.dispose()


def prepare_database(engines: Engines, audit_hash: str = "") -> None:
    """Make the product's own tables where they are missing, a new trail with ``audit_hash``; raises SettingsError.

    An empty one is SHA-256 for a new trail, and that of one that exists.
    """
    with engines.owner.begin() as connection:
        create_account_tables(connection)
        old = set_old_trail_aside(connection)
        create_system_tables(connection, [GRAMS_FUNCTION], app_role(engines), audit_hash)
        refuse_other_hash(connection, audit_hash)
        if old:
            seal_old_trail(connection)


def app_role(engines: Engines) -> str:
    """The database role of the application."""
    return str(make_url(engines.app.url).username)


def plan(engines: Engines, folder: Path) -> Plan:
    """What applying the schema in ``folder`` would do; raises SchemaInvalid."""
    schema = with_overlay(engines, compile_schema(folder)).schema
    return plan_schema(engines.owner, schema, build_models(schema))


def apply(
    engines: Engines,
    schema: Schema,
    *,
    by: str,
    allow_loss: bool = False,
    clock: Clock | None = None,
) -> Plan:
    """Bring the database to ``schema`` with what administrators have changed over it.

    Raises Refused and Unavailable and then changes nothing.
    """
    time = clock or SystemClock()
    laid = with_overlay(engines, schema)
    schema = laid.schema
    models = build_models(schema)

    def after(connection: Connection, number: int, done: Plan) -> None:
        raise_walls(connection, *walls(schema, models), app_role(engines))
        synchronise(connection, schema)
        bump(connection, ACCESS_COUNTER)
        end_without_factor(connection, schema, time.now())
        settle(connection, laid)
        steps = [str(step.says) for step in done.steps]
        append(connection, Entry(time.now(), None, by, AuditAction.SCHEMA_APPLIED, number,
                                 changes={"digest": schema.digest, "steps": steps}))  # fmt: skip

    order = Order(by, app_role(engines), allow_loss)
    return apply_schema(engines.owner, schema, models, order, after)


def with_overlay(engines: Engines, base: Schema) -> Laid:
    """``base`` with what administrators have changed over it, and what of that does not hold."""
    with engines.owner.connect() as connection:
        return lay(connection, base)


def conflicts(engines: Engines, base: Schema) -> tuple[Conflict, ...]:
    """The changes of administrators that do not hold over ``base``."""
    return with_overlay(engines, base).merged.conflicts


def renew(engines: Engines, *, clock: Clock | None = None) -> bool:
    """Apply what administrators have changed since the newest revision; whether there was anything.

    Rights are rows and policies: the tables stay as they are. Needs the owner of the database.
    """
    with engines.owner.connect() as connection:
        wanted, done = counters(connection)
        latest = revisions(connection, 1) if wanted != done else []
    if not latest:
        return False
    base = compile_sources(base_sources(latest[0].sources))
    laid = with_overlay(engines, base)
    if laid.schema.digest != latest[0].digest:
        apply(engines, base, by="portal: roles", clock=clock)
    else:
        with engines.owner.begin() as connection:
            settle(connection, laid)
    return True


def compiled_revision(engines: Engines) -> tuple[Schema, int]:
    """The schema that the database holds, and its number; raises Unavailable before the first."""
    with engines.owner.connect() as connection:
        latest = revisions(connection, 1)
    if not latest:
        raise Unavailable(_l("The database holds no schema yet; run portal prepare."))
    return compile_sources(latest[0].sources), latest[0].number


def reindex(settings: Settings, engines: Engines, name: str) -> int:
    """Make the search texts and sort keys of an entity anew, in batches; returns how many rows."""
    schema, number = compiled_revision(engines)
    runtime = make_runtime(settings, schema, number, SystemClock())
    return refresh_derived(engines.owner, runtime, schema.entities[name])


def prepare(settings: Settings, *, demo: bool, say: Callable[[Message], None]) -> None:
    """Make the database ready to serve: tables, the schema of a first start, somebody to sign in.

    ``say`` hears the accounts: those of the demo at each start, a first account only once.
    """
    engines = open_engines(settings)
    try:
        prepare_database(engines, settings.audit_hash)
        shorter = open_log(engines.app, settings.home, SystemClock().now(), "portal prepare")
        if shorter is not None:
            say(shorter)
        with engines.owner.connect() as connection:
            first = not revisions(connection, 1)
        if first or not _fits(engines):
            apply(engines, compile_schema(settings.schema), by="portal prepare")
            if not first:
                say(_l("The stored schema did not fit this version; %(folder)s was applied instead.",
                       folder=str(settings.schema)))  # fmt: skip
        say_when_other(engines.owner, settings.schema, say)
        schema, number = compiled_revision(engines)
        runtime = make_runtime(settings, schema, number, SystemClock())
        with engines.owner.begin() as connection:
            own_revision(connection)
            raise_walls(connection, *walls(schema, runtime.models), app_role(engines))
        if first and demo and fits_demo(schema):
            load_demo(runtime, engines.owner, engines.app, say=say)
            _remind(runtime, engines)
        with engines.owner.begin() as connection:
            founder = found(connection, schema, runtime.clock.now())
            if is_public(settings) and open_demo_accounts(connection):
                raise Refused(demo_in_public())
            shown = demo_accounts(connection, schema, settings.language)
    finally:
        engines.dispose()
    if founder is not None:
        say(_l("The first account: %(username)s, password %(password)s (shown only now).",
               username=founder.username, password=founder.password))  # fmt: skip
    for one in shown:
        say(Message("%(line)s", {"line": f"  {one.username:8} {one.password:18} {one.role}"}))


# Private


def _fits(engines: Engines) -> bool:
    """Whether this version of the product can still read the schema that the database holds."""
    try:
        compiled_revision(engines)
    except SchemaInvalid:
        return False
    return True


def _remind(runtime: Runtime, engines: Engines) -> None:
    """Fill the inboxes of the demo, as if the portal had run this morning."""
    sessions = make_sessions(engines.app)
    install(sessions)
    try:
        with unit_of_work(sessions()) as session:
            remind(session, runtime, runtime.clock.now())
    finally:
        sessions.remove()
