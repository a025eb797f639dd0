"""Parts as SQL: one statement for each, grouped by the database, inside the reader's row scope."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    Numeric,
    Select,
    and_,
    case,
    cast,
    distinct,
    func,
    literal,
    select,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import outerjoin

from app.access.row_scope import any_of
from app.features.reports.naming import Joins, naming
from app.features.reports.parameters import Asked
from app.features.reports.rights import (
    Step,
    column_paths,
    line_paths,
    named_values,
    part_paths,
    steps_of,
)
from app.language.definitions import Entity
from app.language.expressions import Tree
from app.language.report_definitions import Column, Group, Key, Part, Report
from app.language.report_shapes import path_shape
from app.records.reading import Reader
from app.storage.criteria import Compiler
from app.storage.models import PLACE

HIGHEST_TREE = 12
# Far from the depths that conditions use, so that the rows of the tree stay apart from theirs.
TREE_DEPTH = 40


@dataclass(frozen=True)
class PartQuery:
    """The statements of one part for one reader and what was asked."""

    reader: Reader
    report: Report
    part: Part
    asked: Asked
    among: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    joins: Joins | None = None

    @property
    def groups(self) -> tuple[Group, ...]:
        """The groups that the part comes to."""
        return tuple(group for group in self.report.groups if group.name in self.part.by)

    @property
    def entity(self) -> Entity:
        """The entity whose rows are counted."""
        return self.reader.runtime.entity(self.part.entity)

    @property
    def compiler(self) -> Compiler:
        """Compiles over the rows of the part, inside the reader's scope, with what the part names."""
        plain = self.reader.compiler(self.part.entity)
        found = {name: self.pointing(plain, item) for name, item in self.part.values.items()}
        return naming(plain, found, self.joins) if found or self.joins is not None else plain

    def pointing(self, compiler: Compiler, column: Column) -> ColumnElement[Any]:
        """A measure over the records that point at a row, those on which the reader sees it clearly."""
        inner = replace(naming(compiler.over(column.of[0]), {}), line=compiler)
        outer = compiler.path(column.at) if column.at else compiler.identity()
        where = [inner.path(column.of[1:]) == outer, *inner.not_deleted()]
        if column.where is not None:
            where.append(self.holds(inner, column.where.tree))
        for path in (*column_paths(column), column.of[1:]):
            for step in steps_of(self.reader.access, column.of[0], path):
                shown = None if step.clear_everywhere else self.covered(step, inner)
                if shown is not None:
                    where.append(shown)
        operand = (
            inner.identity() if column.operand is None else self.value(inner, column.operand.tree)
        )
        if column.way == "pick":
            newest = (
                inner.from_source(select(operand)).where(*where).order_by(inner.identity().desc())
            )
            return newest.limit(1).scalar_subquery()
        measure = aggregate(column.way, operand)
        if column.way in ("sum", "count", "count_distinct"):
            measure = func.coalesce(measure, 0)
        return inner.from_source(select(measure)).where(*where).scalar_subquery()

    def grouped(self, columns: Sequence[Column], limit: int) -> Select[Any]:
        """Groups with their measures: the keys, then 1 for the total, then each column's values.

        The rows are picked first and grouped afterwards, so that each key is worked out once.
        """
        joins = Joins()
        rows = replace(self, joins=joins).picked(columns, joins).subquery("rows")
        keys: list[ColumnElement[Any]] = [
            rows.c[f"k{position}"] for position in range(len(self.groups))
        ]
        measures = {column.name: self._measure(column, rows.c[f"m{n}"], rows.c[f"c{n}"])
                    for n, column in enumerate(columns)}  # fmt: skip
        return self._finished(rows, keys, measures, limit)

    def picked(self, columns: Sequence[Column], joins: Joins) -> Select[Any]:
        """The rows of the part with their keys, operands, and which of them each column counts."""
        compiler, model = self.compiler, self.reader.runtime.models.classes[self.part.entity]
        found: list[ColumnElement[Any]] = [literal(1).label("one")]
        trees: list[tuple[Any, ColumnElement[bool]]] = []
        for position, group in enumerate(self.groups):
            key = self.part.by[group.name]
            column = self._plain_key(group, key)
            if key.above is not None:
                ancestors = self._ancestors(key)
                trees.append((ancestors, ancestors.c.start == column))
                column = ancestors.c.found
            found.append(column.label(f"k{position}"))
        for position, measure in enumerate(columns):
            operand = (
                literal(1)
                if measure.operand is None
                else self.value(compiler, measure.operand.tree)
            )
            counted = and_(true(), *self.counted(measure))
            found += [operand.label(f"m{position}"), counted.label(f"c{position}")]
        criteria = self.criteria()
        source = joins.around(model)
        for ancestors, condition in trees:
            source = outerjoin(source, ancestors, condition)
        return select(*found).select_from(source).where(*criteria)

    def criteria(self) -> list[ColumnElement[bool]]:
        """Which rows the part counts: its condition, the period, what the reader chose."""
        compiler, part = self.compiler, self.part
        found = [] if part.where is None else [self.holds(compiler, part.where.tree)]
        period = self.asked.period(self.report)
        if part.when and period is not None:
            found.append(self._within(compiler, part.when, period))
        for name, path in part.filters.items():
            value = self.asked.values.get(name)
            if value is None:
                continue
            column = compiler.path(path)
            chosen = self.asked.places.get(name)
            found.append(column.in_(chosen) if chosen is not None else column == literal(value))
        for name, places in self.asked.places.items():
            place = self.place_column()
            if name not in part.filters and place is not None:
                found.append(place.in_(places))
        for group in self.groups:
            key = part.by[group.name]
            if group.name in self.among and key.above is None:
                found.append(self._plain_key(group, key).in_(self.among[group.name]))
        lines = [path for v in named_values(part, [part.where]) for path in line_paths(v)]
        return [*found, *self.clear([*part_paths(part), *lines])]

    def counted(self, column: Column) -> list[ColumnElement[bool]]:
        """Which of the rows a measure counts."""
        own = [] if column.where is None else [self.holds(self.compiler, column.where.tree)]
        used = named_values(self.part, [column.operand, column.where])
        lines = [path for value in used for path in line_paths(value)]
        return [*own, *self.clear([*column_paths(column, self.part), *lines])]

    def clear(self, paths: Iterable[tuple[str, ...]]) -> list[ColumnElement[bool]]:
        """The rows on which the reader sees all of these fields clearly; empty when it is all of them."""
        found = []
        for path in dict.fromkeys(paths):
            for step in steps_of(self.reader.access, self.part.entity, path):
                shown = None if step.clear_everywhere else self.covered(step, self.compiler)
                if shown is not None:
                    found.append(shown)
        return found

    def place_column(self) -> ColumnElement[Any] | None:
        """What tells the place of a row; None for entities without one."""
        model: Any = self.reader.runtime.models.classes[self.part.entity]
        if self.entity.scope == ("self",):
            return model.id  # type: ignore[no-any-return]
        return getattr(model, PLACE) if self.entity.has_place else None

    def of_line(self, column: Column, keys: Sequence[Any]) -> list[ColumnElement[bool]]:
        """What picks the rows behind one figure; ``keys`` are empty for the total."""
        found = [*self.criteria(), *self.counted(column)]
        if column.operand is not None and column.way != "top":
            found.append(self.value(self.compiler, column.operand.tree).is_not(None))
        for group, value in zip(self.report.groups, keys, strict=False):
            key = self.part.by.get(group.name)
            if key is None:
                continue
            expression = self._plain_key(group, key)
            if key.above is None:
                found.append(expression.is_not_distinct_from(literal(value)))
                continue
            ancestors = self._ancestors(key)
            inside = select(ancestors.c.start).where(ancestors.c.found == literal(value))
            outside = expression.not_in(select(ancestors.c.start)) | expression.is_(None)
            found.append(outside if value is None else expression.in_(inside))
        return found

    def value(self, compiler: Compiler, tree: Tree) -> ColumnElement[Any]:
        """A value over the rows with the parameters put in."""
        return compiler.value(self.asked.bound(tree))

    def holds(self, compiler: Compiler, tree: Tree) -> ColumnElement[bool]:
        """A condition over the rows with the parameters put in; unknown counts as no."""
        return compiler.criterion(self.asked.bound(tree))

    # Private

    def covered(self, step: Step, compiler: Compiler) -> ColumnElement[bool] | None:
        """Where a grant that shows the field covers the row, or the linked row that the field is read from."""
        runtime = self.reader.runtime
        shown = any_of(self.reader.access, runtime.models, runtime.moment(), step.clear)
        if shown is None or (not step.prefix and compiler.depth == 0):
            return shown
        entity = runtime.entity(step.entity)
        table = runtime.models.metadata.tables[entity.external_table or entity.name]
        link = compiler.path(step.prefix) if step.prefix else compiler.identity()
        return link.is_(None) | link.in_(select(table.c.id).where(shown))

    def _within(
        self, compiler: Compiler, path: tuple[str, ...], period: tuple[date, date]
    ) -> ColumnElement[bool]:
        """The days of a period; a moment counts on the day that it has in the portal's zone."""
        column = compiler.path(path)
        entities = self.reader.runtime.schema.entities
        if path_shape(entities, self.entity, path).kind != "datetime":
            return and_(column >= period[0], column <= period[1])
        zone = self.reader.runtime.zone
        first, after = period[0], period[1] + timedelta(days=1)
        low, high = (datetime.combine(day, time(), zone).astimezone(UTC) for day in (first, after))
        return and_(column >= low, column < high)

    def _plain_key(self, group: Group, key: Key) -> ColumnElement[Any]:
        column = self.compiler.path(key.path)
        if not group.each:
            return column
        entities = self.reader.runtime.schema.entities
        if path_shape(entities, self.entity, key.path).kind == "datetime":
            column = func.timezone(self.reader.runtime.zone.key, column)
        return cast(func.date_trunc(group.each, column), Date)

    def _ancestors(self, key: Key) -> Any:
        """For each place the nearest one at or above it for which the condition holds."""
        runtime = self.reader.runtime
        name = str(runtime.schema.portal.tree)
        parent = runtime.entity(name).tree_parent
        assert parent is not None
        assert key.above is not None
        node = runtime.models.alias(name, TREE_DEPTH)
        up = select(node.id.label("start"), node.id.label("here"), literal(0).label("steps")).cte(
            recursive=True
        )
        step = runtime.models.alias(name, TREE_DEPTH + 1)
        above = getattr(step, parent.name)
        up = up.union_all(
            select(up.c.start, above, up.c.steps + 1).where(
                step.id == up.c.here, above.is_not(None), up.c.steps < HIGHEST_TREE
            )
        )
        compiler = self.reader.compiler(name)
        tree = runtime.models.classes[name]
        holds = self.holds(compiler, key.above.tree)
        return (
            select(up.c.start.label("start"), tree.id.label("found"))
            .where(tree.id == up.c.here, holds)
            .order_by(up.c.start, up.c.steps)
            .ext(distinct_on(up.c.start))
            .subquery()
        )

    def _measure(
        self, column: Column, operand: ColumnElement[Any], counted: ColumnElement[bool]
    ) -> list[ColumnElement[Any]]:
        if column.way == "top":
            path = column.path
            entities = self.reader.runtime.schema.entities
            shape = path_shape(entities, self.entity, path)
            choices = shape.field.choices if shape.field else ()
            return [func.count().filter(and_(counted, operand == c.name)) for c in choices]
        if column.way == "sum":
            nothing = func.count().filter(counted) == 0
            return [case((nothing, 0), else_=func.sum(operand).filter(counted))]
        return [aggregate(column.way, operand, counted)]

    def _finished(
        self,
        rows: Any,
        keys: list[ColumnElement[Any]],
        measures: Mapping[str, list[ColumnElement[Any]]],
        limit: int,
    ) -> Select[Any]:
        flat = [element for elements in measures.values() for element in elements]
        having = self._having({name: found[0] for name, found in measures.items()})
        if not keys:
            return select(literal(1), *flat).select_from(rows)
        if having is not None:
            grouped = select(*keys, literal(0), *flat).select_from(rows).group_by(*keys)
            return grouped.having(having).limit(limit)
        whole = func.grouping(*keys) > 0
        sets = func.grouping_sets(tuple_(*keys), tuple_())
        flagged = select(*keys, case((whole, 1), else_=0), *flat).select_from(rows)
        return flagged.group_by(sets).limit(limit)

    def _having(self, measures: Mapping[str, ColumnElement[Any]]) -> ColumnElement[bool] | None:
        if self.part.having is None:
            return None
        compiler = naming(self.reader.compiler(self.part.entity), measures)
        return compiler.criterion(self.asked.bound(self.part.having.tree))


def aggregate(
    way: str, operand: ColumnElement[Any], counted: ColumnElement[bool] | None = None
) -> ColumnElement[Any]:
    """A measure over an operand, of the rows that ``counted`` holds for."""
    made = _AGGREGATES[way](operand)
    found: ColumnElement[Any] = made if counted is None else made.filter(counted)
    return cast(found, Numeric) if way == "median" else found


# Private


_AGGREGATES: dict[str, Callable[[ColumnElement[Any]], Any]] = {
    "count": func.count,
    "count_distinct": lambda operand: func.count(distinct(operand)),
    "sum": func.sum,
    "average": func.avg,
    "min": func.min,
    "max": func.max,
    "median": lambda operand: func.percentile_cont(0.5).within_group(operand),
    "pick": func.any_value,
}
