"""``portal schema`` on files alone: check them, and print what editors and authors need."""

from __future__ import annotations

import json
from pathlib import Path

import click

from app.cli.speech import language, sentence
from app.kernel.messages import _l
from app.language.compiler import compile_schema
from app.language.findings import Finding, SchemaInvalid
from app.language.json_schema import json_schema
from app.language.reference import reference
from app.settings import Settings, read_settings

FOLDER = click.argument("folder", required=False, type=click.Path(path_type=Path))


@click.command()
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


@click.command(name="json-schema")
def print_json_schema() -> None:
    """Print the JSON Schema by which editors complete and check the YAML files."""
    click.echo(json.dumps(json_schema(), ensure_ascii=False, indent=2))


@click.command(name="reference")
def print_reference() -> None:
    """Print the reference of field types, options, findings and functions."""
    click.echo(reference(), nl=False)


def checked_folder(folder: Path | None, settings: Settings) -> Path:
    """The folder, once its findings (if any) are printed; ends the command when there are some."""
    wanted = folder or settings.schema
    try:
        compile_schema(wanted)
    except SchemaInvalid as invalid:
        for finding in invalid.findings:
            click.echo(finding.line(language()))
        raise SystemExit(1) from invalid
    return wanted


# Private


def _as_data(finding: Finding) -> dict[str, object]:
    return {
        "id": finding.id,
        "file": finding.place.file,
        "line": finding.place.line,
        "zh": finding.text("zh"),
        "en": finding.text("en"),
    }
