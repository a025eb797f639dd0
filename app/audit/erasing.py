"""Erases what the trail tells of a record; chain, tree and checkpoints stay as they are."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from itertools import groupby

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from app.audit.actions import AuditAction
from app.audit.chain import append
from app.audit.entries import Entry
from app.storage.former_names import names_of

ERASE = text("SELECT portal_audit_erase(:entity, :record, :since, :before, :until)")


def erase(door: Session | Connection, entry: Entry, until: datetime | None = None) -> int:
    """Erase the values of all entries about the record that ``entry`` names, and append that this was done.

    ``entry`` says who, when and of which ``entity`` and ``record_id``; its own values must tell nothing of
    the person. What was told before the entity was renamed goes as well, and an entry under that name says
    so. With ``until``, only what was told before goes. Returns how many entries lost their values.
    The verification accepts no other way.
    """
    if entry.entity is None or entry.record_id is None:
        raise ValueError("values are erased of one record")
    gone = {entry.entity: 0}
    # Under one name its fields may have changed many times.
    for name, same in groupby(names_of(door, entry.entity), key=lambda called: called.name):
        periods = list(same)
        bounds = {"since": periods[0].since, "before": periods[-1].until, "until": until}
        found = door.scalar(ERASE, {"entity": name, "record": entry.record_id, **bounds})
        gone[name] = gone.get(name, 0) + int(found or 0)
    for name, count in gone.items():
        if count or name == entry.entity:
            facts = {**entry.facts, "entries": count}
            erased = replace(entry, action=AuditAction.VALUES_ERASED, entity=name, facts=facts)
            append(door, erased)
    return sum(gone.values())
