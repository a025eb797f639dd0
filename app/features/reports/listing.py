"""Reports that list records one by one: read as a stream, so that any number of them fits into memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, false, func, null, select, true

from app.access.masking import mask_of, masked
from app.access.permissions import Visibility
from app.features.reports.looking import id_columns, records_of
from app.features.reports.results import Chosen, Line, Linked, Result, ResultColumn
from app.features.reports.rights import (
    Step,
    column_paths,
    least_seen,
    line_paths,
    read_paths,
    steps_of,
    withheld_part,
)
from app.features.reports.rules import rounded
from app.features.reports.statements import PartQuery
from app.features.reports.telling import Told
from app.kernel.errors import Refused
from app.kernel.messages import Label, Message, _l
from app.language.chinese import region_names
from app.language.evaluation import evaluate
from app.language.expressions import Expression
from app.language.report_definitions import Column, Report
from app.language.report_shapes import Shape, column_shape
from app.records.gateway import Records
from app.records.titles import Key, find_titles

CHUNK = 500
MOST_TITLES = 100_000
UNSEEN = "—"


@dataclass(frozen=True)
class RecordList:
    """The rows of the only part of a report, one line each; ``told`` is what the lines tell of."""

    records: Records
    report: Report
    query: PartQuery
    told: tuple[Told, ...]

    def result(
        self, asked: tuple[tuple[Label, str], ...], notes: Iterable[Message], *,
        offset: int = 0, limit: int | None = None,
    ) -> Result:  # fmt: skip
        """The list; its lines are read from the database while they are read from the result."""
        reason = withheld_part(self.records.access, self.query.part)
        if reason is not None:
            raise Refused(reason)
        columns = self.columns()
        return Result(
            report=self.report,
            columns=tuple(columns.values()),
            lines=self.lines(offset, self._limit(offset, limit)),
            total=self._total(columns),
            count=self.count(),
            notes=tuple(notes),
            asked=asked,
            streamed=True,
        )

    def columns(self) -> dict[str, ResultColumn]:
        """The columns; one that the reader may not see at all is withheld."""
        schema = self.records.runtime.schema
        found: dict[str, ResultColumn] = {}
        for column in self.report.columns.values():
            if column.hidden:
                continue
            shape = self._shape(column)
            label = column.label or (shape.field.label if shape.field else None)
            reason = _l("You may not see this field.") if self._hidden(column) else None
            never_clear = not all(step.clear for step in self._steps(column))
            options = shape.field.options if shape.field else {}
            found[column.name] = ResultColumn(
                column.name, label or Label(column.name, column.name),
                "text" if never_clear else shape.kind,
                column.help or (shape.field.help if shape.field else None), withheld=reason,
                currency=str(options.get("currency") or schema.portal.currency),
                unit=options.get("unit") if shape.kind != "money" else None, target=shape.target,
            )  # fmt: skip
        return found

    def count(self) -> int:
        """How many lines there are."""
        model: Any = self.records.runtime.models.classes[self.query.part.entity]
        rows = select(func.count()).select_from(model).where(*self.query.criteria())
        count = int(self.records.session.scalar(rows) or 0)
        return count if self.report.limit is None else min(count, self.report.limit)

    def lines(self, offset: int = 0, limit: int | None = None) -> Iterator[Line]:
        """The lines in their order; memory holds CHUNK of them."""
        statement = self._statement().offset(offset)
        if limit is not None:
            statement = statement.limit(limit)
        options = {"yield_per": CHUNK, "stream_results": True}
        rows = iter(self.records.session.execute(statement, execution_options=options))
        titles: dict[Key, str] = {}
        while chunk := list(islice(rows, CHUNK)):
            yield from self._chunk(chunk, titles)

    # Private

    def _limit(self, offset: int, limit: int | None) -> int | None:
        most = self.report.limit
        rest = None if most is None else max(0, most - offset)
        return rest if limit is None else limit if rest is None else min(limit, rest)

    def _shape(self, column: Column) -> Shape:
        return column_shape(self.records.runtime.schema.entities, self.report, column)

    def _steps(self, column: Column) -> list[Step]:
        access = self.records.access
        if column.way == "value":
            return []
        if not column.of:
            entity, paths = self.query.part.entity, read_paths(column.operand)
        else:
            entity, paths = column.of[0], [*column_paths(column), column.of[1:]]
        own = [s for p in line_paths(column) for s in steps_of(access, self.query.part.entity, p)]
        return own + [step for path in paths for step in steps_of(access, entity, path)]

    def _unclear(self, column: Column) -> Visibility:
        """How a column appears on rows where it is not clear; what is worked out is never masked."""
        hidden = [step for step in self._steps(column) if not step.clear_everywhere]
        least = min(
            (least_seen(self.records.access, step) for step in hidden), default=Visibility.CLEAR
        )
        ends = (
            column.path
            and not column.of
            and all(step.prefix == column.path[:-1] for step in hidden)
        )
        return least if ends or least is Visibility.CLEAR else Visibility.HIDDEN

    def _shown(self, column: Column) -> ColumnElement[bool]:
        """The rows on which the reader sees the column clearly."""
        if not all(step.clear for step in self._steps(column)):
            return false()
        if column.of:
            return and_(true(), *self.query.clear(line_paths(column)))
        return and_(true(), *self.query.clear(read_paths(column.operand)))

    def _hidden(self, column: Column) -> bool:
        if column.way == "value":
            names = column.operand.names() if column.operand else ()
            used = [
                self.report.columns[path[0]] for path in names if path[0] in self.report.columns
            ]
            return any(self._hidden(other) for other in used)
        never = not all(step.clear for step in self._steps(column))
        return never and self._unclear(column) is Visibility.HIDDEN

    def _told(self) -> list[Column]:
        found = self.report.columns.values()
        return [c for c in found if c.way != "value" and not self._hidden(c)]

    def _expression(self, column: Column) -> ColumnElement[Any]:
        if column.of:
            return self.query.pointing(self.query.compiler, column)
        assert column.operand is not None
        return self.query.value(self.query.compiler, column.operand.tree)

    def _statement(self) -> Select[Any]:
        model: Any = self.records.runtime.models.classes[self.query.part.entity]
        picked: list[ColumnElement[Any]] = []
        for n, column in enumerate(self._told()):
            picked += [self._expression(column).label(f"c{n}"), self._shown(column).label(f"s{n}")]
        picked += [
            self._expression(column).label(f"t{n}") for n, column in enumerate(self._ids().values())
        ]
        return (
            select(model.id, *picked)
            .select_from(model)
            .where(*self.query.criteria())
            .order_by(*self._order(model))
        )

    def _ids(self) -> dict[str, Column]:
        """The hidden columns with the ids of what else the lines tell of."""
        return id_columns(self.report, self.told)

    def _order(self, model: Any) -> Iterator[Any]:
        """By the columns that the report says; where one is not clear it sorts nothing."""
        for text in self.report.sort:
            column = self.report.columns.get(text.removeprefix("-"))
            if column is not None:
                expression = self._clear_value(column)
                order = expression.desc() if text.startswith("-") else expression.asc()
                yield order.nulls_last()
        yield model.id

    def _clear_value(self, column: Column) -> ColumnElement[Any]:
        return case((self._shown(column), self._expression(column)), else_=null())

    def _total(self, columns: dict[str, ResultColumn]) -> Line | None:
        """What is added up over all lines, where the report wants that and the reader sees it."""
        added = [column for column in self._told() if column.total and column.name in columns]
        if not added or not self.report.total:
            return None
        model: Any = self.records.runtime.models.classes[self.query.part.entity]
        picked = [self._clear_value(column).label(f"c{n}") for n, column in enumerate(added)]
        rows = select(*picked).select_from(model).where(*self.query.criteria())
        rows = rows.order_by(*self._order(model)).limit(self.report.limit)
        inner = rows.subquery()
        sums = [func.coalesce(func.sum(inner.c[f"c{n}"]), 0) for n in range(len(added))]
        found = self.records.session.execute(select(*sums).select_from(inner)).one()
        return Line((), {column.name: value for column, value in zip(added, found, strict=True)})

    def _chunk(self, rows: Sequence[Any], titles: dict[Key, str]) -> Iterator[Line]:
        """The lines of some rows; ``titles`` keeps what records are called from chunk to chunk."""
        if len(titles) > MOST_TITLES:
            titles.clear()
        told = self._told()
        shapes = [self._shape(column) for column in told]
        unclear = [self._unclear(column) for column in told]
        ids = self._ids()
        wanted: set[Key] = {
            (shape.target, row[2 * n + 1])
            for n, shape in enumerate(shapes)
            if shape.target
            for row in rows
            if row[2 * n + 1] is not None and row[2 * n + 2]
        } - titles.keys()
        session, runtime = self.records.session, self.records.runtime
        titles |= find_titles(session, runtime, wanted, self.records.reader.language)
        for row in rows:
            values: dict[str, Any] = {}
            raw: dict[str, Any] = {}
            for n, column in enumerate(told):
                value, clear = row[2 * n + 1], row[2 * n + 2]
                if clear:
                    raw[column.name] = value
                    shown = rounded(value, shapes[n].kind)
                    values[column.name] = named(shapes[n], shown, titles)
                elif unclear[n] is Visibility.MASKED:
                    values[column.name] = self._masked(shapes[n], value)
            for column in self.report.columns.values():
                if column.way == "value":
                    raw[column.name] = self._worked_out(column.operand, raw)
                    values[column.name] = rounded(raw[column.name], self._shape(column).kind)
            values |= dict(zip(ids, row[1 + 2 * len(told) :], strict=True))
            line = Line((row[0],), values)
            line.records = records_of(line, self.told)
            columns = self.report.columns.values()
            line.alerts = {c.name for c in columns if self._worked_out(c.alert, raw) is True}
            yield line

    def _worked_out(self, expression: Expression | None, raw: dict[str, Any]) -> Any:
        """An expression over the columns of one line, as far as the reader sees them."""
        if expression is None:
            return None
        tree = self.query.asked.bound(expression.tree)
        return evaluate(tree, lambda path: raw.get(path[0]), self.records.runtime.moment())

    def _masked(self, shape: Shape, value: Any) -> str | None:
        assert shape.field is not None
        return masked(value, mask_of(self.records.runtime.schema, shape.field))


def named(shape: Shape, value: Any, titles: Mapping[Key, str]) -> Any:
    """A value as readers know it: the title of a record, the label of a choice, the name of a region."""
    if value is None:
        return None
    if shape.target:
        return Linked(titles.get((shape.target, value), UNSEEN), int(value), shape.target)
    if isinstance(value, list) and shape.field is not None:
        return tuple(named(shape, item, titles) for item in value)
    if shape.field is not None and shape.field.type == "region":
        return " ".join(region_names(str(value))) or value
    choice = shape.field.choice(str(value)) if shape.field is not None else None
    return Chosen(choice.label, choice.name, choice.tone) if choice is not None else value
