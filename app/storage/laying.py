"""Lays the overlay of administrators over a base schema, as far as the two fit."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from app.kernel.messages import _l
from app.language.compiler import compile_sources
from app.language.definitions import Schema
from app.language.findings import SchemaInvalid
from app.language.identities import identities
from app.language.overlay import PREFIX
from app.language.overlay_merge import Change, Conflict, Merged, base_sources, merge
from app.storage.database import current_revision
from app.storage.overlays import (
    Kept,
    applied,
    counters,
    drop_changes,
    kept_changes,
    note_conflicts,
    present_identities,
    rename_changes,
)

UNFIT = _l("The role does not fit the schema any more; the schema holds until you decide.")


@dataclass(frozen=True)
class Laid:
    """A schema with the overlay in it, the rows that it was made of, and what does not hold."""

    schema: Schema
    rows: tuple[Kept, ...]
    merged: Merged
    upto: int


def lay(door: Connection | Session, base: Schema) -> Laid:
    """``base`` with the kept changes; a role whose changes do not fit keeps what the base says."""
    upto, rows = counters(door)[0], tuple(kept_changes(door))
    ids = identities(base, present_identities(door), current_revision(door) + 1)
    changes = [one.change for one in rows]
    merged = merge(base, changes, ids)
    try:
        return Laid(compiled(base, merged), rows, merged, upto)
    except SchemaInvalid as invalid:
        unfit = {finding.place.file for finding in invalid.findings}
        merged = _without(merge(base, changes, ids), unfit)
    try:
        return Laid(compiled(base, merged), rows, merged, upto)
    except SchemaInvalid:
        return Laid(base, rows, _without(merged, None), upto)


def compiled(base: Schema, merged: Merged) -> Schema:
    """``base`` with the files of the overlay; raises SchemaInvalid."""
    if not merged.files:
        return base
    return compile_sources({**base_sources(base.sources), **merged.files})


def settle(connection: Connection, laid: Laid) -> None:
    """Note what holds, once it does."""
    drop_changes(connection, [change.cell for change in laid.merged.settled])
    note_conflicts(connection, laid.rows, laid.merged.conflicts)
    rename_changes(connection, laid.merged.renamed)
    applied(connection, laid.upto)


# Private


def _without(merged: Merged, files: set[str] | None) -> Merged:
    """The merge without the roles of these files, or without any."""

    def out(change: Change) -> bool:
        return files is None or f"{PREFIX}{change.cell.role}.yaml" in files

    kept = tuple(one for one in merged.kept if not out(one))
    conflicts = [Conflict(one, UNFIT, one.old) for one in merged.kept if out(one)]
    left = {
        name: text for name, text in merged.files.items() if files is not None and name not in files
    }
    return Merged(left, kept, (*merged.conflicts, *conflicts), merged.renamed, merged.settled)
