"""``portal audit``: verify the sealed trail, and look after its checkpoints and its key."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import click

from app.audit.checking import Verification
from app.audit.checkpoints import make_checkpoint
from app.audit.checkpoints import rotate_key as rotate
from app.audit.keys import load_key, public_bytes, public_pem
from app.audit.notes import BadNote, Note, find, fingerprint
from app.audit.shelf import FOLDER, give_up
from app.cli.groups import LazyGroup
from app.cli.speech import say, sentence
from app.factory import open_engines
from app.hosting.launch import connected
from app.kernel.clock import SystemClock
from app.kernel.messages import _l
from app.settings import read_settings

MOST_TOLD = 200
COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "verify": "app.cli.audit:verify",
        "checkpoint": "app.cli.audit:checkpoint",
        "bundle": "app.cli.audit_evidence:bundle",
        "export": "app.cli.audit_export:export",
        "report": "app.cli.audit_report:report",
        "key": "app.cli.audit:key",
        "rotate-key": "app.cli.audit:rotate_key",
        "restored": "app.cli.audit:restored",
    }
)


@click.group(cls=LazyGroup, places=COMMANDS)
def audit() -> None:
    """审计记录与证据 The audit trail and its evidence"""


@click.command()
@click.option("--since-last", is_flag=True, help="Begin where the last verification ended.")
@click.option(
    "--checkpoint",
    "files",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    help="A checkpoint from outside, such as one from a mail; may be repeated.",
)
@click.option("--archives", is_flag=True, help="Verify archived entries, too.")
def verify(files: tuple[Path, ...], *, since_last: bool, archives: bool) -> None:
    """Verify the whole trail: numbers, seals, columns, values, checkpoints, clocks. Exits with 1 for a fault."""
    settings = connected(read_settings())
    notes = [read_note(place) for place in files]
    engines = open_engines(settings)
    try:
        with engines.app.connect() as connection:
            run = Verification(connection, settings.home, since_last, notes, archives)
            for number, found in enumerate(run.findings()):
                if number < MOST_TOLD:
                    click.echo(sentence(found.says))
                elif number == MOST_TOLD:
                    click.echo("…")
    finally:
        engines.dispose()
    hashed = _l("The tree over the audit trail is hashed with %(hash)s.", hash=run.algorithm)
    click.echo(sentence(hashed))
    click.echo(sentence(_l(
        "Entries %(first)s to %(last)s and %(checkpoints)s checkpoints were verified; faults: %(faults)s.",
        first=min(run.first, run.size), last=run.size, checkpoints=run.checkpoints, faults=run.faults,
    )))  # fmt: skip
    if run.faults:
        raise SystemExit(1)


@click.command()
def checkpoint() -> None:
    """Sign the trail as it is now, and print the checkpoint."""
    settings = connected(read_settings())
    engines = open_engines(settings)
    try:
        made = make_checkpoint(engines.app, settings.home, SystemClock().now(), _who())
    finally:
        engines.dispose()
    if made is None:
        say(_l("The audit trail is empty; there is nothing to sign."))
        return
    click.echo(made.text, nl=False)
    say(_l("Kept in %(folder)s.", folder=str(settings.home / FOLDER)))


@click.command()
def key() -> None:
    """Print the fingerprint and the public half of the key that signs checkpoints."""
    found = load_key(read_settings().home)
    click.echo(fingerprint(public_bytes(found)))
    click.echo(public_pem(found), nl=False)


@click.command()
@click.option("--lost", is_flag=True, help="The old key is gone, so that it cannot sign its heir.")
def rotate_key(*, lost: bool) -> None:
    """Announce a new key in the trail, let the old one sign that, and use the new one from then on."""
    settings = connected(read_settings())
    engines = open_engines(settings)
    try:
        click.echo(rotate(engines.app, settings.home, SystemClock().now(), _who(), lost=lost))
    finally:
        engines.dispose()


@click.command()
@click.option("--why", required=True, help="Why the log is shorter than what was signed.")
def restored(why: str) -> None:
    """Accept that the database was restored from a backup: older checkpoints are laid aside, and the trail says so."""
    settings = read_settings()
    size = give_up(settings.home, SystemClock().now(), _who(), why)
    say(_l("Checkpoints up to %(size)s were laid aside; the next start writes that into the audit trail.",
           size=size))  # fmt: skip


def read_note(place: Path) -> Note:
    """The checkpoint in a file, as mails carry it; a sentence for the terminal when there is none."""
    try:
        return find(place.read_text("utf-8"))
    except (BadNote, UnicodeDecodeError) as fault:
        says = _l("%(place)s is no checkpoint.", place=str(place))
        raise click.ClickException(sentence(says)) from fault


# Private


def _who() -> str:
    return f"cli: {getpass.getuser()}"
