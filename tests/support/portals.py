"""A portal for tests: a real database, the application, accounts with passwords, counted statements."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.orm import Session
from werkzeug.test import Client, TestResponse

from app.access.actor import system_actor
from app.access.session_scope import install
from app.factory import Engines, apply, keys_of, make_door, make_runtime, prepare_database
from app.kernel.clock import FixedClock
from app.language.compiler import compile_schema
from app.language.definitions import Rights, Schema
from app.records.accounts import NewAccount, create_account
from app.records.gateway import Records, records_for
from app.records.runtime import Runtime
from app.settings import ROOT, Settings, read_settings
from app.storage.database import make_engine, make_sessions, unit_of_work
from app.storage.encryption import ring_of
from app.web.door import Door
from tests.support.servers import Servers

SCHEMAS = Path(__file__).with_name("schemas")
NOON = datetime(2026, 6, 15, 4, 0, tzinfo=UTC)
PASSWORD = "correct horse"
ADDRESSES = count(1)


class Browser:
    """A client that signs in through the page and keeps the CSRF token of the last page."""

    def __init__(self, door: Door) -> None:
        self.client = Client(door)
        self.address = {"REMOTE_ADDR": f"127.{next(ADDRESSES) % 250}.{next(ADDRESSES) % 250}.1"}
        self.token = ""

    def get(self, path: str, **named: Any) -> TestResponse:
        """Open a page."""
        return self._kept(self.client.get(path, environ_overrides=self.address, **named))

    def post(self, path: str, data: Mapping[str, Any] | None = None, **named: Any) -> TestResponse:
        """Send a form, with the token."""
        sent = {**(data or {}), "csrf_token": self.token}
        return self._kept(
            self.client.post(path, data=sent, environ_overrides=self.address, **named)
        )

    def sign_in(self, username: str, password: str = PASSWORD) -> TestResponse:
        """Through the sign-in page."""
        self.get("/login/")
        answer = self.post("/login/", {"username": username, "password": password})
        if answer.status_code == 302:
            self.get("/")
        return answer

    def _kept(self, answer: TestResponse) -> TestResponse:
        text = answer.text if answer.mimetype == "text/html" else ""
        found = re.search(r'name="csrf_token" value="([^"]+)"', text)
        if found:
            self.token = found[1]
        return answer


class Api:
    """A client of the REST endpoints with a token."""

    def __init__(self, door: Door, username: str) -> None:
        self.client = Client(door)
        body = {"username": username, "password": PASSWORD, "provider": "db"}
        address = {"REMOTE_ADDR": f"127.{next(ADDRESSES) % 250}.{next(ADDRESSES) % 250}.2"}
        answer: Any = self.client.post(
            "/api/v1/security/login", json=body, environ_overrides=address
        )
        self.headers = {"Authorization": f"Bearer {answer.json['access_token']}"}

    def call(self, method: str, path: str, **named: Any) -> Any:
        """Any request."""
        return self.client.open(f"/api/v1/{path}", method=method, headers=self.headers, **named)


@dataclass
class Portal:
    """A running portal over a database of its own."""

    settings: Settings
    engines: Engines
    door: Door
    schema: Schema
    clock: FixedClock
    runtime: Runtime
    ids: dict[str, int] = field(default_factory=dict)

    def browser(self, username: str) -> Browser:
        """A signed-in browser."""
        found = Browser(self.door)
        assert found.sign_in(username).status_code == 302
        return found

    def api(self, username: str) -> Api:
        """A REST client with a token."""
        return Api(self.door, username)

    @contextmanager
    def records(self) -> Iterator[Records]:
        """The door for the portal itself, saved at the end."""
        sessions = make_sessions(self.engines.app)
        install(sessions)
        session: Session = sessions()
        rights = {name: frozenset(Rights) for name in self.schema.entities}
        try:
            with unit_of_work(session):
                yield records_for(self.runtime, session, system_actor(self.schema, rights, "test"))
        finally:
            sessions.remove()

    def bare_account(self, username: str) -> int:
        """An account without any role."""
        with self.engines.owner.begin() as connection:
            new = NewAccount(username, PASSWORD, first=False)
            return create_account(connection, new, now=self.clock.now(), by="test")

    def account(self, username: str, role: str, place: int | None) -> int:
        """An account that holds a role at a place."""
        number = self.bare_account(username)
        with self.records() as records:
            held = {"account": number, "role": role, "held_at": place, "valid_from": NOON.date()}
            records.create("role_assignment", held)
        return number

    def scalar(self, statement: str, **values: Any) -> Any:
        """One value straight from the database."""
        with self.engines.owner.connect() as connection:
            return connection.scalar(text(statement), values)

    def column(self, statement: str, **values: Any) -> list[Any]:
        """The first value of every row, straight from the database."""
        with self.engines.owner.connect() as connection:
            return list(connection.scalars(text(statement), values))

    def plain(self, kept: str) -> str:
        """An encrypted value as it was given."""
        return ring_of(self.engines.owner.dialect).plain(kept)

    def blind_index(self, plain: str) -> str:
        """What encrypted values of the same plain text share, as their second part."""
        return ring_of(self.engines.owner.dialect).index(plain)

    def forget_attempts(self) -> None:
        """As if nobody had failed at anything yet."""
        with self.engines.owner.begin() as connection:
            connection.execute(text("DELETE FROM portal_attempt"))

    @contextmanager
    def statements(self) -> Iterator[list[str]]:
        """The SQL statements of every request inside; not those of the thread that looks for a new revision."""
        said: list[str] = []
        mine = threading.get_ident()

        def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
            if threading.get_ident() == mine:
                said.append(statement)

        event.listen(self.engines.app, "before_cursor_execute", note)
        try:
            yield said
        finally:
            event.remove(self.engines.app, "before_cursor_execute", note)


@contextmanager
def running_portal(
    servers: Servers, folder: Path, home: Path, **settings_: str
) -> Iterator[Portal]:
    """A portal of the schema in ``folder`` with an empty database; no role asks for a second factor unless said."""
    with servers.database() as urls:
        settings = read_settings(
            {
                "PORTAL_HOME": str(home),
                "PORTAL_SCHEMA": str(folder),
                "PORTAL_ASSETS": str(ROOT / "app" / "web" / "static"),
                "PORTAL_DATABASE_URL": urls.app,
                "PORTAL_DATABASE_OWNER_URL": urls.owner,
                "PORTAL_SECOND_FACTOR": "no",
                **settings_,
            }
        )
        keys = keys_of(settings)
        engines = Engines(make_engine(urls.owner, keys=keys), make_engine(urls.app, keys=keys))
        clock = FixedClock(NOON)
        schema = compile_schema(folder)
        prepare_database(engines, settings.audit_hash)
        apply(engines, schema, by="test", clock=clock)
        door = make_door(settings, engines.app, clock)
        runtime = make_runtime(settings, schema, 1, clock)
        try:
            yield Portal(settings, engines, door, schema, clock, runtime)
        finally:
            door.close()
            runtime.models.dispose()
            engines.dispose()
