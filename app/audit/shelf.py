"""The checkpoints of a home: an append-only folder that the database does not reach."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from app.audit.canonical import moment_text
from app.audit.durable import sync_folder, write_durable
from app.audit.notes import BadNote, Note, parse
from app.kernel.errors import Unavailable
from app.kernel.messages import _l

FOLDER, LATEST, GAP = "audit/checkpoints", "latest", "audit/gap.json"
# How far the last verification came.
STATE_FILE = "audit/verified.json"
LIMIT_BYTES = 4096


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """Be the only one in this home who makes checkpoints or keys."""
    place = home / FOLDER
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(home / "audit" / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def keep(home: Path, note: Note) -> None:
    """Put a checkpoint on the shelf for good; one of the same size that says something else is refused."""
    folder = home / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    place = folder / f"{note.checkpoint.size:012d}.txt"
    if place.exists():
        if parse(place.read_text("utf-8")).checkpoint.root != note.checkpoint.root:
            raise Unavailable(
                _l("There is another checkpoint of size %(size)s.", size=note.checkpoint.size)
            )
        return
    write_durable(place, note.text.encode(), mode=0o400)
    write_durable(folder / LATEST, note.text.encode())


def shelved(home: Path) -> list[Note]:
    """Every checkpoint of the home, the smallest first; raises Unavailable for a file that is none."""
    return [_read(place) for place in sorted((home / FOLDER).glob("*.txt"))]


def latest(home: Path) -> Note | None:
    """The newest checkpoint; None before the first."""
    place = home / FOLDER / LATEST
    return _read(place) if place.exists() else None


def latest_size(home: Path) -> int:
    """How many entries the newest checkpoint saw; 0 before the first."""
    found = latest(home)
    return found.checkpoint.size if found else 0


def give_up(home: Path, now: datetime, by: str, why: str) -> int:
    """Lay the shelf aside, because the log was restored from a backup; the size that is given up.

    What it was and why is told by the next start in an entry of the trail.
    """
    with locked(home):
        size = latest_size(home)
        folder = home / FOLDER
        folder.rename(home / "audit" / f"given-up-{now:%Y%m%dT%H%M%SZ}")
        sync_folder(home / "audit")
        (home / STATE_FILE).unlink(missing_ok=True)
        told = {"at": moment_text(now), "by": by, "given_up": size, "why": why}
        write_durable(home / GAP, json.dumps(told, ensure_ascii=False).encode())
    return size


def note_restored(home: Path, now: datetime, by: str, facts: Mapping[str, Any]) -> None:
    """Write down before a backup is restored that it was, so that a portal which dies meanwhile tells of it, too.

    ``facts`` names the ``backup``. Told by the next start, as what was given up is.
    """
    before = gap(home) or {}
    told = {**before, "at": moment_text(now), "by": by, **facts}
    with locked(home):
        write_durable(home / GAP, json.dumps(told, ensure_ascii=False).encode())


def gap(home: Path) -> dict[str, Any] | None:
    """What was given up and is not told in the trail yet: ``at``, ``by``, ``given_up`` and ``why``, or ``backup``."""
    place = home / GAP
    if not place.exists():
        return None
    told: dict[str, Any] = json.loads(place.read_text("utf-8"))
    return told


def gap_told(home: Path) -> None:
    """The trail tells of it now."""
    (home / GAP).unlink(missing_ok=True)


# Private


def _read(place: Path) -> Note:
    try:
        with place.open(encoding="utf-8") as file:
            return parse(file.read(LIMIT_BYTES))
    except (BadNote, UnicodeDecodeError) as fault:
        raise Unavailable(_l("%(place)s is no checkpoint.", place=str(place))) from fault
