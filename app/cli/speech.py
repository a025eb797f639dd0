"""Messages for the terminal, in the language of PORTAL_LANGUAGE."""

from __future__ import annotations

import os

import click
from babel.messages.pofile import read_po

from app.kernel.messages import Label, Message
from app.settings import DEFAULTS, ROOT

CATALOGS = ROOT / "translations"


def language() -> str:
    """The language to speak, known even when another setting cannot be read."""
    wanted = os.environ.get("PORTAL_LANGUAGE", "")
    return wanted if wanted in {"zh", "en"} else DEFAULTS["PORTAL_LANGUAGE"]


def sentence(message: Message) -> str:
    """The message in the language to speak; English where there is no translation."""
    return _render(message, _catalog(language()))


def say(message: Message) -> None:
    """Write the message to the terminal at once."""
    click.echo(sentence(message), err=True)


def _catalog(code: str) -> dict[str, str]:
    """Few sentences are spoken here, so the source of the catalog is read as it is."""
    place = CATALOGS / code / "LC_MESSAGES" / "messages.po"
    if not place.exists():
        return {}
    with place.open("rb") as file:
        entries = read_po(file, locale=code)
    return {
        entry.id: entry.string
        for entry in entries
        if entry.id and isinstance(entry.id, str) and isinstance(entry.string, str) and entry.string
    }


def _render(value: object, catalog: dict[str, str]) -> str:
    if isinstance(value, Label):
        return value.text(language())
    if isinstance(value, Message):
        values = {name: _render(part, catalog) for name, part in value.values.items()}
        return catalog.get(value.text, value.text) % values
    return str(value)
