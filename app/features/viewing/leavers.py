"""Whoever is about to leave, or whose account was closed, is told of to those who look after the trail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from app.access.holders import people
from app.features.notifications.service import Document, NewNotice, notify
from app.features.reminders.people import account_names
from app.features.trail.signing import notices_of
from app.features.viewing.pages import account_url
from app.kernel.messages import Label
from app.records.guarding import persons_on_notice
from app.tasks.kinds import Schedule, TaskKind
from app.tasks.work import Work

KIND = "look_back"
# Longer than the portal stands still as a rule; whoever was told of is not told of again.
CLOSED_WITHIN = timedelta(days=3)
CLOSED = text(
    "SELECT id, changed_on FROM ab_user WHERE NOT active AND changed_on > :since ORDER BY id"
)
BODY = Label(
    "请回看最近 30、60、90 天的查看、检索和导出；可生成证据包存档。",
    "Look back at what was seen, searched and taken in the last 30, 60 and 90 days; it can be kept as evidence.",
)


def tell_of_leavers(work: Work, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Tell once of each account that was closed, and of each whose person is about to leave."""
    notices = [*_closed(work), *_leaving(work)]
    notify(work.session, notices, work.runtime.clock.now())
    return {"told": len(notices)}


LEAVERS = TaskKind(KIND, Label("提示回看离职人员", "Tell of those who leave"), tell_of_leavers)
LEAVERS_OFTEN = Schedule("look_back_often", LEAVERS.name, every=timedelta(minutes=10))


# Private


def _closed(work: Work) -> Iterator[NewNotice]:
    since = (work.runtime.clock.now() - CLOSED_WITHIN).replace(tzinfo=None)
    rows = work.session.execute(CLOSED, {"since": since}).all()
    names = account_names(work.session, [row.id for row in rows])
    for number, closed_at in rows:
        title = Label(f"{names[number]} 的账号已停用", f"The account of {names[number]} was closed")
        yield from _told(work, number, f"closed:{closed_at:%Y%m%d%H%M%S}", title)


def _leaving(work: Work) -> Iterator[NewNotice]:
    leaving = persons_on_notice(work.session, work.runtime)
    known = people(work.session, work.runtime.schema, work.runtime.models)
    accounts = sorted(
        one.account
        for number, one in known.items()
        if number in leaving and one.account is not None
    )
    names = account_names(work.session, accounts)
    for number in accounts:
        title = Label(f"{names[number]} 即将离职", f"{names[number]} is about to leave")
        yield from _told(work, number, "leaving", title)


def _told(work: Work, account: int, why: str, title: Label) -> Iterator[NewNotice]:
    page = Document(KIND, account, account_url(account))
    for notice in notices_of(work.session, work.runtime, f"{KIND}:{account}:{why}", title, BODY):
        if notice.account_id != account:
            yield replace(notice, kind=KIND, document=page)
