"""Turns a change into an entry of the audit trail."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from app.access.masking import HIDDEN_TEXT, mask_of, masked
from app.audit.actions import AuditAction
from app.audit.chain import Entry, append
from app.language.definitions import Entity
from app.records.titles import title_of

if TYPE_CHECKING:
    from app.records.writing import Writer


def audit(
    writer: Writer,
    action: AuditAction,
    entity: Entity,
    record_id: int,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
) -> None:
    """Append what changed from ``before`` to ``after``; sensitive values are kept masked."""
    changes: dict[str, list[Any]] = {}
    for name in after:
        old, new = before.get(name), after[name]
        if old != new:
            changes[name] = [plain(writer, entity, name, old), plain(writer, entity, name, new)]
    actor = writer.access.actor
    append(
        writer.session,
        Entry(
            at=writer.runtime.clock.now(),
            account_id=actor.account_id,
            account_name=actor.username,
            action=action,
            revision=writer.runtime.revision,
            entity=entity.name,
            record_id=record_id,
            record_title=title_of(entity, {**before, **after, "id": record_id}, "zh"),
            changes=changes,
            address=writer.address,
        ),
    )


def plain(writer: Writer, entity: Entity, name: str, value: Any) -> Any:
    """A value as JSON, masked when its field is sensitive."""
    field = entity.field(name)
    if value is None or field is None:
        return value
    if field.type == "secret":
        return HIDDEN_TEXT
    if field.sensitivity is not None:
        return masked(value, mask_of(writer.runtime.schema, field))
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value
