"""Rules over reports: what they name exists, joins follow links, and every number says what it means."""

from __future__ import annotations

from collections.abc import Mapping

from app.kernel.messages import Label
from app.kernel.registry import nearest
from app.language import kinds
from app.language.checks.context import Context
from app.language.checks.report_columns import check_columns, check_values, missing, record_kinds
from app.language.definitions import Entity
from app.language.expressions import Expression
from app.language.kinds import UnknownPath
from app.language.paths import walk_path
from app.language.report_definitions import (
    EACH,
    PARAM,
    PERIOD_TYPES,
    PERIODS,
    Key,
    Parameter,
    Part,
    Report,
)
from app.language.report_shapes import Shape, parameter_kind, path_shape
from app.language.source import Place

DATES = ("date", "datetime", "month")


def check_reports(context: Context, reports: Mapping[str, Report]) -> None:
    """Note every fault of the reports."""
    modules = {module.name for module in context.portal.modules}
    for report in reports.values():
        if report.module and report.module not in modules:
            missing(context, report.place, Label("模块", "module"), report.module, modules)
        _readers(context, report)
        for parameter in report.parameters.values():
            _parameter(context, report, parameter)
        for part in report.parts.values():
            _part(context, report, part)
        _groups(context, report)
        if not report.parts or not report.columns:
            continue
        if report.rows and report.rows not in report.parts:
            missing(context, report.place, Label("部分", "part"), report.rows, report.parts)
            continue
        check_columns(context, report)
        _encrypted(context, report)


def shape_at(context: Context, entity: Entity, path: tuple[str, ...], place: Place) -> Shape | None:
    """The shape of a path; a fault when it does not exist or a step of it is no link."""
    try:
        return path_shape(context.entities, entity, path)
    except UnknownPath:
        here: Entity | None = entity
        for step in path:
            field = here.field(step) if here else None
            if here is None or field is None:
                break
            if step != path[-1]:
                target = "" if field.type not in ("link", "parent") else field.target or here.name
                here = context.entities.get(target)
                if here is None:
                    context.findings.add("S074", place, path=".".join(path))
                    return None
        if here is not None:
            context.field(
                here, path[-1] if here.field(path[0]) or len(path) == 1 else path[0], place
            )
        return None


# Private


def _readers(context: Context, report: Report) -> None:
    if not report.readers:
        context.findings.add("S077", report.place)
    for name in report.readers:
        if name not in context.roles:
            hint = context.findings.did_you_mean(nearest(name, context.roles))
            context.findings.add("S083", report.place, hint=hint, name=name)


def _parameter(context: Context, report: Report, parameter: Parameter) -> None:
    if parameter.type == "link":
        context.entity(parameter.to, parameter.place)
    if parameter.type in PERIOD_TYPES and parameter.default not in (*PERIODS, ""):
        choices = ", ".join(PERIODS)
        context.findings.add("S015", parameter.place, value=parameter.default, choices=choices)
    if parameter.choices_of:
        entity = context.entity(parameter.choices_of[0], parameter.place)
        name = parameter.choices_of[-1]
        field = context.field(entity, name, parameter.place) if entity else None
        if field is not None and not field.choices and name != "state":
            _no_fit(context, parameter.place, "choices_of", Label("字段", field.type), name)
    if not _is_used(report, parameter):
        context.findings.add("S079", parameter.place, name=parameter.name)


def _is_used(report: Report, parameter: Parameter) -> bool:
    expressions: list[Expression | None] = [report.keep]
    for part in report.parts.values():
        if parameter.name in part.filters or (part.when and parameter.type in PERIOD_TYPES):
            return True
        expressions += [part.where, part.having, *(key.above for key in part.by.values())]
        expressions += [e for item in part.values.values() for e in (item.operand, item.where)]
    for column in report.columns.values():
        expressions += [column.operand, column.where, column.enough, column.alert]
    named = {path[1] for item in expressions if item for path in item.names() if path[0] == PARAM}
    return parameter.type == "place" or parameter.name in named


