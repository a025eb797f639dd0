"""Searches the audit trail, and says how it stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, select, text, true
from sqlalchemy.orm import Session

from app.access.actor import Actor
from app.audit.checkpoints import newest
from app.audit.naming import about, under_names_of_today
from app.audit.notes import Checkpoint
from app.storage.audit_tables import AUDIT, AUDIT_ENTRY, AUDIT_HEAD, AUDIT_VALUE
from app.storage.task_tables import TASK

PART = "trail"
VERIFY_KIND = "trail_verify"
# From name to name along the index, so that a million entries are not read for twenty accounts.
NAMES = text(
    "WITH RECURSIVE known AS ("
    " (SELECT account_name FROM portal_audit_entry ORDER BY account_name LIMIT 1) UNION ALL"
    " SELECT (SELECT e.account_name FROM portal_audit_entry e WHERE e.account_name > k.account_name"
    "  ORDER BY e.account_name LIMIT 1) FROM known k WHERE k.account_name IS NOT NULL)"
    " SELECT account_name FROM known WHERE account_name IS NOT NULL LIMIT 500"
)


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for; days are those of the reader's clock, both included."""

    account: str = ""
    entity: str = ""
    record: int | None = None
    action: str = ""
    since: date | None = None
    until: date | None = None
    words: str = ""

    @property
    def asked(self) -> dict[str, Any]:
        """What was asked for, as the trail tells of the search."""
        told = {"account": self.account, "entity": self.entity, "record": self.record, "action": self.action,
                "since": self.since, "until": self.until, "words": self.words}  # fmt: skip
        return {name: value for name, value in told.items() if value not in ("", None)}


@dataclass(frozen=True, slots=True)
class Standing:
    """How the trail stands: its size, the newest checkpoint, and the last verification with its faults."""

    size: int
    checkpoint: Checkpoint | None
    verified_at: datetime | None
    verified: dict[str, Any]


def may_read(actor: Actor) -> bool:
    """Whether the actor looks after the trail."""
    return actor.administers(PART)


def conditions(session: Session, search: Search, zone: ZoneInfo) -> ColumnElement[bool]:
    """What the sealed entries must meet; what was renamed since is found under its former names, too."""
    columns = AUDIT_ENTRY.c
    found: ColumnElement[bool] = true()
    for column, wanted in (
        (columns.account_name, search.account),
        (columns.record_id, search.record), (columns.action, search.action),
    ):  # fmt: skip
        if wanted not in ("", None):
            found &= column == wanted
    if search.entity:
        found &= about(session, AUDIT_ENTRY, search.entity)
    if search.since is not None:
        found &= columns.at >= _midnight(search.since, zone)
    if search.until is not None:
        found &= columns.at < _midnight(search.until + timedelta(days=1), zone)
    if search.words:
        told = select(AUDIT_VALUE.c.id).where(
            AUDIT_VALUE.c.id == columns.id,
            AUDIT_VALUE.c.told.icontains(search.words, autoescape=True),
        )
        found &= told.exists()
    return found


def find(
    session: Session, search: Search, zone: ZoneInfo, *, before: int | None, limit: int
) -> list[dict[str, Any]]:
    """Entries as ``portal_audit`` tells them, newest first, older than number ``before``, by the names of today."""
    wanted = select(AUDIT_ENTRY.c.id).where(conditions(session, search, zone))
    if before is not None:
        wanted = wanted.where(AUDIT_ENTRY.c.id < before)
    ids = wanted.order_by(AUDIT_ENTRY.c.id.desc()).limit(limit).subquery()
    statement = select(AUDIT).join(ids, ids.c.id == AUDIT.c.id).order_by(AUDIT.c.id.desc())
    rows = session.execute(statement).mappings()
    return under_names_of_today(session, (dict(row) for row in rows))


def standing(session: Session) -> Standing:
    """How the trail stands."""
    size = int(session.scalar(select(AUDIT_HEAD.c.size)) or 0)
    last = session.execute(
        select(TASK.c.ended_at, TASK.c.result)
        .where(TASK.c.kind == VERIFY_KIND, TASK.c.state == "done")
        .order_by(TASK.c.id.desc()).limit(1)
    ).first()  # fmt: skip
    return Standing(
        size,
        newest(session),
        last.ended_at if last else None,
        dict(last.result or {}) if last else {},
    )


def known_accounts(session: Session) -> Iterator[str]:
    """The names under which something was done."""
    yield from session.scalars(NAMES)


# Private


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
