"""Values that need somebody's separate consent are written while it stands (PIPL art. 14-16 and 29)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.kernel.errors import Invalid
from app.kernel.messages import Label, Message, _l
from app.language.consents import Consents, Topic
from app.language.definitions import Entity, Field, Schema
from app.records.columns import table_of
from app.records.runtime import Runtime
from app.records.validation import Problems
from app.storage.columns import column_name

# So many rows are named at most.
REPORTED = 20
# A person's key, and a topic's name.
Pair = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Given:
    """One consent: a row of the ledger."""

    id: int
    version: int
    edition: str
    given: datetime
    withdrawn: datetime | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How somebody stands to a topic: the consent in force, or when it was withdrawn or of what edition it was."""

    consent: Given | None = None
    withdrawn: datetime | None = None
    # A consent that was not withdrawn, but to another edition of the notice.
    other: Given | None = None


def standing_of(rows: Iterable[Given], edition: str, now: datetime) -> Standing:
    """How somebody stands at ``now`` who gave these consents to one topic.

    A withdrawal ends whatever was given before it, so that a second row that nobody thought of does not go on.
    """
    known = [row for row in rows if row.given <= now]
    ended = [row.withdrawn for row in known if row.withdrawn is not None and row.withdrawn <= now]
    last = max(ended, default=None)
    alive = [
        row
        for row in known
        if (row.withdrawn is None or row.withdrawn > now) and (last is None or row.given > last)
    ]
    alive.sort(key=lambda row: (row.given, row.id))
    if not alive:
        return Standing(withdrawn=last)
    of_now = [row for row in alive if row.edition == edition]
    return Standing(consent=of_now[-1]) if of_now else Standing(other=alive[-1])


def consents_of(
    session: Session, runtime: Runtime, pairs: Collection[Pair], *, lock: bool = False
) -> dict[Pair, list[Given]]:
    """All consents of some persons to some topics, in one statement.

    With ``lock`` nobody changes them until the transaction ends, and a change that is not yet saved is waited for:
    whoever withdraws first is heard.
    """
    consents = runtime.schema.portal.consents
    if consents is None or not pairs:
        return {}
    person, topic, table, columns = _columns(runtime, consents)
    persons, topics = {one for one, _ in pairs}, {one for _, one in pairs}
    wanted = select(*columns).where(person.in_(persons), topic.in_(topics)).order_by(table.c.id)
    if "deleted_at" in table.c:
        wanted = wanted.where(table.c.deleted_at.is_(None))
    found: dict[Pair, list[Given]] = {}
    for row in session.execute(wanted.with_for_update(read=True) if lock else wanted):
        found.setdefault((row[0], row[1]), []).append(Given(*row[2:]))
    return found


def check_consent(
    session: Session, runtime: Runtime, entity: Entity, before: Mapping[str, Any],
    stored: Mapping[str, Any], problems: Problems,
) -> None:  # fmt: skip
    """Add a problem for each value about to be ``stored`` to which the person concerned does not agree.

    A value also counts as written when it comes to belong to somebody else.
    """
    whole = {**before, **stored}
    written = [
        field
        for field in _needing(entity)
        if whole.get(field.name) is not None
        and any(whole.get(name) != before.get(name) for name in _told_by(field))
    ]
    rows = [(field, whole) for field in written]
    for field, _ in _refused(session, runtime, rows):
        problems.setdefault(field.name, (_said(runtime.schema, field),))


def unconsented(
    session: Session, runtime: Runtime, entity: Entity, rows: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[int, Field, Message]]:
    """Of many rows in the making, by field name: the number, the field and what is said of each that is refused."""
    fields = _needing(entity)
    wanted = [(field, row) for row in rows for field in fields if row.get(field.name) is not None]
    numbers = {id(row): number for number, row in enumerate(rows)}
    for field, row in _refused(session, runtime, wanted):
        yield numbers[id(row)], field, _said(runtime.schema, field)


def refuse_unconsented(
    session: Session,
    runtime: Runtime,
    entity: Entity,
    rows: Sequence[Mapping[str, Any]],
    offset: int,
) -> None:
    """Raise Invalid when some of many rows are refused; its problems are ``row.field``, counted from ``offset``."""
    problems = {
        f"{offset + number}.{field.name}": (said,)
        for number, field, said in unconsented(session, runtime, entity, rows)
    }
    if problems:
        raise Invalid(dict(islice(problems.items(), REPORTED)))


def topic_of(schema: Schema, name: str) -> Topic | None:
    """A topic of the ledger."""
    consents = schema.portal.consents
    return consents.topics.get(name) if consents is not None else None


def label_of(schema: Schema, topic: str) -> Label:
    """What a topic is called: the choice of the ledger's field."""
    consents = schema.portal.consents
    field = schema.entities[consents.entity].fields[consents.topic] if consents else None
    choice = field.choice(topic) if field is not None else None
    return choice.label if choice is not None else Label(topic, topic)


# Private


def _columns(runtime: Runtime, consents: Consents) -> tuple[Any, Any, Any, list[Any]]:
    entity = runtime.entity(consents.entity)
    table = table_of(runtime, entity)
    names = (consents.person, consents.topic, consents.edition, consents.given, consents.withdrawn)
    person, topic, *rest = (table.c[column_name(entity.fields[name])] for name in names)
    return person, topic, table, [person, topic, table.c.id, table.c.version, *rest]


def _needing(entity: Entity) -> list[Field]:
    return [field for field in entity.fields.values() if field.consent is not None]


def _told_by(field: Field) -> tuple[str, ...]:
    assert field.consent is not None
    return field.name, field.consent.link


def _refused(
    session: Session, runtime: Runtime, wanted: Sequence[tuple[Field, Mapping[str, Any]]]
) -> Iterator[tuple[Field, Mapping[str, Any]]]:
    """Which fields of which rows lack the consent that they need."""
    if not wanted:
        return
    pairs = {pair for field, row in wanted if (pair := _pair(field, row)) is not None}
    given = consents_of(session, runtime, pairs, lock=True)
    now = runtime.clock.now()
    standing = {
        pair
        for pair, rows in given.items()
        if (topic := topic_of(runtime.schema, pair[1])) is not None
        and standing_of(rows, topic.edition, now).consent is not None
    }
    for field, row in wanted:
        if _pair(field, row) not in standing:
            yield field, row


def _pair(field: Field, row: Mapping[str, Any]) -> Pair | None:
    """Who has to agree to what; None when the record says no person, or is itself one that is not yet known."""
    assert field.consent is not None
    person = row.get(field.consent.link)
    return None if person is None else (int(person), field.consent.topic)


def _said(schema: Schema, field: Field) -> Message:
    assert field.consent is not None
    topic = topic_of(schema, field.consent.topic)
    return _l(
        "The person has not agreed to “%(topic)s”, or no longer does. Leave this empty; %(instead)s",
        topic=label_of(schema, field.consent.topic),
        instead=topic.instead if topic is not None else Label("—", "—"),
    )
