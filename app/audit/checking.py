"""Verifies the log with its checkpoints, whole or from where the last time ended, and remembers how far it came."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, select, text

from app.audit.archives import archive_findings
from app.audit.canonical import moment_text
from app.audit.checkpoints import announcements, key_faults
from app.audit.durable import write_durable
from app.audit.hashing import hash_of
from app.audit.merkle import Growing
from app.audit.notes import BadNote, Note, parse
from app.audit.shelf import STATE_FILE, shelved
from app.audit.verifying import STRAYS, Finding, Progress, Verifier, rows
from app.kernel.digests import SHA256
from app.kernel.messages import _l
from app.storage.audit_tables import AUDIT_ARCHIVE, AUDIT_BLOCK, AUDIT_CHECKPOINT, AUDIT_HEAD, BLOCK


@dataclass
class Verification:
    """One run over the log; with ``archives`` over those, too.

    ``notes`` come from outside: mails, paper, another machine.

    After ``findings`` was read to its end, ``faults`` counts what does not fit, ``first`` and ``size``
    say which entries were read, ``checkpoints`` how many of them, and ``algorithm`` the hash of the tree.
    """

    connection: Connection
    home: Path
    since_last: bool = False
    notes: Sequence[Note] = ()
    archives: bool = False
    faults: int = 0
    first: int = 1
    size: int = 0
    checkpoints: int = 0
    algorithm: str = SHA256

    def findings(self) -> Iterator[Finding]:
        """One sentence for everything that does not fit, and for what is worth knowing.

        Begins the transaction of its connection, which must not have one yet.
        """
        self.connection.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self.connection.execute(text("SET LOCAL statement_timeout = 0"))
        # Before the snapshot, so that no checkpoint is newer than what is read.
        notes = [*shelved(self.home), *self.notes]
        head = self.connection.execute(select(AUDIT_HEAD)).one()
        self.algorithm, progress = hash_of(head.origin).name, self._begin(head.origin)
        self.first = progress.size + 1
        for found in self._findings(head, progress, notes):
            self.faults += not found.note
            yield found
        self.size = progress.size
        if not self.faults:
            _remember(self.home, head.origin, progress)

    # Private

    def _findings(self, head: Row[Any], progress: Progress, notes: list[Note]) -> Iterator[Finding]:
        for number, kept in self.connection.execute(
            select(AUDIT_CHECKPOINT.c.size, AUDIT_CHECKPOINT.c.note)
        ):
            try:
                notes.append(parse(kept))
            except BadNote:
                yield Finding(number, _l("Checkpoint %(seq)s cannot be read.", seq=number))
        notes = list({note.text: note for note in notes}.values())
        self.checkpoints = len(notes)
        yield from (
            Finding(size, says) for size, says in key_faults(notes, announcements(self.connection))
        )
        for note in notes:
            if note.checkpoint.origin != head.origin:
                size = note.checkpoint.size
                yield Finding(size, _l("Checkpoint %(seq)s belongs to another log.", seq=size))
        ahead = [note for note in notes if note.checkpoint.size > progress.size]
        verifier = Verifier(head.origin, ahead, self._blocks(), progress)
        yield from verifier.findings(rows(self.connection, progress.size))
        yield from verifier.remaining(head.size)
        if (progress.size, progress.leaf) != (head.size, head.leaf):
            yield Finding(head.size, _l("The head of the chain does not name its last entry, %(seq)s.",
                                        seq=progress.size))  # fmt: skip
        if self.archives:
            yield from archive_findings(self.connection, self.home)
        for number in self.connection.scalars(STRAYS):
            yield Finding(
                number, _l("Values of entry %(seq)s are there, but no entry.", seq=number)
            )

    def _begin(self, origin: str) -> Progress:
        """Where to begin: where the last run ended, or with the first entry that was not archived."""
        last = self.connection.execute(
            select(AUDIT_ARCHIVE).order_by(AUDIT_ARCHIVE.c.last.desc()).limit(1)
        ).first()
        known = _last_time(self.home, origin) if self.since_last else _beginning(origin)
        if last is None or known.size >= last.last:
            return known
        progress, blocks = _beginning(origin), self._blocks()
        progress.size, progress.leaf = last.last, last.last_leaf
        for number in range(last.last // BLOCK):
            progress.tree.add(blocks.get(number, b""), BLOCK)
        return progress

    def _blocks(self) -> dict[int, bytes]:
        found = self.connection.execute(select(AUDIT_BLOCK.c.number, AUDIT_BLOCK.c.root))
        return {row.number: row.root for row in found}


# Private


def _beginning(origin: str) -> Progress:
    return Progress(tree=Growing(hashing=hash_of(origin)))


def _last_time(home: Path, origin: str) -> Progress:
    """Where the last verification ended; at the beginning when there was none of this log."""
    place = home / STATE_FILE
    if not place.exists():
        return _beginning(origin)
    kept = json.loads(place.read_text("utf-8"))
    if kept["origin"] != origin:
        return _beginning(origin)
    return Progress(
        size=kept["size"],
        leaf=bytes.fromhex(kept["leaf"]),
        tree=Growing(
            [(size, bytes.fromhex(root)) for size, root in kept["peaks"]], hash_of(origin)
        ),
        block=[bytes.fromhex(leaf) for leaf in kept["block"]],
        wall=_moment(kept["wall"]),
        noted=_moment(kept["noted"]),
    )


def _remember(home: Path, origin: str, progress: Progress) -> None:
    kept = {
        "origin": origin,
        "size": progress.size,
        "leaf": progress.leaf.hex(),
        "peaks": [(size, root.hex()) for size, root in progress.tree.peaks],
        "block": [leaf.hex() for leaf in progress.block],
        "wall": progress.wall and moment_text(progress.wall),
        "noted": progress.noted and moment_text(progress.noted),
    }
    (home / STATE_FILE).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_durable(home / STATE_FILE, json.dumps(kept).encode())


def _moment(text_: str | None) -> datetime | None:
    return datetime.fromisoformat(text_) if text_ else None
