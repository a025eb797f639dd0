"""The one place that writes to the audit trail."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from app.audit.entries import Entry
from app.audit.naming import told_under
from app.audit.sealing import add
from app.storage.audit_tables import AUDIT
from app.storage.former_names import Called, names_of

__all__ = ["Entry", "append", "fields_changed_since", "of_record"]


def append(door: Session | Connection, entry: Entry) -> None:
    """Write ``entry`` in the transaction of the deed itself, sealed as its last step."""
    add(door, entry)


def of_record(
    session: Session, entity: str, record_id: int, *, before: int | None, limit: int
) -> list[dict[str, Any]]:
    """The entries of a record, newest first, older than entry ``before``, under the names of today.

    The trail is sealed: what was renamed since stands there under its former names.
    """
    names = names_of(session, entity)
    statement = select(AUDIT).where(told_under(AUDIT, names), AUDIT.c.record_id == record_id)
    if before is not None:
        statement = statement.where(AUDIT.c.id < before)
    rows = session.execute(statement.order_by(AUDIT.c.id.desc()).limit(limit))
    return [_told_today(dict(row), names) for row in rows.mappings()]


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


# Private


def _told_today(entry: dict[str, Any], names: tuple[Called, ...]) -> dict[str, Any]:
    called = next((one for one in reversed(names) if entry["revision"] >= one.since), names[0])
    changes = called.today(entry["changes"] or {})
    return {**entry, "entity": names[-1].name, "changes": changes}
