"""What a report comes to: columns, lines of typed values, totals and what the reader should know."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from app.kernel.messages import Label, Message
from app.language.report_definitions import Report

Keys = tuple[Any, ...]
Values = dict[str, Any]


class Linked(NamedTuple):
    """A record as the value of a cell."""

    title: str
    id: int
    entity: str


class Chosen(NamedTuple):
    """A choice as the value of a cell."""

    label: Label
    name: str
    tone: str = "neutral"


class TooFew(NamedTuple):
    """Stands for a figure that too small a sample would give."""


TOO_FEW = TooFew()


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """A column of a result. ``withheld`` says why its values are not told."""

    name: str
    label: Label
    kind: str
    definition: Label | None = None
    is_group: bool = False
    drill: bool = False
    withheld: Message | None = None
    currency: str = ""
    unit: Label | None = None
    target: str = ""


@dataclass(slots=True)
class Line:
    """One line: the raw keys of its groups, its values by column, those of the period before.

    ``records`` are those that it tells of; ``mark`` is what a file bears beside it.
    """

    keys: Keys
    values: Values
    before: Values = field(default_factory=dict)
    alerts: set[str] = field(default_factory=set)
    records: tuple[tuple[str, int], ...] = ()
    mark: str = ""


@dataclass(frozen=True)
class Result:
    """A report as it is shown: typed values, totals, and what the reader should know of them.

    ``lines`` can be read once only when ``streamed``. ``asked`` are the parameters in words.
    """

    report: Report
    columns: tuple[ResultColumn, ...]
    lines: Iterable[Line]
    total: Line | None
    count: int | None
    notes: tuple[Message, ...] = ()
    asked: tuple[tuple[Label, str], ...] = ()
    streamed: bool = False

    @property
    def shown(self) -> tuple[ResultColumn, ...]:
        """The columns with values."""
        return tuple(column for column in self.columns if column.withheld is None)
