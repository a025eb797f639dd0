"""What kind of value each column, group and parameter of a report holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.language import kinds
from app.language.definitions import Entity, Field
from app.language.field_types import FIELD_TYPES
from app.language.kinds import UnknownPath
from app.language.paths import holder_of, link_target, walk_path
from app.language.report_definitions import PERIOD_TYPES, Column, Group, Parameter, Report

Entities = Mapping[str, Entity]
NUMBERS = ("integer", "decimal", "money", "percent", "duration", "rating")
_KINDS = {
    "yes_no": kinds.YES_NO, "date": kinds.DATE, "month": kinds.DATE, "datetime": kinds.DATETIME,
    "time": kinds.TIME, "top": "",
    "choices": kinds.LIST + ":" + kinds.TEXT, "tags": kinds.LIST + ":" + kinds.TEXT,
}  # fmt: skip
_PARAMETER_KINDS = {"date": kinds.DATE, "number": kinds.NUMBER, "yes_no": kinds.YES_NO}
_WHOLE = ("count", "count_distinct")
_SAME = ("min", "max", "median", "average", "sum")


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of value: a field type's name, with the field it comes from, and the entity of a link."""

    kind: str
    field: Field | None = None
    target: str = ""

    @property
    def is_number(self) -> bool:
        """Whether it can be added up and drawn."""
        return self.kind in NUMBERS

    @property
    def condition_kind(self) -> str:
        """Its kind in expressions over columns."""
        if self.is_number:
            return kinds.NUMBER
        return kinds.LINK + self.target if self.target else _KINDS.get(self.kind, kinds.TEXT)


def path_shape(entities: Entities, entity: Entity, path: tuple[str, ...]) -> Shape:
    """The shape of a path from ``entity``; raises UnknownPath."""
    fields = walk_path(entities, entity, path)
    holder, field = holder_of(entities, entity, path), fields[-1]
    if field.type == "lookup":
        return path_shape(entities, holder, tuple(field.options["path"]))
    if field.name == "id":
        return Shape("link", field, holder.name)
    if field.type == "computed":
        return Shape(str(field.options["as"]), field)
    if field.type == "summary":
        return _summary_shape(entities, field)
    target = link_target(field, holder)
    if target is not None:
        return Shape("link", field, target)
    if not FIELD_TYPES.get(field.type).kind:
        raise UnknownPath(path)
    return Shape(field.type, field)


def group_shape(entities: Entities, report: Report, group: Group) -> Shape:
    """The shape of a group key, as the main part has it; raises UnknownPath and KeyError."""
    main = report.main
    shape = path_shape(entities, entities[main.entity], main.by[group.name].path)
    return Shape("month" if group.each == "month" else "date") if group.each else shape


def column_shape(entities: Entities, report: Report, column: Column) -> Shape:
    """The shape of a column; raises UnknownPath and KeyError where its parts do not exist."""
    if column.way in _WHOLE:
        return Shape("integer")
    if column.way in ("share", "interval"):
        return Shape("percent")
    if column.way == "across":
        source = column_shape(entities, report, report.columns[column.names[0]])
        return Shape("decimal") if source.kind == "integer" and column.take != "sum" else source
    if column.way == "top":
        shape = _operand_shape(entities, report, column)
        return Shape("top", shape.field)
    if column.format and column.way != "field":
        return Shape(column.format)
    if column.way == "value":
        return Shape("decimal")
    found = _operand_shape(entities, report, column)
    if column.way in _SAME and found.kind == "integer" and column.way in ("average", "median"):
        return Shape("decimal")
    return found


def parameter_kind(report: Report, path: tuple[str, ...], tree: str) -> str:
    """The kind of ``param.…``; raises UnknownPath."""
    parameter = report.parameters.get(path[1] if len(path) > 1 else "")
    if parameter is None:
        raise UnknownPath(path)
    if parameter.type in PERIOD_TYPES:
        if path[2:] not in (("from",), ("to",)):
            raise UnknownPath(path)
        return kinds.DATE
    if len(path) != 2:
        raise UnknownPath(path)
    if parameter.type in ("place", "link"):
        return kinds.LINK + parameter_target(parameter, tree)
    return _PARAMETER_KINDS.get(parameter.type, kinds.TEXT)


def parameter_target(parameter: Parameter, tree: str) -> str:
    """The entity whose records a parameter chooses from; empty for other types."""
    return tree if parameter.type == "place" else parameter.to


# Private


def _summary_shape(entities: Entities, field: Field) -> Shape:
    summed = field.options.get("sum")
    if not summed:
        return Shape("integer", field)
    return Shape(path_shape(entities, entities[summed[0]], (summed[2],)).kind, field)


def _operand_shape(entities: Entities, report: Report, column: Column) -> Shape:
    if column.path:
        entity = entities[column.of[0] if column.of else report.parts[column.part].entity]
        return path_shape(entities, entity, column.path)
    return Shape(column.format or "decimal")
