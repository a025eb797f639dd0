"""The processes of the product itself: web by gunicorn, workers, scheduler, and whether they answer."""

from __future__ import annotations

import http.client
import os
import socket
import sys
from pathlib import Path

from app.hosting.accounts import Account
from app.hosting.processes import Command
from app.kernel.errors import SettingsError
from app.kernel.messages import _l
from app.settings import ROOT, Settings

APPLICATION = "app.factory:create_app_from_environment()"
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - gunicorn's heartbeat needs a memory file system
# Threads share their free memory instead of hoarding it, and the 32 MB that checking a password
# takes go back to the system at once.
MEMORY = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": "262144"}
ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - only to find the way back


def refuse_taken_port(settings: Settings) -> None:
    """Raises SettingsError when the address cannot be listened on."""
    try:
        family = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((settings.host, settings.port))
    except OSError as fault:
        raise SettingsError(
            _l(
                "Port %(port)s of %(host)s cannot be used: %(why)s; set PORTAL_PORT to another.",
                port=settings.port,
                host=settings.host,
                why=fault.strerror or str(fault),
            )
        ) from fault


def web_command(settings: Settings, *, application: str = APPLICATION) -> Command:
    """How to run the web processes; the settings travel in the environment."""
    bracketed = f"[{settings.host}]" if ":" in settings.host else settings.host
    words = [sys.executable, "-m", "gunicorn", application, "--no-control-socket"]
    words += ["--config", "python:app.hosting.gunicorn_config"]
    words += ["--bind", f"{bracketed}:{settings.port}", "--worker-class", "gthread"]
    words += ["--workers", str(settings.web_processes), "--threads", str(settings.web_threads)]
    words += ["--timeout", "60", "--graceful-timeout", "15", "--keep-alive", "5"]
    words += ["--limit-request-line", "8190", "--log-level", "warning"]
    if SHARED_MEMORY.is_dir() and os.access(SHARED_MEMORY, os.W_OK):
        words += ["--worker-tmp-dir", str(SHARED_MEMORY)]
    return Command("web", words, child_environment(settings), _own(), settings.home, patience=20)


def worker_command(settings: Settings, number: int) -> Command:
    """How to run one worker; ending it politely waits for the task at hand."""
    return _background(settings, "jobs.worker", f"worker{number}")


def scheduler_command(settings: Settings) -> Command:
    """How to run the scheduler."""
    return _background(settings, "jobs.scheduler", "scheduler")


def prepare_command(settings: Settings, *, demo: bool, look: bool = False) -> Command:
    """How to bring the database to the schema, before anything is served; with ``look``, only to see that it is."""
    words = [sys.executable, "-m", "app.cli", "prepare", "--demo" if demo else "--no-demo"]
    words += ["--look"] if look else []
    return Command("prepare", words, child_environment(settings), _own(), settings.home)


def checkpoint_command(settings: Settings) -> Command:
    """How to sign the audit trail, once nobody writes to it any more."""
    words = [sys.executable, "-m", "app.cli", "audit", "checkpoint"]
    return Command("checkpoint", words, child_environment(settings), _own(), settings.home)


def child_environment(settings: Settings) -> dict[str, str]:
    """The caller's environment with these settings in it, and our code on Python's path."""
    own = {"PYTHONPATH": str(ROOT), **MEMORY}
    return os.environ | settings.to_environment() | own


def answers(settings: Settings) -> bool:
    """Whether a request gets any answer but a failure."""
    host = ANY_ADDRESS.get(settings.host, settings.host)
    connection = http.client.HTTPConnection(host, settings.port, timeout=10)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status < http.client.INTERNAL_SERVER_ERROR
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _background(settings: Settings, module: str, name: str) -> Command:
    words = [sys.executable, "-m", module]
    return Command(name, words, child_environment(settings), _own(), settings.home)


def _own() -> Account:
    return Account(os.geteuid(), os.getegid())
