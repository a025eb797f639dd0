"""From the figures of the parts to the lines of a report: plain arithmetic over what the database has grouped."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from statistics import median
from typing import Any

from app.features.reports.results import TOO_FEW, Keys, Line, TooFew, Values
from app.language.evaluation import Moment, evaluate
from app.language.expressions import Expression, Tree
from app.language.report_definitions import ADDITIVE, Column, Report

Bind = Callable[[Tree], Tree]
WILSON_Z = 1.959964  # 95 %
STEPS = {
    "integer": Decimal(1), "duration": Decimal(1), "money": Decimal("0.01"),
    "decimal": Decimal("0.01"), "percent": Decimal("0.1"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class PartFigures:
    """What one part gives: the measures of each group, and those over all its rows.

    ``names`` are the groups that it comes to, ``total`` is None where the database cannot tell it.
    """

    groups: Mapping[Keys, Values]
    total: Values | None
    names: tuple[str, ...]


@dataclass(frozen=True)
class Arithmetic:
    """Works out a report's lines from the figures of its parts; ``bind`` puts the parameters in."""

    report: Report
    bind: Bind
    moment: Moment
    formats: Mapping[str, str]

    def lines(self, figures: Mapping[str, PartFigures]) -> tuple[list[Line], Line]:
        """The lines in no order, and the total."""
        lines = [Line(keys, self._merged(keys, figures)) for keys in self._keys(figures)]
        total = Line((), {})
        self._total(figures, lines, total)
        for column in self.report.columns.values():
            self._derive(column, lines, total)
        kept = self._kept(lines, total)
        return kept, total

    def finish(self, lines: Sequence[Line], total: Line | None) -> None:
        """Put the marks on the values, when nothing is worked out from them any more."""
        for line in (*lines, *([total] if total else [])):
            few = [
                c.name for c in self.report.columns.values() if self._said(c.enough, line) is False
            ]
            alerts = [
                c.name for c in self.report.columns.values() if self._said(c.alert, line) is True
            ]
            for name in few:
                line.values[name] = TOO_FEW
                line.before.pop(name, None)
            line.alerts.update(set(alerts) - set(few))

    # Private

    def _keys(self, figures: Mapping[str, PartFigures]) -> list[Keys]:
        if self.report.rows and self.report.rows in figures:
            return list(figures[self.report.rows].groups)
        whole = [part for part in figures.values() if len(part.names) == len(self.report.groups)]
        return list(dict.fromkeys(keys for part in whole for keys in part.groups))

    def _own(self, keys: Keys, part: PartFigures) -> Keys:
        """The keys of a line that a part knows."""
        named = zip(self.report.groups, keys, strict=True)
        return tuple(key for group, key in named if group.name in part.names)

    def _merged(self, keys: Keys, figures: Mapping[str, PartFigures]) -> Values:
        values: Values = {}
        for name, part in figures.items():
            found = part.groups.get(self._own(keys, part))
            for column in self.report.measures(name):
                empty = 0 if column.way in (*ADDITIVE, "count_distinct") else None
                values[column.name] = found.get(column.name) if found is not None else empty
        for group, key in zip(self.report.groups, keys, strict=True):
            values[group.name] = key
        return values

    def _total(
        self, figures: Mapping[str, PartFigures], lines: Sequence[Line], total: Line
    ) -> None:
        for name, part in figures.items():
            shown = {self._own(line.keys, part) for line in lines}
            shared = len(part.names) < len(self.report.groups)
            complete = part.total if shared or set(part.groups) <= shown else None
            for column in self.report.measures(name):
                if complete is not None:
                    total.values[column.name] = complete.get(column.name)
                else:
                    total.values[column.name] = _added(column, lines)

    def _kept(self, lines: list[Line], total: Line) -> list[Line]:
        """The lines that ``keep`` holds for; the totals are then theirs."""
        if self.report.keep is None:
            return lines
        kept = [line for line in lines if self._said(self.report.keep, line)]
        if len(kept) < len(lines):
            for column in self.report.columns.values():
                if column.name in total.values and self._whole(column):
                    total.values[column.name] = _added(column, kept)
            for column in self.report.columns.values():
                self._derive(column, (), total, kept)
        return kept

    def _whole(self, column: Column) -> bool:
        """Whether a measure tells the lines apart, so that it can be added up over them."""
        part = self.report.parts.get(column.part)
        return part is not None and len(part.by) == len(self.report.groups)

    def _derive(
        self, column: Column, lines: Sequence[Line], total: Line, over: Sequence[Line] | None = None
    ) -> None:
        if column.way == "across":
            kind = self.formats.get(column.name, "")
            _across(column, lines, total, over if over is not None else lines)
            for line in (*lines, total):
                line.values[column.name] = rounded(line.values.get(column.name), kind)
            return
        number = self.formats.get(column.name, "") in STEPS
        for line in (*lines, *([total] if number else [])):
            if column.way == "value" and column.operand is not None:
                line.values[column.name] = self._value(column.operand, line)
            elif column.way == "share":
                line.values[column.name] = share(*(line.values.get(name) for name in column.names))
            elif column.way == "interval":
                part, whole = (line.values.get(name) for name in column.names)
                ends = wilson(part, whole)
                line.values[column.name] = ends[column.end == "high"] if ends else None
            kept = line.values.get(column.name)
            line.values[column.name] = rounded(kept, self.formats.get(column.name, ""))

    def _value(self, expression: Expression, line: Line) -> Any:
        def read(path: tuple[str, ...]) -> Any:
            value = line.values.get(path[0])
            return None if isinstance(value, TooFew) else value

        return evaluate(self.bind(expression.tree), read, self.moment)

    def _said(self, expression: Expression | None, line: Line) -> bool | None:
        """Whether a condition holds for a line; None where there is none, no where it is unknown."""
        return None if expression is None else bool(self._value(expression, line))


