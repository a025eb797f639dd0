"""Who asks for what is out of reach is written down: a clerk who tries key after key is seen."""

from __future__ import annotations

from flask import request

from app.audit.actions import AuditAction
from app.audit.chain import Entry, append
from app.records.attempts import refusals_bucket, wait_of
from app.storage.database import unit_of_work
from app.web.state import Scope

NOTED = (403, 404)


def note_refusal(here: Scope, status: int, entity: str = "", record_id: int | None = None) -> None:
    """Note an answer that kept a record from a signed-in account; without a record, the request's own.

    A record that does not exist is noted like one that is out of reach, for the answer was the
    same. After thirty in an hour no more are noted, so that nobody can fill the trail.
    """
    if here.actor.account_id is None or status not in NOTED:
        return
    name = entity or _entity_of_path(here)
    number = record_id if record_id is not None else (request.view_args or {}).get("pk")
    if not name or not isinstance(number, int):
        return
    session, now = here.session, here.state.runtime.clock.now()
    session.rollback()
    with unit_of_work(session):
        if wait_of(session, (refusals_bucket(here.actor.account_id),), now):
            return
        append(
            session,
            Entry(
                at=now,
                account_id=here.actor.account_id,
                account_name=here.actor.username,
                action=AuditAction.ACCESS_REFUSED,
                revision=here.state.runtime.revision,
                entity=name,
                record_id=number,
                changes={"method": [None, request.method]},
                address=request.remote_addr,
            ),
        )


# Private


def _entity_of_path(here: Scope) -> str:
    first = request.path.removeprefix("/api/v1").lstrip("/").partition("/")[0]
    return first if first in here.schema.entities else ""
