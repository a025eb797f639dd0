"""Canaries: records that nobody has a reason to open, so that whoever takes all of them takes these as well."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.access.actor import Actor
from app.audit.actions import AuditAction
from app.audit.chain import Entry, append
from app.features.notifications.service import NewNotice, notify
from app.features.requests.rules import Matter
from app.features.requests.service import those_who_decide
from app.kernel.errors import NotFound
from app.kernel.messages import Label
from app.records.columns import read_whole
from app.records.runtime import Runtime
from app.records.titles import title_of
from app.storage.viewing_tables import CANARY

KIND = "canary"


def set_canary(session: Session, runtime: Runtime, name: str, record_id: int, by: str) -> None:
    """Mark a record; raises NotFound when there is none."""
    if name not in runtime.schema.entities or runtime.entity(name).external_table:
        raise NotFound
    if read_whole(session, runtime, runtime.entity(name), record_id) is None:
        raise NotFound
    now = runtime.clock.now()
    row = {"entity": name, "record_id": record_id, "set_at": now, "set_by": by}
    session.execute(insert(CANARY).values(row).on_conflict_do_nothing())


def is_canary(session: Session, name: str, record_id: int) -> bool:
    """Whether a record is marked."""
    mine = (CANARY.c.entity == name) & (CANARY.c.record_id == record_id)
    return session.scalar(select(CANARY.c.record_id).where(mine)) is not None


def clear_canary(session: Session, name: str, record_id: int) -> None:
    """Take the mark off; raises NotFound when there is none."""
    mine = (CANARY.c.entity == name) & (CANARY.c.record_id == record_id)
    if not session.execute(delete(CANARY).where(mine).returning(CANARY.c.record_id)).all():
        raise NotFound


def canaries(session: Session, runtime: Runtime) -> list[tuple[str, int, str]]:
    """All of them: entity, number and title."""
    rows = session.execute(
        select(CANARY.c.entity, CANARY.c.record_id).order_by(*CANARY.primary_key)
    )
    found = []
    for name, number in rows:
        if name in runtime.schema.entities:
            entity = runtime.entity(name)
            values = read_whole(session, runtime, entity, number) or {}
            found.append((name, number, title_of(entity, {**values, "id": number}, "zh")))
    return found


def tell_of_canaries(
    session: Session, runtime: Runtime, actor: Actor, name: str, ids: Sequence[int]
) -> None:
    """Note and tell, in the caller's transaction, that the actor opens or takes some of ``ids`` that are canaries."""
    among = CANARY.c.record_id.in_(ids)
    caught = sorted(
        session.scalars(select(CANARY.c.record_id).where(CANARY.c.entity == name, among))
    )
    if not caught:
        return
    now, today = runtime.clock.now(), runtime.moment().today
    entry = Entry(
        at=now, account_id=actor.account_id, account_name=actor.username,
        action=AuditAction.CANARY_SEEN, revision=runtime.revision, entity=name,
        record_id=caught[0], changes={"records": [None, caught]},
    )  # fmt: skip
    append(session, entry)
    places = None if actor.places is None else tuple(actor.places)
    told = those_who_decide(
        session, runtime, Matter("export", name, places), [actor.account_id or 0]
    )
    what = runtime.entity(name).label
    title = Label(f"{actor.name} 打开或导出了诱饵{what.zh}",
                  f"{actor.name} has opened or taken a canary among {what.en}")  # fmt: skip
    body = Label("没有人需要用到这条记录，请看他近来看过什么。",
                 "Nobody has a reason to. See what else was looked at lately.")  # fmt: skip
    key = f"canary:{actor.account_id}:{name}:{today}"
    notices = [NewNotice(one, f"{key}:{one}", KIND, title, body, red=True) for one in told]
    notify(session, notices, now)