def _part(context: Context, report: Report, part: Part) -> None:
    entity = context.entity(part.entity, part.place)
    if entity is None:
        return
    check_values(context, report, part)
    names = record_kinds(context, report, entity, part=part)
    context.typed(part.where, names, kinds.YES_NO)
    if part.when:
        shape = shape_at(context, entity, part.when, part.place)
        if shape is not None and shape.kind not in DATES:
            _no_fit(context, part.place, "when", Label("字段", shape.kind), ".".join(part.when))
        if report.period is None:
            missing(context, part.place, Label("参数", "parameter"), "period", report.parameters)
    for name, path in part.filters.items():
        if name not in report.parameters:
            missing(context, part.place, Label("参数", "parameter"), name, report.parameters)
        shape = shape_at(context, entity, path, part.place)
        if shape is not None and not _narrows(context, report, name, shape):
            _no_fit(
                context, part.place, f"filters: {name}", Label("字段", shape.kind), ".".join(path)
            )
    for name, key in part.by.items():
        if name not in {group.name for group in report.groups}:
            groups = {group.name for group in report.groups}
            missing(context, key.place, Label("分组", "group"), name, groups)
        shape_at(context, entity, key.path, key.place)
        _above(context, report, key)
    context.fields(entity, part.shows, part.place)


def _narrows(context: Context, report: Report, name: str, shape: Shape) -> bool:
    """Whether what is chosen for a parameter can equal a value of that shape."""
    try:
        kind = parameter_kind(report, (PARAM, name), context.portal.tree or "")
    except UnknownPath:
        return name not in report.parameters
    return kind == shape.condition_kind


def _above(context: Context, report: Report, key: Key) -> None:
    tree = context.entities.get(context.portal.tree or "")
    if key.above is not None and tree is not None:
        context.typed(key.above, record_kinds(context, report, tree), kinds.YES_NO)


def _groups(context: Context, report: Report) -> None:
    for group in report.groups:
        found: dict[str, None] = {}
        for part in report.parts.values():
            entity, key = context.entities.get(part.entity), part.by.get(group.name)
            if entity is None:
                continue
            if key is None and report.rows not in ("", part.name):
                continue
            if key is None:
                context.findings.add("S075", part.place, part=part.name, name=group.name)
                continue
            try:
                shape = path_shape(context.entities, entity, key.path)
            except UnknownPath:
                continue
            found[shape.target or shape.kind] = None
            if group.each and shape.kind not in DATES:
                _no_fit(context, group.place, f"each: {'/'.join(EACH)}",
                        Label("字段", shape.kind), group.name)  # fmt: skip
        if len(found) > 1 and not (group.each and set(found) <= set(DATES)):
            context.findings.add("S076", group.place, name=group.name, kinds=", ".join(found))


def _no_fit(context: Context, place: Place, way: str, kind: Label, name: str) -> None:
    context.findings.add("S071", place, way=way, kind=kind, name=name)


def _encrypted(context: Context, report: Report) -> None:
    """What is kept encrypted is shown in lists of records, and nothing else is made of it."""
    grouped = Label("不能按它分组或筛选", "nothing is grouped or narrowed by it")
    worked = Label("只能在清单里列出，不能统计或排序", "it is listed, not worked with or sorted by")
    for part in report.parts.values():
        keys = (key.path for key in part.by.values())
        for path in (*keys, *part.filters.values()):
            _refuse_encrypted(context, part.entity, path, part.place, grouped)
    sorts = {text.removeprefix("-") for text in report.sort}
    for column in report.columns.values():
        part = report.parts.get(column.part or report.rows) or next(iter(report.parts.values()))
        entity = column.of[0] if column.of else part.entity
        if column.way != "field" or column.name in sorts:
            _refuse_encrypted(context, entity, column.path, column.place, worked)


def _refuse_encrypted(
    context: Context, name: str, path: tuple[str, ...], place: Place, why: Label
) -> None:
    entity = context.entities.get(name)
    try:
        found = walk_path(context.entities, entity, path) if entity and path else ()
    except UnknownPath:
        return
    if found and found[-1].encrypted:
        context.findings.add("S103", place, name=found[-1].name, why=why)
