"""``portal settings`` and ``portal version``."""

from __future__ import annotations

import click

from app.cli.speech import language
from app.settings import printable, product, read_settings


@click.command()
def settings() -> None:
    """Show every setting, its value and its meaning; secrets are hidden."""
    for setting, text in printable(read_settings()):
        click.echo(f"{setting.name} = {text}\n    {setting.help.text(language())}")


@click.command()
def version() -> None:
    """Show the version."""
    click.echo(" ".join(product()))
