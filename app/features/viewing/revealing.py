"""Uncovers a masked value for somebody who says why: counted and sealed first, shown only then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from app.access.permissions import Visibility
from app.audit.actions import AuditAction
from app.audit.chain import Entry, append
from app.features.notifications.service import NewNotice, notify
from app.features.requests.rules import Matter
from app.features.requests.service import those_who_decide
from app.features.viewing.canaries import tell_of_canaries
from app.kernel.errors import ErrorCode, Forbidden, Invalid, NotFound, PortalError, Refused
from app.kernel.messages import Label, _l
from app.language.definitions import Entity
from app.language.viewing import Pace
from app.records.gateway import Records
from app.records.guarding import on_notice
from app.records.queries import Row
from app.storage.database import session_beside, unit_of_work
from app.storage.viewing_tables import REVEALED

KIND = "viewing"
LOCK = 7_201_032
HOUR = timedelta(hours=1)
SHORTEST, LONGEST = 5, 200
# Their values are shown to nobody, or stand in other tables.
NEVER = ("children", "links", "secret")


class TooManyRevealed(PortalError):
    """So many masked values are not uncovered in the course of ordinary work."""

    code = ErrorCode.TOO_MANY
    status = 429

    def __init__(self, pace: Pace) -> None:
        super().__init__(
            _l(
                "You have uncovered as many values as you may: %(hour)s an hour, %(day)s a day."
                " Go on later, or ask those who decide exports.",
                hour=pace.hour, day=pace.day,
            )
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to see uncovered, and why."""

    entity: Entity
    record_id: int
    field: str
    reason: str


def reveal(records: Records, wish: Wish) -> Any:
    """The value of a masked field; it stands sealed in the trail, with the reason, before it is returned.

    Raises NotFound for what the actor does not see at all, Forbidden for what he sees masked only, Refused
    when there is nothing to uncover, Invalid without a reason, TooManyRevealed.
    """
    row, value = _read(records, wish)
    access = records.access.entity(wish.entity.name)
    if access.visibility(wish.field, row.covering) is Visibility.HIDDEN:
        raise NotFound
    if wish.field not in row.masked or value is None:
        raise Refused(_l("Nothing of this field is hidden from you."))
    if not access.may_reveal(wish.field, row.covering):
        raise Forbidden(_l("None of your roles lets you uncover this field."))
    reason = _reason(records, wish.reason)
    runtime, actor = records.runtime, records.access.actor
    revealing = runtime.schema.portal.revealing
    pace = revealing.notice if on_notice(records, actor) else revealing.usual
    with session_beside(records.session) as session, unit_of_work(session):
        hour, day = _count(session, records, wish)
        stopped = hour > pace.hour or day > pace.day
        if stopped:
            session.rollback()
        _note(session, records, wish, reason, stopped=stopped)
        tell_of_canaries(session, runtime, actor, wish.entity.name, [wish.record_id])
        if stopped or 2 * day > pace.day:
            _tell(session, records, wish.entity, (hour, day), stopped=stopped)
    if stopped:
        raise TooManyRevealed(pace)
    return value


def revealed_of(session: Session, entity: str, since: datetime) -> Sequence[tuple[int, int]]:
    """How many values of an entity each account has uncovered since a moment."""
    rows = session.execute(
        select(REVEALED.c.account_id, func.count())
        .where(REVEALED.c.entity == entity, REVEALED.c.at >= since)
        .group_by(REVEALED.c.account_id)
    )
    return [(row[0], row[1]) for row in rows]


# Private


def _read(records: Records, wish: Wish) -> tuple[Row, Any]:
    """The row as the actor sees it, and the value as it is; raises NotFound."""
    field = wish.entity.fields.get(wish.field)
    if field is None or field.type in NEVER:
        raise NotFound
    reader = records.reader
    value = reader.compiler(wish.entity.name).path((wish.field,)).label("uncovered")
    row, found = reader.one(wish.entity.name, wish.record_id, (wish.field,), (value,))
    return row, found[0]


def _reason(records: Records, text: str) -> str:
    """The reason as one line; raises Invalid when it says nothing."""
    reason = " ".join(text.split())
    offered = records.runtime.schema.portal.revealing.reasons
    known = any(reason in (one.zh, one.en) for one in offered)
    if not known and not (SHORTEST <= len(reason) <= LONGEST and reason.isprintable()):
        said = _l("Say in %(least)s to %(most)s characters what you need it for.",
                  least=SHORTEST, most=LONGEST)  # fmt: skip
        raise Invalid({"reason": (said,)})
    return reason


def _count(session: Session, records: Records, wish: Wish) -> tuple[int, int]:
    """Keep that a value is uncovered; how many were within the hour and today, this one included."""
    runtime, account = records.runtime, records.access.actor.account_id
    now = runtime.clock.now()
    midnight = datetime.combine(runtime.moment().today, time(), runtime.zone).astimezone(UTC)
    # Several requests at once are counted one after the other.
    session.execute(select(func.pg_advisory_xact_lock(LOCK, account)))
    row = {"account_id": account, "at": now, "entity": wish.entity.name,
           "record_id": wish.record_id, "field": wish.field}  # fmt: skip
    session.execute(insert(REVEALED).values(row))
    hour, day = session.execute(
        select(
            func.count().filter(REVEALED.c.at > now - HOUR),
            func.count().filter(REVEALED.c.at >= midnight),
        ).where(REVEALED.c.account_id == account, REVEALED.c.at >= min(midnight, now - HOUR))
    ).one()
    return hour, day


def _note(session: Session, records: Records, wish: Wish, reason: str, *, stopped: bool) -> None:
    actor, runtime = records.access.actor, records.runtime
    action = AuditAction.REVEALING_STOPPED if stopped else AuditAction.VALUE_REVEALED
    entry = Entry(
        at=runtime.clock.now(), account_id=actor.account_id, account_name=actor.username,
        action=action, revision=runtime.revision, entity=wish.entity.name, record_id=wish.record_id,
        changes={"revealed_field": [None, wish.field], "revealed_for": [None, reason]},
        facts={"field": wish.field},
    )  # fmt: skip
    append(session, entry)


def _tell(
    session: Session, records: Records, entity: Entity, counted: tuple[int, int], *, stopped: bool
) -> None:
    """Tell those who decide exports, once a day of half the budget and once an hour of all of it."""
    runtime, actor = records.runtime, records.access.actor
    now, today = runtime.clock.now(), runtime.moment().today
    places = None if actor.places is None else tuple(actor.places)
    matter = Matter("export", entity.name, places)
    told = those_who_decide(session, runtime, matter, [actor.account_id or 0])
    if stopped:
        title = Label(f"{actor.name} 查看隐藏内容过多，已停止显示",
                      f"{actor.name} uncovered too many values and was stopped")  # fmt: skip
    else:
        title = Label(f"{actor.name} 今天查看隐藏内容已超过额度一半",
                      f"{actor.name} has uncovered half of what is allowed in a day")  # fmt: skip
    hour, day = counted
    body = Label(f"一小时内 {hour} 项，今天 {day} 项；理由见审计记录。",
                 f"{hour} within the hour, {day} today. The reasons stand in the audit trail.")  # fmt: skip
    slot = f"{now:%Y%m%d%H}" if stopped else f"half:{today}"
    key = f"revealing:{actor.account_id}:{slot}"
    notify(
        session,
        [NewNotice(one, f"{key}:{one}", KIND, title, body, red=stopped) for one in told],
        now,
    )