def share(part: Any, whole: Any) -> Decimal | None:
    """Part of the whole in percent; None when the whole is nothing."""
    if part is None or not whole:
        return None
    return Decimal(part) * 100 / Decimal(whole)


def wilson(hits: Any, count: Any) -> tuple[Decimal, Decimal] | None:
    """The 95 % interval of a share in percent, by Wilson's score; None without a sample."""
    if not count or hits is None:
        return None
    n, p, z2 = float(count), float(hits) / float(count), WILSON_Z**2
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = WILSON_Z * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return Decimal(str(max(0.0, middle - half) * 100)), Decimal(str(min(1.0, middle + half) * 100))


def rounded(value: Any, kind: str) -> Any:
    """A number with the places that its kind has."""
    if isinstance(value, float):
        value = Decimal(str(value))
    if not isinstance(value, Decimal) or kind not in STEPS:
        return value
    exact = value.quantize(STEPS[kind], ROUND_HALF_UP)
    return int(exact) if kind in ("integer", "duration") else exact


# Private


def _added(column: Column, lines: Sequence[Line]) -> Any:
    if column.way not in ADDITIVE:
        return None
    known = [line.values[column.name] for line in lines if line.values.get(column.name) is not None]
    return sum(known) if known else 0


_TAKE: dict[str, Callable[[list[Any]], Any]] = {
    "sum": sum, "min": min, "max": max, "median": lambda found: median(map(Decimal, found)),
    "average": lambda found: sum(found) / Decimal(len(found)),
}  # fmt: skip


def _across(column: Column, lines: Sequence[Line], total: Line, over: Sequence[Line]) -> None:
    """Take a column together over all lines that share some groups, and give it to each of them."""
    source = column.names[0]
    found: dict[Keys, list[Any]] = {}
    for line in over:
        value = line.values.get(source)
        if value is not None:
            found.setdefault(tuple(line.values.get(name) for name in column.within), []).append(
                value
            )
    for line in lines:
        values = found.get(tuple(line.values.get(name) for name in column.within))
        line.values[column.name] = _TAKE[column.take](values) if values else None
    everything = [value for values in found.values() for value in values]
    total.values[column.name] = _TAKE[column.take](everything) if everything else None
