"""Builds the pages of reports from results: cells, arrows, charts and filters in the reader's language."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from itertools import islice
from typing import Any
from urllib.parse import urlencode

from app.features.reports.contexts import Figure, Heading
from app.features.reports.drill import key_texts
from app.features.reports.looking import look_at
from app.features.reports.parameters import choices_of
from app.features.reports.results import Chosen, Line, Linked, Result, ResultColumn, TooFew
from app.features.reports.service import ReportRun
from app.kernel.messages import Message, _l
from app.language.definitions import Rights
from app.language.report_definitions import PERIOD_TYPES, Parameter
from app.language.report_shapes import NUMBERS, parameter_target
from app.web import locale
from app.web.contexts import Cell, FilterControl, Option
from app.web.locale import say
from app.web.shell import shows
from app.web.state import Scope

MOST_DRAWN = 60
EMPTY = Cell("empty")
PERIOD_WORDS: dict[str, Message] = {
    "today": _l("Today"),
    "this_week": _l("This week"),
    "last_week": _l("Last week"),
    "this_month": _l("This month"),
    "last_month": _l("Last month"),
    "this_quarter": _l("This quarter"),
    "last_quarter": _l("Last quarter"),
    "this_year": _l("This year"),
    "last_year": _l("Last year"),
    "last_7_days": _l("Last 7 days"),
    "last_30_days": _l("Last 30 days"),
    "last_90_days": _l("Last 90 days"),
    "last_12_months": _l("Last 12 months"),
    "next_30_days": _l("Next 30 days"),
    "next_60_days": _l("Next 60 days"),
    "next_90_days": _l("Next 90 days"),
    "always": _l("All time"),
}


@dataclass(frozen=True)
class Shown:
    """Shows one result to the reader of a request: ``most`` of its lines from ``first`` on.

    Nothing of a line is drawn before the records that it tells of were counted and noted.
    """

    scope: Scope
    run: ReportRun
    result: Result
    most: int = 0
    first: int = 0

    @cached_property
    def seen(self) -> list[Line]:
        """The lines that are shown; raises what keeps them from the reader."""
        lines = list(islice(self.result.lines, self.first, self.first + self.most))
        look_at(self.scope.records, lines)
        shows(*self.run.tells)
        return lines

    @property
    def url(self) -> str:
        """The address of the report."""
        return f"/reports/{self.run.report.name}"

    def headings(self) -> tuple[Heading, ...]:
        """The headings of all columns."""
        return tuple(
            Heading(
                label=column.label.text(self._language),
                definition=column.definition.text(self._language) if column.definition else "",
                why=say(column.withheld, self._language) if column.withheld else "",
                align=_align(column),
            )
            for column in self.result.columns
        )

    def lines(self) -> tuple[tuple[Figure, ...], ...]:
        """The cells of the lines that are shown."""
        return tuple(self._line(line) for line in self.seen)

    def total(self) -> tuple[Figure, ...]:
        """The cells of the total; the first says what it is."""
        if self.result.total is None:
            return ()
        cells = list(self._line(self.result.total))
        if cells and cells[0].cell.kind == "empty":
            cells[0] = Figure(Cell("text", say(_l("Total"), self._language)))
        return tuple(cells)

    def chart(self) -> str:
        """What the script draws, as JSON; empty where there is nothing to draw."""
        chart = self.run.report.chart
        known = {column.name: column for column in self.result.shown}
        if chart is None or chart.x not in known or not self.seen:
            return ""
        drawn = self.seen[:MOST_DRAWN]
        series = [
            {
                "name": known[name].label.text(self._language),
                "data": [_number(line.values.get(name)) for line in drawn],
            }
            for name in chart.series
            if name in known
        ]
        x = [self.cell(known[chart.x], line.values.get(chart.x)).text for line in drawn]
        return json.dumps({"type": chart.type, "x": x, "series": series}, ensure_ascii=False)

    def cell(self, column: ResultColumn, value: Any) -> Cell:
        """A value as it is shown."""
        match value:
            case None:
                return EMPTY
            case TooFew():
                return Cell("text", say(_l("too few"), self._language))
            case Linked():
                return self._link(value)
            case Chosen():
                kind = "badge" if value.tone != "neutral" else "text"
                return Cell(kind, value.label.text(self._language), tone=value.tone)
            case bool():
                return Cell("yes" if value else "no", locale.shown(value, self._language))
            case datetime():
                zone = self.scope.state.runtime.zone
                return Cell("text", locale.datetime_text(value, zone))
            case date():
                text = locale.month_text(value) if column.kind == "month" else value.isoformat()
                return Cell("text", text)
            case tuple() | list():
                return Cell("text", ", ".join(self._part(part) for part in value))
        return self._plain(column, value)

    def change(self, column: ResultColumn, line: Line) -> tuple[str, str]:
        """How far a value moved since the period before, and whether up, down or flat."""
        value, before = line.values.get(column.name), line.before.get(column.name)
        if value is None or before is None or not (_is_number(value) and _is_number(before)):
            return "", ""
        moved = value - before
        text = self._plain(column, moved).text
        return (
            f"+{text}" if moved > 0 else text
        ), "up" if moved > 0 else "down" if moved else "flat"

    # Private

    @property
    def _language(self) -> str:
        return self.scope.language

    def _line(self, line: Line) -> tuple[Figure, ...]:
        return tuple(self._figure(column, line, n) for n, column in enumerate(self.result.columns))

    def _figure(self, column: ResultColumn, line: Line, position: int) -> Figure:
        cell = self.cell(column, line.values.get(column.name))
        url = self._behind(column, line) if cell.kind != "empty" else ""
        if self.run.report.is_list and position == 0:
            url = self._record(line)
        change, direction = self.change(column, line)
        alert = column.name in line.alerts
        return Figure(cell, _align(column), alert, url, change, direction)

    def _behind(self, column: ResultColumn, line: Line) -> str:
        if not column.drill or not line.values.get(column.name):
            return ""
        query: list[tuple[str, str]] = [("column", column.name)]
        query += [("key", text) for text in key_texts(line.keys)]
        return f"{self.url}/rows?{urlencode([*query, *self.run.asked.texts.items()])}"

    def _record(self, line: Line) -> str:
        name = self.run.report.main.entity
        known = self.scope.schema.entities[name].external_table is None
        return f"/{name}/show/{line.keys[0]}" if known and line.keys else ""

    def _link(self, value: Linked) -> Cell:
        readable = value.entity != "account" and self.scope.access.entity(value.entity).allows(
            Rights.READ
        )
        url = f"/{value.entity}/show/{value.id}" if readable and value.title != "—" else ""
        return Cell("link", value.title, url) if url else Cell("text", value.title)

    def _part(self, part: Any) -> str:
        if isinstance(part, tuple) and not isinstance(part, Chosen | Linked):
            return f"{part[0].label.text(self._language)} {part[1]}"
        return str(part)

    def _plain(self, column: ResultColumn, value: Any) -> Cell:
        if not _is_number(value):
            return Cell("text", str(value))
        if column.kind == "money":
            return Cell("number", locale.money_text(Decimal(value), column.currency))
        if column.kind == "percent":
            return Cell("number", f"{value}%")
        if column.kind == "duration":
            return Cell("number", locale.duration_text(int(value)))
        text = locale.number_text(value)
        return Cell("number", f"{text} {column.unit.text(self._language)}" if column.unit else text)


def controls(scope: Scope, run: ReportRun) -> tuple[FilterControl, ...]:
    """The parameters as controls with what was asked."""
    return tuple(_control(scope, run, item) for item in run.report.parameters.values())


def periods(language: str, run: ReportRun) -> Iterable[Option]:
    """The periods that have a name."""
    parameter = run.report.period
    if parameter is None:
        return
    picked = run.asked.texts.get(parameter.name) or parameter.default or "this_month"
    ends = (run.asked.texts.get(f"{parameter.name}.{end}") for end in ("from", "to"))
    ranged = any(ends) or picked not in PERIOD_WORDS
    yield Option("", say(_l("From and to"), language), ranged)
    for word, message in PERIOD_WORDS.items():
        yield Option(word, say(message, language), not ranged and word == picked)


# Private


def _control(scope: Scope, run: ReportRun, parameter: Parameter) -> FilterControl:
    language, value = scope.language, run.asked.values[parameter.name]
    label = parameter.label.text(language)
    if parameter.type in PERIOD_TYPES:
        low, high = (day.isoformat() for day in value)
        return FilterControl(parameter.name, label, "period", low=low, high=high)
    if parameter.type == "choice":
        options = tuple(Option(name, text.text(language), name == value)
                        for name, text in choices_of(scope.schema, parameter))  # fmt: skip
        return FilterControl(parameter.name, label, "choice", options)
    if parameter_target(parameter, scope.schema.portal.tree or ""):
        title = run.asked.titles.get(parameter.name, "")
        options = (Option(str(value), title, selected=True),) if value is not None else ()
        lookup = f"/reports/{run.report.name}/lookup/{parameter.name}"
        return FilterControl(parameter.name, label, "link", options, lookup_url=lookup)
    text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return FilterControl(parameter.name, label, parameter.type, value=text)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | Decimal | float) and not isinstance(value, bool)


def _number(value: Any) -> float | None:
    return float(value) if _is_number(value) else None


def _align(column: ResultColumn) -> str:
    return "end" if column.kind in NUMBERS else "start"
