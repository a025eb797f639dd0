"""Erases what the trail tells of a record; chain, tree and checkpoints stay as they are."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from app.audit.actions import AuditAction
from app.audit.chain import append
from app.audit.entries import Entry

ERASE = text("SELECT portal_audit_erase(:entity, :record)")
ERASE_OLD = text("SELECT portal_audit_erase_old(:entity, :record, :until)")


def erase(door: Session | Connection, entry: Entry, until: datetime | None = None) -> int:
    """Erase the values of all entries about the record that ``entry`` names, and append that this was done.

    ``entry`` says who, when and of which ``entity`` and ``record_id``; its own values must tell nothing of
    the person. With ``until``, only what was told before goes. Returns how many entries lost their values.
    The verification accepts no other way.
    """
    if entry.entity is None or entry.record_id is None:
        raise ValueError("values are erased of one record")
    about = {"entity": entry.entity, "record": entry.record_id}
    found = (
        door.scalar(ERASE, about)
        if until is None
        else door.scalar(ERASE_OLD, {**about, "until": until})
    )
    gone = int(found or 0)
    facts = {**entry.facts, "entries": gone}
    append(door, replace(entry, action=AuditAction.VALUES_ERASED, facts=facts))
    return gone
