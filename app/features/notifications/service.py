"""Tells people something: a notice in the portal, and what is to go out of it; then what they do with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, literal, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.access.session_scope import lowered
from app.features.notifications.rules import CHANNELS
from app.kernel.errors import NotFound
from app.kernel.messages import Label
from app.records.accounts import NOWHERE
from app.storage.notice_tables import DELIVERY, NOTICE, NOTICE_DOCUMENT, NOTICE_PREFERENCE

NORMAL, RED = "normal", "red"
AT_ONCE = 1000
PAGE = 25


@dataclass(frozen=True, slots=True)
class Document:
    """What a notice leads to when it is no record: ``number`` among those of its ``kind``, and its page."""

    kind: str
    number: int
    path: str


@dataclass(frozen=True, slots=True)
class NewNotice:
    """Something to tell an account. A second notice of the same ``key`` is not written.

    ``channels`` are those outside of the portal; ``not_before`` holds them back.
    """

    account_id: int
    key: str
    kind: str
    title: Label
    body: Label
    entity: str | None = None
    record_id: int | None = None
    red: bool = False
    channels: tuple[str, ...] = CHANNELS
    not_before: datetime | None = None
    document: Document | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice as its reader finds it."""

    id: int
    kind: str
    red: bool
    title: Label
    body: Label
    entity: str | None
    record_id: int | None
    created_at: datetime
    read_at: datetime | None
    handled_at: datetime | None
    snoozed_until: datetime | None
    path: str = ""


@dataclass(frozen=True, slots=True)
class Preference:
    """How an account wants to be told outside of the portal."""

    mail: bool = True
    robot_url: str = ""
    digest: bool = True
    quiet: tuple[time, time] | None = None


def notify(session: Session, notices: Iterable[NewNotice], now: datetime) -> dict[str, int]:
    """Write notices in the caller's transaction; the ids of the new ones by their key."""
    made: dict[str, int] = {}
    chunks = list(_chunks(tuple({one.key: one for one in notices}.values())))
    if not chunks:
        return made
    # Whoever tells others does not reach their notices.
    with lowered(session):
        for some in chunks:
            rows = [_row(one, now) for one in some]
            statement = insert(NOTICE).on_conflict_do_nothing(index_elements=["key"])
            found = session.execute(statement.returning(NOTICE.c.key, NOTICE.c.id), rows)
            new = {row.key: row.id for row in found}
            _keep_documents(session, [(new[one.key], one) for one in some if one.key in new])
            _to_deliver(session, [(new[one.key], one) for one in some if one.key in new], now)
            made |= new
    return made


def unread(session: Session, account_id: int, now: datetime, most: int) -> int:
    """How many notices wait for an account, counted up to ``most``."""
    waiting = and_(NOTICE.c.account_id == account_id, *_in_view("unread", now))
    some = select(literal(1)).select_from(NOTICE).where(waiting).limit(most).subquery()
    return int(session.scalar(select(func.count()).select_from(some)) or 0)


def inbox(
    session: Session, account_id: int, view: str, now: datetime, *, before: int | None = None
) -> list[Notice]:
    """A page of an account's notices, newest first, and one more if there is."""
    statement = _notices().where(NOTICE.c.account_id == account_id, *_in_view(view, now))
    if before is not None:
        statement = statement.where(NOTICE.c.id < before)
    rows = session.execute(statement.order_by(NOTICE.c.id.desc()).limit(PAGE + 1)).mappings()
    return [_notice(row) for row in rows]


def notice(session: Session, account_id: int, number: int) -> Notice:
    """A notice of an account's own; raises NotFound."""
    mine = (NOTICE.c.account_id == account_id) & (NOTICE.c.id == number)
    row = session.execute(_notices().where(mine)).mappings().first()
    if row is None:
        raise NotFound
    return _notice(row)


def mark(session: Session, account_id: int, numbers: Sequence[int], **values: Any) -> int:
    """Change own notices: read_at, handled_at, snoozed_until; returns how many there were."""
    mine = (NOTICE.c.account_id == account_id) & NOTICE.c.id.in_(numbers)
    changed = session.execute(update(NOTICE).where(mine).values(**values).returning(NOTICE.c.id))
    return len(changed.all())


def mark_all_read(session: Session, account_id: int, now: datetime) -> int:
    """Mark everything that waits for an account as read."""
    mine = and_(NOTICE.c.account_id == account_id, *_in_view("unread", now))
    changed = session.execute(update(NOTICE).where(mine).values(read_at=now).returning(NOTICE.c.id))
    return len(changed.all())


def preference(session: Session, account_id: int) -> Preference:
    """How an account wants to be told."""
    return preferences(session, [account_id]).get(account_id, Preference())


