"""The one place that writes to the audit trail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select
from sqlalchemy.orm import Session

from app.audit.actions import AuditAction
from app.storage.tables import AUDIT


@dataclass(frozen=True, slots=True)
class Entry:
    """A deed. ``changes`` maps a field to its value before and after, masked where sensitive."""

    at: datetime
    account_id: int | None
    account_name: str
    action: AuditAction
    revision: int
    entity: str | None = None
    record_id: int | None = None
    record_title: str | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    address: str | None = None


def append(session: Session | Connection, entry: Entry) -> None:
    """Write ``entry`` in the transaction of the deed itself."""
    session.execute(
        insert(AUDIT).values(
            at=entry.at,
            account_id=entry.account_id,
            account_name=entry.account_name,
            action=entry.action,
            revision=entry.revision,
            entity=entry.entity,
            record_id=entry.record_id,
            record_title=entry.record_title,
            changes=dict(entry.changes),
            address=entry.address,
        )
    )


def of_record(
    session: Session, entity: str, record_id: int, *, before: int | None, limit: int
) -> list[dict[str, Any]]:
    """The entries of a record, newest first, older than entry ``before``."""
    statement = select(AUDIT).where(AUDIT.c.entity == entity, AUDIT.c.record_id == record_id)
    if before is not None:
        statement = statement.where(AUDIT.c.id < before)
    rows = session.execute(statement.order_by(AUDIT.c.id.desc()).limit(limit))
    return [dict(row) for row in rows.mappings()]


def fields_changed_since(session: Session, entity: str, record_id: int, version: int) -> set[str]:
    """The fields of a record that were saved after it had ``version``."""
    entries = of_record(session, entity, record_id, before=None, limit=100)
    return {
        name
        for entry in entries
        if (entry["changes"].get("version") or [0, 0])[1] > version
        for name in entry["changes"]
        if name != "version"
    }
