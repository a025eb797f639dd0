"""What stands behind one figure: the rows that it was made of, which add up to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, func, literal, select

from app.features.reports.service import ReportRun
from app.kernel.errors import NotFound
from app.language.report_definitions import AGGREGATES, Column, Group
from app.language.report_shapes import group_shape
from app.records.queries import Page, Query

NOTHING = "~"


@dataclass(frozen=True)
class Behind:
    """The rows behind a figure: a page of them, what each gave, and what all of them give together."""

    column: Column
    entity: str
    columns: tuple[str, ...]
    page: Page
    values: Sequence[Any]
    total: Any


def key_texts(keys: Sequence[Any]) -> list[str]:
    """The raw keys of a line as texts for an address."""
    return [NOTHING if key is None else str(key) for key in keys]


def behind(run: ReportRun, name: str, texts: Sequence[str], *, offset: int, limit: int) -> Behind:
    """The rows behind the figure of a column; without keys, behind its total. Raises NotFound."""
    column = run.report.columns.get(name)
    shown = run.columns().get(name)
    if column is None or shown is None or not shown.drill or column.way not in AGGREGATES:
        raise NotFound
    part = run.report.parts[column.part]
    query = run.query(part)
    where = query.of_line(column, _keys(run, texts))
    entity = run.records.runtime.entity(part.entity)
    columns = part.shows or entity.list.columns
    plain = column.path[0] if len(column.path) == 1 else ""
    if plain and plain not in columns:
        columns = (*columns, plain)
    operand: ColumnElement[Any] = literal(1)
    if column.operand is not None:
        operand = query.value(query.compiler, column.operand.tree)
    asked = Query(part.entity, tuple(columns), offset=offset, limit=limit)
    page, values = run.records.reader.chosen(asked, where, operand)
    model: Any = run.records.runtime.models.classes[part.entity]
    total: Any = page.total
    if column.way == "sum":
        total = run.records.session.scalar(
            select(func.coalesce(func.sum(operand), 0)).select_from(model).where(*where)
        )
    return Behind(column, part.entity, tuple(columns), page, values, total)


# Private


def _keys(run: ReportRun, texts: Sequence[str]) -> list[Any]:
    if not texts:
        return []
    if len(texts) != len(run.report.groups):
        raise NotFound
    return [_key(run, group, text) for group, text in zip(run.report.groups, texts, strict=True)]


def _key(run: ReportRun, group: Group, text: str) -> Any:
    if text == NOTHING:
        return None
    shape = group_shape(run.records.runtime.schema.entities, run.report, group)
    try:
        return _READ.get("link" if shape.target else shape.kind, str)(text)
    except (KeyError, ValueError) as fault:
        raise NotFound from fault


_READ: Mapping[str, Any] = {
    "link": int,
    "integer": int,
    "date": date.fromisoformat,
    "month": date.fromisoformat,
    "yes_no": lambda text: {"True": True, "False": False}[text],
}
