"""Finds the ids of the records that each line tells of, beside its figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from types import MappingProxyType

from app.features.reports.results import Line, Linked
from app.features.reports.telling import Told
from app.language.report_definitions import Column, Report
from app.records.gateway import Records
from app.records.titles import Key


def id_columns(report: Report, told: Sequence[Told]) -> dict[str, Column]:
    """Hidden columns with the ids that do not stand in the result anyway, by names no schema has."""
    return {
        _name(number): one.column(_name(number), report.place)
        for number, one in enumerate(told)
        if not one.shown
    }


def with_ids(report: Report, told: Sequence[Told]) -> Report:
    """The report with hidden columns for the ids of what its lines tell of."""
    more = id_columns(report, told)
    return replace(report, columns=MappingProxyType({**report.columns, **more})) if more else report


def look_at(records: Records, lines: Iterable[Line]) -> None:
    """Have it noted that the records of some lines are about to be shown; raises what keeps them."""
    look_at_titles(records, (key for line in lines for key in line.records))


def look_at_titles(records: Records, keys: Iterable[Key]) -> None:
    """The same for records by their keys, as those that rows name."""
    found: dict[str, list[int]] = {}
    for name, number in keys:
        found.setdefault(name, []).append(number)
    for name, numbers in found.items():
        records.reader.shown(records.runtime.entity(name), numbers)


def records_of(line: Line, told: Sequence[Told]) -> tuple[tuple[str, int], ...]:
    """The records that a line tells of, each once; takes the hidden ids out of its values."""
    found: dict[tuple[str, int], None] = {}
    for number, one in enumerate(told):
        value = line.values.pop(_name(number), None)
        if isinstance(value, int):
            found[one.entity, value] = None
    names = {one.entity for one in told}
    for value in line.values.values():
        if isinstance(value, Linked) and value.entity in names:
            found[value.entity, value.id] = None
    return tuple(found)


# Private


def _name(number: int) -> str:
    return f"told {number}"
