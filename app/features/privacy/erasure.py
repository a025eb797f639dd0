"""Erasing a person on request: the values go, the record stays with its number, and the trail still verifies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import update

from app.access.permissions import Visibility
from app.audit.actions import AuditAction
from app.audit.chain import append
from app.audit.entries import Entry
from app.audit.erasing import erase
from app.features.privacy.plans import Part, Plan, plan_for
from app.features.requests.kinds import Kind, Line, Outcome, Payload
from app.features.requests.rules import Request
from app.kernel.errors import Forbidden, Invalid, Refused
from app.kernel.messages import Label, _l
from app.language.definitions import Decided, Entity, Rights
from app.records.columns import read_whole
from app.records.erasing import erase_values
from app.records.gateway import Records
from app.records.queries import Row
from app.records.titles import load_titles, title_of
from app.storage.privacy_tables import PUT_AWAY
from app.tasks.outbox import NewTask, enqueue

MOST_DUE = 100
PUT_AWAY_KIND = "privacy_put_away"
CHANGED = _l("A record has changed since this was asked for. Refuse it, and let it be asked anew.")


def payload_of(plan: Plan) -> Payload:
    """The record in the version that was looked at."""
    return {"records": [[plan.record_id, plan.version]]}


def numbers(payload: Payload) -> list[int]:
    """The ids of the records."""
    return [int(pair[0]) for pair in payload["records"]]


def is_due(payload: Payload) -> bool:
    """Whether a batch is to be put away because its time is over."""
    return payload.get("due") is True


def is_oneself(records: Records, entity: Entity, record_id: int) -> bool:
    """Whether the record is the actor's own, as a person."""
    person = records.access.actor.person_id
    known = records.runtime.schema.portal.person_entity
    return entity.name == known and person is not None and person == record_id


def may_ask(records: Records, entity: Entity, row: Row) -> bool:
    """Whether the actor may ask for an erasure: for himself, or for what he may delete or ask to delete."""
    access, right = records.access.entity(entity.name), Rights.DELETE
    own = is_oneself(records, entity, row.id)
    return own or access.allows(right, row.covering) or access.asks(right, row.covering)


def describe(records: Records, request: Request) -> Sequence[Line]:
    """The person, what would be erased, and what the law has kept until when."""
    return list(_described(records, request))


def may_request(records: Records, entity: str, payload: Payload) -> None:
    """Raise unless the actor may ask, and something may be erased today."""
    known, due = records.runtime.entity(entity), is_due(payload)
    if known.subject is None or not 0 < len(payload["records"]) <= (MOST_DUE if due else 1):
        raise Invalid({"": (_l("This is no record about a person."),)})
    for number in numbers(payload):
        row = records.get(entity, number, ())
        if not may_ask(records, known, row):
            raise Forbidden(_l("None of your roles lets you ask for this."))
        refuse_changed(plan_for(records.session, records.runtime, known, number, due=due), payload)


def may_decide(records: Records, request: Request) -> None:
    """Raise NotFound unless the decider sees every record."""
    for number in numbers(request.payload):
        records.get(str(request.entity), number, ())


def apply(records: Records, request: Request) -> Outcome:
    """Erase what may be erased on this day; a batch of what is due goes to archives first, in the background."""
    entity = records.runtime.entity(str(request.entity))
    if is_due(request.payload):
        title = Label(f"归档到期的{entity.label.zh}", f"Put away {entity.label.en}")
        new = NewTask(
            PUT_AWAY_KIND, title, {"request": request.id}, records.access.actor.account_id,
            records.reader.language,
        )  # fmt: skip
        enqueue(records.session, records.runtime, new)
        return Outcome(used=False)
    for number in numbers(request.payload):
        plan = plan_for(records.session, records.runtime, entity, number)
        refuse_changed(plan, request.payload)
        erase_plan(records, plan, request.id)
        _forget_archives(records, entity, number)
    return Outcome(used=True)


