"""Grants in the database: given, begun, published, taken once, let go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import case, func, insert, or_, select, update
from sqlalchemy.orm import Session

from app.features.exports import rules
from app.features.exports.rules import Grant
from app.kernel.errors import Gone, NotFound
from app.kernel.messages import _l
from app.storage.export_tables import EXPORT_GRANT
from app.storage.task_tables import TASK

READ = tuple(Grant.__slots__)
COLUMNS = tuple(EXPORT_GRANT.c[name] for name in READ)
USED_UP = _l("This export is used up: each grant makes one file, and each file is handed out once.")


def give(
    session: Session, asked: Mapping[str, Any], account_id: int, most_rows: int, now: datetime,
    *, request_id: int | None = None,
) -> int:  # fmt: skip
    """Give an account the right to one file; returns its number."""
    values = {
        "request_id": request_id, "account_id": account_id, "entity": asked["entity"],
        "asked": dict(asked), "digest": rules.digest_of(asked), "most_rows": most_rows,
        "created_at": now, "expires_at": now + rules.GRANTED_FOR,
    }  # fmt: skip
    made = session.execute(insert(EXPORT_GRANT).values(values).returning(EXPORT_GRANT.c.id))
    return int(made.scalar_one())


def hand_over(session: Session, number: int, rows: int, now: datetime) -> None:
    """Use a grant up for a file that was written where its reader has it, as on the server itself."""
    session.execute(
        update(EXPORT_GRANT)
        .where(EXPORT_GRANT.c.id == number)
        .values(state=rules.TAKEN, rows=rows, made_at=now, taken_at=now)
    )


def keep(session: Session, number: int, rows: int, now: datetime, until: datetime) -> None:
    """Use a grant up for a file that is kept elsewhere, to be handed out once until then."""
    session.execute(
        update(EXPORT_GRANT)
        .where(EXPORT_GRANT.c.id == number)
        .values(state=rules.MADE, rows=rows, made_at=now, expires_at=until)
    )


def take_kept(session: Session, number: int, now: datetime) -> None:
    """Hand out a file that is kept elsewhere, once; raises Gone."""
    taken = (
        update(EXPORT_GRANT)
        .where(EXPORT_GRANT.c.id == number, EXPORT_GRANT.c.state == rules.MADE,
               EXPORT_GRANT.c.storage_key.is_(None), EXPORT_GRANT.c.expires_at > now)
        .values(state=rules.TAKEN, taken_at=now)
        .returning(EXPORT_GRANT.c.id)
    )  # fmt: skip
    if session.execute(taken).first() is None:
        raise Gone(USED_UP)


def still_kept(session: Session, numbers: Sequence[int], now: datetime) -> set[int]:
    """The grants of files that are kept elsewhere and were not handed out yet."""
    free = select(EXPORT_GRANT.c.id).where(
        EXPORT_GRANT.c.id.in_(numbers), EXPORT_GRANT.c.state == rules.MADE,
        EXPORT_GRANT.c.expires_at > now,
    )  # fmt: skip
    return set(session.scalars(free))


def grant(session: Session, number: int, account_id: int | None) -> Grant:
    """A grant of an account's own; raises NotFound."""
    mine = (EXPORT_GRANT.c.id == number) & (EXPORT_GRANT.c.account_id == account_id)
    row = session.execute(select(*COLUMNS).where(mine)).first() if 0 < number < 2**63 else None
    if row is None:
        raise NotFound
    return Grant(**row._mapping)  # noqa: SLF001 - the name that SQLAlchemy documents


def of_request(session: Session, request_id: int) -> int | None:
    """The number of the grant that a request led to."""
    wanted = select(EXPORT_GRANT.c.id).where(EXPORT_GRANT.c.request_id == request_id)
    return session.scalar(wanted)


def begin(session: Session, found: Grant, now: datetime) -> None:
    """Begin to make the file, again only when the task before has failed; raises Gone."""
    failed = select(TASK.c.id).where(
        TASK.c.id == EXPORT_GRANT.c.task_id,
        TASK.c.state.in_(("failed", "cancelled", "refused")),
    )
    free = or_(
        EXPORT_GRANT.c.state == rules.READY,
        (EXPORT_GRANT.c.state == rules.MAKING) & failed.exists(),
    )
    begun = (
        update(EXPORT_GRANT)
        .where(EXPORT_GRANT.c.id == found.id, EXPORT_GRANT.c.expires_at > now, free)
        .values(state=rules.MAKING)
        .returning(EXPORT_GRANT.c.id)
    )
    if session.execute(begun).first() is None:
        raise Gone(USED_UP)


def hand_to(session: Session, number: int, task_id: int) -> None:
    """Note which task makes the file."""
    session.execute(update(EXPORT_GRANT).where(EXPORT_GRANT.c.id == number).values(task_id=task_id))


def still_good(session: Session, number: int, task_id: int, now: datetime) -> bool:
    """Whether the file may still be made, by this task."""
    good = select(func.count()).where(
        EXPORT_GRANT.c.id == number, EXPORT_GRANT.c.task_id == task_id,
        EXPORT_GRANT.c.state == rules.MAKING, EXPORT_GRANT.c.expires_at > now,
    )  # fmt: skip
    return bool(session.scalar(good.select_from(EXPORT_GRANT)))


def publish(session: Session, number: int, task_id: int, values: Mapping[str, Any]) -> None:
    """Use the grant up: the file is there; raises Gone when it was used meanwhile."""
    done = (
        update(EXPORT_GRANT)
        .where(EXPORT_GRANT.c.id == number, EXPORT_GRANT.c.task_id == task_id,
               EXPORT_GRANT.c.state == rules.MAKING)
        .values(state=rules.MADE, **values)
        .returning(EXPORT_GRANT.c.id)
    )  # fmt: skip
    if session.execute(done).first() is None:
        raise Gone(USED_UP)


def take(session: Session, found: Grant, now: datetime) -> None:
    """Hand the file out, once; raises Gone."""
    taken = (
        update(EXPORT_GRANT)
        .where(EXPORT_GRANT.c.id == found.id, EXPORT_GRANT.c.state == rules.MADE,
               EXPORT_GRANT.c.made_at > now - rules.KEPT_FOR)
        .values(state=rules.TAKEN, taken_at=now)
        .returning(EXPORT_GRANT.c.id)
    )  # fmt: skip
    if session.execute(taken).first() is None:
        raise Gone(USED_UP)


def waiting_keys(session: Session) -> set[str]:
    """The keys of the files that wait to be fetched."""
    made = select(EXPORT_GRANT.c.storage_key).where(EXPORT_GRANT.c.state == rules.MADE)
    return {key for key in session.scalars(made) if key}


def let_go(session: Session, now: datetime) -> list[str]:
    """End grants that nobody used and files that nobody fetched; the keys of those files."""
    unused = EXPORT_GRANT.c.state.in_((rules.READY, rules.MAKING)) & (
        EXPORT_GRANT.c.expires_at <= now
    )
    kept = EXPORT_GRANT.c.made_at <= now - rules.KEPT_FOR
    elsewhere = EXPORT_GRANT.c.storage_key.is_(None)
    waited = case((elsewhere, EXPORT_GRANT.c.expires_at <= now), else_=kept)
    unfetched = (EXPORT_GRANT.c.state == rules.MADE) & waited
    over = (
        update(EXPORT_GRANT)
        .where(or_(unused, unfetched))
        .values(state=rules.EXPIRED)
        .returning(EXPORT_GRANT.c.storage_key)
    )
    return [key for key in session.scalars(over) if key]
