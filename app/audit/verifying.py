"""Reads the whole trail once and says everything that does not fit together."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from operator import attrgetter
from types import MappingProxyType
from typing import Any, NamedTuple
from unicodedata import is_normalized

from sqlalchemy import Connection, text

from app.audit.actions import AuditAction
from app.audit.canonical import spelled
from app.audit.hashing import hash_of
from app.audit.merkle import Growing, root_of
from app.audit.notes import Note
from app.audit.sealing import digest_of
from app.kernel.messages import Message, _l
from app.storage.audit_tables import BLOCK, FIRST_PREV, HEADER

BATCH = 4000
NO_BLOCKS: Mapping[int, bytes] = MappingProxyType({})
LEEWAY = timedelta(seconds=5)
# How far the clock of the wall may run away from the monotonic one between two entries.
DRIFT = timedelta(seconds=60)
ROWS = (
    "SELECT e.id, e.at, e.account_id, e.account_name, e.action, e.entity, e.record_id, e.revision, e.address,"
    " e.noted_at, e.clock_back, e.prev, e.leaf, e.body, v.salt, v.told"
    " FROM portal_audit_entry e LEFT JOIN portal_audit_value v ON v.id = e.id WHERE e.id > {} ORDER BY e.id"
)
STRANGE = _l("its sealed bytes are not those of its number, predecessor and clock")
STRAYS = text(
    "SELECT v.id FROM portal_audit_value v LEFT JOIN portal_audit_entry e ON e.id = v.id"
    " WHERE e.id IS NULL ORDER BY v.id LIMIT 100"
)


def _refuse_float(told: str) -> None:
    raise ValueError(f"a number that is not whole: {told}")


DECODER = json.JSONDecoder(parse_float=_refuse_float)


class Sealed(NamedTuple):
    """An entry as it stands in its tables."""

    id: int
    at: datetime
    account_id: int | None
    account_name: str
    action: str
    entity: str | None
    record_id: int | None
    revision: int
    address: str | None
    noted_at: datetime
    clock_back: bool
    prev: bytes
    leaf: bytes
    body: bytes
    salt: bytes | None
    told: str | None


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not fit; a ``note`` is worth knowing and no fault. ``seq`` 0 is the log itself."""

    seq: int
    says: Message
    note: bool = False


@dataclass
class Progress:
    """How far a verification came: the tree over full blocks, and the leaves after them.

    After a gap ``whole`` is false, for then no root is known.
    """

    size: int = 0
    leaf: bytes = FIRST_PREV
    tree: Growing = field(default_factory=Growing)
    block: list[bytes] = field(default_factory=list)
    whole: bool = True
    wall: datetime | None = None
    noted: datetime | None = None
    boot: tuple[str, int, datetime] | None = None


def rows(connection: Connection, after: int) -> Iterator[Sealed]:
    """Every entry after a number, read in parts; times are in UTC, as all sessions of the portal have them."""
    driver: Any = connection.connection.driver_connection
    with driver.cursor(name="portal_audit_verify", binary=True) as cursor:
        cursor.itersize = BATCH
        cursor.execute(ROWS.format(int(after)))
        while found := cursor.fetchmany(BATCH):
            yield from map(Sealed._make, found)


