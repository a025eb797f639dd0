"""Turns a change into an entry of the audit trail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from app.access.actor import Actor
from app.access.masking import HIDDEN_TEXT, mask_of, masked
from app.audit.actions import AuditAction
from app.audit.chain import Entry, append
from app.language.definitions import Entity, Schema
from app.records.runtime import Runtime
from app.records.titles import title_of


@dataclass(frozen=True)
class Trail:
    """Notes what one actor does in one session."""

    runtime: Runtime
    session: Session
    actor: Actor
    address: str | None

    def note(
        self,
        action: AuditAction,
        entity: Entity,
        record_id: int,
        before: Mapping[str, Any],
        after: Mapping[str, Any],
        facts: Mapping[str, int | str] | None = None,
    ) -> None:
        """Append what changed from ``before`` to ``after``; sensitive values are kept masked.

        ``facts`` say what it was done on: the number of a request, a step of another record.
        """
        changes = {
            name: [self._plain(entity, name, before.get(name)), self._plain(entity, name, value)]
            for name, value in after.items()
            if before.get(name) != value
        }
        append(
            self.session,
            Entry(
                at=self.runtime.clock.now(),
                account_id=self.actor.account_id,
                account_name=self.actor.username,
                action=action,
                revision=self.runtime.revision,
                entity=entity.name,
                record_id=record_id,
                record_title=title_of(entity, {**before, **after, "id": record_id}, "zh"),
                changes=changes,
                address=self.address,
                facts=facts or {},
            ),
        )

    def _plain(self, entity: Entity, name: str, value: Any) -> Any:
        return plain(self.runtime.schema, entity, name, value)


def plain(schema: Schema, entity: Entity, name: str, value: Any) -> Any:
    """A value as JSON, masked when its field is sensitive."""
    field = entity.field(name)
    if value is None or field is None:
        return value
    if field.type == "secret":
        return HIDDEN_TEXT
    if field.sensitivity is not None:
        return masked(value, mask_of(schema, field))
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value
