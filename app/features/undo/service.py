"""Finds what an account did since a moment, and puts back what nobody else has touched since, as one deed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.access.actor import Actor, system_actor
from app.access.session_scope import lowered
from app.audit.actions import AuditAction
from app.audit.chain import Entry, append
from app.features.undo.rules import Deed, Item, Verdict, judge
from app.kernel.errors import Conflict, Invalid, NotFound
from app.language.definitions import Rights
from app.records.columns import table_of
from app.records.gateway import records_for
from app.records.runtime import Runtime
from app.records.titles import Key
from app.storage.deed_tables import BEFORE

COLUMNS = tuple(BEFORE.c[name] for name in Deed.__slots__)
MOST = 5_000


@dataclass(frozen=True, slots=True)
class Undone:
    """What was put back, and what was left as it is with the reason."""

    restored: tuple[Item, ...]
    left: tuple[Item, ...]


def account_named(session: Session, username: str) -> int:
    """The id of an account; raises NotFound."""
    found = session.scalar(
        text("SELECT id FROM ab_user WHERE username = :name"), {"name": username}
    )
    if found is None:
        raise NotFound
    return int(found)


def deeds_since(session: Session, runtime: Runtime, account_id: int, since: datetime) -> list[Item]:
    """What an account did since a moment, by record, in the order of the first deed to each."""
    mine = (BEFORE.c.account_id == account_id) & (BEFORE.c.at >= since)
    # What stood before is behind a wall that only the portal itself passes.
    with lowered(session):
        rows = session.execute(select(*COLUMNS).where(mine).order_by(BEFORE.c.id).limit(MOST))
        by_record: dict[Key, list[Deed]] = {}
        for row in rows:
            deed = Deed(*row)
            if deed.entity in runtime.schema.entities:
                by_record.setdefault((deed.entity, deed.record_id), []).append(deed)
        return [_item(session, runtime, key, deeds) for key, deeds in by_record.items()]


def undo(
    session: Session, runtime: Runtime, actor: Actor, account_id: int, since: datetime
) -> Undone:
    """Put back what can be put back, in the caller's transaction; conflicts are left as they are."""
    items = deeds_since(session, runtime, account_id, since)
    rights = frozenset({Rights.READ, Rights.EDIT})
    stated = system_actor(runtime.schema, dict.fromkeys(runtime.schema.entities, rights), "undo")
    named = replace(stated, account_id=actor.account_id, username=actor.username, name=actor.name)
    door = records_for(runtime, session, named)
    restored, left = list[Item](), list[Item]()
    # The newest first, so that what was deleted last is there again for what pointed to it.
    for item in reversed(items):
        if item.verdict is not Verdict.RESTORE:
            left.append(item)
            continue
        try:
            with session.begin_nested():
                version = _version(session, runtime, (item.entity, item.record_id))
                door.restore(item.entity, item.record_id, _rows(session, item), version)
        except (Conflict, Invalid):
            left.append(replace(item, verdict=Verdict.CONFLICT))
        else:
            restored.append(item)
    append(session, Entry(
        at=runtime.clock.now(), account_id=actor.account_id, account_name=actor.username,
        action=AuditAction.DEEDS_UNDONE, revision=runtime.revision,
        changes={"account": account_id, "since": since.isoformat(),
                 "restored": len(restored), "left": len(left)},
    ))  # fmt: skip
    return Undone(tuple(reversed(restored)), tuple(reversed(left)))


# Private


def _item(session: Session, runtime: Runtime, key: Key, deeds: list[Deed]) -> Item:
    entity, record_id = key
    same = (BEFORE.c.entity == entity) & (BEFORE.c.record_id == record_id)
    later = select(*COLUMNS).where(same, BEFORE.c.id >= deeds[0].id).order_by(BEFORE.c.id)
    others = [Deed(*row) for row in session.execute(later)]
    verdict = judge(deeds, others, _version(session, runtime, key))
    return Item(entity, record_id, tuple(deeds), verdict)


def _version(session: Session, runtime: Runtime, key: Key) -> int | None:
    table = table_of(runtime, runtime.entity(key[0]))
    found = session.scalar(select(table.c.version).where(table.c.id == key[1]))
    return None if found is None else int(found)


def _rows(session: Session, item: Item) -> Mapping[str, Any]:
    kept = session.scalar(select(BEFORE.c.rows).where(BEFORE.c.id == item.first.id))
    rows: Mapping[str, Any] = kept or {}
    return rows
