"""Finds requests: one, one's own, those about a record."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.actor import Actor
from app.features.requests import rules
from app.features.requests.rules import Request
from app.kernel.errors import Forbidden, NotFound
from app.kernel.messages import _l
from app.records.gateway import Records
from app.storage.request_tables import REQUEST, REQUEST_RECORD

READ = tuple(Request.__slots__)


def account_of(actor: Actor) -> int:
    """The account of a person; raises Forbidden for the portal itself."""
    if actor.account_id is None:
        raise Forbidden(_l("Only people ask and decide."))
    return actor.account_id


def own(records: Records, *, before: int | None = None, limit: int = 50) -> list[Request]:
    """What the actor asked for, newest first."""
    mine = REQUEST.c.requester_id == account_of(records.access.actor)
    return some(records.session, [mine], before, limit)


def decided(records: Records, *, before: int | None = None, limit: int = 50) -> list[Request]:
    """What the actor has decided, newest first."""
    mine = REQUEST.c.decided_by == account_of(records.access.actor)
    return some(records.session, [mine], before, limit)


def about(session: Session, entity: str, record_id: int, now: datetime) -> list[Request]:
    """The requests about a record that wait."""
    named = select(REQUEST_RECORD.c.request_id).where(
        REQUEST_RECORD.c.entity == entity, REQUEST_RECORD.c.record_id == record_id
    )
    waiting = [
        REQUEST.c.id.in_(named),
        REQUEST.c.state == rules.PENDING,
        REQUEST.c.expires_at > now,
    ]
    return some(session, waiting, None, 10)


def one(session: Session, number: int) -> Request:
    """A request; raises NotFound."""
    if not 0 < number < 2**63:
        raise NotFound
    wanted = select(*(REQUEST.c[name] for name in READ)).where(REQUEST.c.id == number)
    row = session.execute(wanted).first()
    if row is None:
        raise NotFound
    return read(row)


def some(session: Session, where: Iterable[Any], before: int | None, limit: int) -> list[Request]:
    """The newest requests that meet criteria."""
    wanted = select(*(REQUEST.c[name] for name in READ)).where(*where)
    if before is not None:
        wanted = wanted.where(REQUEST.c.id < before)
    return [read(row) for row in session.execute(wanted.order_by(REQUEST.c.id.desc()).limit(limit))]


def read(row: Any) -> Request:
    """A row of the table as a request."""
    values = {name: getattr(row, name) for name in READ}
    places = values["places"]
    return Request(**{**values, "places": None if places is None else tuple(places)})