def preferences(session: Session, accounts: Iterable[int]) -> dict[int, Preference]:
    """The preferences of those accounts that have stated any."""
    rows = session.execute(
        select(NOTICE_PREFERENCE).where(NOTICE_PREFERENCE.c.account_id.in_(sorted(set(accounts))))
    )
    return {
        row.account_id: Preference(row.mail, row.robot_url, row.digest, _quiet(row)) for row in rows
    }


def prefer(session: Session, account_id: int, wanted: Preference) -> None:
    """Keep how an account wants to be told."""
    quiet_from, quiet_to = wanted.quiet or (None, None)
    values = {
        "mail": wanted.mail, "robot_url": wanted.robot_url, "digest": wanted.digest,
        "quiet_from": quiet_from, "quiet_to": quiet_to,
    }  # fmt: skip
    statement = insert(NOTICE_PREFERENCE).values(account_id=account_id, **values)
    session.execute(statement.on_conflict_do_update(index_elements=["account_id"], set_=values))


# Private


def _chunks(notices: Sequence[NewNotice]) -> Iterator[Sequence[NewNotice]]:
    for begin in range(0, len(notices), AT_ONCE):
        yield notices[begin : begin + AT_ONCE]


def _row(one: NewNotice, now: datetime) -> dict[str, Any]:
    texts = {
        name: {"zh": label.zh, "en": label.en}
        for name, label in (("title", one.title), ("body", one.body))
    }
    return {
        "account_id": one.account_id, "key": one.key, "kind": one.kind, "urgency": RED if one.red else NORMAL,
        "texts": texts, "entity": one.entity, "record_id": one.record_id, "created_at": now,
    }  # fmt: skip


def _keep_documents(session: Session, made: Sequence[tuple[int, NewNotice]]) -> None:
    rows = [
        {"notice_id": number, "kind": one.document.kind, "number": one.document.number,
         "path": one.document.path}
        for number, one in made if one.document is not None
    ]  # fmt: skip
    if rows:
        session.execute(insert(NOTICE_DOCUMENT), rows)


def _notices() -> Select[Any]:
    path = func.coalesce(NOTICE_DOCUMENT.c.path, "").label("path")
    return select(NOTICE, path).outerjoin(
        NOTICE_DOCUMENT, NOTICE_DOCUMENT.c.notice_id == NOTICE.c.id
    )


def _to_deliver(session: Session, made: Sequence[tuple[int, NewNotice]], now: datetime) -> None:
    """Queue what goes outside, for accounts that can be reached there and want it."""
    outward = [pair for pair in made if pair[1].channels]
    if not outward:
        return
    accounts = {one.account_id for _, one in outward}
    chosen = preferences(session, accounts)
    reached = _with_mail(session, accounts)
    rows = [
        {
            "notice_id": number, "account_id": one.account_id, "channel": channel,
            "urgency": RED if one.red else NORMAL,
            "next_at": now if one.red or one.not_before is None else max(now, one.not_before),
        }
        for number, one in outward
        for channel in one.channels
        if _wanted(chosen.get(one.account_id, Preference()), channel)
        and (channel != "mail" or one.account_id in reached)
    ]  # fmt: skip
    if rows:
        session.execute(insert(DELIVERY).on_conflict_do_nothing(), rows)


def _wanted(chosen: Preference, channel: str) -> bool:
    return chosen.mail if channel == "mail" else channel == "robot" and bool(chosen.robot_url)


def _with_mail(session: Session, accounts: Iterable[int]) -> set[int]:
    """Those with an address that leads somewhere."""
    rows = session.scalars(
        text("SELECT id FROM ab_user WHERE id = ANY(:ids) AND email NOT LIKE :nowhere"),
        {"ids": sorted(accounts), "nowhere": f"%@{NOWHERE}"},
    )
    return set(rows)


def _in_view(view: str, now: datetime) -> list[ColumnElement[bool]]:
    awake = or_(NOTICE.c.snoozed_until.is_(None), NOTICE.c.snoozed_until <= now)
    opened = NOTICE.c.handled_at.is_(None)
    if view == "unread":
        return [opened, NOTICE.c.read_at.is_(None), awake]
    if view == "red":
        return [opened, NOTICE.c.urgency == RED, awake]
    if view == "snoozed":
        return [opened, NOTICE.c.snoozed_until > now]
    return [NOTICE.c.handled_at.is_not(None)] if view == "handled" else [opened, awake]


def _quiet(row: Any) -> tuple[time, time] | None:
    return (row.quiet_from, row.quiet_to) if row.quiet_from and row.quiet_to else None


def _notice(row: Any) -> Notice:
    title, body = (Label(**row["texts"][name]) for name in ("title", "body"))
    return Notice(
        title=title,
        body=body,
        red=row["urgency"] == RED,
        **{
            name: row[name]
            for name in (
                "id",
                "kind",
                "entity",
                "record_id",
                "created_at",
                "read_at",
                "handled_at",
                "snoozed_until",
                "path",
            )
        },
    )
