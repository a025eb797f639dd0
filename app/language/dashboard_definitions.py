"""What a dashboard file declares: figures and pictures of reports, side by side for some roles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.kernel.messages import Label
from app.language.source import Place

ROWS = "rows"


@dataclass(frozen=True, slots=True)
class Figure:
    """The total of a report's column, with ``trend`` earlier periods before it.

    The column ``rows`` stands for how many lines a list of records has.

    ``parameters`` stand for those of the report, as texts in an address.
    """

    report: str
    column: str
    label: Label | None
    place: Place
    trend: int = 0
    parameters: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Picture:
    """The chart of a report; a wide one takes the whole row, ``most`` lines are drawn."""

    report: str
    label: Label | None
    place: Place
    wide: bool = False
    most: int = 12
    parameters: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One dashboard."""

    name: str
    label: Label
    place: Place
    help: Label | None
    icon: str
    readers: tuple[str, ...]
    figures: tuple[Figure, ...]
    pictures: tuple[Picture, ...]