class Verifier:
    """Goes along a log; ``progress`` is where it stands, and what a later run begins with."""

    def __init__(
        self, origin: str, notes: Iterable[Note] = (), blocks: Mapping[int, bytes] = NO_BLOCKS,
        progress: Progress | None = None,
    ) -> None:  # fmt: skip
        self.origin = origin
        self.hashing = hash_of(origin)
        self.progress = progress or Progress(tree=Growing(hashing=self.hashing))
        self._leaf: Callable[[Sealed], bytes] = (
            attrgetter("leaf") if self.hashing.chained else lambda row: self.hashing.leaf(row.body)
        )
        self._blocks = blocks
        self._erased: dict[tuple[str | None, int | None], list[int]] = {}
        self._notes: dict[int, list[Note]] = {}
        for note in notes:
            self._notes.setdefault(note.checkpoint.size, []).append(note)

    def findings(self, found: Iterable[Sealed]) -> Iterator[Finding]:
        """What is wrong with entries, in their order."""
        progress = self.progress
        for row in found:
            if row.id != progress.size + 1:
                yield self._gap(row)
            if row.prev != progress.leaf:
                yield _broken(row, _l("it does not follow the entry before it"))
            if sha256(b"\0" + row.body).digest() != row.leaf:
                yield _broken(row, _l("its bytes are not those that were sealed"))
            told = self._read(row)
            try:
                if told is None:
                    yield _broken(row, STRANGE)
                else:
                    yield from self._columns(row, told)
                    yield from self._values(row, told)
                    yield from self._clocks(row, told)
            except (KeyError, TypeError, ValueError):
                yield _broken(row, STRANGE)
            yield from self._advance(row)

    def remaining(self, size: int) -> Iterator[Finding]:
        """What is known only at the end: ``size`` is that of the head of the chain."""
        for (entity, record), numbers in self._erased.items():
            for number in numbers:
                yield Finding(number, _l(
                    "Entry %(seq)s: its values are gone, and no entry says that those of %(entity)s %(record)s "
                    "were erased.", seq=number, entity=entity or "–", record=record or "–",
                ))  # fmt: skip
        if self.progress.size < size:
            first = self.progress.size + 1
            yield Finding(
                first, _l("Entries %(seq)s to %(last)s are missing.", seq=first, last=size)
            )
        for signed in sorted(self._notes):
            yield Finding(signed, _l("Log size %(size)s < checkpoint %(signed)s: entries at the end are missing.",
                                     size=self.progress.size, signed=signed))  # fmt: skip

    # Private

    def _gap(self, row: Sealed) -> Finding:
        first, last = self.progress.size + 1, row.id - 1
        if last < first:
            return _broken(row, _l("its number is not the next one"))
        if first == last:
            return Finding(first, _l("Entry %(seq)s is missing.", seq=first))
        return Finding(first, _l("Entries %(seq)s to %(last)s are missing.", seq=first, last=last))

    def _read(self, row: Sealed) -> dict[str, Any] | None:
        """The canonical body behind a header that binds number, predecessor, clock and mark."""
        mark = "\nmark clock_back\n" if row.clock_back else "\n"
        header = (
            f"{HEADER} {self.origin}\nseq {row.id}\nprev {row.prev.hex()}"
            f"\nnoted {row.noted_at.isoformat(timespec='microseconds')[:-6]}Z{mark}"
        ).encode()
        if not row.body.startswith(header):
            return None
        try:
            words = row.body[len(header) :].decode()
            told, end = DECODER.raw_decode(words)
        except (ValueError, RecursionError):
            return None
        plain = (
            end == len(words)
            and isinstance(told, dict)
            and (words.isascii() or is_normalized("NFC", words))
        )
        return told if plain and spelled(told) == words else None

    def _columns(self, row: Sealed, told: dict[str, Any]) -> Iterable[Finding]:
        get = told.get
        columns = (
            row.account_id, row.account_name, row.action, row.entity, row.record_id, row.revision, row.address,
        )  # fmt: skip
        sealed = (
            get("account"), get("name"), get("action"), get("entity"), get("record"), get("revision"), get("address"),
        )  # fmt: skip
        if columns != sealed or row.at != datetime.fromisoformat(told["at"]):
            return [_broken(row, _l("the columns that lists show are not what was sealed"))]
        return ()

    def _values(self, row: Sealed, told: dict[str, Any]) -> Iterable[Finding]:
        if row.action == AuditAction.VALUES_ERASED:
            self._erased.pop((row.entity, row.record_id), None)
        digest = told.get("values")
        if row.told is None or row.salt is None:
            if digest is not None:
                self._erased.setdefault((row.entity, row.record_id), []).append(row.id)
        elif digest != digest_of(row.salt, row.told):
            return [_broken(row, _l("its personal values are not those that were sealed"))]
        return ()

    def _clocks(self, row: Sealed, told: dict[str, Any]) -> Iterator[Finding]:
        progress = self.progress
        wall = datetime.fromisoformat(told["wall"]) if "wall" in told else None
        back = bool(wall and progress.wall and wall < progress.wall - LEEWAY) or bool(
            progress.noted and row.noted_at < progress.noted - LEEWAY
        )
        if back != row.clock_back:
            yield _broken(row, _l("whether the clock was set back is told wrongly"))
        elif back:
            yield Finding(
                row.id, _l("Entry %(seq)s: the clock had been set back.", seq=row.id), note=True
            )
        if wall is not None:
            boot = (str(told["boot"]), int(told["mono"]), wall)
            yield from self._drift(row, boot)
            progress.wall, progress.boot = wall, boot
        progress.noted = row.noted_at

    def _drift(self, row: Sealed, boot: tuple[str, int, datetime]) -> Iterator[Finding]:
        known = self.progress.boot
        if known is None or known[0] != boot[0]:
            return
        went = boot[2] - known[2]
        if went - timedelta(microseconds=(boot[1] - known[1]) // 1000) > DRIFT:
            yield Finding(
                row.id, _l("Entry %(seq)s: the clock had been set forward.", seq=row.id), note=True
            )

    def _advance(self, row: Sealed) -> Iterable[Finding]:
        progress = self.progress
        progress.whole &= row.id == progress.size + 1
        progress.size, progress.leaf = max(row.id, progress.size), row.leaf
        progress.block.append(self._leaf(row))
        said: list[Finding] = []
        if row.id in self._notes:
            said += self._compared(self._notes.pop(row.id))
        if len(progress.block) == BLOCK:
            root = root_of(progress.block, self.hashing)
            progress.tree.add(root, BLOCK)
            progress.block.clear()
            kept = self._blocks.get(row.id // BLOCK - 1, root)
            if kept != root and progress.whole:
                said.append(Finding(row.id, _l("The root that is kept for the block up to entry %(seq)s is wrong.",
                                               seq=row.id)))  # fmt: skip
        return said

    def _compared(self, notes: Iterable[Note]) -> Iterator[Finding]:
        progress = self.progress
        root = progress.tree.root(progress.block) if progress.whole else b""
        for note in notes:
            if root != note.checkpoint.root:
                yield Finding(progress.size, _l(
                    "Checkpoint %(seq)s: the entries up to there are not those that it signed.",
                    seq=progress.size,
                ))  # fmt: skip


# Private


def _broken(row: Sealed, why: Message) -> Finding:
    return Finding(row.id, _l("Entry %(seq)s: %(why)s.", seq=row.id, why=why))
