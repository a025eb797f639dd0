"""Collects the entries of a transaction and seals them as its last step, so that the head is held briefly."""

from __future__ import annotations

import secrets
import time
import uuid
import weakref
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.audit.canonical import canonical, moment_text
from app.audit.entries import Entry
from app.kernel.clock import Clock
from app.kernel.errors import Unavailable
from app.kernel.messages import Message, _l
from app.storage.database import SEALING_CLOCK, SIGNED_SIZE

PENDING = "portal_audit"
BEGIN_SAVEPOINT, BACK_TO_SAVEPOINT = "SAVEPOINT ", "ROLLBACK TO SAVEPOINT "
BATCH = 500
SALT_BYTES = 16
LOCK_NOT_AVAILABLE = "55P03"
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
APPEND = text("SELECT portal_audit_append(:bodies, :tellings, :salts)")


def add(door: Session | Connection, entry: Entry) -> None:
    """Let ``entry`` be sealed when the transaction of ``door`` ends, or when it reads the trail."""
    connection = door.connection() if isinstance(door, Session) else door
    pending = connection.info.get(PENDING)
    if pending is None or pending.of() is not connection:
        pending = connection.info[PENDING] = _Pending(weakref.ref(connection))
        pending.listen(connection)
    pending.entries.append(entry)


def seal_old(connection: Connection, entries: Iterable[Entry]) -> None:
    """Append entries of the past at once, without the clocks of this moment; raises Unavailable."""
    _seal(connection, list(entries), clocks=False)


def too_small(size: int, signed: int) -> Message:
    """Why nothing is written: the log was cut, or an older database stands in its place."""
    return _l(
        "The audit trail has lost entries: log size %(size)s < last checkpoint %(signed)s, so nothing is "
        "written. If the database was restored from a backup on purpose, run: portal audit restored",
        size=size, signed=signed,
    )  # fmt: skip


def digest_of(salt: bytes, told: str) -> str:
    """What a sealed entry says of its erasable values: SHA-256 of salt and text, in hexadecimal."""
    return sha256(salt + told.encode()).hexdigest()


# Private


@dataclass
class _Pending:
    """The entries of one transaction; forgets those that a savepoint takes back."""

    of: weakref.ref[Connection]
    entries: list[Entry] = field(default_factory=list)
    marks: dict[str, int] = field(default_factory=dict)
    first: int = 0
    sealing: bool = False

    def listen(self, connection: Connection) -> None:
        """Stay with the connection; it is thrown away after its transaction as a rule."""
        event.listen(connection, "before_cursor_execute", self._before_statement)
        event.listen(connection, "commit", self._before_commit)
        event.listen(connection, "rollback", self._forget)

    def flush(self, connection: Connection) -> None:
        """Seal what waits."""
        if self.sealing or not self.entries:
            return
        self.sealing, waiting = True, self.entries
        self.first, self.entries = self.first + len(waiting), []
        try:
            _seal(connection, waiting)
        finally:
            self.sealing = False

    def _before_statement(
        self, connection: Connection, _cursor: Any, statement: str, *_rest: Any
    ) -> None:
        """Whoever reads the trail finds in it what this transaction has done so far."""
        if "portal_audit" in statement:
            self.flush(connection)
        elif statement.startswith(BEGIN_SAVEPOINT):
            self.marks[statement.removeprefix(BEGIN_SAVEPOINT)] = self.first + len(self.entries)
        elif statement.startswith(BACK_TO_SAVEPOINT):
            # One that we do not know was there before our first entry, so it takes all of them back.
            mark = self.marks.get(statement.removeprefix(BACK_TO_SAVEPOINT), 0)
            del self.entries[max(0, mark - self.first) :]

    def _before_commit(self, connection: Connection) -> None:
        self.flush(connection)
        self._forget(connection)

    def _forget(self, _connection: Connection) -> None:
        self.entries, self.marks, self.first = [], {}, 0


def _seal(connection: Connection, entries: Sequence[Entry], *, clocks: bool = True) -> None:
    options = connection.get_execution_options()
    signed, clock = options.get(SIGNED_SIZE), options.get(SEALING_CLOCK) if clocks else None
    for begin in range(0, len(entries), BATCH):
        some = [_prepared(one, clock) for one in entries[begin : begin + BATCH]]
        before = _append(connection, some) - len(some)
        if signed is not None and before < (least := signed()):
            raise Unavailable(too_small(before, least))


def _append(connection: Connection, prepared: list[tuple[bytes, str | None, bytes | None]]) -> int:
    """The number of the last entry."""
    bodies, tellings, salts = (list(column) for column in zip(*prepared, strict=True))
    try:
        found = connection.scalar(APPEND, {"bodies": bodies, "tellings": tellings, "salts": salts})
    except OperationalError as fault:
        if getattr(fault.orig, "sqlstate", "") != LOCK_NOT_AVAILABLE:
            raise
        raise Unavailable(
            _l("The audit trail is busy, so nothing was saved. Please try again in a moment.")
        ) from fault
    return int(found or 0)


def _prepared(entry: Entry, clock: Clock | None) -> tuple[bytes, str | None, bytes | None]:
    """The canonical body of an entry, and what it tells of persons with its salt."""
    said: dict[str, Any] = {
        "action": str(entry.action),
        "at": moment_text(entry.at),
        "name": entry.account_name[:80],
        "revision": entry.revision,
    }
    if clock is not None:
        mono, wall = str(time.monotonic_ns()), moment_text(clock.now())
        said |= {"boot": _boot_id(), "mono": mono, "wall": wall}
    optional = {
        "account": entry.account_id,
        "address": entry.address,
        "entity": entry.entity,
        "record": entry.record_id,
        "facts": dict(entry.facts) or None,
    }
    said |= {name: value for name, value in optional.items() if value is not None}
    told = salt = None
    if entry.changes or entry.record_title is not None:
        told = canonical({"changes": entry.changes, "title": entry.record_title})
        salt = secrets.token_bytes(SALT_BYTES)
        said["values"] = digest_of(salt, told)
        said["fields"] = sorted(str(name) for name in entry.changes)
    return canonical(said).encode(), told, salt


@cache
def _boot_id() -> str:
    """What the monotonic clock counts from: this start of the machine, or else of this process."""
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return str(uuid.uuid4())
