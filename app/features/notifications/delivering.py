"""Sends what waits to go out: claimed with a lease, checked anew at that moment, never sent twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Engine, and_, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.access.accounts import load_actor
from app.access.permissions import Access
from app.access.session_scope import install, release
from app.features.notifications import rules
from app.features.notifications.channels import Mail, send_mail, send_robot
from app.features.notifications.outward import Attachment, Text, Undelivered
from app.features.notifications.service import RED, Preference, preferences
from app.kernel.clock import FixedClock
from app.kernel.errors import Forbidden, Invalid, NotFound, Refused
from app.kernel.messages import Label
from app.records.gateway import Records
from app.records.runtime import Runtime
from app.settings import Settings
from app.storage.database import make_sessions, unit_of_work
from app.storage.notice_tables import BREAKER, DELIVERY, NOTICE, NOTICE_DOCUMENT

# By the clock of the database, so that a jump of the portal's own ends no lease.
LEASE = timedelta(minutes=5)
LOCK_SPACE = 7_201
MOST_AT_ONCE = 500
# Why something did not go out although nothing was broken.
CLOSED, UNSEEN, DONE, UNWANTED = "account closed", "record out of reach", "handled", "not wanted"
NO_SERVER = "no mail server is set"
UNKNOWN = "the portal stopped while sending"


# Asked just before a mail goes out: the file of a document for its reader, or None when the link
# is enough. Raises NotFound, Forbidden, Refused or Invalid when he may no longer have it.
Guard = Callable[[Records, Settings, int], Attachment | None]


@dataclass(frozen=True, slots=True)
class Post:
    """One message in the making: the deliveries that it takes along."""

    account_id: int
    channel: str
    number: str
    deliveries: tuple[int, ...]
    attempts: int
    breaker: str


@dataclass(frozen=True)
class Office:
    """What sending stands on."""

    engine: Engine
    runtime: Runtime
    settings: Settings
    now: datetime
    guards: Mapping[str, Guard] = field(default_factory=dict)


def deliver(
    engine: Engine,
    runtime: Runtime,
    settings: Settings,
    now: datetime,
    guards: Mapping[str, Guard] | None = None,
) -> dict[str, int]:
    """Send everything that is due at ``now``; how many deliveries ended in which state.

    ``guards`` by kind of document; one without goes out as a link.

    Each message has a transaction of its own before and after it is sent, and none while it is.
    """
    then = replace(runtime, clock=FixedClock(now))
    office = Office(engine, then, settings, now, guards or {})
    counts = Counter[str]()
    sessions = make_sessions(engine)
    install(sessions)
    try:
        session = sessions()
        if not settings.mail_url:
            _without_mail(session)
        for account, channel in _waiting(session, now):
            while (post := _claim(office, session, account, channel)) is not None:
                counts.update(_send(office, session, post))
    finally:
        sessions.remove()
    return dict(counts)


# Private


def _without_mail(session: Session) -> None:
    """Nothing piles up for a mail server that nobody has set."""
    mine = (DELIVERY.c.channel == "mail") & DELIVERY.c.state.in_(("waiting", "sending"))
    with unit_of_work(session):
        session.execute(update(DELIVERY).where(mine).values(state="withheld", error=NO_SERVER))


def _waiting(session: Session, now: datetime) -> list[tuple[int, str]]:
    """The accounts and channels for which something is due, without channels that are left alone."""
    with unit_of_work(session):
        shut = select(BREAKER.c.name).where(BREAKER.c.open_until > now)
        rows = session.execute(
            select(DELIVERY.c.account_id, DELIVERY.c.channel)
            .where(_due(now), DELIVERY.c.channel.not_in(shut))
            .distinct()
            .order_by(DELIVERY.c.account_id)
            .limit(MOST_AT_ONCE)
        )
        return [(row.account_id, row.channel) for row in rows]


def _due(now: datetime) -> Any:
    abandoned = and_(
        DELIVERY.c.state == "sending", DELIVERY.c.lease_until <= func.clock_timestamp()
    )
    return and_(DELIVERY.c.next_at <= now, or_(DELIVERY.c.state == "waiting", abandoned))


def _claim(office: Office, session: Session, account: int, channel: str) -> Post | None:
    """Take one message's deliveries: one urgent notice, or everything else of the account together.

    One at a time for each account and channel, so that two senders never make two digests.
    """
    with unit_of_work(session):
        session.execute(select(func.pg_advisory_xact_lock(LOCK_SPACE, account)))
        chosen = preferences(session, [account]).get(account, Preference())
        breaker = _breaker(channel, chosen)
        shut = (BREAKER.c.name == breaker) & (BREAKER.c.open_until > office.now)
        if session.scalar(select(BREAKER.c.name).where(shut)):
            return None
        mine = (DELIVERY.c.account_id == account) & (DELIVERY.c.channel == channel)
        rows = session.execute(
            select(DELIVERY)
            .where(mine, _due(office.now))
            .order_by(DELIVERY.c.id)
            .limit(MOST_AT_ONCE)
        ).all()
        if not rows or _unsure(session, rows):
            return None if not rows else Post(account, channel, "", (), 0, "")
        taken, number = _message(session, office, rows, chosen)
        if not taken:
            return None
        ids = [row.id for row in taken]
        session.execute(
            update(DELIVERY)
            .where(DELIVERY.c.id.in_(ids))
            .values(
                state="sending",
                message=number,
                lease_until=func.clock_timestamp() + LEASE,
                attempts=DELIVERY.c.attempts + 1,
            )
        )
        return Post(
            account, channel, number, tuple(ids), max(row.attempts for row in taken) + 1, breaker
        )


def _breaker(channel: str, chosen: Preference) -> str:
    """What fails together: the mail server, or one host of robots."""
    return channel if channel == "mail" else f"{channel}:{urlsplit(chosen.robot_url).hostname}"


def _unsure(session: Session, rows: Sequence[Any]) -> bool:
    """Whether some were being posted to a robot when the portal stopped: a robot knows no message twice.

    A mail is sent again under its old Message-ID, which mail servers keep from showing double.
    """
    lost = [row.id for row in rows if row.state == "sending" and row.channel != "mail"]
    if lost:
        session.execute(
            update(DELIVERY).where(DELIVERY.c.id.in_(lost)).values(state="unsure", error=UNKNOWN)
        )
    return bool(lost)


def _message(
    session: Session, office: Office, rows: Sequence[Any], chosen: Preference
) -> tuple[list[Any], str]:
    """What goes out together, and under which number."""
    again = [row for row in rows if row.message]
    if again:
        return [row for row in again if row.message == again[0].message], again[0].message
    urgent = [row for row in rows if row.urgency == RED]
    if urgent:
        return urgent[:1], f"notice-{urgent[0].id}"
    zone = office.runtime.zone
    awake = rules.after_quiet(office.now, chosen.quiet, zone)
    if awake > office.now:
        return _put_off(session, rows, awake)
    alone = _with_documents(session, rows)
    if alone:
        return alone[:1], f"notice-{alone[0].id}"
    if not chosen.digest:
        return [rows[0]], f"notice-{rows[0].id}"
    number = f"digest-{rows[0].account_id}-{rows[0].channel}-{office.now.astimezone(zone):%Y%m%d}"
    sent = (DELIVERY.c.account_id == rows[0].account_id) & (DELIVERY.c.message == number)
    if session.scalar(
        select(DELIVERY.c.id).where(sent, DELIVERY.c.channel == rows[0].channel).limit(1)
    ):
        return _put_off(session, rows, rules.next_digest(office.now, zone))
    return list(rows), number


def _with_documents(session: Session, rows: Sequence[Any]) -> list[Any]:
    """Those that bring a file or a page of their own; no digest takes them along."""
    wanted = NOTICE_DOCUMENT.c.notice_id.in_([row.notice_id for row in rows])
    found = set(session.scalars(select(NOTICE_DOCUMENT.c.notice_id).where(wanted)))
    return [row for row in rows if row.notice_id in found]


def _put_off(session: Session, rows: Sequence[Any], until: datetime) -> tuple[list[Any], str]:
    ids = [row.id for row in rows]
    session.execute(update(DELIVERY).where(DELIVERY.c.id.in_(ids)).values(next_at=until))
    return [], ""


def _send(office: Office, session: Session, post: Post) -> dict[str, int]:
    """Check once more, send, and note how it ended."""
    if not post.deliveries:
        return {}
    with unit_of_work(session):
        ready, language, address, withheld = _checked(office, session, post)
        # What waits for the next account is none of this one's business.
        release(session)
    try:
        if ready:
            _hand_over(office, post, [words for _, words in ready], language, address)
    except Undelivered as fault:
        return withheld | _failed(office, session, post, [number for number, _ in ready], fault)
    with unit_of_work(session):
        ids = [number for number, _ in ready]
        session.execute(
            update(DELIVERY).where(DELIVERY.c.id.in_(ids), DELIVERY.c.message == post.number)
            .values(state="sent", sent_at=office.now, error=None, lease_until=None)
        )  # fmt: skip
        if ready:
            session.execute(
                update(BREAKER)
                .where(BREAKER.c.name == post.breaker)
                .values(failures=0, open_until=None)
            )
    return withheld | ({"sent": len(ready)} if ready else {})


def _checked(
    office: Office, session: Session, post: Post
) -> tuple[list[tuple[int, Text]], str, str, dict[str, int]]:
    """What may still be sent: the account is open, wants it, and may still see the record."""
    account = session.execute(
        text(
            "SELECT u.active, u.email, p.language FROM ab_user u"
            " LEFT JOIN portal_preference p ON p.account_id = u.id WHERE u.id = :id"
        ),
        {"id": post.account_id},
    ).first()
    chosen = preferences(session, [post.account_id]).get(post.account_id, Preference())
    language = (account.language if account else None) or office.settings.language
    address = (account.email if account else "") if post.channel == "mail" else chosen.robot_url
    rows = session.execute(
        select(
            DELIVERY.c.id,
            NOTICE,
            NOTICE_DOCUMENT.c.kind.label("document"),
            NOTICE_DOCUMENT.c.number,
            NOTICE_DOCUMENT.c.path,
        )
        .join(NOTICE, NOTICE.c.id == DELIVERY.c.notice_id)
        .outerjoin(NOTICE_DOCUMENT, NOTICE_DOCUMENT.c.notice_id == NOTICE.c.id)
        .where(DELIVERY.c.id.in_(post.deliveries))
        .order_by(NOTICE.c.urgency.desc(), NOTICE.c.id)
    ).all()
    wanted = chosen.mail if post.channel == "mail" else bool(chosen.robot_url)
    records = _records(office, session, post.account_id) if account and account.active else None
    ready: list[tuple[int, Text]] = []
    counts = Counter[str]()
    for row in rows:
        reason, file = CLOSED if records is None else UNWANTED, None
        if records is not None and wanted:
            reason, file = _judged(office, records, row)
        if reason:
            counts["withheld"] += 1
            session.execute(
                update(DELIVERY)
                .where(DELIVERY.c.id == row[0])
                .values(state="withheld", error=reason, lease_until=None)
            )
        else:
            ready.append((row[0], _words(office, row, language, file)))
    return ready, language, address, dict(counts)


def _records(office: Office, session: Session, account: int) -> Records:
    runtime = office.runtime
    actor = load_actor(session, runtime.schema, runtime.models, account, runtime.moment().today)
    return Records(runtime, session, Access(runtime.schema, actor), "zh")


def _judged(office: Office, records: Records, row: Any) -> tuple[str, Attachment | None]:
    """Why a notice may not go out any more, else the file that it takes along."""
    if row.handled_at is not None:
        return DONE, None
    guard = office.guards.get(row.document or "")
    try:
        if row.entity is not None:
            records.get(row.entity, row.record_id, ())
        return "", guard(records, office.settings, row.number) if guard else None
    except (NotFound, Forbidden, Refused, Invalid):
        return UNSEEN, None


def _words(office: Office, row: Any, language: str, file: Attachment | None) -> Text:
    title, body = (Label(**row.texts[name]).text(language) for name in ("title", "body"))
    path = f"/{row.entity}/show/{row.record_id}" if row.entity else row.path or "/notices/"
    return Text(title, body, public_url(office.settings) + path, file)


def public_url(settings: Settings) -> str:
    """Where people find the portal."""
    return settings.public_url or f"http://{settings.host}:{settings.port}"


def _hand_over(
    office: Office, post: Post, texts: Sequence[Text], language: str, address: str
) -> None:
    portal = office.runtime.schema.portal.label.text(language)
    if post.channel == "mail":
        body = rules.plain_text(
            texts, f"{public_url(office.settings)}/notices/preferences", language
        )
        subject = rules.subject(texts, portal, language)
        files = tuple(one.file for one in texts if one.file is not None)
        mail = Mail(address, subject, body, post.number, office.now, language, files)
        send_mail(office.settings, mail)
    else:
        said = rules.short_text(texts, portal, language)
        send_robot(office.settings, address, said, texts, post.number)


def _failed(
    office: Office, session: Session, post: Post, ids: Iterable[int], fault: Undelivered
) -> dict[str, int]:
    """Try again later, or give up; a channel that fails again and again is left alone."""
    over = fault.final or post.attempts >= rules.MOST_ATTEMPTS
    numbers = list(ids)
    with unit_of_work(session):
        session.execute(
            update(DELIVERY).where(DELIVERY.c.id.in_(numbers)).values(
                state="failed" if over else "waiting", error=str(fault), lease_until=None,
                next_at=office.now + rules.wait_after(post.attempts),
            )
        )  # fmt: skip
        if not fault.final:
            _count_failure(office, session, post.breaker)
    return {"failed" if over else "waiting": len(numbers)}


def _count_failure(office: Office, session: Session, channel: str) -> None:
    counted = insert(BREAKER).values(name=channel, failures=1)
    failures = session.scalar(
        counted.on_conflict_do_update(
            index_elements=["name"], set_={"failures": BREAKER.c.failures + 1}
        ).returning(BREAKER.c.failures)
    )
    pause = rules.break_after(int(failures or 0))
    if pause is not None:
        until = office.now + pause
        session.execute(update(BREAKER).where(BREAKER.c.name == channel).values(open_until=until))
