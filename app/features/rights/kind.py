"""Wider rights of a role: asked for by one person, agreed to by a second one who has them as well."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from app.access.accounts import load_actor
from app.access.permissions import Access
from app.features.requests.kinds import Kind, Line, Outcome, Payload
from app.features.requests.rules import Request
from app.features.rights import assigning, editing, showing
from app.kernel.errors import Forbidden, NotFound, Refused
from app.kernel.messages import Label, _l
from app.language.definitions import Decided
from app.language.findings import SchemaInvalid
from app.language.overlay import Cell
from app.records.gateway import Records
from app.storage.overlays import own_overlay


def payload_of(proposal: editing.Proposal) -> Payload:
    """Changes as plain JSON: role, entity, cell, what it is and what it shall be."""
    return {
        "cells": [
            [c.cell.role, c.cell.entity, str(c.cell.key), proposal.former[c.cell], c.new]
            for c in proposal.changes
        ]
    }


def cells_of(payload: Payload) -> tuple[dict[Cell, Any], dict[Cell, Any]]:
    """What the cells were, and what they shall be."""
    rows = [(Cell(*row[:3]), row[3], row[4]) for row in payload["cells"]]
    return {cell: old for cell, old, _ in rows}, {cell: new for cell, _, new in rows}


def describe(records: Records, request: Request) -> Sequence[Line]:
    """Each cell before and after, and who holds the role; or who is to be given a role, and where."""
    if "assign" in request.payload:
        return list(assigning.described(records, request.payload["assign"]))
    return list(_described(records, request.payload))


def may_request(records: Records, entity: str, payload: Payload) -> None:
    """Raise unless the actor has all that he wants to be given; who may give roles was looked at before."""
    if "assign" in payload:
        return
    editing.refuse(records, _proposal(records, payload))


def may_decide(records: Records, request: Request) -> None:
    """Raise Forbidden unless the decider has equal rights, and does not hold the role himself."""
    if "assign" in request.payload:
        assigning.refuse_decider(records, request.payload["assign"])
        return
    _, wanted = cells_of(request.payload)
    mine = editing.holding(records, records.access.actor, {cell.role for cell in wanted})
    if mine:
        raise Forbidden(_l("Nobody decides what he asks for himself, or what is for himself."))
    try:
        proposal = editing.propose(records.session, records.runtime.schema, wanted)
    except (SchemaInvalid, NotFound):
        # It can still be refused; approving says what is wrong.
        return
    editing.refuse_lacking(proposal, records.access.actor)


def apply(records: Records, request: Request) -> Outcome:
    """Make the change, if the roles are what they were and the one who asked still has what he gives."""
    if "assign" in request.payload:
        assigning.give(records, request)
        return Outcome(used=True)
    own_overlay(records.session)
    former, _ = cells_of(request.payload)
    proposal = _proposal(records, request.payload)
    editing.refuse_unless_same(proposal, former)
    asker = load_actor(
        records.session, records.runtime.schema, records.runtime.models, request.requester_id,
        records.runtime.moment().today,
    )  # fmt: skip
    asking = Records(records.runtime, records.session, Access(records.runtime.schema, asker), "zh")
    try:
        editing.refuse(asking, proposal)
    except Forbidden as lost:
        text = _l("Whoever asked for this may not give it any more. It cannot be approved.")
        raise Refused(text) from lost
    signed = replace(
        editing.signed_by(asking),
        approved_by=records.access.actor.account_id,
        request_id=request.id,
    )
    editing.keep(records, proposal, signed)
    return Outcome(used=True)


def alone(records: Records, payload: Payload) -> str:
    """Give a role at once while there is nobody else yet who could decide; wider roles wait in any case."""
    return assigning.give_alone(records, payload["assign"]) if "assign" in payload else ""


RIGHTS = Kind(
    Decided.RIGHTS,
    Label("扩大权限", "More rights"),
    describe,
    may_request,
    may_decide,
    apply,
    alone=alone,
)


# Private


def _proposal(records: Records, payload: Payload) -> editing.Proposal:
    _, wanted = cells_of(payload)
    try:
        return editing.propose(records.session, records.runtime.schema, wanted)
    except (SchemaInvalid, NotFound) as unfit:
        text = _l(
            "The roles have changed since this was asked for. Refuse it, and let it be asked anew."
        )
        raise Refused(text) from unfit


def _described(records: Records, payload: Payload) -> Iterator[Line]:
    former, wanted = cells_of(payload)
    schema = records.runtime.schema
    for role in dict.fromkeys(cell.role for cell in wanted):
        known = schema.roles.get(role)
        held = len(editing.holders_of(records, role))
        name: Label = known.label if known is not None else Label(role, role)
        yield Line(_l("Role"), name)
        yield Line(_l("Held by"), _l("%(count)s accounts", count=held))
    for cell, new in wanted.items():
        yield Line(
            showing.cell_label(schema, cell), showing.change_text(schema, cell, former[cell], new)
        )
