"""``portal schema`` on the database: plan what a folder changes, apply it, and look back."""

from __future__ import annotations

import getpass
from collections.abc import Iterable
from pathlib import Path

import click

from app.cli.schema_files import FOLDER, checked_folder
from app.cli.speech import sentence
from app.factory import Engines, apply, compiled_revision, conflicts, open_engines, plan, reindex
from app.hosting.launch import connected
from app.kernel.messages import _l
from app.language.compiler import compile_schema
from app.language.overlay_merge import Conflict
from app.settings import Settings, read_settings
from app.storage.applying import purge, revisions
from app.storage.steps import Plan

MARKS = {"safe": " ", "checked": "?", "loss": "!"}


@click.command(name="plan")
@FOLDER
@click.option("--sql", is_flag=True, help="Show the statements.")
def show_plan(folder: Path | None, *, sql: bool) -> None:
    """Show what applying a schema folder would do to the running portal."""
    settings, engines = opened()
    try:
        found = plan(engines, checked_folder(folder, settings))
        set_aside = conflicts(engines, compile_schema(checked_folder(folder, settings)))
    finally:
        engines.dispose()
    _show(found, sql=sql)
    _show_conflicts(set_aside)
    if found.blocked:
        raise SystemExit(1)


@click.command(name="apply")
@FOLDER
@click.option("--allow-loss", is_flag=True, help="Put values of dropped fields aside.")
def run_apply(folder: Path | None, *, allow_loss: bool) -> None:
    """Bring the running portal to a schema folder; every process follows within seconds."""
    settings, engines = opened()
    try:
        found = compile_schema(checked_folder(folder, settings))
        done = apply(engines, found, by=f"cli: {getpass.getuser()}", allow_loss=allow_loss)
        _show(done, sql=False)
        _show_conflicts(conflicts(engines, found))
        for name in done.reindex:
            click.echo(sentence(_l("Search texts of %(entity)s are made anew …", entity=name)))
            reindex(settings, engines, name)
        click.echo(sentence(_l("Revision %(number)s.", number=compiled_revision(engines)[1])))
    finally:
        engines.dispose()


@click.command()
@click.option("--limit", default=20, show_default=True)
def history(limit: int) -> None:
    """List the revisions that were applied, newest first."""
    _, engines = opened()
    try:
        with engines.owner.connect() as connection:
            for item in revisions(connection, limit):
                when = item.applied_at.strftime("%Y-%m-%d %H:%M")
                click.echo(f"{item.number:>5}  {when}  {item.applied_by:<24} {item.digest[:12]}")
                for step in item.operations.get("steps", [])[:10]:
                    click.echo(f"         {step}")
    finally:
        engines.dispose()


@click.command(name="purge")
def run_purge() -> None:
    """Drop for good what was put aside longer ago than its term."""
    _, engines = opened()
    try:
        dropped = purge(engines.owner)
    finally:
        engines.dispose()
    click.echo(sentence(_l("Dropped: %(names)s.", names=", ".join(dropped) or "–")))


def opened() -> tuple[Settings, Engines]:
    """The settings of the running portal, and its database; raises SettingsError."""
    settings = connected(read_settings())
    return settings, open_engines(settings)


# Private


def _show_conflicts(found: Iterable[Conflict]) -> None:
    """The changes of roles that the files stand against, in plain words."""
    for one in found:
        cell = one.change.cell
        what = " · ".join(part for part in (cell.role, cell.entity, str(cell.key)) if part)
        click.echo(f"# {what}: {sentence(one.why)}")


def _show(found: Plan, *, sql: bool) -> None:
    if not found.steps:
        click.echo(sentence(_l("Nothing to change.")))
    for step in found.steps:
        click.echo(f"{MARKS[step.grade]} {sentence(step.says)}")
        if sql:
            for statement in step.sql:
                click.echo("      " + statement.replace("\n", "\n      "))
        if step.rows:
            rows = ", ".join(str(row) for row in step.rows)
            click.echo("      " + sentence(_l("These rows prevent it: %(rows)s", rows=rows)))
