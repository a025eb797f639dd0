"""A report as the builder's form knows it, written in the language of the schema and read back from it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from types import MappingProxyType
from typing import Any

from app.features.reports.conditions import Condition, rows_of, written
from app.features.reports.offers import Offer, Offers
from app.kernel.messages import Label
from app.language.definitions import Schema
from app.language.expressions import Expression
from app.language.findings import Findings
from app.language.reading import good_name
from app.language.report_definitions import ROWS, Column, Group, Report
from app.language.report_texts import compile_report
from app.language.source import Place

FIELD, COUNT = "field", "count"
WAYS = ("count", "count_distinct", "sum", "average", "median", "min", "max")
EACH = ("month", "quarter", "year", "week", "day")
PERIOD, UNIT = "period", "unit"
PERIOD_LABEL, UNIT_LABEL = Label("期间", "Period"), Label("组织", "Place")
ICON = "chart-bar"
NEW = "my_report"
_MEASURES: Mapping[str, tuple[str, str]] = MappingProxyType({
    "count_distinct": ("不同的%s数", "Different: %s"), "sum": ("%s合计", "Total %s"),
    "average": ("平均%s", "Average %s"), "median": ("%s中位数", "Median %s"),
    "min": ("最小%s", "Lowest %s"), "max": ("最大%s", "Highest %s"),
    "first": ("最早%s", "Earliest %s"), "latest": ("最晚%s", "Latest %s"),
})  # fmt: skip
_EACH_LABELS: Mapping[str, tuple[str, str]] = MappingProxyType({
    "day": ("按日", "by day"), "week": ("按周", "by week"), "month": ("按月", "by month"),
    "quarter": ("按季", "by quarter"), "year": ("按年", "by year"),
})  # fmt: skip
_PLAIN = re.compile(r"[A-Za-z_\u4e00-\u9fff](?:[\w .\u4e00-\u9fff-]*[\w.\u4e00-\u9fff])?")
_WORDS = ("true", "false", "null")


@dataclass(frozen=True, slots=True)
class Row:
    """A column, group or measure; label and help are None where they follow from the field."""

    path: str = ""
    way: str = FIELD
    each: str = ""
    name: str = ""
    label: Label | None = None
    help: Label | None = None
    total: bool = False


@dataclass(frozen=True, slots=True)
class Draft:
    """What the form holds. ``sort`` names rows, with "-" for descending; ``when`` is the date of the period."""

    label: Label
    help: Label
    entity: str
    grouped: bool = False
    columns: tuple[Row, ...] = ()
    groups: tuple[Row, ...] = ()
    measures: tuple[Row, ...] = ()
    conditions: tuple[Condition, ...] = ()
    any_of: bool = False
    when: str = ""
    period: str = "this_year"
    by_place: bool = False
    sort: tuple[str, ...] = ()
    limit: int | None = None
    chart: str = ""
    x: str = ""
    series: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()

    @property
    def rows(self) -> tuple[Row, ...]:
        """What is shown: columns of a list, or groups and measures."""
        return (*self.groups, *self.measures) if self.grouped else self.columns


def source_of(draft: Draft, offers: Offers, name: str = NEW) -> str:
    """The draft as a text; rows that are not complete are left out."""
    writer = _Writer(draft, offers)
    lines = [f"report: {name}", *writer.head(), "", *writer.rows_of_entity(), *writer.table()]
    return "\n".join(lines) + "\n"


def draft_of(report: Report, schema: Schema) -> Draft | None:
    """The draft that says exactly what the report says; None when the form cannot say it."""
    if len(report.parts) != 1:
        return None
    offers = Offers(schema, report.main.entity)
    found = _draft(report, offers)
    if found is None:
        return None
    again, _ = compile_report(source_of(found, offers, report.name), schema)
    return found if again is not None and _plain(again) == _plain(report) else None


def copy_of(report: Report, schema: Schema) -> Draft | None:
    """A report of somebody else as a draft that is for nobody yet; None when the form cannot say it."""
    own = replace(report, code="", module="", icon=ICON, readers=(), name=NEW)
    return draft_of(own, schema)


def named(rows: tuple[Row, ...], taken: set[str]) -> tuple[Row, ...]:
    """The rows with a name for each; ``taken`` are the names that others have, and grows."""
    found = []
    for row in rows:
        name = row.name if row.name and row.name not in taken else _name(row, taken)
        taken.add(name)
        found.append(replace(row, name=name))
    return tuple(found)


def label_of(row: Row, offers: Offers) -> Label:
    """What a row is called."""
    return row.label or _label(row, offers)


# Private


@dataclass(frozen=True, slots=True)
class _Writer:
    draft: Draft
    offers: Offers

    def head(self) -> Iterator[str]:
        draft = self.draft
        yield f"label: {_label_text(draft.label)}"
        yield f"help: {_label_text(draft.help)}"
        yield f"for: [{', '.join(map(_scalar, draft.roles))}]"

    def rows_of_entity(self) -> Iterator[str]:
        draft = self.draft
        yield f"entity: {_scalar(draft.entity)}"
        where = written(draft.conditions, self.offers.fields, any_of=draft.any_of)
        if where:
            yield f"where: {_quoted(where)}"
        if draft.when:
            yield f"when: {_scalar(draft.when)}"
        if draft.when or draft.by_place:
            yield "params:"
        if draft.when:
            label = _label_text(PERIOD_LABEL)
            yield f"  {PERIOD}: {{type: period, default: {_scalar(draft.period)}, label: {label}}}"
        if draft.by_place:
            yield f"  {UNIT}: {{type: place, label: {_label_text(UNIT_LABEL)}}}"

    def table(self) -> Iterator[str]:
        draft = self.draft
        groups = [row for row in draft.groups if draft.grouped and self._known(row)]
        if groups:
            yield "groups:"
        for row in groups:
            parts = {"path": row.path, "each": row.each}
            yield f"  {row.name}: {self._flow(parts, row)}"
        yield "columns:"
        for row in draft.measures if draft.grouped else draft.columns:
            if self._known(row):
                yield f"  {row.name}: {self._column(row)}"
        yield from self._last({row.name for row in draft.rows if self._known(row)})

    def _known(self, row: Row) -> bool:
        return row.way == COUNT or row.path in self.offers.fields

    def _column(self, row: Row) -> str:
        if row.way == COUNT:
            return self._flow({COUNT: ROWS}, row)
        short = row.way == FIELD and "." not in row.path and not row.total
        if short and row.label is None and row.help is None:
            return row.path
        return self._flow({row.way: row.path}, row)

    def _flow(self, parts: Mapping[str, str], row: Row) -> str:
        told = [f"{key}: {value}" for key, value in parts.items() if value]
        own = row.each or row.way != FIELD or "." in row.path
        label = label_of(row, self.offers) if own else row.label
        meaning = row.help or (_help(row, self.offers) if row.way != FIELD else None)
        told += [f"label: {_label_text(label)}"] if label else []
        told += [f"help: {_label_text(meaning)}"] if meaning else []
        told += ["total: true"] if row.total else []
        return "{" + ", ".join(told) + "}"

    def _last(self, names: set[str]) -> Iterator[str]:
        draft = self.draft
        sort = [text for text in draft.sort if text.removeprefix("-") in names]
        if sort:
            yield f"sort: [{', '.join(sort)}]"
        if draft.limit:
            yield f"limit: {draft.limit}"
        series = [name for name in draft.series if name in names]
        if draft.chart and draft.x in names and series:
            yield f"chart: {{type: {draft.chart}, x: {draft.x}, series: [{', '.join(series)}]}}"


def _scalar(text: str) -> str:
    plain = _PLAIN.fullmatch(text) and text not in _WORDS
    return text if plain else _quoted(text)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _label_text(label: Label) -> str:
    return f"{{zh: {_scalar(label.zh)}, en: {_scalar(label.en)}}}"


def _offer(row: Row, offers: Offers) -> Offer | None:
    return offers.fields.get(row.path)


def _label(row: Row, offers: Offers) -> Label:
    offer = _offer(row, offers)
    whole = offer.whole if offer else Label("?", "?")
    if row.way == COUNT:
        return Label("数量", "Count")
    if row.each in _EACH_LABELS:
        zh, en = _EACH_LABELS[row.each]
        return Label(f"{whole.zh}\uff08{zh}\uff09", f"{whole.en} ({en})")
    if row.way == FIELD:
        return whole
    way = row.way
    if offer and not offer.is_number:
        way = {"min": "first", "max": "latest"}.get(way, way)
    zh, en = _MEASURES[way]
    return Label(zh % whole.zh, en % (whole.en[:1].lower() + whole.en[1:]))


def _help(row: Row, offers: Offers) -> Label:
    entity = offers.schema.entities[offers.entity].label
    if row.way == COUNT:
        return Label(
            f"符合条件的{entity.zh}有多少条。",
            f"How many {entity.plural('en').lower()} meet the conditions.",
        )
    label = _label(row, offers)
    return Label(
        f"{label.zh}\uff0c取自符合条件的{entity.zh}。",
        f"{label.en}, over the {entity.plural('en').lower()} that meet the conditions.",
    )


def _name(row: Row, taken: set[str]) -> str:
    path = row.path.replace(".", "_")
    own = path if row.way == FIELD else f"{row.way}_{path}".rstrip("_")
    for name in (own, f"{own}_value", *(f"column{n}" for n in range(1, 200))):
        usable = good_name(name, Place("", 0), Findings())
        if name not in taken and usable:
            return name
    return own


def _draft(report: Report, offers: Offers) -> Draft | None:
    part = report.main
    said = rows_of(part.where, offers.fields)
    period, unit = report.parameters.get(PERIOD), report.parameters.get(UNIT)
    tellable = all(_tellable(column, offers) for column in report.columns.values())
    if said is None or not tellable:
        return None
    columns = tuple(_row_of(column, offers) for column in report.columns.values())
    grouped = not report.is_list
    return Draft(
        label=report.label, help=report.help or report.label, entity=part.entity, grouped=grouped,
        columns=() if grouped else columns, measures=columns if grouped else (),
        groups=tuple(_group_of(group, report, offers) for group in report.groups),
        conditions=said[0], any_of=said[1], when=".".join(part.when),
        period=period.default if period and period.default else "this_month",
        by_place=unit is not None, sort=report.sort, limit=report.limit,
        chart=report.chart.type if report.chart else "",
        x=report.chart.x if report.chart else "",
        series=report.chart.series if report.chart else (), roles=report.readers,
    )  # fmt: skip


def _tellable(column: Column, offers: Offers) -> bool:
    counts = column.way == COUNT and column.operand is None
    return counts or (column.way in (FIELD, *WAYS[1:]) and ".".join(column.path) in offers.fields)


def _row_of(column: Column, offers: Offers) -> Row:
    row = Row(".".join(column.path), column.way, name=column.name, total=column.total)
    label = None if column.label == _label(row, offers) else column.label
    help_ = None if row.way != FIELD and column.help == _help(row, offers) else column.help
    return replace(row, label=label, help=help_)


def _group_of(group: Group, report: Report, offers: Offers) -> Row:
    key = report.main.by.get(group.name)
    row = Row(".".join(key.path) if key else "", each=group.each, name=group.name, help=group.help)
    return replace(row, label=None if group.label == _label(row, offers) else group.label)


def _plain(value: Any) -> Any:
    """A definition without the places at which it stands, to be compared."""
    if isinstance(value, Expression):
        return value.tree
    if is_dataclass(value) and not isinstance(value, type):
        return tuple(
            _plain(getattr(value, one.name)) for one in fields(value) if one.name != "place"
        )
    if isinstance(value, Mapping):
        return tuple((key, _plain(item)) for key, item in value.items())
    return tuple(_plain(item) for item in value) if isinstance(value, tuple) else value
