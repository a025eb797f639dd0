"""The look-back: how much each account looked at, searched and took along in a period, beside the time before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Integer, case, cast, func, or_, select
from sqlalchemy.orm import Session

from app.audit.actions import AuditAction
from app.audit.naming import about
from app.records.runtime import Runtime
from app.storage.audit_tables import AUDIT_ENTRY
from app.storage.viewing_tables import VIEWED

LATE, EARLY = 20, 7
FILES = (AuditAction.EXPORT_TAKEN, AuditAction.REPORT_TAKEN)
STOPPED = (AuditAction.EXPORT_BLOCKED, AuditAction.VIEWING_STOPPED, AuditAction.REVEALING_STOPPED)
# All that is looked back at; every figure can be counted again from these entries.
DEEDS = (AuditAction.RECORDS_SHOWN, AuditAction.VALUES_READ, AuditAction.SEARCHED, AuditAction.VALUE_REVEALED,
         AuditAction.CANARY_SEEN, *FILES, *STOPPED)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Period:
    """What is looked back at: one kind of records, so many days up to ``today``, one account or all."""

    entity: str
    days: int
    today: date
    account: int | None = None

    @property
    def since(self) -> date:
        """The first day."""
        return self.today - timedelta(days=self.days - 1)


@dataclass(frozen=True, slots=True)
class Looked:
    """What one account looked at in a period, and before it in as many days.

    ``values`` are records whose sensitive values were seen in clear, ``searches`` those in this kind of
    records and those everywhere; ``files`` and being stopped are counted over everything.
    """

    account_id: int
    records: int = 0
    before: int = 0
    days: int = 0
    most: int = 0
    late: int = 0
    values: int = 0
    searches: int = 0
    files: int = 0
    stopped: int = 0


def looked_at(session: Session, runtime: Runtime, period: Period) -> list[Looked]:
    """What each account looked at, those with the most records first."""
    seen, days = _seen(session, period), _days(session, runtime, period)
    deeds = _deeds(session, runtime, period)
    found = [
        Looked(account, **seen.get(account, {}), **days.get(account, {}), **deeds.get(account, {}))
        for account in seen.keys() | deeds.keys()
    ]
    return sorted(found, key=lambda one: (-one.records, -one.searches, one.account_id))


def deeds_since(account: int, since: date, runtime: Runtime) -> ColumnElement[bool]:
    """The entries from which the figures of an account can be counted again."""
    columns = AUDIT_ENTRY.c
    return (
        (columns.account_id == account)
        & columns.action.in_(DEEDS)
        & (columns.at >= _midnight(since, runtime))
    )


# Private


def _mine(period: Period) -> ColumnElement[bool]:
    mine = VIEWED.c.entity == period.entity
    return mine if period.account is None else mine & (VIEWED.c.account_id == period.account)


def _seen(session: Session, period: Period) -> dict[int, dict[str, int]]:
    """How many different records, within the period and before it."""
    before = period.today - timedelta(days=2 * period.days - 1)
    distinct = func.count(func.distinct(VIEWED.c.record_id))
    rows = session.execute(
        select(
            VIEWED.c.account_id,
            distinct.filter(VIEWED.c.day >= period.since).label("records"),
            distinct.filter(VIEWED.c.day < period.since).label("before"),
        )
        .where(_mine(period), VIEWED.c.day >= before)
        .group_by(VIEWED.c.account_id)
    )
    return {row.account_id: {"records": row.records, "before": row.before} for row in rows}


def _days(session: Session, runtime: Runtime, period: Period) -> dict[int, dict[str, int]]:
    """On how many days, at most how many in one, and how many of them at night."""
    hour = cast(func.date_part("hour", func.timezone(runtime.zone.key, VIEWED.c.first_at)), Integer)
    per_day = (
        select(
            VIEWED.c.account_id,
            VIEWED.c.day,
            func.count().label("records"),
            func.sum(case(((hour >= LATE) | (hour < EARLY), 1), else_=0)).label("late"),
        )
        .where(_mine(period), VIEWED.c.day >= period.since)
        .group_by(VIEWED.c.account_id, VIEWED.c.day)
        .subquery()
    )
    rows = session.execute(
        select(
            per_day.c.account_id, func.count().label("days"),
            func.max(per_day.c.records).label("most"), func.sum(per_day.c.late).label("late"),
        ).group_by(per_day.c.account_id)
    )  # fmt: skip
    return {
        row.account_id: {"days": row.days, "most": row.most, "late": int(row.late)} for row in rows
    }


def _deeds(session: Session, runtime: Runtime, period: Period) -> dict[int, dict[str, int]]:
    """What the trail tells: sensitive values, searches, files, and how often somebody was stopped."""
    columns, here = AUDIT_ENTRY.c, about(session, AUDIT_ENTRY, period.entity)

    def counted(*deeds: AuditAction) -> Any:
        return columns.action.in_(deeds)

    searched = counted(AuditAction.SEARCHED) & or_(here, columns.entity.is_(None))
    values = counted(AuditAction.VALUES_READ) & here
    wanted = or_(searched, values, counted(*FILES), counted(*STOPPED))
    named = columns.account_id.is_not(None) & (columns.at >= _midnight(period.since, runtime))
    if period.account is not None:
        named &= columns.account_id == period.account
    rows = session.execute(
        select(
            columns.account_id,
            func.count(func.distinct(columns.record_id)).filter(values).label("values"),
            func.count().filter(searched).label("searches"),
            func.count().filter(counted(*FILES)).label("files"),
            func.count().filter(counted(*STOPPED)).label("stopped"),
        )
        .where(named, wanted)
        .group_by(columns.account_id)
    ).mappings()
    return {row["account_id"]: {name: row[name] for name in ("values", "searches", "files", "stopped")}
            for row in rows}  # fmt: skip


def _midnight(day: date, runtime: Runtime) -> datetime:
    return datetime.combine(day, time(), runtime.zone).astimezone(UTC)
