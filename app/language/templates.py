"""Texts with ``{field}`` and ``{field|format}`` in them: filled in, never evaluated."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

MAX_TEMPLATE = 2000
MAX_RENDERED = 4000
MAX_VALUE = 300
_NAMED = re.compile(
    r"\{([a-z][a-z0-9_]{0,39}(?:\.[a-z][a-z0-9_]{0,39}){0,5})(?:\|([a-z]{1,20}))?\}"
)


@dataclass(frozen=True, slots=True)
class Piece:
    """A literal text, or a named value with its format."""

    text: str
    path: tuple[str, ...] = ()
    format: str = ""


def template_pieces(template: str) -> tuple[Piece, ...]:
    """A template in pieces; whatever is no ``{field}`` is literal text."""
    pieces: list[Piece] = []
    position = 0
    for match in _NAMED.finditer(template[:MAX_TEMPLATE]):
        if match.start() > position:
            pieces.append(Piece(template[position : match.start()]))
        pieces.append(Piece(match[0], tuple(match[1].split(".")), match[2] or ""))
        position = match.end()
    if position < min(len(template), MAX_TEMPLATE):
        pieces.append(Piece(template[position:MAX_TEMPLATE]))
    return tuple(pieces)


def stray_brace(template: str) -> str | None:
    """The beginning of the first brace that names nothing, for whoever wrote it."""
    for piece in template_pieces(template):
        if not piece.path and (found := re.search(r"[{}]", piece.text)):
            return piece.text[found.start() : found.start() + 20]
    return None


def render(
    template: str, values: Mapping[tuple[str, ...], Any], language: str, zone: ZoneInfo
) -> str:
    """The text with its values; a name without a value stands as a dash, values are not read again."""
    parts = [
        _formatted(values.get(piece.path), piece.format, language, zone)
        if piece.path
        else piece.text
        for piece in template_pieces(template)
    ]
    return "".join(parts)[:MAX_RENDERED]


# Private


def _formatted(value: Any, wanted: str, language: str, zone: ZoneInfo) -> str:
    """A scalar as text; anything else is not shown, whatever it is."""
    if isinstance(value, datetime):
        value = value.astimezone(zone)
    if not isinstance(value, str | int | Decimal | date | time):
        return "–"
    if wanted in FORMATS:
        shown = FORMATS[wanted](value)
    elif isinstance(value, bool):
        shown = {True: {"zh": "是", "en": "yes"}, False: {"zh": "否", "en": "no"}}[value][language]
    elif isinstance(value, datetime):
        shown = f"{value:%Y-%m-%d %H:%M}"
    else:
        shown = str(value)
    return " ".join(shown.split())[:MAX_VALUE]


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int | Decimal) else str(value)


def _date(pattern: str) -> Callable[[Any], str]:
    return lambda value: value.strftime(pattern) if isinstance(value, date) else str(value)


FORMATS: Mapping[str, Callable[[Any], str]] = {
    "date": _date("%Y-%m-%d"),
    "datetime": _date("%Y-%m-%d %H:%M"),
    "month": _date("%Y-%m"),
    "time": lambda value: f"{value:%H:%M}" if isinstance(value, time | datetime) else str(value),
    "number": _number,
    "money": lambda value: f"{value:,.2f}" if isinstance(value, int | Decimal) else str(value),
    "text": str,
}
