"""A portal without the product: the real servers and web processes around a tiny application.

``python -m tests.support.stand_in`` runs it until it is ended; the settings are read from the
environment. ``/where`` answers the process that served it, after a write to both servers.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from typing import Any

import psycopg
from redis import Redis

from app.hosting.folders import make_home, only_start
from app.hosting.launch import start_servers
from app.hosting.supervisor import Service, StopAsked, Supervisor
from app.hosting.web import answers, refuse_taken_port, web_command
from app.kernel.errors import PortalError
from app.kernel.messages import Message
from app.settings import read_settings

APPLICATION = "tests.support.stand_in:application"


def application(
    environment: dict[str, Any], start_response: Callable[[str, list[tuple[str, str]]], object]
) -> Iterable[bytes]:
    """Answer with the number of the process."""
    settings = read_settings()
    if environment["PATH_INFO"] == "/where":
        with psycopg.connect(settings.database_url.replace("+psycopg", "")) as connection:
            connection.execute("SELECT 1")
        with Redis.from_url(settings.redis_url) as redis:
            redis.incr("served")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]


def main() -> None:
    """Run servers and web until a signal comes."""
    settings = read_settings()
    try:
        make_home(settings.home)
        with only_start(settings.home):
            refuse_taken_port(settings)
            with Supervisor(say) as supervisor:
                settings = start_servers(supervisor, settings)
                web = web_command(settings, application=APPLICATION)
                supervisor.start(Service(web, lambda: answers(settings), attempts=None))
                say(Message("ready"))
                supervisor.watch()
    except StopAsked:
        say(Message("ended"))
    except PortalError as fault:
        sys.exit(str(fault))


def say(message: Message) -> None:
    """One line for the test to wait for."""
    sys.stdout.write(f"{message}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
