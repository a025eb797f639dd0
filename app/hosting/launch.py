"""The whole portal on one machine, from a home folder to pages that answer."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from app.hosting.assets import gather
from app.hosting.folders import make_home, only_start
from app.hosting.postgres import DATABASE, PostgresServer
from app.hosting.supervisor import Service, StopAsked, Supervisor
from app.hosting.valkey import ValkeyServer
from app.hosting.web import (
    answers,
    checkpoint_command,
    prepare_command,
    refuse_taken_port,
    scheduler_command,
    web_command,
    worker_command,
)
from app.kernel.errors import SettingsError
from app.kernel.messages import Message, _l
from app.safety import refuse_unsafe
from app.settings import Settings

WEB_SECONDS = 120


def launch(settings: Settings, *, demo: bool, say: Callable[[Message], None]) -> None:
    """Run the portal until somebody ends it; raises PortalError when it cannot run on.

    Without the owner's account of a shared database nothing is prepared: that was done elsewhere.
    """
    prepares = not settings.database_url or settings.database_owner_url != settings.database_url
    refuse_unsafe(settings, prepares=prepares, demo=demo)
    make_home(settings.home)
    with only_start(settings.home):
        refuse_taken_port(settings)
        if os.geteuid() == 0:
            say(_l("Started as root: an ordinary account is safer."))
        settings = gather(settings)
        try:
            with Supervisor(say) as supervisor:
                settings = start_servers(supervisor, settings)
                supervisor.run(prepare_command(settings, demo=demo, look=not prepares))
                supervisor.at_last(checkpoint_command(settings))
                supervisor.start(_web(settings))
                for service in _background(settings):
                    supervisor.start(service)
                say(_l("The portal is ready: %(address)s", address=_address(settings)))
                supervisor.watch()
        except StopAsked:
            say(_l("The portal has ended."))


def launch_workers(settings: Settings, *, say: Callable[[Message], None]) -> None:
    """Run workers and a scheduler alone, beside web processes of other hosts; raises PortalError.

    Needs the database and the queue that all hosts share, and the same secret key.
    """
    if not settings.database_url or not settings.redis_url:
        raise SettingsError(
            _l(
                "Workers alone need PORTAL_DATABASE_URL and PORTAL_REDIS_URL, which all hosts share."
            )
        )
    refuse_unsafe(settings)
    make_home(settings.home)
    with only_start(settings.home):
        try:
            with Supervisor(say) as supervisor:
                for service in _background(settings):
                    supervisor.start(service)
                say(_l("The workers are ready."))
                supervisor.watch()
        except StopAsked:
            say(_l("The portal has ended."))


@contextmanager
def database_alone(settings: Settings, *, say: Callable[[Message], None]) -> Iterator[Settings]:
    """The settings with a database, and with nobody else in this home; raises PortalError.

    The embedded one runs as long as the block.
    """
    make_home(settings.home)
    with only_start(settings.home), Supervisor(say) as supervisor:
        yield _start_database(supervisor, settings)


def start_servers(supervisor: Supervisor, settings: Settings) -> Settings:
    """Start each embedded server that no address replaces; the settings with their addresses."""
    settings = _start_database(supervisor, settings)
    if not settings.redis_url:
        valkey = ValkeyServer(settings.home)
        supervisor.start(Service(valkey.command(), valkey.is_ready))
        settings = replace(settings, redis_url=valkey.url)
    return settings


def _start_database(supervisor: Supervisor, settings: Settings) -> Settings:
    if settings.database_url:
        return settings
    postgres = PostgresServer(settings.home)
    supervisor.start(Service(postgres.command(), postgres.is_ready, before=postgres.prepare))
    urls = postgres.bootstrap()
    return replace(settings, database_url=urls.app, database_owner_url=urls.owner)


def _web(settings: Settings) -> Service:
    command = web_command(settings)
    return Service(command, lambda: answers(settings), ready_seconds=WEB_SECONDS, attempts=None)


def _background(settings: Settings) -> Iterator[Service]:
    """Workers and the scheduler: they are waited for by nobody, and started again for ever."""
    commands = [worker_command(settings, number + 1) for number in range(settings.worker_processes)]
    for command in (*commands, scheduler_command(settings)):
        yield Service(command, lambda: True, attempts=None)


def _address(settings: Settings) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{settings.port}/"


def connected(settings: Settings) -> Settings:
    """The settings with the addresses of the running embedded servers, for a command beside them.

    Raises SettingsError when no portal runs in this home.
    """
    if not settings.database_url:
        postgres = PostgresServer(settings.home)
        if not postgres.is_ready():
            raise SettingsError(
                _l("No portal runs in %(home)s: start it first.", home=str(settings.home))
            )
        urls = postgres.urls(DATABASE)
        settings = replace(settings, database_url=urls.app, database_owner_url=urls.owner)
    if not settings.redis_url:
        settings = replace(settings, redis_url=ValkeyServer(settings.home).url)
    return settings
