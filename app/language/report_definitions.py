"""What a report file declares: a table of figures over records, with its filters, groups, measures and chart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from app.kernel.messages import Label
from app.language.expressions import Expression, Name
from app.language.source import Place

PARAM, LINE = "param", "line"
ROWS = "rows"
PERIOD_TYPES = ("period", "month")
PARAMETER_TYPES = (*PERIOD_TYPES, "date", "place", "choice", "link", "number", "yes_no")
PERIODS = (
    "today", "this_week", "last_week", "this_month", "last_month", "this_quarter", "last_quarter",
    "this_year", "last_year", "last_7_days", "last_30_days", "last_90_days", "last_12_months",
    "next_30_days", "next_60_days", "next_90_days", "always",
)  # fmt: skip
EACH = ("day", "week", "month", "quarter", "year")
# How a column comes to its value. The first nine are worked out by the database for each group.
AGGREGATES = ("count", "count_distinct", "sum", "average", "min", "max", "median", "pick", "top")
DERIVED = ("value", "share", "interval", "across")
WAYS = (*AGGREGATES, *DERIVED, "field")
# Only these may be added up over groups; the others get their total from the database.
ADDITIVE = ("count", "sum")
FORMATS = (
    "integer",
    "decimal",
    "money",
    "percent",
    "yes_no",
    "date",
    "datetime",
    "text",
    "duration",
)
TAKES = ("sum", "average", "median", "min", "max")
ENDS = ("low", "high")
CHARTS = ("bar", "line", "pie", "stacked")


@dataclass(frozen=True, slots=True)
class Parameter:
    """Something that the reader sets before the report runs.

    A period or month is read as ``param.name.from`` and ``param.name.to``, anything else as
    ``param.name``, which is null while nothing is chosen. ``to`` is the entity of a link.
    """

    name: str
    label: Label
    place: Place
    type: str
    help: Label | None = None
    to: str = ""
    choices: tuple[tuple[str, Label], ...] = ()
    choices_of: tuple[str, ...] = ()
    default: str = ""


@dataclass(frozen=True, slots=True)
class Key:
    """How the rows of a part come to a group: a path, and for places the ancestor that ``above`` is true of."""

    path: tuple[str, ...]
    above: Expression | None
    place: Place


@dataclass(frozen=True, slots=True)
class Group:
    """A group key; dates are taken by ``each`` day, week, month, quarter or year."""

    name: str
    label: Label | None
    help: Label | None
    each: str
    place: Place


@dataclass(frozen=True, slots=True)
class Part:
    """One query: the rows of an entity, grouped by its own paths to the keys of the report.

    ``when`` leads to the date that must lie in the period, ``filters`` from parameters to the
    fields that they narrow, ``having`` is a condition over the part's own measures. ``values``
    are names for measures over the records that point at a row, to be used in its conditions;
    there ``line.…`` is the row itself. A part that comes to some of the groups alone gives its
    figures to every line that shares them.
    """

    name: str
    entity: str
    place: Place
    where: Expression | None = None
    when: tuple[str, ...] = ()
    by: Mapping[str, Key] = field(default_factory=dict, hash=False)
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    having: Expression | None = None
    shows: tuple[str, ...] = ()
    values: Mapping[str, Column] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Column:
    """A column: how it comes to its value (``way``), of what, and what it means.

    In a list of records a measure is taken over the records that point at the line's own: ``of``
    is their entity and the links that lead back, to what ``at`` says or to the line's record
    itself. ``names`` holds the columns that a share, interval or ``across`` is made of;
    ``within`` the groups inside which ``across`` takes them together. The value counts only
    where ``enough`` holds. ``total`` lets a column of a list be added up; measures have their
    totals anyway.
    """

    name: str
    place: Place
    way: str
    label: Label | None = None
    help: Label | None = None
    part: str = ""
    of: tuple[str, ...] = ()
    at: tuple[str, ...] = ()
    operand: Expression | None = None
    names: tuple[str, ...] = ()
    where: Expression | None = None
    format: str = ""
    most: int = 3
    take: str = "sum"
    end: str = "low"
    within: tuple[str, ...] = ()
    enough: Expression | None = None
    alert: Expression | None = None
    hidden: bool = False
    total: bool = False

    @property
    def path(self) -> tuple[str, ...]:
        """The path of a plain operand; empty for anything that is worked out."""
        tree = self.operand.tree if self.operand else None
        return tree.path if isinstance(tree, Name) else ()


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture of the rows: ``x`` is a group or column, ``series`` are columns with numbers."""

    type: str
    x: str
    series: tuple[str, ...]
    place: Place


@dataclass(frozen=True)
class Report:
    """One report. With columns that are fields it lists records one by one."""

    name: str
    label: Label
    place: Place
    code: str = ""
    help: Label | None = None
    module: str = ""
    icon: str = "chart-bar"
    readers: tuple[str, ...] = ()
    parameters: Mapping[str, Parameter] = field(default_factory=dict, hash=False)
    groups: tuple[Group, ...] = ()
    parts: Mapping[str, Part] = field(default_factory=dict, hash=False)
    columns: Mapping[str, Column] = field(default_factory=dict, hash=False)
    rows: str = ""
    keep: Expression | None = None
    sort: tuple[str, ...] = ()
    limit: int | None = None
    total: bool = True
    compare: tuple[str, ...] = ()
    chart: Chart | None = None

    @cached_property
    def is_list(self) -> bool:
        """Whether it lists records one by one instead of grouping them."""
        return any(column.of or column.way == "field" for column in self.columns.values())

    @cached_property
    def main(self) -> Part:
        """The part whose keys are the rows, or the first."""
        return self.parts.get(self.rows) or next(iter(self.parts.values()))

    @property
    def period(self) -> Parameter | None:
        """The parameter that is a period, if there is one."""
        return next((p for p in self.parameters.values() if p.type in PERIOD_TYPES), None)

    def measures(self, part: str) -> Iterator[Column]:
        """The columns that a part works out."""
        for column in self.columns.values():
            if column.part == part and column.way in AGGREGATES:
                yield column
