"""Keeps the periods of a field: the open one ends and another begins, in the transaction of the change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from app.language.definitions import Entity
from app.language.histories import History
from app.records.columns import table_of
from app.records.effects import Taker, as_portal
from app.records.tombstones import StepTaken
from app.storage.columns import column_name


def keep_histories(
    taker: Taker,
    entity: Entity,
    record_id: int,
    before: Mapping[str, Any],
    stored: Mapping[str, Any],
) -> None:
    """Keep the periods of the fields that a change of ``before`` gives another value."""
    changed = [
        one
        for one in entity.histories
        if one.field in stored and stored[one.field] != before.get(one.field)
    ]
    if not changed:
        return
    step = taker.cause.step or StepTaken(entity.name, record_id, "change")
    with as_portal(taker, step) as portal:
        for history in changed:
            _keep(portal, history, record_id, before.get(history.field), stored[history.field])


# Private


def _keep(keeper: Taker, history: History, record_id: int, was: Any, now: Any) -> None:
    """End the open period of a record, and begin one with the value ``now`` unless there is none."""
    runtime = keeper.runtime
    kept_in, moment = runtime.entity(history.kept_in), runtime.clock.now()
    table = table_of(runtime, kept_in)

    def column(name: str) -> Any:
        return table.c[column_name(kept_in.fields[name])]

    opened = select(table.c.id).where(
        column(history.of) == record_id, column(history.until).is_(None)
    )
    for period in list(keeper.session.scalars(opened)):
        keeper.put(kept_in, period, {history.until: moment})
    if now is None:
        return
    values = {history.of: record_id, history.now: now, history.since: moment}
    if history.was is not None:
        values[history.was] = was
    step = keeper.cause.step
    if history.request is not None and step is not None:
        asked = kept_in.fields[history.request]
        values |= {history.request: step.record_id} if asked.target == step.entity else {}
    keeper.made(kept_in, values)
