"""Number series: each record gets the next number of its pattern, without gaps inside a transaction."""

from __future__ import annotations

import re
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.language.definitions import Entity, Field

_SEQUENCE = re.compile(r"\{seq:([1-9])\}")


def next_code(session: Session, entity: Entity, field: Field, today: date) -> str:
    """The next number of a series, such as ``C2026000123``."""
    return take_codes(session, entity, field, today, 1)[0]


def take_codes(
    session: Session, entity: Entity, field: Field, today: date, count: int
) -> list[str]:
    """The next ``count`` numbers of a series at once."""
    pattern = dated(str(field.options["pattern"]), today)
    name = f"{entity.name}.{field.name}:{pattern}"
    last = session.scalar(
        text(
            "INSERT INTO portal_series (name, last) VALUES (:name, :count)"
            " ON CONFLICT (name) DO UPDATE SET last = portal_series.last + :count RETURNING last"
        ),
        {"name": name, "count": count},
    )
    match = _SEQUENCE.search(pattern)
    assert match is not None
    assert last is not None
    width = int(match[1])
    return [
        pattern.replace(match[0], f"{number:0{width}d}")
        for number in range(int(last) - count + 1, int(last) + 1)
    ]


def dated(pattern: str, today: date) -> str:
    """A pattern with the date put in; a new year begins a new series."""
    parts = {
        "{yyyy}": f"{today.year:04d}",
        "{yy}": f"{today.year % 100:02d}",
        "{mm}": f"{today.month:02d}",
    }
    for name, value in parts.items():
        pattern = pattern.replace(name, value)
    return pattern
