"""Consent in one's own name: given and withdrawn with one button each, through the door, sealed in the trail."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import func, select

from app.access.actor import system_actor
from app.access.session_scope import lowered
from app.audit.actions import AuditAction
from app.audit.chain import append
from app.audit.entries import Entry
from app.kernel.errors import NotFound, Refused
from app.kernel.messages import _l
from app.language.consents import Consents, Topic
from app.language.definitions import Rights
from app.records.consenting import Given, Standing, consents_of, standing_of
from app.records.gateway import Records, records_for

# Whoever presses twice is heard once, and nothing is erased while somebody is agreeing anew.
LOCK = 7_201_041
READ_ANEW = _l("The notice has changed in the meantime. Please read it again.")


def standings(records: Records, person: int, *, whole: bool) -> dict[str, Standing]:
    """How a person stands to each topic; with ``whole`` whatever the reader may see of the ledger.

    Topics of which no consent is known are left out.
    """
    consents = records.runtime.schema.portal.consents
    if consents is None:
        return {}
    pairs = [(person, topic) for topic in consents.topics]
    session, runtime = records.session, records.runtime
    if whole:
        with lowered(session):
            found = consents_of(session, runtime, pairs)
    else:
        found = consents_of(session, runtime, pairs)
    now = runtime.clock.now()
    return {
        topic: standing_of(rows, consents.topics[topic].edition, now)
        for (_, topic), rows in found.items()
    }


def give(records: Records, person: int, name: str, edition: str) -> None:
    """Agree to a topic as the actor himself; ``edition`` is the one that he has read.

    Raises NotFound unless ``person`` is the actor, Refused when the notice has changed since.
    """
    consents, topic = _own(records, person, name)
    if edition != topic.edition:
        raise Refused(READ_ANEW)
    door, now = _door(records, consents, person), records.runtime.clock.now()
    if standing_of(_rows(door, person, name), edition, now).consent is not None:
        return
    values = {consents.person: person, consents.topic: name, consents.edition: edition,
              consents.given: now}  # fmt: skip
    door.create(consents.entity, values)
    _note(records, AuditAction.CONSENT_GIVEN, person, topic)


def withdraw(records: Records, person: int, name: str) -> None:
    """Take back every consent to a topic as the actor himself; raises NotFound unless ``person`` is the actor."""
    consents, topic = _own(records, person, name)
    door, now = _door(records, consents, person), records.runtime.clock.now()
    standing = [row for row in _rows(door, person, name)
                if row.withdrawn is None or row.withdrawn > now]  # fmt: skip
    for row in standing:
        values = {consents.withdrawn: max(now, row.given)}
        door.change(consents.entity, row.id, values, row.version)
    if standing:
        _note(records, AuditAction.CONSENT_WITHDRAWN, person, topic)


# Private


def _own(records: Records, person: int, name: str) -> tuple[Consents, Topic]:
    consents = records.runtime.schema.portal.consents
    topic = consents.topics.get(name) if consents is not None else None
    if consents is None or topic is None or records.access.actor.person_id != person:
        raise NotFound
    return consents, topic


def _door(records: Records, consents: Consents, person: int) -> Records:
    """The door for the ledger alone, in the actor's name: the right to agree and to withdraw hangs on no role."""
    runtime, session, actor = records.runtime, records.session, records.access.actor
    rights = frozenset({Rights.READ, Rights.CREATE, Rights.EDIT})
    stated = system_actor(runtime.schema, {consents.entity: rights}, "consents")
    named = replace(stated, account_id=actor.account_id, username=actor.username, name=actor.name,
                    person_id=actor.person_id)  # fmt: skip
    session.execute(select(func.pg_advisory_xact_lock(LOCK, person)))
    return records_for(runtime, session, named, records.reader.language)


def _rows(door: Records, person: int, name: str) -> list[Given]:
    found = consents_of(door.session, door.runtime, [(person, name)])
    return found.get((person, name), [])


def _note(records: Records, action: AuditAction, person: int, topic: Topic) -> None:
    actor, runtime = records.access.actor, records.runtime
    entry = Entry(
        at=runtime.clock.now(), account_id=actor.account_id, account_name=actor.username,
        action=action, revision=runtime.revision, entity=runtime.schema.portal.person_entity,
        record_id=person, changes={"topic": [None, topic.name], "edition": [None, topic.edition]},
    )  # fmt: skip
    append(records.session, entry)
