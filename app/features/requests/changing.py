"""Changes that the guard held back: done as they were meant, once a second person agrees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from app.access.masking import HIDDEN_TEXT, mask_of, masked
from app.features.requests.deletion import may_decide, numbers
from app.features.requests.doing import stated_door, unchanged
from app.features.requests.kinds import Kind, Line, Outcome, Payload
from app.features.requests.rules import Request
from app.kernel.errors import Invalid, NotFound
from app.kernel.messages import Label, _l
from app.language.definitions import Decided, Entity, Rights
from app.language.paths import link_target
from app.records.gateway import Records
from app.records.guarding import values_kept
from app.records.queries import Row
from app.records.titles import load_titles, title_of


def describe(records: Records, request: Request) -> Sequence[Line]:
    """The record, and each value before and after, as far as the reader sees such values clearly."""
    return list(_described(records, request))


def may_request(records: Records, entity: str, payload: Payload) -> None:
    """Raise unless the actor sees the record; that he may change it was looked at before the guard did."""
    if len(payload["records"]) != 1:
        raise Invalid({"": (_l("Choose 1 to %(most)s records.", most=1),)})
    records.get(entity, numbers(payload)[0], ())


def apply(records: Records, request: Request) -> Outcome:
    """Make the change, if the record is still what it was."""
    name, payload = str(request.entity), request.payload
    entity = records.runtime.entity(name)
    whole = frozenset({Rights.READ, Rights.CREATE, Rights.EDIT, Rights.DELETE, Rights.MOVE})
    tables = {str(f.target): whole for f in entity.fields.values() if f.type == "children"}
    # What the values link to is looked up, so it must be seen.
    seen = dict.fromkeys(records.runtime.schema.entities, frozenset({Rights.READ}))
    door = stated_door(records, request, {**seen, name: whole, **tables})
    (number, version), values = payload["records"][0], _values(records, payload)
    if step := payload.get("move"):
        unchanged(partial(door.move, name, number, str(step), version, values))
    else:
        unchanged(partial(door.change, name, number, values, version))
    return Outcome(used=True)


def value_text(records: Records, entity: Entity, row: Row, name: str, value: Any) -> str:
    """A value in a few words; masked as the same field of the record is for this reader."""
    field = entity.field(name)
    if value is None or field is None:
        return "—"
    if name in row.masked:
        return masked(value, mask_of(records.runtime.schema, field)) or HIDDEN_TEXT
    target = link_target(field, entity)
    if target is not None and isinstance(value, int):
        key = (target, value)
        titles = load_titles(records.session, records.runtime, [key], records.reader.language)
        return titles.get(key, "—")
    choice = field.choice(str(value))
    return choice.label.text(records.reader.language) if choice else str(value)


CHANGE = Kind(
    Decided.CHANGE,
    Label("修改", "Change"),
    describe,
    may_request,
    may_decide,
    apply,
    numbers,
)


# Private


def _values(records: Records, payload: Payload) -> dict[str, Any]:
    return values_kept(records.session, payload["values"])


def _described(records: Records, request: Request) -> Iterator[Line]:
    entity = records.runtime.entity(str(request.entity))
    number = numbers(request.payload)[0]
    try:
        row = records.get(entity.name, number)
    except NotFound:
        yield Line(entity.label, "—")
        return
    title = title_of(entity, row.values, records.reader.language)
    yield Line(entity.label, title, entity.name, number)
    step = request.payload.get("move")
    move = entity.states.move(str(step)) if entity.states and step else None
    if move is not None:
        yield Line(_l("Step"), move.label.text(records.reader.language))
    for name, value in _values(records, request.payload).items():
        field = entity.field(name)
        if field is not None and name in row.values:
            old = value_text(records, entity, row, name, row.values[name])
            yield Line(field.label, f"{old} → {value_text(records, entity, row, name, value)}")
