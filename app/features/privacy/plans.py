"""What may be erased of a person and when: purposes, what the law has kept, holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.kernel.errors import Refused
from app.kernel.messages import Message, _l
from app.language.definitions import Entity, Field, Schema
from app.language.evaluation import Span, add_span
from app.language.subjects import below, personal_fields
from app.records.columns import read_whole, table_of
from app.records.runtime import Runtime
from app.storage.columns import column_name
from app.storage.privacy_tables import LEGAL_HOLD

MOST_BELOW = 5000


@dataclass(frozen=True, slots=True)
class Part:
    """The personal fields of one entity: those to erase, and those kept with the day until which."""

    entity: Entity
    ids: tuple[int, ...]
    erased: tuple[Field, ...]
    kept: Mapping[str, date]


@dataclass(frozen=True, slots=True)
class Plan:
    """What an erasure would do with a person's record and what stands below it; the record's own part is first."""

    record_id: int
    version: int
    ended: date | None
    parts: tuple[Part, ...]


def plan_for(
    session: Session, runtime: Runtime, entity: Entity, record_id: int, *, due: bool = False
) -> Plan:
    """What may be erased today, or what has to be as it is ``due``; raises Refused when that is nothing."""
    subject, values = entity.subject, read_whole(session, runtime, entity, record_id)
    if subject is None or values is None:
        raise Refused(_l("This is no record about a person."))
    today = runtime.moment().today
    ended = day_of(values.get(subject.ends)) if subject.ends is not None else None
    if subject.ends is not None and (ended is None or ended > today):
        raise Refused(
            _l("The purpose has not ended: %(field)s is empty or still to come. Correct what is wrong instead.",
               field=entity.fields[subject.ends].label)
        )  # fmt: skip
    held = hold_on(session, entity.name, record_id)
    if held is not None:
        raise Refused(_l("A legal hold stands: %(why)s", why=held))
    parts = tuple(_parts(session, runtime, entity, record_id, ended or today, due=due))
    if due:
        if not passed(runtime.schema, entity, ended, today):
            raise Refused(_l("Nothing of this record is due."))
    elif not any(part.erased and part.ids for part in parts):
        until = max(day for part in parts for day in part.kept.values())
        raise Refused(
            _l("The law has all of it kept until %(day)s at least.", day=until.isoformat())
        )
    return Plan(record_id, int(values["version"]), ended, parts)


def keep_until(schema: Schema, field: Field, ended: date) -> date | None:
    """The day until which the law has a field kept, counted from the end of the purpose."""
    known = schema.portal.classes.get(field.sensitivity or "")
    months = known.must_keep_months if known is not None else None
    until: date | None = add_span(ended, Span(months=months)) if months is not None else None
    return until


def months_of(schema: Schema, entity: Entity, field: Field) -> int | None:
    """How many months after the end of the purpose a field goes; None when nobody said.

    What tells who somebody is goes with the last of the other fields.
    """
    known = schema.portal.classes.get(field.sensitivity or "")
    if known is not None:
        months = known.keep_months
        return None if months is None else max(months, known.must_keep_months or 0)
    classes = (one.sensitivity for one in personal_fields(entity) if one.sensitivity)
    others = [schema.portal.classes[name] for name in classes if name in schema.portal.classes]
    known_months = [max(one.keep_months or 0, one.must_keep_months or 0) for one in others]
    return max(known_months, default=None) or None


def steps_of(schema: Schema, entity: Entity) -> list[int]:
    """The numbers of months after which something of a person's records goes, in order."""
    entities = [entity, *(one for one, _, _ in below(schema, entity))]
    found = {months_of(schema, one, field) for one in entities for field in personal_fields(one)}
    return sorted(months for months in found if months is not None)


def passed(schema: Schema, entity: Entity, ended: date | None, today: date) -> int:
    """The last of the steps that a record has passed; 0 for none."""
    if ended is None:
        return 0
    steps = steps_of(schema, entity)
    return max((one for one in steps if add_span(ended, Span(months=one)) <= today), default=0)


def hold_on(session: Session, entity: str, record_id: int) -> str | None:
    """Why nothing of a record may be erased; None when no hold stands."""
    standing = LEGAL_HOLD.c.lifted_at.is_(None)
    mine = (LEGAL_HOLD.c.entity == entity) & (LEGAL_HOLD.c.record_id == record_id)
    return session.scalar(select(LEGAL_HOLD.c.reason).where(mine, standing))


def day_of(value: object) -> date | None:
    """A day, also of a moment."""
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else None


def basis_of(schema: Schema, field: Field) -> Message:
    """By which class and rule a field is held."""
    known = schema.portal.classes.get(field.data_class or "")
    return Message("%(label)s", {"label": known.label}) if known else Message("–")


# Private


def _parts(
    session: Session, runtime: Runtime, entity: Entity, record_id: int, ended: date, *, due: bool
) -> Iterator[Part]:
    schema, today = runtime.schema, runtime.moment().today
    reached: dict[str, Sequence[int]] = {entity.name: (record_id,)}
    part = _part(schema, entity, (record_id,), ended, today)
    yield _only_due(schema, part, ended, today) if due else part
    for one, link, above in below(schema, entity):
        table = table_of(runtime, one)
        ids = reached.get(above.name, ())
        wanted = select(table.c.id).where(table.c[column_name(link)].in_(ids)).order_by(table.c.id)
        found = tuple(session.scalars(wanted.limit(MOST_BELOW))) if ids else ()
        reached[one.name] = found
        part = _part(schema, one, found, ended, today)
        part = _only_due(schema, part, ended, today) if due else part
        if part.erased or part.kept:
            yield part


def _part(schema: Schema, entity: Entity, ids: tuple[int, ...], ended: date, today: date) -> Part:
    kept = {
        field.name: until
        for field in personal_fields(entity)
        if (until := keep_until(schema, field, ended)) is not None and until > today
    }
    erased = tuple(field for field in personal_fields(entity) if field.name not in kept)
    return Part(entity, ids, erased, kept)


def _only_due(schema: Schema, part: Part, ended: date, today: date) -> Part:
    """Of what may be erased, the fields whose time is over."""
    erased = tuple(
        field
        for field in part.erased
        if (months := months_of(schema, part.entity, field)) is not None
        and add_span(ended, Span(months=months)) <= today
    )
    return replace(part, erased=erased, kept={})
