"""Rules over dashboards: their reports, columns and parameters exist, and somebody may see them."""

from __future__ import annotations

from collections.abc import Mapping

from app.kernel.registry import nearest
from app.language.checks.context import Context
from app.language.dashboard_definitions import ROWS, Dashboard, Figure, Picture
from app.language.report_definitions import Report

NUMBERS = ("integer", "decimal", "money", "percent", "duration", "")


def check_dashboards(
    context: Context, dashboards: Mapping[str, Dashboard], reports: Mapping[str, Report]
) -> None:
    """Note every fault of the dashboards."""
    for dashboard in dashboards.values():
        if not dashboard.readers:
            context.findings.add("S077", dashboard.place)
        for name in dashboard.readers:
            if name not in context.roles:
                hint = context.findings.did_you_mean(nearest(name, context.roles))
                context.findings.add("S083", dashboard.place, hint=hint, name=name)
        for figure in dashboard.figures:
            _figure(context, dashboard, figure, _report(context, figure, reports))
        for picture in dashboard.pictures:
            report = _report(context, picture, reports)
            if report is not None and report.chart is None:
                context.findings.add("S096", picture.place, name=report.name)
            _seen(context, dashboard, picture, report)


# Private


def _report(
    context: Context, shown: Figure | Picture, reports: Mapping[str, Report]
) -> Report | None:
    report = reports.get(shown.report)
    if report is None:
        hint = context.findings.did_you_mean(nearest(shown.report, reports))
        context.findings.add("S095", shown.place, hint=hint, name=shown.report)
        return None
    for name in shown.parameters:
        if name not in report.parameters:
            hint = context.findings.did_you_mean(nearest(name, report.parameters))
            context.findings.add("S007", shown.place, hint=hint, key=name)
    return report


def _figure(context: Context, dashboard: Dashboard, figure: Figure, report: Report | None) -> None:
    if report is None:
        return
    column = report.columns.get(figure.column)
    if figure.column == ROWS and report.is_list:
        _seen(context, dashboard, figure, report)
        return
    if column is None or column.hidden or column.way in ("top", "pick", "interval"):
        hint = context.findings.did_you_mean(nearest(figure.column, report.columns))
        context.findings.add("S097", figure.place, hint=hint, name=figure.column)
    if figure.trend and report.period is None:
        context.findings.add("S098", figure.place, name=report.name)
    _seen(context, dashboard, figure, report)


def _seen(
    context: Context, dashboard: Dashboard, shown: Figure | Picture, report: Report | None
) -> None:
    """Whoever sees the dashboard may run what is on it; a tile that stays empty is a mistake."""
    for name in dashboard.readers:
        if report is not None and report.readers and name not in report.readers:
            context.findings.add("S099", shown.place, role=name, name=report.name)
