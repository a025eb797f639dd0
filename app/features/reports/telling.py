"""Which records the lines of a report tell of, one by one: theirs are the rights, budgets and marks that count.

Figures by place, choice, yes or no, or stretch of time tell of many records at once. Anything else by
which lines are made, and every column of a list, tells of the records that it is read from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from app.language.definitions import Entity, Schema
from app.language.expressions import Expression, Name
from app.language.paths import holder_of, link_target, walk_path
from app.language.report_definitions import Column, Part, Report
from app.language.report_shapes import NUMBERS, path_shape
from app.language.source import Place

Path = tuple[str, ...]
ID: Path = ("id",)
# Kinds with so few values that many records share each.
BUCKETS = frozenset({"choice", "choices", "yes_no", "month", "region"})
# What a measure may give of a single record without saying which one it is.
FIGURES = BUCKETS | {*NUMBERS, "date", "datetime", "time"}
# Measures that give a value of one record instead of something about all of them.
SINGLE = ("pick", "min", "max")
OUTSIDE = ("actor", "param", "line")


@dataclass(frozen=True, slots=True)
class Told:
    """Records that the lines tell of.

    ``part`` and ``path`` lead to their id; ``measure`` is the one over records that point at the
    line, from which the path leads then. ``shown`` says that the id stands in the result anyway.
    """

    entity: str
    part: str
    path: Path
    measure: Column | None = None
    shown: bool = False

    def column(self, name: str, place: Place) -> Column:
        """A hidden column that holds the id of such a record."""
        operand = Expression(".".join(self.path), Name(self.path), place)
        if self.measure is not None:
            return replace(self.measure, name=name, operand=operand, hidden=True, alert=None)
        return Column(name, place, "min", part=self.part, operand=operand, hidden=True)


def told_by(schema: Schema, report: Report) -> tuple[Told, ...]:
    """The records that the lines of a report tell of; those of a list's own come first."""
    found = _of_list(schema, report) if report.is_list else _of_groups(schema, report)
    return tuple(dict.fromkeys(found))


def names_of(schema: Schema, told: Iterable[Told]) -> tuple[str, ...]:
    """The entities, those that are looked at within a budget first."""
    names = list(dict.fromkeys(one.entity for one in told))
    return tuple(sorted(names, key=lambda name: schema.entities[name].viewing is None))


# Private


def _of_list(schema: Schema, report: Report) -> Iterator[Told]:
    part = report.main
    entity = schema.entities[part.entity]
    if entity.name != schema.portal.tree:
        yield Told(entity.name, part.name, ID)
    for column in report.columns.values():
        if column.of and column.way in SINGLE:
            there = schema.entities[column.of[0]]
            for path in _read(column.operand):
                for name, way, shown in _named(schema, there, path, FIGURES):
                    yield Told(name, part.name, way, column, shown)
        elif not column.of and column.way == "field":
            for path in _read(column.operand):
                yield from _of_path(schema, part, path)


def _of_path(schema: Schema, part: Part, path: Path) -> Iterator[Told]:
    """What a column of a list tells of beside its own record: whatever is read through a link."""
    if path[0] in part.values:
        yield from _of_value(schema, part, part.values[path[0]])
        return
    entity = schema.entities[part.entity]
    for name, way, shown in _named(schema, entity, path, frozenset()):
        if way != ID:
            yield Told(name, part.name, way, shown=shown)


def _of_groups(schema: Schema, report: Report) -> Iterator[Told]:
    for group in report.groups:
        for part in report.parts.values():
            key = part.by.get(group.name)
            if key is None or group.each:
                continue
            entity = schema.entities[part.entity]
            for name, way, shown in _named(schema, entity, key.path, BUCKETS):
                yield Told(name, part.name, way, shown=shown)
    for part in report.parts.values():
        for column in report.measures(part.name):
            if column.way in SINGLE:
                for path in _read(column.operand):
                    yield from _of_measure(schema, part, path)


def _of_measure(schema: Schema, part: Part, path: Path) -> Iterator[Told]:
    """What a value that is taken from a single record of a group tells of."""
    if path[0] in part.values:
        yield from _of_value(schema, part, part.values[path[0]])
        return
    for name, way, shown in _named(schema, schema.entities[part.entity], path, FIGURES):
        yield Told(name, part.name, way, shown=shown)


def _of_value(schema: Schema, part: Part, value: Column) -> Iterator[Told]:
    """What a value that a part names tells of when a column shows it."""
    if value.of and value.way in SINGLE:
        there = schema.entities[value.of[0]]
        for path in _read(value.operand):
            for name, _way, _shown in _named(schema, there, path, FIGURES):
                yield Told(name, part.name, (), shown=True)


def _read(expression: Expression | None) -> list[Path]:
    """The fields of the records themselves that an expression reads."""
    if expression is None:
        return []
    return [path for path in expression.names() if path[0] not in OUTSIDE]


def _named(
    schema: Schema, entity: Entity, path: Path, many: frozenset[str]
) -> Iterator[tuple[str, Path, bool]]:
    """The records that a value names: entity, path to the id, and whether the value is that id."""
    fields = walk_path(schema.entities, entity, path)
    holder, last, above = holder_of(schema.entities, entity, path), fields[-1], path[:-1]
    if last.type == "lookup":
        yield from _named(schema, entity, (*above, *last.options["path"]), many)
        return
    target = holder.name if last.name == "id" else link_target(last, holder)
    if target is not None:
        if not _common(schema, target):
            yield target, path, True
        return
    if last.type == "computed":
        for inner in last.options["value"].names():
            if inner[0] not in OUTSIDE:
                yield from _named(schema, entity, (*above, *inner), many)
    kind = path_shape(schema.entities, entity, path).kind
    if kind not in many and not _common(schema, holder.name):
        yield holder.name, above or ID, False


def _common(schema: Schema, name: str) -> bool:
    """Whether naming a record gives nothing away: places, and plain lists that everybody uses."""
    entity = schema.entities[name]
    if name == schema.portal.tree:
        return True
    kept = any(field.sensitivity or field.encrypted for field in entity.fields.values())
    apart = entity.scope is not None or entity.owner or entity.viewing or entity.subject
    return not (kept or apart or entity.states or entity.system or entity.external_table)
