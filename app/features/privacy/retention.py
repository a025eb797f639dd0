"""What is due: found every day and told, put away once two people agree."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import Session

from app.access.holders import role_holders
from app.audit.actions import AuditAction
from app.features.notifications.service import NewNotice, notify
from app.features.privacy import archive
from app.features.privacy.erasure import (
    MOST_DUE,
    PUT_AWAY_KIND,
    erase_plan,
    refuse_changed,
)
from app.features.privacy.plans import passed, plan_for, steps_of
from app.features.privacy.withdrawals import erase_withdrawn
from app.features.requests.reading import one
from app.features.requests.service import use
from app.kernel.messages import Label
from app.language.definitions import Entity, Rights, Schema
from app.language.evaluation import Span, add_span
from app.records.columns import read_whole, table_of
from app.records.runtime import Runtime
from app.storage.columns import column_name
from app.storage.encryption import keys_within
from app.storage.privacy_tables import LEGAL_HOLD, PUT_AWAY
from app.tasks.kinds import Schedule, TaskKind
from app.tasks.work import Work

KIND = "retention"
# The law has logs kept for half a year (Cybersecurity Law, article 21).
TRAIL_KEPT = timedelta(days=180)
ORPHANED = timedelta(hours=1)


def with_an_end(schema: Schema) -> Iterator[Entity]:
    """The entities about persons that say when their purpose has ended."""
    for entity in schema.enabled_entities():
        if entity.subject is not None and entity.subject.ends is not None:
            yield entity


def due(session: Session, runtime: Runtime, entity: Entity, limit: int) -> list[int]:
    """The records of which something has to go, those that ended first in front."""
    assert entity.subject is not None
    assert entity.subject.ends is not None
    table, today = table_of(runtime, entity), runtime.moment().today
    ends = table.c[column_name(entity.fields[entity.subject.ends])]
    steps = []
    for months in steps_of(runtime.schema, entity):
        done = exists().where(
            PUT_AWAY.c.entity == entity.name, PUT_AWAY.c.record_id == table.c.id,
            PUT_AWAY.c.months >= months, PUT_AWAY.c.restored_at.is_(None),
        )  # fmt: skip
        steps.append(and_(ends <= add_span(today, Span(months=-months)), ~done))
    held = exists().where(
        LEGAL_HOLD.c.entity == entity.name, LEGAL_HOLD.c.record_id == table.c.id,
        LEGAL_HOLD.c.lifted_at.is_(None),
    )  # fmt: skip
    wanted = select(table.c.id).where(or_(*steps), ~held) if steps else None
    if wanted is None:
        return []
    return list(session.scalars(wanted.order_by(ends, table.c.id).limit(limit)))


def propose(work: Work, arguments: Mapping[str, Any]) -> Mapping[str, int]:
    """Tell those who may ask for it that something is due, once a week; erase what nobody agrees to any more.

    The archive is tidied up, too.
    """
    session, runtime = work.session, work.runtime
    now, found = runtime.clock.now(), {}
    for entity in with_an_end(runtime.schema):
        count = len(due(session, runtime, entity, MOST_DUE))
        if count:
            found[entity.name] = count
            _tell(session, runtime, entity, count, now)
    gone = erase_withdrawn(work, TRAIL_KEPT)
    return {**found, **({"withdrawn": gone} if gone else {}), "orphans": _tidy(work)}


def put_away(work: Work, arguments: Mapping[str, Any]) -> Mapping[str, int]:
    """Do what two people agreed on: each record into a file, its values out of the database.

    A record that changed, is held or is no longer due stops all of it.
    """
    session, runtime, settings = work.session, work.runtime, work.settings
    request = one(session, int(arguments["request"]))
    entity, now = runtime.entity(str(request.entity)), runtime.clock.now()
    today = runtime.moment().today
    use(session, request.id, now)
    done = 0
    for number, _ in request.payload["records"]:
        work.progress(done, len(request.payload["records"]))
        plan = plan_for(session, runtime, entity, int(number), due=True)
        refuse_changed(plan, request.payload)
        content = archive.content_of(session, runtime, plan)
        lost = erase_plan(work.records, plan, request.id, now - TRAIL_KEPT)
        kept = archive.only(content, {pair: _version(session, runtime, *pair) for pair in lost})
        name, digest = archive.keep(settings, entity, int(number), kept) if lost else (None, None)
        title = archive.bare_title(session, runtime, entity, int(number))
        keys = sorted(keys_within(json.dumps(kept["rows"])))
        row = {"entity": entity.name, "record_id": int(number), "title": title, "at": now,
               "months": passed(runtime.schema, entity, plan.ended, today), "request_id": request.id,
               "name": name, "sha256": digest, "field_keys": keys}  # fmt: skip
        archive.enter(session, runtime, settings, row)
        archive.note(session, runtime, work.access.actor, AuditAction.RECORD_PUT_AWAY,
                     (entity.name, int(number)), request.reason)  # fmt: skip
        done += 1
    return {"records": done}


PUT_AWAY_TASK = TaskKind(
    PUT_AWAY_KIND, Label("归档到期的个人信息", "Put personal data away"), put_away, attempts=1
)
RETENTION = TaskKind("retention", Label("检查保存期限", "Look for what is due"), propose)
RETENTION_DAILY = Schedule("retention_daily", RETENTION.name, at=time(5, 10))


# Private


def _version(session: Session, runtime: Runtime, name: str, record_id: int) -> int:
    values = read_whole(session, runtime, runtime.entity(name), record_id) or {}
    return int(values.get("version", 0))


def _tell(session: Session, runtime: Runtime, entity: Entity, count: int, now: datetime) -> None:
    week = runtime.moment().today.isocalendar()
    schema = runtime.schema
    roles = {
        role.name
        for role in schema.roles.values()
        if (rights := role.may.get(entity.name)) is not None
        and Rights.DELETE in rights.rights | rights.by_request
    }
    holders = role_holders(session, schema, runtime.models, runtime.moment().today)
    told = {a for (role, _), accounts in holders.held.items() if role in roles for a in accounts}
    many = f"{count}+" if count == MOST_DUE else str(count)
    title = Label(f"{many} 条{entity.label.zh}的个人信息保存期限已到",
                  f"The personal data of {many} records of {entity.label.en} are due")  # fmt: skip
    body = Label("请核对后申请归档，由第二个人审批：/privacy/due",
                 "Look through them and ask to put them away; a second person decides: /privacy/due")  # fmt: skip
    key = f"{KIND}:{entity.name}:{week.year}-{week.week}"
    notify(
        session, [NewNotice(one_, f"{key}:{one_}", KIND, title, body) for one_ in sorted(told)], now
    )


def _tidy(work: Work) -> int:
    """Remove files that no record leads to: those of work that was not finished, and of what was restored."""
    known = set(
        work.session.scalars(select(PUT_AWAY.c.name).where(PUT_AWAY.c.restored_at.is_(None)))
    )
    gone, now = 0, work.runtime.clock.now()
    for place in archive.folder_of(work.settings.home).glob("*.sealed"):
        written = datetime.fromtimestamp(place.stat().st_mtime, tz=now.tzinfo)
        if place.name not in known and written < now - ORPHANED:
            place.unlink()
            gone += 1
    return gone
