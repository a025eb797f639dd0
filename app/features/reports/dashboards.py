"""Dashboards: totals of reports with their trend, and pictures of reports, as one reader may see them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from app.features.reports.results import Line, Result, ResultColumn
from app.features.reports.rights import may_run
from app.features.reports.service import ReportRun, open_report
from app.kernel.errors import NotFound
from app.kernel.messages import Label
from app.language.dashboard_definitions import ROWS, Dashboard, Figure, Picture
from app.records.gateway import Records


@dataclass(frozen=True, slots=True)
class ShownFigure:
    """A figure: its value, that of the period before, and those of earlier periods, oldest first."""

    label: Label
    column: ResultColumn
    value: Any
    before: Any
    trend: tuple[Any, ...]
    result: Result
    run: ReportRun


@dataclass(frozen=True, slots=True)
class ShownPicture:
    """A chart with the lines that it draws."""

    picture: Picture
    label: Label
    result: Result
    run: ReportRun


def dashboards_for(records: Records) -> list[Dashboard]:
    """The dashboards that one of the reader's roles may see, in the order of the schema."""
    held = {role.name for role in records.access.actor.roles}
    known = records.runtime.schema.dashboards.values()
    return [dashboard for dashboard in known if held & set(dashboard.readers)]


def open_dashboard(records: Records, name: str) -> Dashboard:
    """A dashboard by its name; raises NotFound for those of others."""
    found = next((one for one in dashboards_for(records) if one.name == name), None)
    if found is None:
        raise NotFound
    return found


Results = dict[Any, Result]


def figures(
    records: Records, dashboard: Dashboard, results: Results | None = None
) -> Iterator[ShownFigure]:
    """The figures; a report is worked out once for each period, for all that share ``results``."""
    known: Results = {} if results is None else results
    for figure in dashboard.figures:
        if may_run(records.access, records.runtime.schema.reports[figure.report]):
            run = open_report(records, figure.report, dict(figure.parameters))
            yield _figure(run, figure, known)


def pictures(
    records: Records, dashboard: Dashboard, results: Results | None = None
) -> Iterator[ShownPicture]:
    """The pictures, each with as many lines as it draws."""
    known: Results = {} if results is None else results
    for picture in dashboard.pictures:
        if may_run(records.access, records.runtime.schema.reports[picture.report]):
            run = open_report(records, picture.report, dict(picture.parameters))
            result = _worked_out(run, known)
            lines = _drawn(run, list(result.lines)[: run.report.limit], picture.most)
            shown = replace(result, lines=lines, streamed=False)
            yield ShownPicture(picture, picture.label or run.report.label, shown, run)


# Private


def _drawn(run: ReportRun, lines: list[Line], most: int) -> list[Line]:
    """The largest lines of a chart; where time goes from left to right, the first ones."""
    chart = run.report.chart
    assert chart is not None
    over_time = any(group.name == chart.x and group.each for group in run.report.groups)
    if not over_time and len(lines) > most:
        lines = sorted(
            lines, key=lambda line: _size(line.values.get(chart.series[0])), reverse=True
        )
    return lines[:most]


def _size(value: Any) -> Decimal:
    return Decimal(value) if isinstance(value, int | Decimal) else Decimal(0)


def _figure(run: ReportRun, figure: Figure, results: Results) -> ShownFigure:
    if figure.column == ROWS:
        return _counted(run, figure)
    line, columns = _total(run, figure.column, results)
    column = next(one for one in columns if one.name == figure.column)
    values, before = [], None
    if column.withheld is None and run.report.period is not None and figure.trend:
        earlier = run
        for _ in range(figure.trend):
            earlier = replace(earlier, asked=earlier.asked.before(run.report))
            past, _columns = _total(earlier, figure.column, results)
            values.append(past.values.get(figure.column) if past else None)
        before = values[0]
    return ShownFigure(
        label=figure.label or column.label,
        column=column,
        value=line.values.get(figure.column) if line and column.withheld is None else None,
        before=before,
        trend=tuple(reversed(values)) if figure.trend else (),
        result=results[_key(run)],
        run=run,
    )


def _counted(run: ReportRun, figure: Figure) -> ShownFigure:
    """How many lines a list has; none of them is read."""
    label = figure.label or run.report.label
    column = ResultColumn(ROWS, label, "integer", run.report.help)
    return ShownFigure(label, column, run.count(), None, (), run.empty(), run)


def _total(
    run: ReportRun, column: str, results: Results
) -> tuple[Line | None, tuple[ResultColumn, ...]]:
    """The line that stands for the whole: the total, or the only line of a report without groups."""
    result = _worked_out(run, results)
    first = next(iter(result.lines), None)
    known = result.columns
    assert any(one.name == column for one in known)
    return result.total or first, known


def _worked_out(run: ReportRun, results: Results) -> Result:
    """All lines of a report with the total, without a look at the period before."""
    key = _key(run)
    if key not in results:
        whole = replace(run.report, compare=(), limit=None, total=True)
        result = replace(run, report=whole).result()
        results[key] = replace(result, lines=list(result.lines))
    return results[key]


def _key(run: ReportRun) -> tuple[Any, ...]:
    return run.report.name, tuple(sorted(run.asked.texts.items())), run.asked.period(run.report)
