"""Legal holds: while one stands, nothing of a record is erased or put away."""

from __future__ import annotations

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert

from app.audit.actions import AuditAction
from app.audit.chain import append
from app.audit.entries import Entry
from app.features.requests.rules import LONGEST_REASON, covers
from app.kernel.errors import Forbidden, Invalid, Refused
from app.kernel.messages import _l
from app.language.definitions import Decided, Entity
from app.records import validation
from app.records.gateway import Records
from app.storage.privacy_tables import LEGAL_HOLD


def may_hold(records: Records, entity: Entity) -> bool:
    """Whether the actor decides erasures of such records."""
    actor = records.access.actor
    places = None if actor.places is None else tuple(actor.places)
    return covers(actor, Decided.ERASE, entity.name, places)


def set_hold(records: Records, entity: Entity, record_id: int, reason: str) -> None:
    """Put a hold on a record; raises NotFound, Forbidden, Invalid without a reason, Refused for a second one."""
    _refuse(records, entity, record_id)
    why = " ".join(reason.split())[:LONGEST_REASON]
    if not why:
        raise Invalid({"reason": (validation.REQUIRED,)})
    now, actor = records.runtime.clock.now(), records.access.actor
    row = {"entity": entity.name, "record_id": record_id, "reason": why, "set_at": now,
           "set_by": actor.account_id}  # fmt: skip
    made = insert(LEGAL_HOLD).values(row).on_conflict_do_nothing().returning(LEGAL_HOLD.c.id)
    if records.session.execute(made).first() is None:
        raise Refused(_l("A legal hold stands already."))
    _note(records, AuditAction.HOLD_SET, entity, record_id, why)


def lift_hold(records: Records, entity: Entity, record_id: int, reason: str) -> None:
    """Lift the hold of a record; raises NotFound, Forbidden, Invalid without a reason, Refused when none stands."""
    _refuse(records, entity, record_id)
    why = " ".join(reason.split())[:LONGEST_REASON]
    if not why:
        raise Invalid({"reason": (validation.REQUIRED,)})
    mine = (LEGAL_HOLD.c.entity == entity.name) & (LEGAL_HOLD.c.record_id == record_id)
    standing = LEGAL_HOLD.c.lifted_at.is_(None)
    lifted = update(LEGAL_HOLD).where(mine, standing).values(lifted_at=records.runtime.clock.now())
    if records.session.execute(lifted.returning(LEGAL_HOLD.c.id)).first() is None:
        raise Refused(_l("No legal hold stands."))
    _note(records, AuditAction.HOLD_LIFTED, entity, record_id, why)


# Private


def _refuse(records: Records, entity: Entity, record_id: int) -> None:
    records.get(entity.name, record_id, ())
    if not may_hold(records, entity):
        raise Forbidden(_l("Only those who decide erasures put holds on records and lift them."))


def _note(records: Records, action: AuditAction, entity: Entity, record_id: int, why: str) -> None:
    actor, runtime = records.access.actor, records.runtime
    entry = Entry(
        at=runtime.clock.now(), account_id=actor.account_id, account_name=actor.username,
        action=action, revision=runtime.revision, entity=entity.name, record_id=record_id,
        changes={"reason": [None, why]},
    )  # fmt: skip
    append(records.session, entry)
