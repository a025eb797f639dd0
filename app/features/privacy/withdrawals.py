"""What was recorded by a consent that was withdrawn goes with the next night (PIPL art. 47), unless a hold stands."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from app.access.session_scope import lowered
from app.features.privacy.consents import LOCK
from app.features.privacy.erasure import erase_part
from app.features.privacy.plans import Part, hold_on
from app.language.consents import Consents
from app.language.definitions import Entity, Field
from app.records.columns import table_of
from app.records.consenting import consents_of, standing_of
from app.records.gateway import Records
from app.records.runtime import Runtime
from app.storage.columns import column_name
from app.tasks.work import Work

# What one night erases at most; the rest follows in the next.
MOST_ERASED = 20_000


def erase_withdrawn(work: Work, trail_kept: timedelta) -> int:
    """Empty the values whose person has withdrawn; how many records lost something.

    What the trail told of those records goes too, except for the last ``trail_kept``.
    """
    records = work.records
    consents, until = work.runtime.schema.portal.consents, work.runtime.clock.now() - trail_kept
    if consents is None:
        return 0
    done = 0
    # Whose values go hangs on no right of anybody.
    with lowered(work.session):
        for entity, field in _consented(work.runtime):
            for person in _withdrawn(records, consents, entity, field):
                for number in _of(records, entity, field, person, MOST_ERASED - done):
                    work.progress(done)
                    done += _erased(records, entity, field, number, until)
    return done


# Private


def _consented(runtime: Runtime) -> Iterator[tuple[Entity, Field]]:
    for entity in runtime.schema.entities.values():
        for field in entity.fields.values():
            if field.consent is not None and entity.external_table is None:
                yield entity, field


def _withdrawn(records: Records, consents: Consents, entity: Entity, field: Field) -> Iterator[int]:
    """The persons who withdrew and did not agree again, of whom there are values."""
    assert field.consent is not None
    session, runtime = records.session, records.runtime
    ledger = runtime.entity(consents.entity)
    kept, table, now = table_of(runtime, ledger), table_of(runtime, entity), runtime.clock.now()

    def of(name: str) -> Any:
        return kept.c[column_name(ledger.fields[name])]

    mine = (of(consents.topic) == field.consent.topic) & (of(consents.withdrawn) <= now)
    there = select(_person(table, entity, field)).where(table.c[column_name(field)].is_not(None))
    asked = select(of(consents.person)).where(mine, of(consents.person).in_(there)).distinct()
    for person in session.scalars(asked.order_by(of(consents.person))).all():
        session.execute(select(func.pg_advisory_xact_lock(LOCK, person)))
        pair = (person, field.consent.topic)
        rows = consents_of(session, runtime, [pair], lock=True).get(pair, [])
        held = _held(records, str(runtime.schema.portal.person_entity), person)
        if not held and standing_of(rows, "", now).withdrawn is not None:
            yield person


def _person(table: Any, entity: Entity, field: Field) -> Any:
    """The column that names the person: a link's, or the record's own number."""
    assert field.consent is not None
    link = entity.fields.get(field.consent.link)
    return table.c[column_name(link)] if link is not None else table.c.id


def _held(records: Records, entity: str, record_id: int) -> bool:
    return hold_on(records.session, entity, record_id) is not None


def _of(records: Records, entity: Entity, field: Field, person: int, limit: int) -> list[int]:
    """The records of a person that hold a value, and on which no hold of their own stands."""
    table = table_of(records.runtime, entity)
    filled = table.c[column_name(field)].is_not(None)
    wanted = select(table.c.id).where(filled, _person(table, entity, field) == person)
    found = records.session.scalars(wanted.order_by(table.c.id).limit(max(limit, 0))).all()
    return [number for number in found if not _held(records, entity.name, number)]


def _erased(records: Records, entity: Entity, field: Field, number: int, until: datetime) -> bool:
    assert field.consent is not None
    part = Part(entity, (number,), (field,), {})
    return erase_part(records, part, number, {"topic": field.consent.topic}, until)
