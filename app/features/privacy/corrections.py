"""Corrections that people ask for in their own record: decided by whoever may edit the field there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.actor import Grant
from app.access.holders import people, role_holders
from app.access.permissions import Access, EntityAccess, HeldRights, Visibility, rule_of
from app.access.row_scope import covered
from app.access.session_scope import lowered
from app.features.privacy.erasure import is_oneself
from app.features.reminders.planning import workdays
from app.features.requests.changing import value_text
from app.features.requests.kinds import Deciders, Kind, Line, Outcome, Payload
from app.features.requests.rules import Request
from app.kernel.errors import Forbidden, Invalid, NotFound, Refused
from app.kernel.messages import Label, _l
from app.language.definitions import Deletion, Entity, Field, Rights, Role, Schema
from app.records import validation
from app.records.columns import read_whole, table_of
from app.records.gateway import Records
from app.records.guarding import kept_values, values_kept
from app.records.preparing import FILE_TYPES, Preparer
from app.records.queries import Row
from app.records.runtime import Runtime
from app.records.titles import title_of
from app.records.tombstones import Cause

# The law asks for an answer in time (Personal Information Protection Law, Art. 46 and 50); this is the promise.
WORKING_DAYS = 15
# A question that nobody answered does not go away by itself.
OPEN_FOR = timedelta(days=365)
LEFT_OUT = ("link", "links", "parent", "reference", "children", "rich_text", "json", "secret", *FILE_TYPES)  # fmt: skip
RECORDED, RIGHT = "recorded", "right"
CHANGED = _l("The field has changed since this was asked for. Refuse it, and let it be asked anew.")


def correctable(records: Records, entity: Entity, row: Row) -> list[Field]:
    """The fields of the actor's own record that he sees, in clear or masked, and may not edit."""
    if not is_oneself(records, entity, row.id):
        return []
    access = records.access.entity(entity.name)
    return [
        field
        for field in entity.settable_fields
        if not field.readonly
        and field.type not in LEFT_OUT
        and access.visibility(field.name, row.covering) is not Visibility.HIDDEN
        and not access.may_set(field.name, Rights.EDIT, row.covering)
    ]


def promised(session: Session, runtime: Runtime) -> date:
    """The day by which what is asked for today is answered."""
    with lowered(session):
        calendar = workdays(session, runtime)
    return calendar.move(runtime.moment().today, WORKING_DAYS)


def payload_of(records: Records, entity: Entity, row: Row, field: Field, right: Any) -> Payload:
    """What is asked for, the values encrypted; ``row`` holds the version.

    Raises Invalid at the field when the value would not be taken.
    """
    before = read_whole(records.session, records.runtime, entity, row.id)
    if before is None:
        raise NotFound
    stored = _checked(records, entity, row, field, right, before)
    kept = {RECORDED: before.get(field.name), RIGHT: stored}
    return {
        "records": [[row.id, before["version"]]],
        "field": field.name,
        "due": promised(records.session, records.runtime).isoformat(),
        "values": kept_values(records.session, kept),
    }


def describe(records: Records, request: Request) -> Sequence[Line]:
    """The record, and the field as it was and as it should be; masked as its reader sees the field."""
    return list(_described(records, request))


def may_request(records: Records, entity: str, payload: Payload) -> None:
    """Raise unless it is a field of the actor's own record that he sees and may not edit."""
    known = records.runtime.entity(entity)
    row = records.get(entity, _number(payload), ())
    if payload["field"] not in [field.name for field in correctable(records, known, row)]:
        raise Forbidden(_l("None of your roles lets you ask for this."))


def may_decide(records: Records, request: Request) -> None:
    """Raise unless the decider sees the record, and may edit the field there himself."""
    name, field = str(request.entity), str(request.payload["field"])
    row = records.get(name, _number(request.payload), ())
    if not records.access.entity(name).may_set(field, Rights.EDIT, row.covering):
        raise Forbidden(_l("None of your roles decides this request."))


def apply(records: Records, request: Request) -> Outcome:
    """Change the field with the decider's own rights, if it still is what it was."""
    name, number = str(request.entity), _number(request.payload)
    kept = values_kept(records.session, request.payload["values"])
    field = str(request.payload["field"])
    before = read_whole(records.session, records.runtime, records.runtime.entity(name), number)
    if before is None or before.get(field) != kept[RECORDED]:
        raise Refused(CHANGED)
    records.because(Cause(request.id, request.reason))
    records.change(name, number, {field: kept[RIGHT]}, int(before["version"]))
    return Outcome(used=True)


def due(request: Request) -> date | None:
    """The day by which an answer was promised."""
    return date.fromisoformat(str(request.payload["due"]))


