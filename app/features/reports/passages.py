"""How lines that tell of records leave: by a grant, each with its mark, canaries told of on the way."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy.orm import Session

from app.features.exports import grants, rules
from app.features.exports.trail import watermark
from app.features.reports.results import Line
from app.features.reports.service import ReportRun
from app.features.viewing.canaries import tell_of_canaries
from app.kernel.errors import Forbidden, Refused
from app.kernel.messages import Message, _l
from app.storage.database import unit_of_work

CHUNK = 500


@dataclass(frozen=True)
class Passage:
    """The grant by which a report leaves; ``said`` heads the file: who takes it, when, by which grant."""

    number: int
    entity: str
    secret: str
    most_rows: int
    said: Message
    canaries: Callable[[str, Sequence[int]], None]
    requested: bool = False

    def marked(self, lines: Iterable[Line]) -> Iterator[Line]:
        """The lines with their marks; raises Refused for more than were granted."""
        stream, count = iter(lines), 0
        while chunk := list(islice(stream, CHUNK)):
            count += len(chunk)
            if count > self.most_rows:
                raise Refused(
                    _l("There are more rows now than the %(most)s that were granted. Nothing was exported.",
                       most=self.most_rows)
                )  # fmt: skip
            self._tell(chunk)
            for line in chunk:
                line.mark = rules.mark_of(self.secret, self.number, self.entity, self._record(line))
            yield from chunk

    # Private

    def _record(self, line: Line) -> int:
        """The record by which the mark of a line is found again."""
        return next((number for name, number in line.records if name == self.entity), 0)

    def _tell(self, lines: Iterable[Line]) -> None:
        found: dict[str, set[int]] = {}
        for line in lines:
            for name, number in line.records:
                found.setdefault(name, set()).add(number)
        for name, numbers in found.items():
            self.canaries(name, sorted(numbers))


def asked_of(run: ReportRun, kind: str) -> dict[str, Any]:
    """What is asked for as plain values, down to the definition of the report: what a grant seals."""
    report = run.report
    shown = [column.label for column in run.columns().values() if column.withheld is None]
    return {
        "report": report.name,
        "title": report.label.zh,
        "texts": dict(run.asked.texts),
        "where": [part.where.text for part in report.parts.values() if part.where is not None],
        "shown": [[label.zh, label.en] for label in shown],
        "definition": hashlib.sha256(repr(report).encode()).hexdigest(),
        "entity": run.tells[0],
        "entities": list(run.tells),
        "format": kind,
    }


def own_passage(run: ReportRun, kind: str, secret: str, rows: int | None = None) -> Passage | None:
    """A grant to whoever may take such records at once; None for figures, which need none.

    Raises Forbidden.
    """
    if not run.tells:
        return None
    refused = run.may_take(kind)
    if refused is not None:
        raise Forbidden(refused)
    records = run.records
    account, now = records.access.actor.account_id, records.runtime.clock.now()
    assert account is not None
    most = rows if rows is not None else rules.MOST_ROWS
    number = grants.give(records.session, asked_of(run, kind), account, most, now)
    said = watermark(records.runtime, records.access.actor, number, None)
    return Passage(number, run.tells[0], secret, most, said, _canaries(run))


def same(run: ReportRun, asked: Mapping[str, Any]) -> bool:
    """Whether a report is still the one that was asked for."""
    return asked_of(run, str(asked["format"])) == dict(asked)


# Private


def _canaries(run: ReportRun) -> Callable[[str, Sequence[int]], None]:
    records = run.records

    def tell(entity: str, ids: Sequence[int]) -> None:
        """Told in a transaction of its own, whether or not the file is ever finished."""
        with Session(records.session.get_bind()) as session, unit_of_work(session):
            tell_of_canaries(session, records.runtime, records.access.actor, entity, ids)

    return tell
