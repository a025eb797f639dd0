"""Asks, decides, withdraws and lets go: each request ends once, in one transaction with its effect."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, text, update
from sqlalchemy.orm import Session

from app.access.accounts import load_actor
from app.access.actor import Actor
from app.access.holders import Holders, people, role_holders
from app.access.identity import identity_of
from app.access.permissions import Access
from app.audit.actions import AuditAction
from app.audit.chain import Entry, append
from app.features.requests import rules
from app.features.requests.kinds import Deciders, Kind, Kinds, Outcome, Payload
from app.features.requests.reading import READ, account_of, one, read, some
from app.features.requests.rules import Matter, Request
from app.features.requests.telling import note, tell_deciders, tell_requester
from app.kernel.errors import Conflict, Forbidden, Invalid, NotFound, Refused
from app.kernel.messages import _l
from app.records import validation
from app.records.gateway import Records
from app.records.runtime import Runtime
from app.storage.request_tables import REQUEST, REQUEST_RECORD

MOST_LISTED = 200


@dataclass(frozen=True, slots=True)
class NewRequest:
    """Something to ask for; ``guard`` names the rule that held the deed back, if one did."""

    entity: str
    payload: Payload
    reason: str
    guard: str = ""
    beneficiary_id: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What somebody decides, on the version that he has read."""

    approved: bool
    why: str
    version: int


def ask(records: Records, kind: Kind, new: NewRequest) -> int:
    """Put a request and tell those who can decide it; returns its number.

    Raises Invalid without a reason, Refused when nobody could decide, and what the kind raises.
    """
    actor, runtime, session = records.access.actor, records.runtime, records.session
    account = account_of(actor)
    reason = new.reason.strip()
    if not reason:
        raise Invalid({"reason": (validation.REQUIRED,)})
    if len(reason) > rules.LONGEST_REASON:
        text_ = _l("At most %(most)s characters.", most=rules.LONGEST_REASON)
        raise Invalid({"reason": (text_,)})
    kind.may_request(records, new.entity, new.payload)
    numbers = kind.records_of(new.payload)
    _refuse_twice(session, kind, new, numbers)
    now = runtime.clock.now()
    beneficiary = new.beneficiary_id or account
    values = {
        "kind": kind.name, "entity": new.entity, "places": _places(actor), "requester_id": account,
        "requester_person": actor.person_id, "beneficiary_id": beneficiary,
        "beneficiary_person": _actor(session, runtime, beneficiary).person_id,
        "payload": dict(new.payload), "digest": rules.sealed(new.payload), "reason": reason,
        "guarded": new.guard or None, "created_at": now, "expires_at": now + kind.open_for,
    }  # fmt: skip
    number = int(
        session.execute(insert(REQUEST).values(values).returning(REQUEST.c.id)).scalar_one()
    )
    if numbers:
        rows = [{"request_id": number, "entity": new.entity, "record_id": one} for one in numbers]
        session.execute(insert(REQUEST_RECORD), rows)
    request = one(session, number)
    told = deciders(session, runtime, kind, request)
    if not told:
        raise Refused(
            _l(
                "Nobody else holds a role that could decide this for you. Ask the owner of the portal."
            )
        )
    note(records, request, AuditAction.REQUEST_ASKED, {"reason": reason})
    tell_deciders(records, kind, request, told)
    return number


def request_for(records: Records, kinds: Kinds, number: int) -> Request:
    """A request that the actor put, profits from, may decide or has decided; raises NotFound."""
    request = one(records.session, number)
    if not may_open(records, kinds, request):
        raise NotFound
    return request


def may_open(records: Records, kinds: Kinds, request: Request) -> bool:
    """Whether the actor put the request, profits from it, may decide or has decided it."""
    account = account_of(records.access.actor)
    own = account in (request.requester_id, request.beneficiary_id, request.decided_by)
    known = kinds.get(request.kind)
    return known is not None and (own or _covers(records, known, request))


def could_decide(records: Records, kinds: Kinds, request: Request) -> bool:
    """Whether the actor could decide the request now, as far as a page needs to know."""
    if request.state_at(records.runtime.clock.now()) != rules.PENDING:
        return False
    try:
        _refuse_decider(records, kinds[request.kind], request)
        kinds[request.kind].may_decide(records, request)
    except (Forbidden, NotFound):
        return False
    return True


