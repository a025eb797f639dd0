"""One effect for a request that comes more than once: a double click, or a program that asks again."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable

from flask import request
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from app.kernel.errors import Invalid, Refused
from app.kernel.messages import _l
from app.storage.tables import ONCE
from app.web.marks import FIELD as DRAWN
from app.web.state import Scope

HEADER = "Idempotency-Key"
FIELD = "once"
LONGEST = 100


def new_key() -> str:
    """A key for a form that is about to be shown."""
    return secrets.token_urlsafe(12)


def once(here: Scope, do: Callable[[], int]) -> int:
    """The record that ``do`` makes, or the one it made when the same request came before.

    A program says with ``Idempotency-Key`` which requests are the same; raises Refused when the key
    comes again with something else. A form carries a key of its own, and what is sent counts with
    it, so that going back and saving something else makes a second record. To be called in the
    transaction of the deed: a second request waits until the first has ended.
    """
    body = hashlib.sha256(request.path.encode() + b"\0" + _sent()).hexdigest()
    key, form = request.headers.get(HEADER, ""), request.form.get(FIELD, "")
    if not key and not form:
        return do()
    if len(key) > LONGEST or len(form) > LONGEST:
        raise Invalid({"": (_l("An Idempotency-Key has 100 characters at most."),)})
    name = key or hashlib.sha256(f"{form}:{body}".encode()).hexdigest()
    mine = {"account_id": here.actor.account_id, "key": name}
    statement = insert(ONCE).values(**mine, digest=body).on_conflict_do_nothing()
    if here.session.scalar(statement.returning(ONCE.c.key)) is None:
        return _before(here, name, body)
    made = do()
    own = (ONCE.c.account_id == here.actor.account_id) & (ONCE.c.key == name)
    here.session.execute(update(ONCE).where(own).values(record_id=made))
    return made


# Private


def _sent() -> bytes:
    """What was sent, without what differs between two equal forms."""
    if not request.form and not request.files:
        return request.get_data(cache=True)
    kept = sorted(
        (name, text)
        for name, text in request.form.items(multi=True)
        if name not in ("csrf_token", DRAWN)
    )
    files = [
        (name, sent.filename, sent.content_length) for name, sent in request.files.items(multi=True)
    ]
    return repr((kept, files)).encode()


def _before(here: Scope, name: str, body: str) -> int:
    own = (ONCE.c.account_id == here.actor.account_id) & (ONCE.c.key == name)
    row = here.session.execute(select(ONCE.c.digest, ONCE.c.record_id).where(own)).one()
    if row.digest != body or row.record_id is None:
        raise Refused(_l("This Idempotency-Key was used for another request; choose a new one."))
    return int(row.record_id)
