"""A log to attack: a database with nothing but the product's own tables, and a home with a key."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import text

from app.audit.actions import AuditAction
from app.audit.chain import Entry, append
from app.audit.checking import Verification
from app.audit.checkpoints import make_checkpoint, open_log
from app.audit.hashing import hash_of
from app.audit.merkle import TreeHash, root_of
from app.audit.notes import Note
from app.audit.shelf import latest_size
from app.factory import Engines, prepare_database
from app.kernel.clock import FixedClock
from app.storage.database import make_engine
from tests.support.servers import Servers, database_name

# What a log may be founded with.
HASHES = ("sha256", "sm3")
MORNING = datetime(2026, 6, 15, 4, 0, tzinfo=UTC)
TABLES = (
    "portal_audit_entry",
    "portal_audit_value",
    "portal_audit_head",
    "portal_audit_block",
    "portal_audit_checkpoint",
)


@dataclass
class Log:
    """A sealed log with the means of its owner, of the application, and of somebody with all rights."""

    servers: Servers
    engines: Engines
    home: Path
    name: str
    clock: FixedClock

    def write(self, count: int, **more: Any) -> None:
        """Append so many entries about persons, in one transaction each ten."""
        for begin in range(0, count, 10):
            with self.engines.app.begin() as connection:
                for number in range(begin, min(begin + 10, count)):
                    values: dict[str, Any] = {
                        "entity": "buyer",
                        "record_id": number,
                        "record_title": f"顾客{number}",
                        "changes": {"note": [None, f"话{number}"]},
                    }
                    name = more.get("account_name", "west")
                    values |= {key: value for key, value in more.items() if key != "account_name"}
                    entry = Entry(MORNING, 7, name, AuditAction.RECORD_CHANGED, 1, **values)
                    append(connection, entry)

    def checkpoint(self) -> Note:
        """Sign the log as it is."""
        made = make_checkpoint(self.engines.app, self.home, MORNING, "test")
        assert made is not None
        return made

    def faults(self, *notes: Note, since_last: bool = False) -> list[tuple[int, str]]:
        """Number and sentence of everything that does not fit."""
        with self.engines.app.connect() as connection:
            run = Verification(connection, self.home, since_last=since_last, notes=notes)
            found = [(one.seq, str(one.says)) for one in run.findings() if not one.note]
        assert run.faults == len(found)
        return found

    def attack(self, *statements: str, **values: Any) -> None:
        """What somebody with all rights over the database does, past every trigger."""
        with self.engines.owner.begin() as connection:
            for table in TABLES:
                connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
            for statement in statements:
                connection.execute(text(statement), values)
            for table in TABLES:
                connection.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER USER"))

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Put every table back to what it holds now, at the end."""
        with self.engines.owner.begin() as connection:
            for table in TABLES:
                connection.execute(text(f"DROP TABLE IF EXISTS kept_{table}"))
                connection.execute(text(f"CREATE TABLE kept_{table} AS TABLE {table}"))
        try:
            yield
        finally:
            back = [f"TRUNCATE {', '.join(TABLES)}"]
            self.attack(
                *back, *(f"INSERT INTO {table} SELECT * FROM kept_{table}" for table in TABLES)
            )

    @property
    def origin(self) -> str:
        """The name of the log."""
        with self.engines.owner.connect() as connection:
            return str(connection.scalar(text("SELECT origin FROM portal_audit_head")))

    @property
    def hashing(self) -> TreeHash:
        """What its tree is hashed with."""
        return hash_of(self.origin)

    def bodies(self) -> list[bytes]:
        """The sealed bytes in their order."""
        with self.engines.owner.connect() as connection:
            found = connection.execute(text("SELECT body FROM portal_audit_entry ORDER BY id"))
            return [bytes(row.body) for row in found]

    def rewrite(self, bodies: Sequence[bytes]) -> None:
        """Put other bytes in the place of the sealed ones, with every hash of the database worked out anew."""
        previous, leaves, rows = bytes(32), [], []
        for number, given in enumerate(bodies, 1):
            lines = given.split(b"\n")
            lines[1], lines[2] = b"seq %d" % number, b"prev " + previous.hex().encode()
            body = b"\n".join(lines)
            leaf = hashlib.sha256(b"\0" + body).digest()
            rows.append({"id": number, "prev": previous, "leaf": leaf, "body": body})
            leaves.append(self.hashing.leaf(body))
            previous = leaf
        self.attack(f"DELETE FROM portal_audit_entry WHERE id > {len(bodies)}",
                    f"DELETE FROM portal_audit_value WHERE id > {len(bodies)}")  # fmt: skip
        change = (
            "UPDATE portal_audit_entry SET prev = :prev, leaf = :leaf, body = :body WHERE id = :id"
        )
        with self.engines.owner.begin() as connection:
            connection.execute(text("ALTER TABLE portal_audit_entry DISABLE TRIGGER USER"))
            connection.execute(text(change), rows)
            connection.execute(text("ALTER TABLE portal_audit_entry ENABLE TRIGGER USER"))
        self.attack("UPDATE portal_audit_head SET size = :size, leaf = :leaf",
                    size=len(bodies), leaf=previous)  # fmt: skip
        for number in range(len(leaves) // 256):
            root = root_of(leaves[number * 256 : (number + 1) * 256], self.hashing)
            self.attack("UPDATE portal_audit_block SET root = :root WHERE number = :number", root=root,
                        number=number)  # fmt: skip


@contextmanager
def running_log(servers: Servers, home: Path, audit_hash: str = "") -> Iterator[Log]:
    """A log of one entry, which names its key, with a database of its own."""
    home.chmod(0o700)
    with servers.database() as urls:
        signed, clock = partial(latest_size, home), FixedClock(MORNING)
        engines = Engines(
            make_engine(urls.owner, signed=signed, clock=clock),
            make_engine(urls.app, signed=signed, clock=clock),
        )
        prepare_database(engines, audit_hash)
        assert open_log(engines.app, home, MORNING, "test") is None
        try:
            yield Log(servers, engines, home, database_name(urls), clock)
        finally:
            engines.dispose()
