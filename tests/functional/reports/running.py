"""Runs a report as somebody and reads its figures by name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from app.access.accounts import load_actor
from app.access.session_scope import install
from app.features.reports.results import Chosen, Linked, Result, TooFew
from app.features.reports.service import ReportRun, open_report
from app.records.gateway import Records, records_for
from app.storage.database import make_sessions, read_only
from tests.support.portals import NOON, Portal


@contextmanager
def records_of(portal: Portal, username: str) -> Iterator[Records]:
    """The door with somebody's rights."""
    sessions = make_sessions(portal.engines.app)
    install(sessions)
    session = sessions()
    account = portal.scalar("SELECT id FROM ab_user WHERE username = :name", name=username)
    actor = load_actor(session, portal.schema, portal.runtime.models, account, NOON.date())
    try:
        with read_only(session):
            yield records_for(portal.runtime, session, actor, "zh")
    finally:
        sessions.remove()


@contextmanager
def records_written(portal: Portal, username: str) -> Iterator[Records]:
    """The door with somebody's rights, to write through."""
    sessions = make_sessions(portal.engines.app)
    install(sessions)
    session, today = sessions(), portal.runtime.moment().today
    account = portal.scalar("SELECT id FROM ab_user WHERE username = :name", name=username)
    actor = load_actor(session, portal.schema, portal.runtime.models, account, today)
    try:
        yield records_for(portal.runtime, session, actor, "zh")
    finally:
        sessions.remove()


@contextmanager
def opened(portal: Portal, username: str, name: str, **given: str) -> Iterator[ReportRun]:
    """A report, opened as somebody; ``period__from`` stands for ``period.from``."""
    with records_of(portal, username) as records:
        texts = {key.replace("__", "."): value for key, value in given.items()}
        yield open_report(records, name, texts)


@dataclass
class Table:
    """The figures of a report as plain values."""

    lines: list[dict[str, Any]]
    before: list[dict[str, Any]]
    alerts: list[set[str]]
    total: dict[str, Any]
    result: Result

    def by(self, column: str) -> dict[Any, dict[str, Any]]:
        """The lines by the value of a column."""
        return {line[column]: line for line in self.lines}

    def column(self, name: str) -> list[Any]:
        """The values of a column."""
        return [line[name] for line in self.lines]


def run(portal: Portal, username: str, name: str, **given: str) -> Table:
    """Run a report as somebody."""
    with opened(portal, username, name, **given) as report:
        result = report.result()
        lines = list(result.lines)
    total = result.total.values if result.total else {}
    return Table(
        [_plain(line.values) for line in lines],
        [_plain(line.before) for line in lines],
        [line.alerts for line in lines],
        _plain(total),
        result,
    )


def figures(line: dict[str, Any], *names: str) -> list[Any]:
    """Some values of a line; numbers as floats, so that they can be written plainly."""
    return [
        float(line[name])
        if line[name] is not None and not isinstance(line[name], bool | str)
        else line[name]
        for name in names
    ]


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {name: _value(value) for name, value in values.items()}


def _value(value: Any) -> Any:
    match value:
        case Linked():
            return value.title
        case Chosen():
            return value.name
        case TooFew():
            return "too few"
        case tuple() if value and isinstance(value[0], tuple) and isinstance(value[0][0], Chosen):
            return tuple((part[0].name, part[1]) for part in value)
        case tuple():
            return tuple(_value(part) for part in value)
    return value
