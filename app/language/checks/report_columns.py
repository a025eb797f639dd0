"""Rules over the columns of reports: what may be measured, worked out, drawn and sorted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from app.kernel.messages import Label
from app.kernel.registry import nearest
from app.language import kinds
from app.language.checks.context import Context
from app.language.definitions import Entity
from app.language.kinds import NameKind, UnknownPath
from app.language.paths import path_kind
from app.language.report_definitions import AGGREGATES, LINE, PARAM, Column, Part, Report
from app.language.report_shapes import Shape, column_shape, group_shape, parameter_kind, path_shape
from app.language.source import Place

OF_NUMBERS = ("sum", "average", "median")
ORDERED = (kinds.NUMBER, kinds.DATE, kinds.DATETIME, kinds.TIME)
COLUMN = Label("列", "column")
GROUP = Label("分组", "group")
POINTING = Label("指向本行的记录", "the records that point at the line")
OVER_POINTING = tuple(way for way in AGGREGATES if way != "top")


def record_kinds(
    context: Context, report: Report, entity: Entity, *, part: Part | None = None,
    line: Entity | None = None,
) -> NameKind:  # fmt: skip
    """The kinds of names in conditions over the rows of a part, or over what points at its ``line``."""

    def kind(path: tuple[str, ...]) -> str:
        if path[0] == PARAM:
            return parameter_kind(report, path, context.portal.tree or "")
        if path[0] == LINE and line is not None:
            return path_kind(context.entities, context.portal, line, path[1:] or ("",))
        if part is not None and len(path) == 1 and path[0] in part.values:
            return _value_kind(context, part.values[path[0]])
        return path_kind(context.entities, context.portal, entity, path)

    return kind


def missing(context: Context, place: Place, what: Label, name: str, known: Iterable[str]) -> None:
    """Note that a report has no such thing."""
    hint = context.findings.did_you_mean(nearest(name, list(known)))
    context.findings.add("S073", place, hint=hint, what=what, name=name)


def check_columns(context: Context, report: Report) -> None:
    """Note every fault of the columns, and of what names them."""
    if _mixed(report):
        context.findings.add("S078", report.place)
        return
    shapes = _group_shapes(context, report)
    groups = set(shapes)
    for column in report.columns.values():
        shape = _column(context, report, column, shapes)
        if shape is not None:
            shapes[column.name] = shape
            if shape.is_number and column.help is None and _needs_help(column):
                context.findings.add("S072", column.place, name=column.name)
        if column.label is None and not column.path and not column.hidden:
            context.findings.add("S008", column.place, key="label")
        if column.total and shape is not None and not shape.is_number:
            kind = Label(shape.kind, shape.kind)
            context.findings.add("S071", column.place, way="total", name=column.name, kind=kind)
    _named(context, report, shapes, groups)
    names = _column_kinds(context, report, shapes)
    context.typed(report.keep, names, kinds.YES_NO)
    for column in report.columns.values():
        context.typed(column.enough, names, kinds.YES_NO)
        context.typed(column.alert, names, kinds.YES_NO)
    for part in report.parts.values():
        measures = {c.name: shapes[c.name] for c in report.measures(part.name) if c.name in shapes}
        context.typed(part.having, _column_kinds(context, report, measures), kinds.YES_NO)


# Private


def _mixed(report: Report) -> bool:
    told = [column for column in report.columns.values() if column.way != "value"]
    ways = {bool(column.of) or column.way == "field" for column in told}
    return len(ways) > 1 or (report.is_list and (bool(report.groups) or len(report.parts) > 1))


def _needs_help(column: Column) -> bool:
    """A field that is shown as it is has its meaning from its entity."""
    return not (column.way in ("field", "pick") and column.path)


def _group_shapes(context: Context, report: Report) -> dict[str, Shape]:
    found: dict[str, Shape] = {}
    for group in report.groups:
        try:
            found[group.name] = group_shape(context.entities, report, group)
        except (UnknownPath, KeyError):
            found[group.name] = Shape("text")
    return found


def _column(
    context: Context, report: Report, column: Column, shapes: dict[str, Shape]
) -> Shape | None:
    if column.way in AGGREGATES or column.way == "field":
        return _measure(context, report, column)
    if column.names:
        _of_columns(context, column, shapes)
    elif column.operand is not None:
        context.typed(column.operand, _column_kinds(context, report, shapes), "any")
    try:
        return column_shape(context.entities, report, column)
    except (UnknownPath, KeyError):
        return None


def _measure(context: Context, report: Report, column: Column) -> Shape | None:
    part = report.parts.get(column.part)
    if part is None:
        missing(context, column.place, Label("部分", "part"), column.part, report.parts)
        return None
    row = entity = context.entities.get(part.entity)
    if column.of and column.way not in OVER_POINTING:
        context.findings.add(
            "S071", column.place, way=column.way, name=".".join(column.of), kind=POINTING
        )
        return None
    if entity is not None and column.of:
        entity = _pointing(context, column, entity)
    if entity is None:
        return None
    outside = column.of or column.name in part.values
    names = record_kinds(
        context, report, entity, part=None if outside else part, line=row if outside else None
    )
    context.typed(column.where, names, kinds.YES_NO)
    if column.operand is None:
        return Shape("integer")
    if len(column.path) > 1 and column.path[0] not in (PARAM, LINE, "actor"):
        _follows_links(context, entity, column)
    kind = context.typed(column.operand, names, "any")
    if not kind:
        return None
    try:
        shape = column_shape(context.entities, report, column)
    except (UnknownPath, KeyError):
        return None
    fits = {
        "top": bool(
            shape.field is not None and (shape.field.choices or shape.field.name == "state")
        ),
        "min": kind in ORDERED,
        "max": kind in ORDERED,
        **dict.fromkeys(OF_NUMBERS, kind == kinds.NUMBER),
    }.get(column.way, True)
    if not fits:
        context.findings.add("S071", column.place, way=column.way, name=column.operand.text,
                             kind=Label(kinds.KIND_NAMES_ZH.get(kind, kind), kind))  # fmt: skip
    return shape


def check_values(context: Context, report: Report, part: Part) -> None:
    """Note the faults of what a part names for its conditions."""
    for column in part.values.values():
        if not column.of or column.way not in AGGREGATES:
            context.findings.add("S008", column.place, key="of")
        else:
            _measure(context, report, replace(column, part=part.name))


def _value_kind(context: Context, column: Column) -> str:
    """Counts and sums are numbers; anything else is what it is taken of."""
    if column.way in (*OF_NUMBERS, "count", "count_distinct") or not column.path or not column.of:
        return kinds.NUMBER
    entity = context.entities.get(column.of[0])
    return (
        path_shape(context.entities, entity, column.path).condition_kind if entity else kinds.NUMBER
    )


def _pointing(context: Context, column: Column, entity: Entity) -> Entity | None:
    """The entity whose records a list's measure is taken over; a fault when they do not lead back."""
    found = context.entity(column.of[0], column.place)
    if found is None:
        return None
    try:
        target = path_shape(context.entities, found, column.of[1:]).target if column.of[1:] else ""
    except UnknownPath:
        target = ""
    try:
        wanted = (
            path_shape(context.entities, entity, column.at).target if column.at else entity.name
        )
    except UnknownPath:
        wanted = ""
    if not target or target != wanted:
        context.findings.add("S074", column.place, path=".".join(column.of))
        return None
    return found


