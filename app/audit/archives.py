"""Old entries leave the database for files in the home, with the checkpoint that covers them; nothing is lost.

An archive is a text file, compressed: a header, then each entry's bytes in base64, a line for each.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, func, select, text

from app.audit.durable import write_durable
from app.audit.hashing import hash_of_log
from app.audit.merkle import TreeHash, leaf_hash, root_of
from app.audit.notes import Note, parse
from app.audit.shelf import locked, shelved
from app.audit.tree import keep_blocks
from app.audit.verifying import Finding
from app.kernel.messages import Message, _l
from app.storage.audit_tables import AUDIT_ARCHIVE, AUDIT_BLOCK, AUDIT_ENTRY, BLOCK, FIRST_PREV

FOLDER, FORMAT = "audit/archives", "storewarden-archive/1"
# So much leaves at once, and a file is so long at most.
MOST_BLOCKS = 400
# A clock that jumps by more than this between two entries, within so many days, is not believed.
JUMP, WATCHED = timedelta(days=2), timedelta(days=7)
REMOVE = text("SELECT portal_audit_archive(:last, :name, :sha256)")


@dataclass(frozen=True, slots=True)
class Archived:
    """What one run took out: the numbers of the entries, or why it took none."""

    first: int = 0
    last: int = 0
    reason: Message | None = None


def archive(engine: Engine, home: Path, now: datetime, days: int) -> Archived:
    """Move signed entries that are older than ``days`` into a file, and then out of the database."""
    with locked(home), engine.begin() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 600000"))
        doubt = clock_doubt(connection, now)
        if doubt is not None:
            return Archived(reason=doubt)
        kept = int(connection.scalar(select(func.max(AUDIT_ARCHIVE.c.last))) or 0)
        last = _boundary(connection, kept, now - timedelta(days=days))
        covering = next((n for n in shelved(home) if n.checkpoint.size >= last), None)
        if last <= kept or covering is None:
            return Archived(reason=_l("No block of entries is old enough and signed."))
        hashing = hash_of_log(connection)
        keep_blocks(connection, last, hashing)
        place, digest = _write(connection, home, kept + 1, last, covering)
        prev = _leaf_before(connection, kept) if kept else FIRST_PREV
        if any(True for _ in _faults(place, _roots(connection), prev, hashing)):
            return Archived(
                reason=_l("The entries do not fit their seals; run: portal audit verify")
            )
        connection.execute(REMOVE, {"last": last, "name": place.name, "sha256": digest})
        return Archived(kept + 1, last)


def clock_doubt(connection: Connection, now: datetime) -> Message | None:
    """Why the time is not believed, so that nothing is taken to be old; None when it is."""
    times = AUDIT_ENTRY.c.noted_at
    newest: datetime | None = connection.scalar(select(func.max(times)))
    if newest is None:
        return None
    if newest > now + JUMP or now - newest > JUMP:
        return _l("The clock and the newest entry differ by more than two days.")
    lag = (times - func.lag(times).over(order_by=AUDIT_ENTRY.c.id)).label("step")
    recent = select(lag, AUDIT_ENTRY.c.clock_back).where(times > now - WATCHED - JUMP).subquery()
    odd = select(func.count()).where((recent.c.step > JUMP) | recent.c.clock_back)
    if connection.scalar(odd):
        return _l("The clock jumped within the last week.")
    return None


def archive_findings(connection: Connection, home: Path) -> Iterator[Finding]:
    """What is wrong with the archives: missing files, changed bytes, entries that do not follow."""
    roots, prev, hashing = _roots(connection), FIRST_PREV, hash_of_log(connection)
    rows = connection.execute(select(AUDIT_ARCHIVE).order_by(AUDIT_ARCHIVE.c.last)).all()
    for row in rows:
        place = home / FOLDER / row.name
        if not place.exists():
            yield Finding(row.first, _l("The archive %(name)s is missing.", name=row.name))
        elif hashlib.sha256(place.read_bytes()).hexdigest() != row.sha256:
            yield Finding(row.first, _l("The archive %(name)s was changed.", name=row.name))
        else:
            for seq in _faults(place, roots, prev, hashing):
                yield Finding(
                    seq,
                    _l(
                        "The archive %(name)s does not fit at entry %(seq)s.",
                        name=row.name,
                        seq=seq,
                    ),
                )
        prev = row.last_leaf


# Private


def _boundary(connection: Connection, kept: int, before: datetime) -> int:
    """The last entry of the newest block of which every entry is older than ``before``."""
    young = select(func.min(AUDIT_ENTRY.c.id)).where(AUDIT_ENTRY.c.noted_at >= before)
    first_young = connection.scalar(young)
    newest = int(connection.scalar(select(func.max(AUDIT_ENTRY.c.id))) or 0)
    # The newest entry stays, so that the head of the chain has its body.
    last = min(
        int(first_young) - 1 if first_young else newest, newest - 1, kept + MOST_BLOCKS * BLOCK
    )
    return last // BLOCK * BLOCK


def _write(
    connection: Connection, home: Path, first: int, last: int, note: Note
) -> tuple[Path, str]:
    folder = home / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    bodies = connection.scalars(
        select(AUDIT_ENTRY.c.body)
        .where(AUDIT_ENTRY.c.id.between(first, last))
        .order_by(AUDIT_ENTRY.c.id)
    )
    header = json.dumps(
        {"format": FORMAT, "first": first, "last": last, "checkpoint": note.text},
        ensure_ascii=False,
    )
    lines = [header.encode(), *(base64.b64encode(body) for body in bodies)]
    content = gzip.compress(b"\n".join(lines) + b"\n", mtime=0)
    place = folder / f"{first:012d}-{last:012d}.gz"
    write_durable(place, content, mode=0o400)
    return place, hashlib.sha256(content).hexdigest()


def _faults(place: Path, roots: dict[int, bytes], prev: bytes, hashing: TreeHash) -> Iterator[int]:
    """The numbers at which an archive does not fit the kept roots or its own chain."""
    header, bodies = read_archive(place)
    first, block = int(header["first"]), list[bytes]()
    parse(header["checkpoint"])
    for seq, body in enumerate(bodies, first):
        if b"\nseq %d\nprev %s\n" % (seq, prev.hex().encode()) not in body[:250]:
            yield seq
        prev = leaf_hash(body)
        block.append(prev if hashing.chained else hashing.leaf(body))
        if len(block) == BLOCK:
            if root_of(block, hashing) != roots.get(seq // BLOCK - 1):
                yield seq
            block.clear()
    if block or len(bodies) != int(header["last"]) - first + 1:
        yield first + len(bodies)


def read_archive(place: Path) -> tuple[dict[str, Any], list[bytes]]:
    """The header of an archive, and the bytes of its entries."""
    lines = gzip.decompress(place.read_bytes()).splitlines()
    return json.loads(lines[0]), [base64.b64decode(line) for line in lines[1:]]


def _roots(connection: Connection) -> dict[int, bytes]:
    found = connection.execute(select(AUDIT_BLOCK.c.number, AUDIT_BLOCK.c.root))
    return {row.number: row.root for row in found}


def _leaf_before(connection: Connection, last: int) -> bytes:
    found = connection.scalar(select(AUDIT_ARCHIVE.c.last_leaf).where(AUDIT_ARCHIVE.c.last == last))
    return bytes(found or b"")
