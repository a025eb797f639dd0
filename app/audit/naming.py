"""Finds and tells sealed entries of what was renamed since: they stand under the names of their own day for good."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, and_, or_
from sqlalchemy.orm import Session

from app.storage.former_names import Called, bearers, names_of

Entries = list[dict[str, Any]]


def about(door: Session | Connection, table: FromClause, entity: str) -> ColumnElement[bool]:
    """The entries of ``table`` about an entity of today, under whatever it was called."""
    return told_under(table, names_of(door, entity))


def told_under(table: FromClause, names: Iterable[Called]) -> ColumnElement[bool]:
    """The entries that were told under these names while they were in force."""
    return or_(*(_within(table, called) for called in names))


def under_names_of_today(
    door: Session | Connection, entries: Iterable[Mapping[str, Any]]
) -> Entries:
    """Entries with entity and fields as they are called today; those of what is gone stay as they are."""
    found = [dict(entry) for entry in entries]
    known = bearers(door, {entry["entity"] for entry in found if entry["entity"]})
    return [_today(entry, known) for entry in found]


# Private


def _within(table: FromClause, called: Called) -> ColumnElement[bool]:
    told = [table.c.entity == called.name]
    if called.since:
        told.append(table.c.revision >= called.since)
    if called.until is not None:
        told.append(table.c.revision < called.until)
    return and_(*told)


def _today(entry: dict[str, Any], known: Iterable[tuple[Called, ...]]) -> dict[str, Any]:
    for names in known:
        for called in names:
            if called.covers(entry["entity"], entry["revision"]):
                told = called.today(entry["changes"] or {})
                return {**entry, "entity": names[-1].name, "changes": told}
    return entry