def erase_plan(
    records: Records, plan: Plan, request_id: int, until: datetime | None = None
) -> list[tuple[str, int]]:
    """Erase the values of a plan, and what the trail told of those records (before ``until``).

    Returns the records that lost something.
    """
    return [
        (part.entity.name, number)
        for part in plan.parts
        for number in part.ids
        if erase_part(records, part, number, {"request": request_id}, until)
    ]


def erase_part(
    records: Records,
    part: Part,
    number: int,
    cause: Mapping[str, Any],
    until: datetime | None = None,
) -> bool:
    """Erase the values of a part in one of its records, and what the trail told of it (before ``until``).

    ``cause`` is a plain word or number under a name, such as the request. Whether there was something.
    """
    session, runtime, actor = records.session, records.runtime, records.access.actor
    names = erase_values(session, runtime, part.entity, number, part.erased)
    if not names:
        return False
    values = read_whole(session, runtime, part.entity, number) or {}
    entry = Entry(
        at=runtime.clock.now(), account_id=actor.account_id, account_name=actor.username,
        action=AuditAction.RECORD_ERASED, revision=runtime.revision, entity=part.entity.name,
        record_id=number, record_title=title_of(part.entity, {**values, "id": number}, "zh"),
        changes={**{key: [None, value] for key, value in cause.items()}, "fields": [None, names]},
        facts={"fields": names, **cause},
    )  # fmt: skip
    # The values go from the trail first, so that the entry about it keeps its own.
    erase(session, _bare(entry), until)
    append(session, entry)
    return True


def refuse_changed(plan: Plan, payload: Payload) -> None:
    """Raise Refused unless the record is the one that was looked at."""
    if [plan.record_id, plan.version] not in [list(pair) for pair in payload["records"]]:
        raise Refused(CHANGED)


ERASURE = Kind(
    Decided.ERASE,
    Label("删除个人信息", "Erase personal data"),
    describe,
    may_request,
    may_decide,
    apply,
    numbers,
)


# Private


def _forget_archives(records: Records, entity: Entity, number: int) -> None:
    """What was put away of the person goes too: the files that nothing leads to are removed every night."""
    mine = (PUT_AWAY.c.entity == entity.name) & (PUT_AWAY.c.record_id == number)
    records.session.execute(update(PUT_AWAY).where(mine).values(name=None, sha256=None))


def _bare(entry: Entry) -> Entry:
    return Entry(
        entry.at, entry.account_id, entry.account_name, AuditAction.VALUES_ERASED, entry.revision,
        entity=entry.entity, record_id=entry.record_id,
    )  # fmt: skip


def _described(records: Records, request: Request) -> Iterator[Line]:
    session, runtime = records.session, records.runtime
    entity = runtime.entity(str(request.entity))
    keys = [(entity.name, number) for number in numbers(request.payload)]
    titles = load_titles(session, runtime, keys, records.reader.language)
    for key in keys:
        yield Line(entity.label, titles.get(key, "—"), *(key if key in titles else ()))
        if request.state != "pending":
            continue
        try:
            plan = plan_for(session, runtime, entity, key[1], due=is_due(request.payload))
        except Refused as refused:
            yield Line(_l("Stands against it"), refused.message)
            continue
        for part in plan.parts:
            yield from _told(records, part)


def _told(records: Records, part: Part) -> Iterator[Line]:
    access = records.access.entity(part.entity.name)
    seen = [
        field
        for field in (*part.erased, *(part.entity.fields[name] for name in part.kept))
        if access.visibility(field.name) is not Visibility.HIDDEN
    ]
    erased = [field for field in seen if field.name not in part.kept]
    if erased and part.ids:
        count = len(part.ids)
        text = _l("%(what)s (%(count)s records): %(fields)s",
                  what=part.entity.label, count=count, fields=_listed([f.label for f in erased]))  # fmt: skip
        yield Line(_l("Erased"), text)
    for field in seen:
        if field.name in part.kept and part.ids:
            text = _l("%(field)s until %(day)s",
                      field=field.label, day=part.kept[field.name].isoformat())  # fmt: skip
            yield Line(_l("Kept by law"), text)


def _listed(labels: Sequence[Label]) -> Label:
    return Label("、".join(label.zh for label in labels), ", ".join(label.en for label in labels))
