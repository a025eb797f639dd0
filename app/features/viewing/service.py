"""Counts the different records that an account looks at, notes them before they are shown, and stops too many.

Counting and noting happen in a transaction of their own: what cannot be noted is not shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import and_, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.access.actor import Actor
from app.access.permissions import Access
from app.audit.actions import AuditAction
from app.audit.chain import Entry, append
from app.features.notifications.service import NewNotice, notify
from app.features.requests.rules import Matter
from app.features.requests.service import those_who_decide
from app.features.viewing.canaries import tell_of_canaries
from app.kernel.messages import Label
from app.language.definitions import Entity
from app.language.evaluation import Moment
from app.language.viewing import Pace
from app.records.runtime import Runtime
from app.records.showing import TooManySeen
from app.storage.database import session_beside, unit_of_work
from app.storage.viewing_tables import VIEWED

KIND = "viewing"
LOCK = 7_201_031
HOUR = timedelta(hours=1)


@dataclass
class Viewer:
    """Who looks, and the session of the request, beside which views are counted."""

    runtime: Runtime
    session: Session
    access: Access


@dataclass(frozen=True, slots=True)
class Counted:
    """How many different records an account has looked at within the hour and today."""

    hour: int
    day: int


def count_views(viewer: Viewer, entity: Entity, pace: Pace, ids: Sequence[int]) -> None:
    """Count and note the records that are about to be shown; raises TooManySeen and keeps them.

    A record counts once a day.
    """
    actor, moment = viewer.access.actor, viewer.runtime.moment()
    with session_beside(viewer.session) as session, unit_of_work(session):
        counted, new = _count(session, actor, entity.name, ids, moment)
        over = bool(new) and (counted.hour > pace.hour or counted.day > pace.day)
        if over:
            session.rollback()
        _note(session, viewer, entity, new, stopped=over)
        tell_of_canaries(session, viewer.runtime, actor, entity.name, new)
        if over or (new and 2 * counted.day > pace.day):
            _tell(session, viewer, entity, counted, stopped=over)
    if over:
        raise TooManySeen(entity, pace, new)


def may_look_back(actor: Actor) -> bool:
    """Whether the actor looks after the trail."""
    return actor.administers("trail")


# Private


def _count(
    session: Session, actor: Actor, entity: str, ids: Sequence[int], moment: Moment
) -> tuple[Counted, list[int]]:
    """Keep what was looked at; the numbers with it, and the records that are new today."""
    account, now, today = actor.account_id, moment.now, moment.today
    # Several requests at once are counted one after the other.
    session.execute(select(func.pg_advisory_xact_lock(LOCK, account)))
    rows = [
        {"account_id": account, "entity": entity, "day": today, "record_id": one, "first_at": now}
        for one in ids
    ]
    added = session.execute(
        insert(VIEWED).on_conflict_do_nothing().returning(VIEWED.c.record_id), rows
    )
    new = sorted(added.scalars())
    mine = and_(VIEWED.c.account_id == account, VIEWED.c.entity == entity)
    hour, day = session.execute(
        select(
            func.count().filter(VIEWED.c.first_at > now - HOUR),
            func.count().filter(VIEWED.c.day == today),
        ).where(mine, VIEWED.c.day >= today - timedelta(days=1))
    ).one()
    return Counted(hour, day), new


def _note(
    session: Session, viewer: Viewer, entity: Entity, new: Sequence[int], *, stopped: bool
) -> None:
    if not new:
        return
    runtime, actor = viewer.runtime, viewer.access.actor
    action = AuditAction.VIEWING_STOPPED if stopped else AuditAction.RECORDS_SHOWN
    append(
        session,
        Entry(
            at=runtime.clock.now(), account_id=actor.account_id, account_name=actor.username,
            action=action, revision=runtime.revision, entity=entity.name,
            record_id=new[0] if len(new) == 1 else None,
            changes={"count": [None, len(new)], "records": [None, list(new)]},
        ),
    )  # fmt: skip


def _tell(
    session: Session, viewer: Viewer, entity: Entity, counted: Counted, *, stopped: bool
) -> None:
    """Tell those who decide exports, once a day of half the budget and once an hour of all of it."""
    runtime, actor = viewer.runtime, viewer.access.actor
    now, today = runtime.clock.now(), runtime.moment().today
    places = None if actor.places is None else tuple(actor.places)
    matter = Matter("export", entity.name, places)
    told = those_who_decide(session, runtime, matter, [actor.account_id or 0])
    name, what = actor.name, entity.label
    if stopped:
        title = Label(f"{name} 查看{what.zh}过多，已停止显示",
                      f"{name} looked at too many records of {what.en} and was stopped")  # fmt: skip
    else:
        title = Label(f"{name} 今天查看的{what.zh}已超过额度一半",
                      f"{name} has looked at half of the day's {what.en}")  # fmt: skip
    body = Label(f"一小时内 {counted.hour} 条，今天 {counted.day} 条。",
                 f"{counted.hour} within the hour, {counted.day} today.")  # fmt: skip
    slot = f"{now:%Y%m%d%H}" if stopped else f"half:{today}"
    notify(
        session,
        [
            NewNotice(one, f"viewing:{actor.account_id}:{entity.name}:{slot}:{one}", KIND, title, body, red=stopped)
            for one in told
        ],
        now,
    )  # fmt: skip