def ever(access: Access) -> bool:
    """Whether an actor edits records about persons at all."""
    name = access.schema.portal.person_entity
    return name is not None and access.entity(name).allows(Rights.EDIT)


def among(
    session: Session, runtime: Runtime, access: Access, requests: Sequence[Request]
) -> set[int]:
    """The requests about a field that the actor may edit in that very record, by number."""
    found: set[int] = set()
    for name in {str(one.entity) for one in requests if one.entity in access.schema.entities}:
        entity, own = access.entity(name), [one for one in requests if one.entity == name]
        for held in entity.held:
            near = [
                one
                for one in own
                if entity.may_set(str(one.payload["field"]), Rights.EDIT, (held,))
            ]
            if near:
                rows = _within(
                    session, runtime, access, held, {_number(one.payload) for one in near}
                )
                found |= {one.id for one in near if _number(one.payload) in rows}
    return found


def accounts(session: Session, runtime: Runtime, request: Request) -> Iterator[int]:
    """The open accounts that may edit the field in that very record."""
    schema, models = runtime.schema, runtime.models
    entity, field = runtime.entity(str(request.entity)), str(request.payload["field"])
    holders = role_holders(session, schema, models, runtime.moment().today)
    everybody = {one.account: number for number, one in people(session, schema, models).items()}
    editing = {role.name for role in schema.roles.values() if _edits(schema, role, entity, field)}
    for account in sorted(
        {one for (role, _), known in holders.held.items() if role in editing for one in known}
    ):
        actor = holders.actor(schema, account, everybody.get(account))
        if among(session, runtime, Access(schema, actor), [request]):
            yield account


CORRECTION = Kind(
    "correct",
    Label("更正", "Correct"),
    describe,
    may_request,
    may_decide,
    apply,
    lambda payload: [_number(payload)],
    deciders=Deciders(ever, among, accounts),
    open_for=OPEN_FOR,
    due=due,
    same=lambda one, other: one["field"] == other["field"],
)


# Private


def _number(payload: Payload) -> int:
    return int(payload["records"][0][0])


def _edits(schema: Schema, role: Role, entity: Entity, field: str) -> bool:
    rights, grant = role.may.get(entity.name), Grant(role, None)
    if rights is None:
        return False
    held = HeldRights(grant, entity, rights, rule_of(grant, entity))
    return EntityAccess(schema, entity, (held,)).may_set(field, Rights.EDIT)


def _within(
    session: Session, runtime: Runtime, access: Access, held: HeldRights, numbers: Iterable[int]
) -> set[int]:
    """Those of the records that a grant reaches."""
    table = table_of(runtime, held.entity)
    reached = select(table.c.id).where(table.c.id.in_(sorted(numbers)))
    if held.entity.deletion is Deletion.SOFT:
        reached = reached.where(table.c.deleted_at.is_(None))
    criterion = covered(access, runtime.models, runtime.moment(), held)
    with lowered(session):
        return set(session.scalars(reached if criterion is None else reached.where(criterion)))


def _checked(
    records: Records, entity: Entity, row: Row, field: Field, right: Any, before: dict[str, Any]
) -> Any:
    """The value as it would be stored; raises Invalid at the field."""
    name = field.name
    if right is None or right == []:
        raise Invalid({name: (validation.REQUIRED,)})
    preparer = Preparer(records.runtime, records.session, records.access, records.reader)
    ready = preparer.prepared(entity, {name: right}, before)
    if name in ready.problems:
        raise Invalid({name: ready.problems[name]})
    stored = ready.stored.get(name)
    if stored is None:
        raise Invalid({name: (_l("This field is not filled in for this record."),)})
    # Saying so of a masked field would let its value be guessed.
    seen = records.access.entity(entity.name).visibility(name, row.covering)
    if seen is Visibility.CLEAR and stored == before.get(name):
        raise Invalid({name: (_l("This is what is recorded already."),)})
    return stored


def _described(records: Records, request: Request) -> Iterator[Line]:
    entity, payload = records.runtime.entity(str(request.entity)), request.payload
    field = entity.field(str(payload["field"]))
    try:
        row = records.get(entity.name, _number(payload))
    except NotFound:
        yield Line(entity.label, "—")
        return
    yield Line(
        entity.label, title_of(entity, row.values, records.reader.language), entity.name, row.id
    )
    if field is None or field.name not in row.values:
        return
    kept = values_kept(records.session, payload["values"])
    old, new = (
        value_text(records, entity, row, field.name, kept[key]) for key in (RECORDED, RIGHT)
    )
    yield Line(_l("Field"), field.label)
    yield Line(_l("What is recorded"), old)
    yield Line(_l("What is right"), new)
