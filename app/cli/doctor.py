"""``portal doctor``: looks at everything the portal stands on, and says what to do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import click
from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError

from app.cli.health.backups import look_at_backups
from app.cli.health.finding import GRADES, Finding, Grade, faulty
from app.cli.health.machine import look_at_machine
from app.cli.health.portal import (
    look_at_accounts,
    look_at_roles,
    look_at_schema,
    look_at_tasks,
    look_at_workers,
)
from app.cli.health.servers import (
    look_at_clock,
    look_at_redis,
    look_at_rights,
    look_at_server,
)
from app.cli.health.trail import look_at_trail
from app.cli.health.transport import look_at_transport
from app.cli.speech import language, sentence
from app.factory import Engines, open_engines
from app.hosting.launch import connected
from app.kernel.errors import PortalError, SettingsError
from app.kernel.messages import _l
from app.settings import Settings, read_settings

Look = Callable[[], Iterator[Finding]]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def doctor(*, as_json: bool) -> None:
    """Look at everything the portal stands on; fails when something is faulty."""
    found = []
    for finding in diagnose(read_settings()):
        found.append(finding)
        if not as_json:
            click.echo(f"{GRADES[finding.grade].text(language())}  {sentence(finding.says)}")
    if as_json:
        lines = [
            {"check": one.check, "grade": one.grade.value, "says": sentence(one.says)}
            for one in found
        ]
        click.echo(json.dumps(lines, ensure_ascii=False, indent=2))
    if any(one.grade is Grade.FAULT for one in found):
        raise SystemExit(1)


def diagnose(settings: Settings) -> Iterator[Finding]:
    """Every finding; what cannot be looked at is a finding, too."""
    yield from look_at_machine(settings)
    yield from look_at_transport(settings)
    yield from _seen("backup", lambda: look_at_backups(settings))
    try:
        settings = _reached(settings)
    except PortalError as fault:
        yield faulty("database", fault.message)
        return
    with _engines(settings) as engines:
        for check, look in _looks(settings, engines):
            yield from _seen(check, look)


# Private


@contextmanager
def _engines(settings: Settings) -> Iterator[Engines]:
    engines = open_engines(settings)
    try:
        yield engines
    finally:
        engines.dispose()


def _reached(settings: Settings) -> Settings:
    """The settings with the addresses of the servers; nothing is made in a home that holds none."""
    if not settings.database_url and not (settings.home / "postgres").exists():
        raise SettingsError(
            _l("No portal runs in %(home)s: start it first.", home=str(settings.home))
        )
    return connected(settings)


def _looks(settings: Settings, engines: Engines) -> list[tuple[str, Look]]:
    def inside(look: Callable[..., Iterator[Finding]]) -> Look:
        def seen() -> Iterator[Finding]:
            with engines.app.connect() as connection:
                yield from look(connection)

        return seen

    return [
        ("postgres", inside(look_at_server)),
        ("database_role", inside(look_at_rights)),
        ("audit_log", inside(partial(look_at_trail, settings))),
        ("clock", inside(look_at_clock)),
        ("redis", lambda: look_at_redis(settings)),
        ("schema", lambda: look_at_schema(settings, engines)),
        ("roles", inside(look_at_roles)),
        ("passwords", lambda: look_at_accounts(settings, engines)),
        ("scheduler", inside(look_at_tasks)),
        ("workers", lambda: look_at_workers(settings)),
    ]


def _seen(check: str, look: Look) -> Iterator[Finding]:
    try:
        yield from look()
    except PortalError as fault:
        yield faulty(check, fault.message)
    except (DBAPIError, RedisError, OSError) as fault:
        why = str(getattr(fault, "orig", None) or fault).strip().partition("\n")[0]
        yield faulty(check, _l("It does not answer or refuses: %(why)s", why=why))