def decide(records: Records, kinds: Kinds, number: int, verdict: Verdict) -> Outcome:
    """Approve or refuse a request, with what approval does, in the caller's transaction.

    The decider's rights are those of this moment. Raises NotFound, Forbidden, Invalid without a
    reason, Conflict when it has ended meanwhile, Refused, and what the kind raises.
    """
    request = request_for(records, kinds, number)
    why, kind = verdict.why.strip(), kinds[request.kind]
    if not why:
        raise Invalid({"why": (validation.REQUIRED,)})
    records = _now(records)
    _refuse_decider(records, kind, request)
    actor, now = records.access.actor, records.runtime.clock.now()
    state = rules.APPROVED if verdict.approved else rules.REFUSED
    _end(records, request, verdict.version, {
        "state": state, "decided_by": actor.account_id, "decided_person": actor.person_id,
        "decided_at": now, "why": why[: rules.LONGEST_REASON],
    })  # fmt: skip
    # What is wrong from here on undoes the end of the request as well.
    kind.may_decide(records, request)
    action = AuditAction.REQUEST_APPROVED if verdict.approved else AuditAction.REQUEST_REFUSED
    note(records, request, action, {"why": why})
    outcome = Outcome(used=False)
    if verdict.approved:
        if not rules.is_whole(request):
            raise Refused(
                _l(
                    "What is stored of this request is not what was asked for. It cannot be approved."
                )
            )
        _refuse_closed(records, request)
        outcome = kind.apply(records, request)
        if outcome.used:
            use(records.session, number, now)
    tell_requester(records, kind, request, outcome, approved=verdict.approved)
    return outcome


def withdraw(records: Records, kinds: Kinds, number: int, version: int) -> None:
    """Take a request of one's own back; raises NotFound, Conflict when it has ended meanwhile."""
    request = request_for(records, kinds, number)
    if request.requester_id != records.access.actor.account_id:
        raise NotFound
    _end(records, request, version, {"state": rules.WITHDRAWN})
    note(records, request, AuditAction.REQUEST_WITHDRAWN, {})


def use(session: Session, number: int, now: datetime) -> None:
    """Note that what was approved is done; raises Conflict when it was not approved, or done before."""
    done = (
        update(REQUEST)
        .where(REQUEST.c.id == number, REQUEST.c.state == rules.APPROVED)
        .values(state=rules.USED, used_at=now, version=REQUEST.c.version + 1)
    )
    if session.execute(done.returning(REQUEST.c.id)).first() is None:
        raise Conflict


def expire(session: Session, runtime: Runtime) -> int:
    """End the requests that nobody decided in time; how many there were."""
    now = runtime.clock.now()
    over = (
        update(REQUEST)
        .where(REQUEST.c.state == rules.PENDING, REQUEST.c.expires_at <= now)
        .values(state=rules.EXPIRED, version=REQUEST.c.version + 1)
        .returning(*(REQUEST.c[name] for name in READ))
    )
    ended = [read(row) for row in session.execute(over)]
    for request in ended:
        entry = Entry(now, None, "system: requests", AuditAction.REQUEST_EXPIRED, runtime.revision,
                      changes={"request": request.id, "kind": request.kind})  # fmt: skip
        append(session, entry)
    return len(ended)


def to_decide(records: Records, kinds: Kinds) -> list[Request]:
    """What waits for the actor, oldest first; the newest MOST_LISTED of all that wait are looked at.

    Whether he sees every record that one is about is looked at on its page.
    """
    actor, session, runtime = records.access.actor, records.session, records.runtime
    others = {kind.name for kind in kinds.values() if kind.deciders is not None}
    may = {
        kind.name for kind in kinds.values() if kind.deciders and kind.deciders.ever(records.access)
    }
    if any(role.approves for role in actor.roles):
        may |= set(kinds) - others
    if not may:
        return []
    waiting = [
        REQUEST.c.state == rules.PENDING,
        REQUEST.c.expires_at > runtime.clock.now(),
        REQUEST.c.requester_id != actor.account_id,
        REQUEST.c.kind.in_(sorted(may)),
    ]
    near = _near(records, kinds, some(session, waiting, None, MOST_LISTED))
    parties = {number for one in near for number in (one.requester_id, one.beneficiary_id)}
    mine = identity_of(session, runtime.schema, runtime.models, account_of(actor)) if near else ()
    same = {one for one in parties if _identities(session, runtime, [one]).intersection(mine)}
    return [one for one in reversed(near) if not {one.requester_id, one.beneficiary_id} & same]


def deciders(session: Session, runtime: Runtime, kind: Kind, request: Request) -> list[int]:
    """The open accounts that could decide a request today, as far as roles and persons go."""
    parties = [request.requester_id, request.beneficiary_id]
    if kind.deciders is not None:
        concerned = _identities(session, runtime, parties)
        found = sorted(set(kind.deciders.accounts(session, runtime, request)))
        return [one for one in found if not concerned & _identities(session, runtime, [one])]
    return those_who_decide(
        session, runtime, Matter(request.kind, request.entity, request.places), parties
    )


def those_who_decide(
    session: Session, runtime: Runtime, matter: Matter, parties: Iterable[int]
) -> list[int]:
    """The open accounts whose roles decide such a matter, without the persons whom it concerns."""
    schema, models = runtime.schema, runtime.models
    holders = role_holders(session, schema, models, runtime.moment().today)
    everybody = {one.account: number for number, one in people(session, schema, models).items()}
    concerned = _identities(session, runtime, parties)
    found = []
    for account in sorted(_approving(runtime, holders, matter)):
        actor = holders.actor(schema, account, everybody.get(account))
        near = rules.covers(actor, *matter)
        if near and not concerned & identity_of(session, schema, models, account):
            found.append(account)
    return found


