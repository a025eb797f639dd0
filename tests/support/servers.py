"""Real servers for tests: one PostgreSQL and one Valkey for a test process, a database each time.

A session fixture holds ``running_servers()``; a module or test then takes a database:

    @pytest.fixture(scope="session")
    def servers():
        with running_servers() as started:
            yield started

    @pytest.fixture(scope="module")
    def database(servers):
        with servers.database() as urls:
            yield urls

With pytest-xdist each worker has servers of its own: they start in about a second.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from app.hosting.postgres import DatabaseUrls, PostgresServer
from app.hosting.processes import await_ready, end, start
from app.hosting.valkey import ValkeyServer

START_SECONDS = 180


@dataclass
class Servers:
    """Running servers. ``redis_url`` is one Valkey for all; flush it where it matters."""

    postgres: PostgresServer
    redis_url: str
    home: Path
    _numbers: Iterator[int] = field(default_factory=count, repr=False)

    @contextmanager
    def database(self, *, template: str = "template1") -> Iterator[DatabaseUrls]:
        """A new database, empty or a copy of ``template``; dropped at the end.

        A template is the name of a database (``database_name(urls)``) that nobody is connected
        to: dispose of the engine that filled it first.
        """
        name = f"test_{next(self._numbers)}"
        try:
            yield self.postgres.create_database(name, template=template)
        finally:
            self.postgres.drop_database(name)


@contextmanager
def running_servers() -> Iterator[Servers]:
    """Start both servers in a temporary home and end them, whatever happened."""
    home = Path(tempfile.mkdtemp(prefix="portal-test-"))
    try:
        postgres, valkey = PostgresServer(home, durable=False), ValkeyServer(home)
        postgres.prepare()
        with _running(postgres), _running(valkey):
            postgres.bootstrap()
            yield Servers(postgres, valkey.url, home)
    finally:
        shutil.rmtree(home)


def database_name(urls: DatabaseUrls) -> str:
    """The name of the database that the addresses lead to."""
    return urls.app.partition("?")[0].rpartition("/")[2]


@contextmanager
def _running(server: PostgresServer | ValkeyServer) -> Iterator[None]:
    command = server.command()
    process = start(command)
    try:
        await_ready(process, command, server.is_ready, START_SECONDS)
        yield
    finally:
        end(process, command)
