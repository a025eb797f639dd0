"""Keeps the overlay: one row for each cell that differs from the files, under one lock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.language.identities import Identities
from app.language.overlay import Cell
from app.language.overlay_merge import Change, Conflict
from app.storage.overlay_tables import OVERLAY
from app.storage.tables import REVISION

LOCK = 7_201_031
# Moves with each change of the overlay, and to the same number once that is applied.
WANTED, DONE = "overlay", "overlay_done"
Door = Session | Connection


@dataclass(frozen=True, slots=True)
class Signed:
    """Who made a change, who agreed, and when."""

    by: int
    at: datetime
    revision: int
    approved_by: int | None = None
    request_id: int | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """A change as it is kept."""

    id: int
    change: Change
    signed: Signed
    wider: bool
    conflict: Mapping[str, Any] | None


def own_overlay(door: Door) -> None:
    """Be the only one who changes the overlay until the transaction ends."""
    door.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})


def kept_changes(door: Door) -> list[Kept]:
    """Every change of the overlay, in the order in which they were made."""
    rows = door.execute(select(OVERLAY).order_by(OVERLAY.c.id)).mappings()
    return [_kept(row) for row in rows]


def keep_change(door: Door, change: Change, signed: Signed, *, wider: bool) -> None:
    """Keep a change in place of an earlier one of the same cell."""
    cell = change.cell
    values = {
        "ids": dict(change.ids), "old": change.old, "new": change.new, "wider": wider,
        "by": signed.by, "at": signed.at, "approved_by": signed.approved_by,
        "request_id": signed.request_id, "revision": signed.revision, "conflict": None,
    }  # fmt: skip
    named = {"role": cell.role, "entity": cell.entity, "key": cell.key}
    statement = insert(OVERLAY).values(**named, **values)
    door.execute(statement.on_conflict_do_update(index_elements=list(named), set_=values))


def drop_changes(door: Door, cells: Iterable[Cell]) -> None:
    """Forget changes: the files hold again."""
    for cell in cells:
        door.execute(
            delete(OVERLAY).where(
                OVERLAY.c.role == cell.role, OVERLAY.c.entity == cell.entity, OVERLAY.c.key == cell.key
            )
        )  # fmt: skip


def note_conflicts(door: Door, kept: Iterable[Kept], conflicts: Iterable[Conflict]) -> None:
    """Write down which changes do not hold, and that all others do."""
    against = {conflict.change.cell: conflict for conflict in conflicts}
    for one in kept:
        found = against.get(one.change.cell)
        said = {"why": found.why.text, "base": found.base} if found is not None else None
        if said != one.conflict:
            door.execute(update(OVERLAY).where(OVERLAY.c.id == one.id).values(conflict=said))


def rename_changes(door: Door, renamed: Iterable[tuple[Change, Change]]) -> None:
    """Call changes what they are called today."""
    for former, change in renamed:
        old, cell = former.cell, change.cell
        door.execute(
            update(OVERLAY)
            .where(OVERLAY.c.role == old.role, OVERLAY.c.entity == old.entity, OVERLAY.c.key == old.key)
            .values(entity=cell.entity, key=cell.key, old=change.old, new=change.new, ids=dict(change.ids))
        )  # fmt: skip


def present_identities(door: Door) -> Identities:
    """The identities of the newest revision."""
    latest = select(REVISION.c.operations["identities"]).order_by(REVISION.c.number.desc())
    return dict(door.execute(latest.limit(1)).scalar() or {})


def counters(door: Door) -> tuple[int, int]:
    """How often the overlay was changed, and up to which change it is applied."""
    rows = door.execute(
        text("SELECT name, value FROM portal_counter WHERE name = ANY(:names)"),
        {"names": [WANTED, DONE]},
    )
    found = {row.name: int(row.value) for row in rows}
    return found.get(WANTED, 0), found.get(DONE, 0)


def applied(door: Door, number: int) -> None:
    """Note that the changes up to ``number`` are applied."""
    door.execute(
        text(
            "INSERT INTO portal_counter (name, value) VALUES (:name, :value)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value"
        ),
        {"name": DONE, "value": number},
    )


# Private


def _kept(row: RowMapping) -> Kept:
    cell = Cell(row["role"], row["entity"], row["key"])
    signed = Signed(row["by"], row["at"], row["revision"], row["approved_by"], row["request_id"])
    change = Change(cell, row["old"], row["new"], row["ids"])
    return Kept(row["id"], change, signed, row["wider"], row["conflict"])
