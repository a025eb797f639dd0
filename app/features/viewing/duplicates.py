"""Tells those who decide of values that somebody gave without seeing that another record has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import select, update

from app.access.holders import Holders, role_holders
from app.access.session_scope import lowered
from app.features.notifications.service import NewNotice, notify
from app.features.viewing.settling import close_settled
from app.kernel.messages import Label
from app.language.field_types import TWICE_FOR
from app.storage.deed_tables import TWICE
from app.storage.models import PLACE
from app.tasks.kinds import Schedule, TaskKind
from app.tasks.work import Work

KIND = "duplicate"
MOST = 500


def tell_of_duplicates(work: Work, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Tell once of each value that is held, with both records; take off the list what stands twice no more."""
    known = work.session.scalars(select(TWICE.c.entity).distinct()).all()
    entities = [
        work.runtime.schema.entities[one] for one in known if one in work.runtime.schema.entities
    ]
    closed = sum(close_settled(work.session, work.runtime, one) for one in entities)
    return {"told": _tell(work), "closed": closed}


DUPLICATES = TaskKind(
    KIND, Label("提示重复登记", "Tell of what was entered twice"), tell_of_duplicates
)
DUPLICATES_OFTEN = Schedule("duplicates_often", DUPLICATES.name, every=timedelta(minutes=1))


# Private


def _tell(work: Work) -> int:
    waiting = select(TWICE).where(TWICE.c.told_at.is_(None)).order_by(TWICE.c.id).limit(MOST)
    rows = work.session.execute(waiting.with_for_update(skip_locked=True)).all()
    if not rows:
        return 0
    runtime, now = work.runtime, work.runtime.clock.now()
    holders = role_holders(work.session, runtime.schema, runtime.models, runtime.moment().today)
    notify(work.session, [one for row in rows for one in _notices(work, holders, row)], now)
    told = update(TWICE).where(TWICE.c.id.in_([row.id for row in rows])).values(told_at=now)
    work.session.execute(told)
    return len(rows)


def _notices(work: Work, holders: Holders, row: Any) -> Iterator[NewNotice]:
    entity = work.runtime.schema.entities.get(row.entity)
    field = entity.fields.get(row.field) if entity is not None else None
    if entity is None or field is None:
        return
    table = work.runtime.models.metadata.tables[entity.name]
    place = None
    if PLACE in table.c:
        with lowered(work.session):
            place = work.session.scalar(select(table.c[PLACE]).where(table.c.id == row.other_id))
    accounts = {
        account
        for role in field.options.get(TWICE_FOR, ())
        for account in {*holders.around(role, place), *holders.heads(role)}
    }
    title = Label(f"{entity.label.zh}重复登记：{field.label.zh}相同",
                  f"{entity.label.en} entered twice: the same {field.label.en}")  # fmt: skip
    body = Label(
        f"#{row.record_id} 与 #{row.other_id} 的{field.label.zh}相同。"
        "录入人看不到后者，也未被告知。请核实后合并或更正。",
        f"#{row.record_id} has the same {field.label.en} as #{row.other_id}. Whoever entered it does not see the other"
        " one, and was told nothing. Merge or correct them.",
    )
    for account in sorted(accounts - {row.account_id}):
        yield NewNotice(account, f"{KIND}:{row.id}:{account}", KIND, title, body, red=True,
                        entity=entity.name, record_id=row.record_id)  # fmt: skip
