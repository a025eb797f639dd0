"""The figures of an audit report: every entry of a period counted once, wherever it is kept."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select, text

from app.audit.actions import AuditAction
from app.audit.archives import FOLDER, read_archive
from app.audit.kinds import EXPORTED, KINDS, LOOKED, RECORDS, kind_of
from app.audit.notes import Checkpoint, parse
from app.storage.audit_tables import AUDIT_ARCHIVE, AUDIT_CHECKPOINT

# How many records an entry tells of, where it says so beside its sealed bytes: nobody knows once that is erased.
COUNT = text(
    "SELECT e.action, e.account_name, e.entity, count(*) AS entries, min(e.id) AS first, max(e.id) AS last,"
    " coalesce(sum(CASE WHEN jsonb_typeof(s.said) = 'number' THEN (s.said #>> '{}')::bigint END), 0)::bigint AS told"
    " FROM portal_audit_entry e LEFT JOIN portal_audit_value v ON v.id = e.id CROSS JOIN LATERAL (SELECT coalesce("
    "  v.told::jsonb -> 'changes' -> 'count' -> 1, v.told::jsonb -> 'changes' -> 'rows',"
    "  v.told::jsonb -> 'changes' -> 'lines') AS said) s"
    " WHERE e.id <= :size AND e.at >= :begin AND e.at < :end GROUP BY 1, 2, 3"
)


@dataclass(frozen=True, slots=True)
class Period:
    """From a day until another, both included, in the time zone of the portal."""

    since: date
    until: date
    zone: ZoneInfo

    @property
    def begin(self) -> datetime:
        """The first moment."""
        return datetime.combine(self.since, time(), self.zone).astimezone(UTC)

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        return datetime.combine(self.until + timedelta(days=1), time(), self.zone).astimezone(UTC)


class Counted(NamedTuple):
    """So many entries of one deed by one account about one kind of record; ``told`` records were named by them."""

    action: str
    account: str
    entity: str | None
    entries: int
    first: int
    last: int
    told: int


@dataclass
class Figures:
    """What was counted. Every figure adds up to ``count``, whichever way it is split."""

    count: int = 0
    first: int = 0
    last: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    deeds: Counter[tuple[str, str]] = field(default_factory=Counter)
    accounts: Counter[tuple[str, str]] = field(default_factory=Counter)
    records: Counter[tuple[str, str]] = field(default_factory=Counter)
    told: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, one: Counted) -> None:
        """Count some entries."""
        kind = kind_of(one.action, one.entity)
        self.count += one.entries
        self.first = min(self.first or one.first, one.first)
        self.last = max(self.last, one.last)
        self.kinds[kind] += one.entries
        self.deeds[kind, one.action] += one.entries
        self.accounts[one.account, kind] += one.entries
        if one.entity is not None and one.action.startswith(RECORDS):
            self.records[one.entity, one.action] += one.entries
        # A file that was made is counted when it is taken.
        if kind in (LOOKED, EXPORTED) and one.action != AuditAction.EXPORT_MADE:
            self.told[one.account, kind] += one.told

    def plain(self) -> dict[str, Any]:
        """As the report spells them: whole numbers, in an order that does not depend on chance."""
        names = sorted({name for name, _ in self.accounts})
        return {
            "entries": {"count": self.count, "first": self.first, "last": self.last},
            "kinds": {kind: self.kinds[kind] for kind in KINDS},
            "deeds": [
                {"action": action, "count": count, "kind": kind}
                for (kind, action), count in sorted(self.deeds.items())
            ],
            "accounts": [self._account(name) for name in names],
            "records": [
                {"action": action, "count": count, "entity": entity}
                for (entity, action), count in sorted(self.records.items())
            ],
        }

    def _account(self, name: str) -> dict[str, Any]:
        kinds = {kind: self.accounts[name, kind] for kind in KINDS if self.accounts[name, kind]}
        told = {f"{kind}_records": self.told[name, kind] for kind in (LOOKED, EXPORTED)}
        return {"account": name, "count": sum(kinds.values()), "kinds": kinds, **told}


def figures_of(connection: Connection, home: Path, period: Period, size: int) -> Figures:
    """Count the first ``size`` entries as far as they are of the period, archived ones too."""
    found = Figures()
    asked = {"size": size, "begin": period.begin, "end": period.end}
    for row in connection.execute(COUNT, asked):
        found.add(Counted(*row))
    for one in _archived(connection, home, period):
        found.add(one)
    return found


def checkpoints_in(connection: Connection, period: Period) -> list[Checkpoint]:
    """The checkpoints that were signed in the period, the smallest first."""
    at = AUDIT_CHECKPOINT.c.at
    wanted = select(AUDIT_CHECKPOINT.c.note).where(at >= period.begin, at < period.end)
    return [
        parse(kept).checkpoint
        for kept in connection.scalars(wanted.order_by(AUDIT_CHECKPOINT.c.size))
    ]


# Private


def _archived(connection: Connection, home: Path, period: Period) -> Iterator[Counted]:
    """Entries that left the database; what they told beside their sealed bytes is gone.

    A file that is missing is told of by the verification.
    """
    names = connection.scalars(select(AUDIT_ARCHIVE.c.name).order_by(AUDIT_ARCHIVE.c.last))
    for place in (home / FOLDER / name for name in names):
        if place.exists():
            header, bodies = read_archive(place)
            yield from _of_period(bodies, int(header["first"]), period)


def _of_period(bodies: Iterable[bytes], first: int, period: Period) -> Iterator[Counted]:
    for seq, body in enumerate(bodies, first):
        said = json.loads(body.rpartition(b"\n")[2])
        if period.begin <= datetime.fromisoformat(said["at"]) < period.end:
            yield Counted(said["action"], said["name"], said.get("entity"), 1, seq, seq, 0)
