"""What stays of a deleted record: who deleted it, when, on whose request and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import insert, null
from sqlalchemy.orm import Session

from app.access.permissions import Access
from app.language.definitions import Deletion, Entity
from app.records.before import rows_before
from app.records.runtime import Runtime
from app.records.titles import title_of
from app.storage.request_tables import TOMBSTONE


@dataclass(frozen=True, slots=True)
class StepTaken:
    """A step of a record, or its making, that others change along with."""

    entity: str
    record_id: int
    name: str

    def __str__(self) -> str:
        return f"{self.entity}/{self.record_id}/{self.name}"


@dataclass(frozen=True, slots=True)
class Cause:
    """Why something is done: the request that asked for it, its reason, or the step that it comes with."""

    request_id: int | None = None
    reason: str | None = None
    step: StepTaken | None = None

    @property
    def facts(self) -> dict[str, int | str]:
        """What the trail tells of it; nothing of persons."""
        asked: dict[str, int | str] = {"request": self.request_id} if self.request_id else {}
        return asked | ({"step": str(self.step)} if self.step else {})


NO_CAUSE = Cause()


class Burier(Protocol):
    """Who deletes."""

    runtime: Runtime
    session: Session
    access: Access
    cause: Cause


def bury(writer: Burier, entity: Entity, before: Mapping[str, Any]) -> None:
    """Keep who deletes a record and why; of one that goes for good, also its rows as they are."""
    record_id = int(before["id"])
    gone = entity.deletion is Deletion.HARD
    rows: Any = rows_before(writer.runtime, entity, record_id) if gone else null()
    writer.session.execute(
        insert(TOMBSTONE).values(
            entity=entity.name,
            record_id=record_id,
            title=title_of(entity, before, "zh"),
            row=rows,
            at=writer.runtime.clock.now(),
            account_id=writer.access.actor.account_id,
            account_name=writer.access.actor.username,
            request_id=writer.cause.request_id,
            reason=writer.cause.reason,
        )
    )
