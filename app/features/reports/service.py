"""Runs reports for one reader: his rows alone, and no figure that would give away what he may not see."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

from app.features.reports.given import chosen, identified
from app.features.reports.listing import UNSEEN, RecordList, named
from app.features.reports.looking import records_of, with_ids
from app.features.reports.parameters import Asked, choices_of, read_parameters
from app.features.reports.results import Chosen, Line, Linked, Result, ResultColumn
from app.features.reports.rights import (
    may_take,
    withheld_column,
    withheld_having,
    withheld_key,
    withheld_part,
)
from app.features.reports.rules import Arithmetic, PartFigures
from app.features.reports.saved import every_report, find_report
from app.features.reports.statements import PartQuery
from app.features.reports.telling import Told, names_of, told_by
from app.kernel.errors import Refused
from app.kernel.messages import Label, Message, _l
from app.language.report_definitions import ADDITIVE, AGGREGATES, PERIOD_TYPES, Column, Part, Report
from app.language.report_shapes import Shape, column_shape, group_shape
from app.records.gateway import Records
from app.records.search import sort_key
from app.records.titles import Key, find_titles

MOST_GROUPS = 50_000
MOST_PICKED = 1_000


@dataclass(frozen=True)
class ReportRun:
    """One report for one reader with what was asked; made by ``open_report``."""

    records: Records
    report: Report
    asked: Asked

    def result(self, *, offset: int = 0, limit: int | None = None) -> Result:
        """The whole result; a list of records is read as a stream, from ``offset`` on."""
        if self.report.is_list:
            notes = list(self.notes())
            return _list(self).result(self.asked_texts(), notes, offset=offset, limit=limit)
        columns = self.columns()
        whole = replace(self, report=with_ids(self.report, self.told))
        lines, total = whole.figures(columns)
        for line in lines:
            line.records = records_of(line, self.told)
        lines = _sorted(self.report, lines)
        count = len(lines)
        return Result(
            report=self.report,
            columns=tuple(columns.values()),
            lines=lines[: self.report.limit],
            total=total if self.report.total and self.report.groups else None,
            count=count,
            notes=tuple(self.notes()),
            asked=self.asked_texts(),
        )

    @cached_property
    def told(self) -> tuple[Told, ...]:
        """The records that the lines tell of, one by one; empty when they are figures of many."""
        return told_by(self.records.runtime.schema, self.report)

    @property
    def tells(self) -> tuple[str, ...]:
        """The entities of these records; the first is the one whose records are counted and marked."""
        return names_of(self.records.runtime.schema, self.told)

    def figures(self, columns: Mapping[str, ResultColumn]) -> tuple[list[Line], Line]:
        """The lines in no order and the total, by what people call things."""
        lines, total = self._lines(columns)
        self._arithmetic().finish(lines, total)
        self._name(lines)
        return lines, total

    def empty(self) -> Result:
        """A result without lines."""
        return Result(self.report, tuple(self.columns().values()), (), None, 0)

    def count(self) -> int | None:
        """How many lines a list has; None for groups, which are known when they are worked out."""
        return _list(self).count() if self.report.is_list else None

    def columns(self) -> dict[str, ResultColumn]:
        """The columns that are shown, groups first; raises Refused when a group may not be told."""
        runtime, report = self.records.runtime, self.report
        found: dict[str, ResultColumn] = {}
        if report.is_list:
            return _list(self).columns()
        for group in report.groups:
            shape = group_shape(runtime.schema.entities, report, group)
            label = group.label or (
                shape.field.label if shape.field else Label(group.name, group.name)
            )
            found[group.name] = ResultColumn(
                group.name, label, shape.kind, group.help, is_group=True, target=shape.target
            )
        reasons: dict[str, Message | None] = {}
        for column in report.columns.values():
            reasons[column.name] = self._reason(column, reasons)
            if not column.hidden:
                found[column.name] = self._column(column, reasons[column.name])
        return found

    def notes(self) -> Iterator[Message]:
        """What the reader should know: parts that a chosen filter does not narrow."""
        for name, value in self.asked.values.items():
            parameter = self.report.parameters[name]
            if value is None or parameter.type in PERIOD_TYPES:
                continue
            missed = [part for part in self.report.parts.values() if _misses(self, part, name)]
            labels = [
                c.label for part in missed for c in self.report.measures(part.name) if c.label
            ]
            for label in dict.fromkeys(labels):
                yield _l("“%(column)s” is not narrowed by “%(filter)s”.",
                         column=label, filter=parameter.label)  # fmt: skip

    def asked_texts(self) -> tuple[tuple[Label, str], ...]:
        """The parameters that narrow the report, in words."""
        found = []
        for parameter in self.report.parameters.values():
            value = self.asked.values[parameter.name]
            if value is None:
                continue
            text = self.asked.titles.get(parameter.name) or str(value)
            if parameter.type in PERIOD_TYPES:
                text = f"{value[0]} – {value[1]}"
            elif parameter.type == "choice":
                label = dict(choices_of(self.records.runtime.schema, parameter))[value]
                text = label.text(self.records.reader.language)
            found.append((parameter.label, text))
        return tuple(found)

    def query(self, part: Part, asked: Asked | None = None) -> PartQuery:
        """The statements of a part."""
        return PartQuery(self.records.reader, self.report, part, asked or self.asked)

    def may_take(self, kind: str) -> Message | None:
        """Why the reader may not have it as a file at once; None when he may."""
        return may_take(self.records.access, self.tells, kind)

    # Private

    def _reason(self, column: Column, reasons: Mapping[str, Message | None]) -> Message | None:
        """Why a column is withheld; what is worked out from a withheld column is withheld too."""
        if column.way in AGGREGATES:
            return withheld_column(self.records.access, self.report, column)
        used = [path[0] for path in column.operand.names()] if column.operand else column.names
        return next((reason for name in used if (reason := reasons.get(name))), None)

    def _column(self, column: Column, reason: Message | None) -> ResultColumn:
        schema = self.records.runtime.schema
        shape = self._shape(column)
        label = column.label or (
            shape.field.label if shape.field else Label(column.name, column.name)
        )
        definition = column.help or (shape.field.help if shape.field else None)
        options = shape.field.options if shape.field else {}
        return ResultColumn(
            column.name,
            label,
            shape.kind,
            definition,
            drill=column.way in AGGREGATES and reason is None and column.way != "pick",
            withheld=reason,
            currency=str(options.get("currency") or schema.portal.currency),
            unit=options.get("unit") if shape.kind != "money" else None,
            target=shape.target,
        )

    def _shape(self, column: Column) -> Shape:
        return column_shape(self.records.runtime.schema.entities, self.report, column)

    def _arithmetic(self) -> Arithmetic:
        formats = {column.name: self._shape(column).kind for column in self.report.columns.values()}
        return Arithmetic(self.report, self.asked.bound, self.records.runtime.moment(), formats)

    def _lines(self, columns: Mapping[str, ResultColumn]) -> tuple[list[Line], Line]:
        arithmetic = self._arithmetic()
        lines, total = arithmetic.lines(self._figures(self.asked))
        if self.report.compare:
            earlier, whole = arithmetic.lines(self._figures(self.asked.before(self.report)))
            known = {line.keys: line.values for line in earlier}
            told = [name for name in self.report.compare
                    if name in columns and columns[name].withheld is None]  # fmt: skip
            for line in lines:
                line.before = _before(self.report, told, known.get(line.keys))
            total.before = _before(self.report, told, whole.values)
        return lines, total

    def _figures(self, asked: Asked) -> dict[str, PartFigures]:
        """The figures of every part that the reader may know; raises Refused."""
        access, report = self.records.access, self.report
        found: dict[str, PartFigures] = {}
        among: dict[str, tuple[Any, ...]] = {}
        for part in sorted(report.parts.values(), key=lambda part: part.name != report.rows):
            reasons = [withheld_key(access, part, key) for key in part.by.values()]
            reasons.append(withheld_having(access, report, part))
            reason = withheld_part(access, part) or next((r for r in reasons if r), None)
            if reason is not None:
                if part is report.main or len(report.parts) == 1:
                    raise Refused(reason)
                continue
            told = [
                c for c in report.measures(part.name) if withheld_column(access, report, c) is None
            ]
            found[part.name] = self._read(replace(self.query(part, asked), among=among), told)
            if part.name == report.rows and part.having is not None:
                among = _among(report, found[part.name])
        return found

    def _read(self, query: PartQuery, columns: Sequence[Column]) -> PartFigures:
        names = tuple(group.name for group in query.groups)
        width = len(names)
        statement = query.grouped(columns, MOST_GROUPS + 2)
        rows = self.records.session.execute(statement).all()
        if len(rows) > MOST_GROUPS + 1:
            raise Refused(_l("The report has more than %(count)s lines. Please narrow it by its filters.",
                             count=MOST_GROUPS))  # fmt: skip
        groups: dict[tuple[Any, ...], dict[str, Any]] = {}
        total = None
        for row in rows:
            values = self._values(columns, row[width + 1 :])
            if width and not row[width]:
                groups[tuple(row[:width])] = values
            else:
                total = values
        if not width:
            groups = {(): total or {}}
        return PartFigures(groups, total, names)

    def _values(self, columns: Sequence[Column], found: Sequence[Any]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        position = 0
        for column in columns:
            if column.way != "top":
                values[column.name] = found[position]
                position += 1
                continue
            field = self._shape(column).field
            assert field is not None
            counts = found[position : position + len(field.choices)]
            position += len(field.choices)
            ranked = sorted(zip(counts, field.choices, strict=True), key=lambda pair: -pair[0])
            values[column.name] = tuple((Chosen(choice.label, choice.name), count)
                                        for count, choice in ranked[: column.most] if count)  # fmt: skip
        return values

    def _name(self, lines: Iterable[Line]) -> None:
        """Put titles and labels in the place of ids and names of choices."""
        shapes = {group.name: group_shape(self.records.runtime.schema.entities, self.report, group)
                  for group in self.report.groups}  # fmt: skip
        shapes |= {c.name: self._shape(c) for c in self.report.columns.values() if c.way == "pick"}
        wanted: set[Key] = set()
        lines = list(lines)
        for name, shape in shapes.items():
            if shape.target:
                wanted |= {(shape.target, line.values[name]) for line in lines
                           if isinstance(line.values.get(name), int)}  # fmt: skip
        titles = find_titles(
            self.records.session, self.records.runtime, wanted, self.records.reader.language
        )
        for line in lines:
            for name, shape in shapes.items():
                line.values[name] = named(shape, line.values.get(name), titles)


def open_report(records: Records, name: str, given: Mapping[str, str]) -> ReportRun:
    """A report for the reader; raises NotFound unless he may run it, Invalid for parameters."""
    return run_of(records, find_report(records, name), given)


def run_of(records: Records, report: Report, given: Mapping[str, str]) -> ReportRun:
    """A compiled report for the reader; raises Invalid for parameters."""
    schema, today = records.runtime.schema, records.runtime.moment().today
    known = identified(records, report, given)
    values = read_parameters(schema, report, known, today)
    asked = Asked(values, known)
    return ReportRun(records, report, replace(asked, **chosen(records, report, values)))


def reports_for(records: Records) -> list[Report]:
    """The reports that the reader may run, in the order of their codes."""
    return by_code(every_report(records))


def by_code(reports: Iterable[Report]) -> list[Report]:
    """Reports in the order of their codes: R2 before R10."""
    return sorted(reports, key=lambda report: (_natural(report.code), report.name))


# Private


def _list(run: ReportRun) -> RecordList:
    return RecordList(run.records, run.report, run.query(run.report.main), run.told)


def _before(
    report: Report, names: Sequence[str], values: Mapping[str, Any] | None
) -> dict[str, Any]:
    """What a line was in the period before: a count of nothing is none."""
    if values is not None:
        return {name: values.get(name) for name in names}
    ways = {name: report.columns[name].way for name in names}
    return {name: 0 if ways[name] in ADDITIVE else None for name in names}


def _misses(run: ReportRun, part: Part, name: str) -> bool:
    if name in part.filters:
        return False
    if name in run.asked.places:
        return run.query(part).place_column() is None
    expressions = [part.where, *(c.where for c in run.report.measures(part.name)),
                   *(c.operand for c in run.report.measures(part.name))]  # fmt: skip
    named_by = any(path[1:2] == (name,) for e in expressions if e for path in e.names())
    elsewhere = any(name in other.filters for other in run.report.parts.values())
    return elsewhere and not named_by


def _among(report: Report, figures: PartFigures) -> dict[str, tuple[Any, ...]]:
    """The keys of the lines: where they are few, the other parts look at no others."""
    found: dict[str, tuple[Any, ...]] = {}
    for position, group in enumerate(report.groups):
        keys = {keys[position] for keys in figures.groups}
        if len(keys) <= MOST_PICKED and None not in keys:
            found[group.name] = tuple(sorted(keys))
    return found


def _sorted(report: Report, lines: list[Line]) -> list[Line]:
    """By the columns that the report says, the last one first; what is empty comes last."""
    names = report.sort or tuple(group.name for group in report.groups)
    for text in reversed(names):
        name = text.removeprefix("-")
        known = [line for line in lines if _order(line.values.get(name)) is not None]
        empty = [line for line in lines if _order(line.values.get(name)) is None]
        known.sort(key=partial(_order_of, name), reverse=text.startswith("-"))
        lines = known + empty
    return lines


def _natural(code: str) -> tuple[str, int, str]:
    letters = code.rstrip("0123456789.")
    digits = code[len(letters) :].partition(".")
    return letters, int(digits[0] or 0), digits[2]


def _order(value: Any) -> Any:
    if isinstance(value, Linked):
        return sort_key(value.title) if value.title != UNSEEN else None
    if isinstance(value, Chosen):
        return value.name
    if isinstance(value, str):
        return sort_key(value)
    return None if isinstance(value, tuple) else value


def _order_of(name: str, line: Line) -> Any:
    return _order(line.values.get(name))
