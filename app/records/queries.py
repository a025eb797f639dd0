"""What a reader asks for: columns, filters, search, order and page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.language.expressions import Expression

MAX_PAGE = 100
COUNT_CAP = 10_000


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition on a field.

    ``operator`` is in (any of the values), between (low and high, either may be None),
    contains (text), empty or filled.
    """

    field: str
    operator: str
    values: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Query:
    """A page of one entity's records. ``limit`` is capped at MAX_PAGE."""

    entity: str
    columns: tuple[str, ...]
    filters: tuple[Filter, ...] = ()
    where: Expression | None = None
    search: str = ""
    sort: str = "-id"
    offset: int = 0
    limit: int = 25
    count: bool = True
    titles: bool = True


@dataclass(frozen=True, slots=True)
class Row:
    """A record as the reader may see it.

    ``values`` holds what is visible, masked where it must be; ``masked`` names those.
    Fields that are not in ``values`` are hidden.
    """

    entity: str
    id: int
    values: dict[str, Any]
    masked: frozenset[str]
    covering: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """Rows with the titles of what they link to. ``total`` counts to COUNT_CAP, None beyond."""

    rows: tuple[Row, ...]
    total: int | None
    titles: dict[tuple[str, int], str]
