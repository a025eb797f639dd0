"""``portal schema``: check, plan, apply, history and what belongs to them."""

from __future__ import annotations

import getpass
import json
from pathlib import Path

import click

from app.cli.speech import language, sentence
from app.factory import Engines, apply, compiled_revision, open_engines, plan, reindex
from app.hosting.launch import connected
from app.kernel.messages import _l
from app.language.compiler import compile_schema
from app.language.findings import Finding, SchemaInvalid
from app.language.json_schema import json_schema
from app.language.reference import reference
from app.settings import Settings, read_settings
from app.storage.applying import purge, revisions
from app.storage.planning import Plan

MARKS = {"safe": " ", "checked": "?", "loss": "!"}
FOLDER = click.argument("folder", required=False, type=click.Path(path_type=Path))


@click.group()
def schema() -> None:
    """Check a schema, plan what it changes, apply it, and look back."""


@schema.command()
@FOLDER
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def check(folder: Path | None, *, as_json: bool) -> None:
    """Find everything that is wrong with a schema folder."""
    try:
        found = compile_schema(folder or read_settings().schema)
    except SchemaInvalid as invalid:
        if as_json:
            click.echo(
                json.dumps([_as_data(item) for item in invalid.findings], ensure_ascii=False)
            )
        else:
            for finding in invalid.findings:
                click.echo(finding.line(language()))
        raise SystemExit(1) from invalid
    if as_json:
        click.echo("[]")
        return
    fields = sum(len(entity.fields) for entity in found.entities.values())
    text = _l(
        "The schema is good. Entities: %(entities)s; fields: %(fields)s; roles: %(roles)s.",
        entities=len(found.entities),
        fields=fields,
        roles=len(found.roles),
    )
    click.echo(sentence(text))


@schema.command(name="plan")
@FOLDER
@click.option("--sql", is_flag=True, help="Show the statements.")
def show_plan(folder: Path | None, *, sql: bool) -> None:
    """Show what applying a schema folder would do to the running portal."""
    settings, engines = _open()
    try:
        found = plan(engines, _checked(folder, settings))
    finally:
        engines.dispose()
    _show(found, sql=sql)
    if found.blocked:
        raise SystemExit(1)


@schema.command(name="apply")
@FOLDER
@click.option("--allow-loss", is_flag=True, help="Put values of dropped fields aside.")
def run_apply(folder: Path | None, *, allow_loss: bool) -> None:
    """Bring the running portal to a schema folder; every process follows within seconds."""
    settings, engines = _open()
    try:
        found = compile_schema(_checked(folder, settings))
        done = apply(engines, found, by=f"cli: {getpass.getuser()}", allow_loss=allow_loss)
        _show(done, sql=False)
        for name in done.reindex:
            click.echo(sentence(_l("Search texts of %(entity)s are made anew …", entity=name)))
            reindex(settings, engines, name)
        click.echo(sentence(_l("Revision %(number)s.", number=compiled_revision(engines)[1])))
    finally:
        engines.dispose()


@schema.command()
@click.option("--limit", default=20, show_default=True)
def history(limit: int) -> None:
    """List the revisions that were applied, newest first."""
    _, engines = _open()
    try:
        with engines.owner.connect() as connection:
            for item in revisions(connection, limit):
                when = item.applied_at.strftime("%Y-%m-%d %H:%M")
                click.echo(f"{item.number:>5}  {when}  {item.applied_by:<24} {item.digest[:12]}")
                for step in item.operations.get("steps", [])[:10]:
                    click.echo(f"         {step}")
    finally:
        engines.dispose()


@schema.command(name="purge")
def run_purge() -> None:
    """Drop for good what was put aside longer ago than its term."""
    _, engines = _open()
    try:
        dropped = purge(engines.owner)
    finally:
        engines.dispose()
    click.echo(sentence(_l("Dropped: %(names)s.", names=", ".join(dropped) or "–")))


@schema.command(name="json-schema")
def print_json_schema() -> None:
    """Print the JSON Schema by which editors complete and check the YAML files."""
    click.echo(json.dumps(json_schema(), ensure_ascii=False, indent=2))


@schema.command(name="reference")
def print_reference() -> None:
    """Print the reference of field types, options, findings and functions."""
    click.echo(reference(), nl=False)


# Private


def _open() -> tuple[Settings, Engines]:
    settings = connected(read_settings())
    return settings, open_engines(settings)


def _checked(folder: Path | None, settings: Settings) -> Path:
    """The folder, once its findings (if any) are printed; ends the command when there are some."""
    wanted = folder or settings.schema
    try:
        compile_schema(wanted)
    except SchemaInvalid as invalid:
        for finding in invalid.findings:
            click.echo(finding.line(language()))
        raise SystemExit(1) from invalid
    return wanted


def _as_data(finding: Finding) -> dict[str, object]:
    return {
        "id": finding.id,
        "file": finding.place.file,
        "line": finding.place.line,
        "zh": finding.text("zh"),
        "en": finding.text("en"),
    }


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
