"""``portal roles``: what administrators have changed in roles, printed, applied and dropped."""

from __future__ import annotations

import getpass

import click
from sqlalchemy import Connection

from app.cli.schema_changes import opened
from app.cli.speech import sentence
from app.factory import Engines, compiled_revision, make_runtime, renew, with_overlay
from app.features.rights.role_changes import reset as forget_changes
from app.kernel.clock import SystemClock
from app.kernel.messages import _l
from app.language.compiler import compile_sources
from app.language.overlay_merge import base_sources
from app.settings import Settings


@click.group()
def roles() -> None:
    """What administrators have changed in roles over the files of the schema."""


@roles.command()
def export() -> None:
    """Print the changes as YAML, a document for each role."""
    _, engines = opened()
    try:
        schema, _ = compiled_revision(engines)
        laid = with_overlay(engines, compile_sources(base_sources(schema.sources)))
    finally:
        engines.dispose()
    for name in sorted(laid.merged.files):
        click.echo(f"---\n{laid.merged.files[name]}", nl=False)
    for conflict in laid.merged.conflicts:
        cell = conflict.change.cell
        click.echo(f"# {cell.role} {cell.entity} {cell.key}: {sentence(conflict.why)}")


@roles.command(name="apply")
def run_apply() -> None:
    """Apply what was changed in the browser, where no scheduler may change policies."""
    _, engines = opened()
    try:
        done = renew(engines)
    finally:
        engines.dispose()
    click.echo(sentence(_l("Applied.") if done else _l("Nothing to change.")))


@roles.command()
@click.confirmation_option(
    prompt=str(_l("Drop every change of roles that was made in the browser?"))
)
def reset() -> None:
    """Drop the changes: the files hold alone."""
    settings, engines = opened()
    try:
        with engines.owner.begin() as connection:
            count = _forgotten(settings, engines, connection)
        renew(engines)
    finally:
        engines.dispose()
    click.echo(sentence(_l("Changes dropped: %(count)s.", count=count)))


# Private


def _forgotten(settings: Settings, engines: Engines, connection: Connection) -> int:
    schema, number = compiled_revision(engines)
    runtime = make_runtime(settings, schema, number, SystemClock())
    return len(forget_changes(connection, runtime, f"cli: {getpass.getuser()}"))