def _follows_links(context: Context, entity: Entity, column: Column) -> None:
    """Note a step that is a field but no link; a step that is no field is noted with the kinds."""
    for length in range(1, len(column.path)):
        try:
            shape = path_shape(context.entities, entity, column.path[:length])
        except UnknownPath:
            return
        if not shape.target:
            context.findings.add("S074", column.place, path=".".join(column.path))
            return


def _of_columns(context: Context, column: Column, shapes: dict[str, Shape]) -> None:
    wanted = 1 if column.way == "across" else 2
    for name in column.names[:2]:
        if name not in shapes:
            missing(context, column.place, COLUMN, name, shapes)
        elif not shapes[name].is_number:
            kind = Label(shapes[name].kind, shapes[name].kind)
            context.findings.add("S071", column.place, way=column.way, name=name, kind=kind)
    if len(column.names) != wanted:
        context.findings.add("S016", column.place, why=f"{column.way}: {wanted}")
    for name in column.within:
        if name not in shapes:
            missing(context, column.place, GROUP, name, shapes)


def _named(context: Context, report: Report, shapes: dict[str, Shape], groups: set[str]) -> None:
    """The columns that sort, comparison and chart name."""
    for name in (*(text.removeprefix("-") for text in report.sort), *report.compare):
        if name not in shapes:
            missing(context, report.place, COLUMN, name, shapes)
    if report.compare and report.period is None:
        missing(context, report.place, Label("参数", "parameter"), "period", [])
    chart = report.chart
    if chart is None:
        return
    for name in (chart.x, *chart.series):
        if name not in shapes:
            missing(context, chart.place, COLUMN, name, shapes)
    for name in chart.series:
        if name in shapes and (not shapes[name].is_number or name in groups):
            kind = Label(shapes[name].kind, shapes[name].kind)
            context.findings.add("S071", chart.place, way="series", name=name, kind=kind)


def _column_kinds(context: Context, report: Report, shapes: dict[str, Shape]) -> NameKind:
    known = dict(shapes)

    def kind(path: tuple[str, ...]) -> str:
        if path[0] == PARAM:
            return parameter_kind(report, path, context.portal.tree or "")
        shape = known.get(path[0])
        if len(path) != 1 or shape is None or not shape.condition_kind:
            raise UnknownPath(path, nearest(path[0], known))
        return shape.condition_kind

    return kind
