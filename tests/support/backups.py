"""Portals that are backed up and restored, and what is counted in both by statements of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from click.testing import CliRunner, Result

from app.cli.main import main
from app.factory import keys_of, make_door
from app.hosting.postgres import DATABASE, DatabaseUrls, PostgresServer
from app.hosting.processes import await_ready, end, start
from app.kernel.clock import FixedClock
from app.settings import Settings
from app.storage.database import make_engine
from app.web.door import Door
from tests.support.portals import NOON, Portal

# What a restore changes on purpose.
CHANGED = {
    "portal_audit_entry", "portal_audit_head", "portal_audit_value", "portal_audit_checkpoint", "portal_counter",
    "portal_session", "portal_task", "portal_slot", "portal_delivery", "portal_reset", "portal_break_glass",
    "portal_export_grant", "portal_notice", "portal_reminded",
}  # fmt: skip


def portal_command(environment: dict[str, str], *words: str) -> Result:
    """``portal`` with these settings, in English."""
    own = environment | {"PORTAL_LANGUAGE": "en"}
    return CliRunner().invoke(main, words, env=own)


def backed_up(portal: Portal, *words: str) -> Path:
    """Make a backup by the command; where it lies."""
    done = portal_command(portal.settings.to_environment(), "backup", "create", *words)
    assert done.exit_code == 0, done.output
    return Path(done.stdout.splitlines()[0])


def given(home: Path, key: Path, urls: DatabaseUrls | None = None) -> dict[str, str]:
    """The settings of a new home that restores with the key of another."""
    found = {
        "PORTAL_HOME": str(home),
        "PORTAL_BACKUP_KEY_FILE": str(key),
        "PORTAL_SECOND_FACTOR": "no",
    }
    if urls is not None:
        found |= {"PORTAL_DATABASE_URL": urls.app, "PORTAL_DATABASE_OWNER_URL": urls.owner}
    return found


def asked(url: str, statement: str) -> list[tuple[Any, ...]]:
    """The rows of a statement, past the product."""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        return connection.execute(statement).fetchall()


def sums(url: str) -> dict[str, tuple[int, str]]:
    """Of every table how many rows it has, and a digest over all of them."""
    tables = asked(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    digest = "SELECT count(*), coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '')"
    return {name: asked(url, f'{digest} FROM "{name}" t')[0] for (name,) in tables}


@contextmanager
def opened(settings: Settings) -> Iterator[Door]:
    """The pages over a restored database, at the noon of the tests."""
    engine = make_engine(settings.database_url, keys=keys_of(settings))
    door = make_door(settings, engine, FixedClock(NOON))
    try:
        yield door
    finally:
        door.close()
        engine.dispose()


@contextmanager
def embedded(home: Path) -> Iterator[DatabaseUrls]:
    """The embedded database of a home that nobody runs."""
    server = PostgresServer(home)
    server.prepare()
    command = server.command()
    process = start(command)
    try:
        await_ready(process, command, server.is_ready, 180)
        yield server.urls(DATABASE)
    finally:
        end(process, command)