# Private


def _places(actor: Actor) -> list[int] | None:
    return None if actor.places is None else list(actor.places)


def _covers(records: Records, kind: Kind, request: Request) -> bool:
    if kind.deciders is None:
        return rules.covers(records.access.actor, request.kind, request.entity, request.places)
    return bool(_among(records, kind.deciders, [request]))


def _among(records: Records, by: Deciders, requests: Sequence[Request]) -> set[int]:
    if not requests or not by.ever(records.access):
        return set()
    return by.among(records.session, records.runtime, records.access, requests)


def _near(records: Records, kinds: Kinds, found: Sequence[Request]) -> list[Request]:
    """The requests that the actor decides, as far as roles and rows go; kinds are asked once each."""
    near: set[int] = set()
    for name, kind in kinds.items():
        mine = [one for one in found if one.kind == name]
        if kind.deciders is not None:
            near |= _among(records, kind.deciders, mine)
        else:
            near |= {one.id for one in mine if _covers(records, kind, one)}
    return [one for one in found if one.id in near]


def _approving(runtime: Runtime, holders: Holders, request: Matter) -> set[int]:
    roles = [
        role.name
        for role in runtime.schema.roles.values()
        if request.entity is None or role.decides(request.kind, request.entity)
    ]
    return {
        one for (role, _), accounts in holders.held.items() if role in roles for one in accounts
    }


def _actor(session: Session, runtime: Runtime, account_id: int) -> Actor:
    today = runtime.moment().today
    return load_actor(session, runtime.schema, runtime.models, account_id, today)


def _now(records: Records) -> Records:
    """The door with the rights of this moment; the account is held open until the transaction ends."""
    session, runtime = records.session, records.runtime
    account = account_of(records.access.actor)
    _refuse_frozen(session, account)
    actor = _actor(session, runtime, account)
    return Records(runtime, session, Access(runtime.schema, actor), records.reader.language)


def _refuse_frozen(session: Session, account: int) -> None:
    held = text("SELECT active FROM ab_user WHERE id = :id FOR SHARE")
    if not session.scalar(held, {"id": account}):
        raise Forbidden(_l("This account is closed."))


def _refuse_closed(records: Records, request: Request) -> None:
    for account in {request.requester_id, request.beneficiary_id}:
        try:
            _refuse_frozen(records.session, account)
        except Forbidden as closed:
            text_ = _l("The account that asked for this is closed. It cannot be approved any more.")
            raise Refused(text_) from closed


def _parties(session: Session, runtime: Runtime, request: Request) -> set[tuple[str, str]]:
    """Everything that says who asks and who profits."""
    return _identities(session, runtime, [request.requester_id, request.beneficiary_id])


def _identities(
    session: Session, runtime: Runtime, accounts: Iterable[int]
) -> set[tuple[str, str]]:
    schema, models = runtime.schema, runtime.models
    return {part for one in set(accounts) for part in identity_of(session, schema, models, one)}


def _refuse_decider(records: Records, kind: Kind, request: Request) -> None:
    actor, runtime = records.access.actor, records.runtime
    mine = identity_of(records.session, runtime.schema, runtime.models, account_of(actor))
    if mine & _parties(records.session, runtime, request):
        raise Forbidden(_l("Nobody decides what he asks for himself, or what is for himself."))
    if not _covers(records, kind, request):
        raise Forbidden(_l("None of your roles decides this request."))


def _refuse_twice(session: Session, kind: Kind, new: NewRequest, numbers: Sequence[int]) -> None:
    if not numbers:
        return
    named = select(REQUEST_RECORD.c.request_id).where(
        REQUEST_RECORD.c.entity == new.entity, REQUEST_RECORD.c.record_id.in_(numbers)
    )
    waiting = [
        REQUEST.c.kind == kind.name,
        REQUEST.c.state == rules.PENDING,
        REQUEST.c.id.in_(named),
    ]
    found = [
        one
        for one in some(session, waiting, None, MOST_LISTED)
        if kind.same(one.payload, new.payload)
    ]
    if found:
        raise Refused(_l("This was asked for already: request %(number)s.", number=found[0].id))


def _end(records: Records, request: Request, version: int, values: Mapping[str, Any]) -> None:
    """The one way out of waiting: whoever comes second finds nothing to change."""
    now = records.runtime.clock.now()
    ended = (
        update(REQUEST)
        .where(REQUEST.c.id == request.id, REQUEST.c.state == rules.PENDING,
               REQUEST.c.version == version, REQUEST.c.expires_at > now)
        .values(version=REQUEST.c.version + 1, **values)
    )  # fmt: skip
    if records.session.execute(ended.returning(REQUEST.c.id)).first() is None:
        raise Refused(_l("This request has been decided, withdrawn or has expired meanwhile."))
