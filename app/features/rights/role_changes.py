"""Whole roles and single changes: copying a role, removing one, deciding what an upgrade left open, resetting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import or_, select

from app.access.lattice import lacking
from app.access.session_scope import lowered
from app.audit.actions import AuditAction
from app.audit.chain import Entry, append
from app.features.rights import editing
from app.features.rights.editing import Proposal
from app.kernel.errors import Forbidden, Invalid, NotFound, Refused
from app.kernel.messages import Label, Message, _l
from app.language.findings import Findings
from app.language.overlay import Cell, cells_of
from app.language.overlay_merge import ROLE, Change, label_value
from app.language.reading import good_name
from app.language.source import Place
from app.records import validation
from app.records.gateway import Records
from app.records.runtime import Runtime
from app.storage.database import bump
from app.storage.overlays import WANTED, Door, Kept, drop_changes, kept_changes, own_overlay

LONGEST_LABEL = 60


def copied(records: Records, source: str, name: str, label: Label) -> tuple[Proposal, list[Label]]:
    """A new role that says what another says, without what the actor lacks; and what is left out.

    Raises Invalid with the fields of the form, Forbidden, NotFound, SchemaInvalid.
    """
    schema, actor = records.runtime.schema, records.access.actor
    role = schema.roles.get(source)
    if role is None:
        raise NotFound
    own_overlay(records.session)
    _refuse_names(records, name, label)
    beyond = [one for one in role.may if lacking(schema, actor, role, one)]
    wanted: dict[Cell, Any] = {
        Cell(name, "", ROLE): label_value(label, second_factor=role.second_factor)
    }
    for cell, value in cells_of(role, schema.entities):
        if cell.entity not in beyond:
            wanted[Cell(name, cell.entity, cell.key)] = value
    proposal = editing.propose(records.session, schema, wanted)
    editing.refuse(records, proposal)
    return proposal, [schema.entities[one].label for one in beyond]


def removed(records: Records, name: str) -> Proposal:
    """The portal without a role that nobody holds, today or later; raises Refused, Forbidden, NotFound."""
    runtime = records.runtime
    if name not in runtime.schema.roles:
        raise NotFound
    own_overlay(records.session)
    if _is_held(records, name):
        raise Refused(_l("Somebody holds this role, or will; end that first."))
    rows = [one.change for one in kept_changes(records.session) if one.change.cell.role == name]
    own = any(one.cell.key == ROLE and one.new is not None for one in rows)
    wanted: dict[Cell, Any] = {Cell(name, "", ROLE): None}
    wanted |= {one.cell: one.old for one in rows if own and one.cell.key != ROLE}
    proposal = editing.propose(records.session, runtime.schema, wanted)
    editing.refuse(records, proposal)
    return proposal


def kept_change(records: Records, number: int) -> Kept:
    """A change of the overlay; raises NotFound."""
    for one in kept_changes(records.session):
        if one.id == number:
            return one
    raise NotFound


def undone(records: Records, number: int, *, ours: bool) -> Proposal | None:
    """What deciding a change anew would do: to keep what an upgrade set aside, or to go back to the files.

    None when the files hold already and the change is only to be forgotten.
    """
    own_overlay(records.session)
    found = kept_change(records, number)
    schema, cell = records.runtime.schema, found.change.cell
    if cell.key == ROLE and found.change.new is not None and not ours and cell.role in schema.roles:
        return removed(records, cell.role)
    if found.conflict is not None and not ours:
        return None
    value = found.change.new if ours else found.change.old
    proposal = editing.propose(records.session, schema, {cell: value})
    editing.refuse(records, proposal)
    return proposal


def forget(records: Records, number: int) -> None:
    """Forget a change that does not hold anyway; whoever changes roles may, unless he holds the role."""
    found = kept_change(records, number)
    cell = found.change.cell
    if not editing.may_administer(records.access.actor):
        raise Forbidden(_l("None of your roles lets you change roles."))
    if editing.holding(records, records.access.actor, [cell.role]):
        raise Forbidden(_l("Somebody else must change a role that you hold."))
    own_overlay(records.session)
    drop_changes(records.session, [cell])
    actor, runtime = records.access.actor, records.runtime
    changes = {"role": cell.role, "entity": cell.entity, cell.key: [found.change.new, None]}
    entry = Entry(runtime.clock.now(), actor.account_id, actor.username, AuditAction.ROLE_CHANGED,
                  runtime.revision, record_title=f"{cell.role} · {cell.entity}", changes=changes)  # fmt: skip
    append(records.session, entry)
    bump(records.session, WANTED)


def reset(door: Door, runtime: Runtime, by: str) -> Sequence[Change]:
    """Forget the whole overlay, with a sealed entry that tells all of it; what was forgotten."""
    own_overlay(door)
    changes = [one.change for one in kept_changes(door)]
    if changes:
        drop_changes(door, [one.cell for one in changes])
        told = {
            " · ".join((c.cell.role, c.cell.entity, str(c.cell.key))): [c.new, c.old]
            for c in changes
        }
        entry = Entry(
            runtime.clock.now(), None, by, AuditAction.ROLES_RESET, runtime.revision, changes=told
        )
        append(door, entry)
        bump(door, WANTED)
    return changes


# Private


def _refuse_names(records: Records, name: str, label: Label) -> None:
    problems: dict[str, tuple[Message, ...]] = {}
    if not good_name(name, Place("", 1), Findings()):
        problems["name"] = (
            _l("Small letters, digits and underscores, beginning with a letter, 40 at most."),
        )
    elif name in records.runtime.schema.roles or any(
        one.change.cell.role == name for one in kept_changes(records.session)
    ):
        problems["name"] = (_l("There is such a role already."),)
    for field, said in (("zh", label.zh), ("en", label.en)):
        if not said:
            problems[field] = (validation.REQUIRED,)
        elif len(said) > LONGEST_LABEL:
            problems[field] = (_l("At most %(most)s characters.", most=LONGEST_LABEL),)
    if problems:
        raise Invalid(problems)


def _is_held(records: Records, name: str) -> bool:
    runtime = records.runtime
    held = runtime.models.metadata.tables.get("role_assignment")
    if held is None:
        return False
    today = runtime.moment().today
    found = select(held.c.id).where(
        held.c.role == name,
        held.c.deleted_at.is_(None),
        or_(held.c.valid_to.is_(None), held.c.valid_to >= today),
    )
    with lowered(records.session):
        return records.session.scalar(found.limit(1)) is not None
