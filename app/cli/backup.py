"""``portal backup``: everything in one encrypted file, and the way back."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import click
from sqlalchemy import Engine

from app.access.second_wall import walls
from app.cli.groups import LazyGroup
from app.cli.speech import say, sentence
from app.factory import (
    app_role,
    compiled_revision,
    make_runtime,
    open_engines,
    prepare_database,
)
from app.features.backups.container import Manifest
from app.features.backups.folder import kept
from app.features.backups.keys import load_key
from app.features.backups.restoring import Order, restore_backup
from app.features.backups.reviving import (
    remind_quietly,
    renew_statistics,
    take_up_trail,
    trail_faults,
)
from app.features.backups.sealing import header_of, name_of
from app.features.backups.service import create as create_backup
from app.features.backups.service import new_key, unreadable
from app.features.backups.service import verify as verify_backup
from app.hosting.launch import connected, database_alone
from app.kernel.clock import SystemClock
from app.kernel.errors import Refused
from app.kernel.messages import _l
from app.settings import Settings, read_settings
from app.storage.walls import raise_walls

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "create": "app.cli.backup:create",
        "list": "app.cli.backup:list_",
        "verify": "app.cli.backup:verify",
        "restore": "app.cli.backup:restore",
    }
)
FILE = click.argument("file", type=click.Path(path_type=Path))
MOST_TOLD = 20


@click.group(cls=LazyGroup, places=COMMANDS)
def backup() -> None:
    """备份与恢复 Encrypted backups, and the way back"""


@click.command()
@click.option(
    "--to",
    type=click.Path(file_okay=False, path_type=Path),
    help="Another folder than PORTAL_BACKUPS.",
)
def create(to: Path | None) -> None:
    """Make a backup of the running portal."""
    settings = connected(read_settings())
    said = new_key(settings)
    engines = open_engines(settings)
    try:
        made = create_backup(
            settings, engines.app, SystemClock().now(), _who(), to=to and to.resolve()
        )
    finally:
        engines.dispose()
    click.echo(str(made.place))
    say(_l("%(rows)s rows and %(parts)s files, %(megabytes)s MB; looked through after writing.",
           rows=sum(made.manifest.rows.values()), parts=len(made.manifest.parts) - 1,
           megabytes=f"{made.size / 1e6:.1f}"))  # fmt: skip
    _tell_missing(made.manifest)
    if said is not None:
        say(said)


@click.command(name="list")
def list_() -> None:
    """Name the backups in PORTAL_BACKUPS, the newest first, with size and key."""
    settings = read_settings()
    for made, place in kept(settings.backups):
        try:
            with place.open("rb") as stream:
                key = header_of(stream).key
        except (Refused, OSError):
            key = "?"
        when = f"{made.astimezone(settings.timezone):%Y-%m-%d %H:%M}"
        click.echo(f"{when}  {place.stat().st_size / 1e6:>10.1f} MB  {key:16}  {place}")


@click.command()
@FILE
def verify(file: Path) -> None:
    """Read a backup from its beginning to its end: every byte, and the dump of the database in it."""
    manifest = verify_backup(read_settings(), file)
    click.echo(sentence(_l(
        "The backup is whole: %(rows)s rows in %(tables)s tables, %(entries)s entries of the trail, %(parts)s files.",
        rows=sum(manifest.rows.values()), tables=len(manifest.rows), entries=manifest.audit_size,
        parts=len(manifest.parts) - 1,
    )))  # fmt: skip
    _tell_missing(manifest)


@click.command()
@FILE
def restore(file: Path) -> None:
    """Bring a backup into an empty database and a new home; everything is looked at before anything is written."""
    settings = read_settings()
    key = load_key(settings)
    try:
        stream = file.open("rb")
    except OSError as fault:
        raise unreadable(file, fault) from fault
    with stream:
        if (other := header_of(stream).key) != name_of(key):
            raise Refused(_l("This backup was made with another key (%(other)s; this one is %(own)s).",
                             other=other, own=name_of(key)))  # fmt: skip
        given = bool(os.environ.get("PORTAL_SECRET_KEY"))
        order = Order(stream, key, file.name, SystemClock().now(), _who(), given)
        with database_alone(settings, say=say) as reached:
            manifest = restore_backup(reached, order)
            say(_l("Restored: %(rows)s rows in %(tables)s tables, counted again.",
                   rows=sum(manifest.rows.values()), tables=len(manifest.rows)))  # fmt: skip
            _tell_missing(manifest)
            _take_up(read_again(reached), manifest)


def read_again(reached: Settings) -> Settings:
    """The settings with the signing key that was restored, and the addresses of the database."""
    addresses = {
        "PORTAL_DATABASE_URL": reached.database_url,
        "PORTAL_DATABASE_OWNER_URL": reached.database_owner_url,
    }
    return read_settings({**os.environ, **addresses})


# Private


def _take_up(settings: Settings, manifest: Manifest) -> None:
    """Rights, policies, trail, reminders; says what is faulty, and ends with 1 then."""
    engines = open_engines(settings)
    now = SystemClock().now()
    try:
        prepare_database(engines)
        schema, number = compiled_revision(engines)
        runtime = make_runtime(settings, schema, number, SystemClock())
        with engines.owner.begin() as connection:
            raise_walls(connection, *walls(schema, runtime.models), app_role(engines))
        faults = _told_faults(engines.app, settings, manifest)
        fingerprint = take_up_trail(engines.app, settings.home, now, _who())
        remind_quietly(engines.app, runtime)
        renew_statistics(engines.owner)
    finally:
        engines.dispose()
    if fingerprint is not None:
        say(_l("The key that signs the audit trail is not in a backup, so there is a new one, announced in the trail: "
               "%(fingerprint)s.", fingerprint=fingerprint))  # fmt: skip
    say(_l("Everybody signs in anew. Tasks and mails that waited were stopped: see /tasks/all. What was erased after "
           "the backup was made is back; erase it again."))  # fmt: skip
    if faults:
        raise SystemExit(1)


def _told_faults(engine: Engine, settings: Settings, manifest: Manifest) -> int:
    faults = 0
    for faults, says in enumerate(trail_faults(engine, settings.home, manifest), 1):
        if faults <= MOST_TOLD:
            say(says)
    say(_l("The audit trail was verified: %(size)s entries; faults: %(faults)s.",
           size=manifest.audit_size, faults=faults))  # fmt: skip
    return faults


def _tell_missing(manifest: Manifest) -> None:
    if manifest.missing:
        say(_l("%(count)s files were lost or damaged before the backup was made: %(names)s",
               count=len(manifest.missing), names=", ".join(manifest.missing[:5])))  # fmt: skip


def _who() -> str:
    return f"cli: {getpass.getuser()}"
