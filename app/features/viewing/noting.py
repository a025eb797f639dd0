"""Notes in the trail whose sensitive values somebody sees, and that something is searched for, before it is shown.

Noting happens in a transaction of its own: what cannot be noted is not shown. What is seen again the same day,
or looked for again within the hour, is noted once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.audit.actions import AuditAction
from app.audit.chain import Entry, append
from app.features.viewing.service import Viewer
from app.language.definitions import Entity
from app.storage.database import session_beside, unit_of_work
from app.storage.encryption import ring_of
from app.storage.viewing_tables import SEARCHED, VALUES_READ

EVERYWHERE = ""
KEPT_FOR = timedelta(days=2)


def note_reads(viewer: Viewer, entity: Entity, classes: Mapping[int, frozenset[str]]) -> None:
    """Seal one entry for each record whose values of these classes are new to the account today."""
    actor, runtime = viewer.access.actor, viewer.runtime
    today = runtime.moment().today
    rows = [
        {"account_id": actor.account_id, "entity": entity.name, "day": today, "record_id": number, "class": name}
        for number in sorted(classes)
        for name in sorted(classes[number])
    ]  # fmt: skip
    with session_beside(viewer.session) as session, unit_of_work(session):
        added = insert(VALUES_READ).on_conflict_do_nothing()
        new: dict[int, list[str]] = {}
        for number, name in session.execute(
            added.returning(VALUES_READ.c.record_id, VALUES_READ.c["class"]), rows
        ):
            new.setdefault(number, []).append(name)
        for number in sorted(new):
            names = sorted(new[number])
            entry = Entry(
                at=runtime.clock.now(), account_id=actor.account_id, account_name=actor.username,
                action=AuditAction.VALUES_READ, revision=runtime.revision, entity=entity.name,
                record_id=number, changes={"read_classes": [None, names]}, facts={"classes": names},
            )  # fmt: skip
            append(session, entry)


def note_search(viewer: Viewer, entity: str | None, digest: str) -> None:
    """Seal that something was looked for, unless the account looked for the same within the hour.

    The words themselves are kept nowhere, only their digest, beside the sealed bytes.
    """
    actor, runtime = viewer.access.actor, viewer.runtime
    row = {"account_id": actor.account_id, "hour": hour_of(runtime.clock.now()),
           "entity": entity or EVERYWHERE, "digest": digest}  # fmt: skip
    with session_beside(viewer.session) as session, unit_of_work(session):
        added = insert(SEARCHED).values(row).on_conflict_do_nothing()
        if session.execute(added.returning(SEARCHED.c.digest)).first() is None:
            return
        entry = Entry(
            at=runtime.clock.now(), account_id=actor.account_id, account_name=actor.username,
            action=AuditAction.SEARCHED, revision=runtime.revision, entity=entity,
            changes={"searched": [None, digest]},
        )  # fmt: skip
        append(session, entry)


def digest_of(session: Session, words: str) -> str:
    """What is kept of searched words: whoever has the key can tell whether given words were looked for."""
    return ring_of(session.get_bind().dialect).index(f"search\0{words}")


def hour_of(moment: datetime) -> datetime:
    """The beginning of the hour."""
    return moment.replace(minute=0, second=0, microsecond=0)


def forget_noted(session: Session, now: datetime) -> None:
    """Drop what only told repeated reads and searches apart; the trail keeps the deeds."""
    session.execute(delete(SEARCHED).where(SEARCHED.c.hour < now - KEPT_FOR))
    session.execute(delete(VALUES_READ).where(VALUES_READ.c.day < (now - KEPT_FOR).date()))
