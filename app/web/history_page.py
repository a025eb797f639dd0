"""What was done to a record, as its reader may see it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from app.access.masking import mask_of, masked
from app.access.permissions import Visibility
from app.kernel.messages import Message, _l
from app.language.definitions import Entity, Field
from app.records.queries import Row
from app.records.titles import load_titles
from app.web import contexts
from app.web.cells import EMPTY, Shower
from app.web.list_page import shower_for
from app.web.locale import datetime_text, say
from app.web.state import Scope

REVEALED = "viewing:revealed"
TONES = {
    "record:created": "success",
    "record:removed": "danger",
    "record:moved": "info",
    REVEALED: "warning",
}
# Told to those who look after the trail alone: that a record is a canary, and who was stopped.
KEPT = ("viewing:canary", "viewing:stopped", "viewing:reveal_stopped")
DEEDS = {
    "record:created": _l("created"),
    "record:changed": _l("changed"),
    "record:moved": _l("changed state"),
    "record:removed": _l("deleted"),
    "record:restored": _l("put back"),
    "record:erased": _l("erased the personal data"),
    "viewing:shown": _l("looked at it"),
    REVEALED: _l("uncovered"),
    "viewing:values": _l("saw sensitive values in clear"),
}


def history_context(
    scope: Scope, entity: Entity, record_id: int, before: int | None
) -> contexts.HistoryContext:
    """What was done to a record; values of fields that the reader may not see are left out."""
    size = 20
    found = scope.records.history(entity.name, record_id, before=before, limit=size)
    row = scope.records.get(entity.name, record_id, ())
    links = scope.records.reader.links_in
    wanted = {
        key
        for entry in found
        for name, pair in entry["changes"].items()
        for value in pair
        if isinstance(value, int | list | str)
        for key in links(entity, name, value)
    }
    titles = load_titles(scope.session, scope.state.runtime, wanted, scope.language)
    shower = shower_for(scope, titles)
    entries = tuple(
        _entry(scope, entity, row, shower, entry) for entry in found if entry["action"] not in KEPT
    )
    more = (
        f"/{entity.name}/history/{record_id}?before={found[-1]['id']}" if len(found) == size else ""
    )
    return contexts.HistoryContext(entries, more)


# Private


def _entry(
    scope: Scope, entity: Entity, row: Row, shower: Shower, entry: dict[str, Any]
) -> contexts.HistoryEntry:
    access = scope.access.entity(entity.name)
    changes = []
    for name, (old, new) in entry["changes"].items():
        field = entity.fields.get(name)
        seen = access.visibility(name, row.covering)
        if field is None or seen is Visibility.HIDDEN:
            continue
        mask = mask_of(scope.schema, field) if seen is Visibility.MASKED else ""
        texts = [
            masked(value, mask) or "" if mask else value_text(entity, field, shower, value)
            for value in (old, new)
        ]
        changes.append(contexts.HistoryChange(field.label.text(scope.language), *texts))
    action = str(entry["action"])
    if action == REVEALED:
        changes += _revealed(scope, entity, row, entry)
    at: datetime = entry["at"]
    return contexts.HistoryEntry(
        at=datetime_text(at, scope.state.runtime.zone),
        who=entry["account_name"],
        what=say(DEEDS.get(action, Message(action)), scope.language),
        tone=TONES.get(action, "neutral"),
        changes=tuple(changes),
    )


def _revealed(
    scope: Scope, entity: Entity, row: Row, entry: dict[str, Any]
) -> Iterator[contexts.HistoryChange]:
    """The field that somebody uncovered, and for what."""
    told = entry["changes"]
    field = entity.fields.get((told.get("revealed_field") or ["", ""])[1])
    access = scope.access.entity(entity.name)
    if field and access.visibility(field.name, row.covering) is not Visibility.HIDDEN:
        reason = (told.get("revealed_for") or ["", ""])[1]
        yield contexts.HistoryChange(field.label.text(scope.language), "", str(reason))


def value_text(entity: Entity, field: Field, shower: Shower, value: Any) -> str:
    if value is None:
        return ""
    if (
        field.type
        in ("choice", "choices", "tags", "links", "yes_no", "link", "parent", "reference")
        and field.sensitivity is None
    ):
        cell = shower.value(entity, field, value) if value != [] else EMPTY
        return cell.text or ", ".join(part.text for part in cell.parts)
    return str(value)
