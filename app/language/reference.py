"""Renders the reference page of the language from its registries."""

from __future__ import annotations

from collections.abc import Iterator

from app.language.field_types import FIELD_TYPES, Option
from app.language.findings import KINDS
from app.language.kinds import FUNCTIONS

HEAD = """# Reference of the schema language

Made by `portal schema reference` from the registries; `scripts/check` fails when this page is stale.
README.md beside it explains the language.
"""


def reference() -> str:
    """The page as Markdown: field types with options, functions of conditions, findings."""
    return "\n".join([HEAD, *_types(), "", *_functions(), "", *_findings(), ""])


# Private


def _types() -> Iterator[str]:
    yield "## Field types\n"
    yield "| type | 名称 | name | options | kind in conditions | filter |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for name in FIELD_TYPES:
        found = FIELD_TYPES.get(name)
        options = ", ".join(_option(key, option) for key, option in found.options.items())
        kind = found.kind.rstrip(":") or "–"
        yield f"| `{name}` | {found.label.zh} | {found.label.en} | {options or '–'} | {kind} | {found.filter or '–'} |"


def _option(name: str, option: Option) -> str:
    text = f"`{name}`"
    if option.required:
        return f"**{text}**"
    if option.words:
        return f"{text} ({' / '.join(option.words)})"
    plain = isinstance(option.default, int | str) and option.default != ""
    return f"{text} ({option.default})" if plain else text


def _functions() -> Iterator[str]:
    yield "## Functions of conditions\n"
    yield "| function | gives |"
    yield "| --- | --- |"
    for name, function in FUNCTIONS.items():
        yield f"| `{name}({', '.join(function.arguments)})` | {function.result} |"


def _findings() -> Iterator[str]:
    yield "## Findings\n"
    yield "| id | 说明 | meaning |"
    yield "| --- | --- | --- |"
    for name, label in KINDS.items():
        yield f"| {name} | {label.zh} | {label.en} |"
