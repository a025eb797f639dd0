"""The kinds of requests: each says what is asked for, who may, and what happens on approval."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy.orm import Session

from app.access.permissions import Access
from app.features.requests.rules import OPEN_FOR, Request
from app.kernel.messages import Label, Message
from app.records.gateway import Records
from app.records.runtime import Runtime

Payload = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that a request is about: a label with a text, or a record with its title."""

    label: Message | Label
    text: Message | Label | str
    entity: str | None = None
    record_id: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What approval did: ``used`` when all of it is done; else the request stays approved."""

    used: bool
    path: str = ""


@dataclass(frozen=True, slots=True)
class Deciders:
    """Who decides a kind of request by other rights than ``approves``; the parties are left out afterwards.

    ``ever`` says without the database whether an actor could decide any.
    ``among`` gives those of the requests that the actor may decide, by number.
    ``accounts`` gives the open accounts that may decide a request.
    """

    ever: Callable[[Access], bool]
    among: Callable[[Session, Runtime, Access, Sequence[Request]], set[int]]
    accounts: Callable[[Session, Runtime, Request], Iterable[int]]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of request.

    ``describe`` tells its reader what is asked for, as far as he may see it.
    ``may_request`` raises unless the actor of the records may ask for this.
    ``may_decide`` raises unless the actor sees enough to decide it; his role was looked at before.
    ``apply`` does it in the decider's transaction, with rights of its own.
    ``next_path`` is where the one who asked goes on once it is decided.
    ``deciders`` are others than those whose role ``approves`` it. It waits for ``open_for``.
    ``alone`` does it at once where nobody else exists who could ever decide, and says where that leads.
    ``due`` is the day on which an answer is promised. Of two that are the ``same`` only one waits.
    """

    name: str
    label: Label
    describe: Callable[[Records, Request], Sequence[Line]]
    may_request: Callable[[Records, str, Payload], None]
    may_decide: Callable[[Records, Request], None]
    apply: Callable[[Records, Request], Outcome]
    records_of: Callable[[Payload], Sequence[int]] = lambda payload: ()
    next_path: Callable[[Request], str] = lambda request: ""
    deciders: Deciders | None = None
    open_for: timedelta = OPEN_FOR
    due: Callable[[Request], date | None] = lambda request: None
    same: Callable[[Payload, Payload], bool] = lambda one, other: True
    alone: Callable[[Records, Payload], str] = lambda records, payload: ""


Kinds = Mapping[str, Kind]
