"""Makes checkpoints: proves that the log still holds what was signed last, signs, and keeps the note outside."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, Engine, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.audit.actions import AuditAction
from app.audit.entries import Entry
from app.audit.hashing import hash_of, hash_of_log
from app.audit.keys import (
    NEXT_FILE,
    has_key,
    keep_key,
    load_key,
    new_key,
    public_bytes,
    public_text,
)
from app.audit.merkle import consistency_holds, consistency_proof
from app.audit.notes import Checkpoint, Note, fingerprint, parse, sign
from app.audit.sealing import add, too_small
from app.audit.shelf import gap, gap_told, keep, latest, latest_size, locked
from app.audit.tree import LogTree, keep_blocks
from app.kernel.errors import Refused, Unavailable
from app.kernel.messages import Message, _l
from app.storage.audit_tables import AUDIT_ARCHIVE, AUDIT_CHECKPOINT, AUDIT_ENTRY, AUDIT_HEAD
from app.storage.database import current_revision

EVERY_ENTRIES = 1000
SLOWEST_MS = 600_000


@dataclass(frozen=True, slots=True)
class Announcement:
    """A key that the log names: the number of the entry, the public key, and whether the old one was lost."""

    seq: int
    public: bytes
    lost: bool


def make_checkpoint(engine: Engine, home: Path, now: datetime, by: str) -> Note | None:
    """Sign the log as it is, when it has grown since the last time; the newest note, None for an empty log.

    Raises Refused when the log no longer holds what was signed, Unavailable without its key.
    """
    with locked(home):
        with engine.connect() as connection:
            _refuse_shorter(connection, home)
        with engine.begin() as connection:
            _first_key(connection, home, now, by)
        with engine.begin() as connection:
            connection.execute(text(f"SET LOCAL statement_timeout = {SLOWEST_MS}"))
            return _signed(connection, home, now)


def rotate_key(engine: Engine, home: Path, now: datetime, by: str, *, lost: bool = False) -> str:
    """Announce a new key under the old one, and sign with it from the next checkpoint on; its fingerprint.

    ``lost`` says that the old key is gone, so that nobody can sign the announcement with it.
    """
    with locked(home):
        old = None if lost else load_key(home)
        key = new_key()
        keep_key(home, key, NEXT_FILE)
        with engine.begin() as connection:
            _announce(connection, key, now, by, replaces=old, lost=lost)
        with engine.begin() as connection:
            if old is not None:
                _signed(connection, home, now)
            keep_key(home, key)
            (home / NEXT_FILE).unlink(missing_ok=True)
            _signed(connection, home, now)
    return fingerprint(public_bytes(key))


def open_log(engine: Engine, home: Path, now: datetime, by: str) -> Message | None:
    """At a start: make and announce the first key, and tell of a restored log; why nothing may be written, if so.

    Raises SettingsError where the hash of the log cannot be worked out.
    """
    with locked(home):
        with engine.connect() as connection:
            size, signed = log_size(connection), latest_size(home)
            hash_of_log(connection)  # better refused here than at the first checkpoint
        if size < signed:
            return too_small(size, signed)
        with engine.begin() as connection:
            _first_key(connection, home, now, by)
            told = gap(home)
            if told is not None:
                revision = current_revision(connection)
                backup = told.get("backup")
                action = AuditAction.BACKUP_RESTORED if backup else AuditAction.LOG_RESTORED
                entry = Entry(
                    now, None, told["by"], action, revision, record_title=backup, facts=told
                )
                add(connection, entry)
        gap_told(home)
    return None


def announcements(connection: Connection) -> list[Announcement]:
    """The keys that the log names, oldest first."""
    named = AUDIT_ENTRY.c.action == AuditAction.KEY_ANNOUNCED
    rows = connection.execute(
        select(AUDIT_ENTRY.c.id, AUDIT_ENTRY.c.body).where(named).order_by(AUDIT_ENTRY.c.id)
    )
    left = connection.scalars(select(AUDIT_ARCHIVE.c["keys"]).order_by(AUDIT_ARCHIVE.c.last))
    archived = [_announcement(told["seq"], told["facts"]) for kept in left for told in kept]
    return [*archived, *(_announcement(row.id, _facts(row.body)) for row in rows)]


def newest(door: Connection | Session) -> Checkpoint | None:
    """The newest checkpoint as the database remembers it, for lists and footers."""
    kept = door.scalar(
        select(AUDIT_CHECKPOINT.c.note).order_by(AUDIT_CHECKPOINT.c.size.desc()).limit(1)
    )
    return parse(kept).checkpoint if kept else None


def log_size(connection: Connection) -> int:
    """How many entries the log says it has."""
    return int(connection.scalar(select(AUDIT_HEAD.c.size)) or 0)


def key_faults(notes: Sequence[Note], keys: Sequence[Announcement]) -> list[tuple[int, Message]]:
    """What is wrong with signatures, in order of size: each key is in force until its heir's entry is signed."""
    found: list[tuple[int, Message]] = []
    current, seen = 0, dict[int, bytes]()
    for note in sorted(notes, key=lambda one: one.checkpoint.size):
        size, root = note.checkpoint.size, note.checkpoint.root
        while current + 1 < len(keys) and keys[current + 1].lost and keys[current + 1].seq <= size:
            current += 1
        if seen.setdefault(size, root) != root:
            found.append(
                (size, _l("Two checkpoints of size %(size)s contradict each other.", size=size))
            )
        if not keys or not note.signed_by(keys[current].public):
            found.append((size, _wrong_key(note, keys[:current])))
        elif current + 1 < len(keys) and keys[current + 1].seq <= size:
            current += 1
    return found


# Private


def _wrong_key(note: Note, former: Sequence[Announcement]) -> Message:
    size = note.checkpoint.size
    if any(note.signed_by(one.public) for one in former):
        return _l("Checkpoint %(size)s is signed with a key that had been replaced.", size=size)
    return _l("Checkpoint %(size)s is not signed with the key of this log.", size=size)


def _refuse_shorter(connection: Connection, home: Path) -> None:
    size, signed = log_size(connection), latest_size(home)
    if size < signed:
        raise Refused(too_small(size, signed))


def _first_key(connection: Connection, home: Path, now: datetime, by: str) -> None:
    """Announce the key of this home in a log that names none, and make it when there is none."""
    if announcements(connection):
        return
    if not has_key(home):
        keep_key(home, new_key())
    _announce(connection, load_key(home), now, by, replaces=None, lost=False)


def _announce(
    connection: Connection, key: Ed25519PrivateKey, now: datetime, by: str, *,
    replaces: Ed25519PrivateKey | None, lost: bool,
) -> None:  # fmt: skip
    public = public_bytes(key)
    facts: dict[str, object] = {"fingerprint": fingerprint(public), "key": public_text(public)}
    if replaces is not None:
        facts["replaces"] = fingerprint(public_bytes(replaces))
    if lost:
        facts["lost"] = True
    revision = current_revision(connection)
    add(connection, Entry(now, None, by, AuditAction.KEY_ANNOUNCED, revision, facts=facts))


def _signed(connection: Connection, home: Path, now: datetime) -> Note | None:
    """The note over the whole log, kept on the shelf and in the database."""
    head = connection.execute(select(AUDIT_HEAD.c.origin, AUDIT_HEAD.c.size)).one()
    last = latest(home)
    key = _key_in_force(connection, home, last)
    if head.size == 0 or (last is not None and head.size == last.checkpoint.size):
        return last
    hashing = hash_of(head.origin)
    keep_blocks(connection, head.size, hashing)
    tree = LogTree(connection, head.size, hashing)
    checkpoint = Checkpoint(head.origin, head.size, tree.root(head.size), now)
    if last is not None:
        _prove(tree, last.checkpoint, checkpoint)
    note = sign(checkpoint, key)
    keep(home, note)
    values = {"size": head.size, "note": note.text, "at": now}
    connection.execute(insert(AUDIT_CHECKPOINT).values(values).on_conflict_do_nothing())
    return note


def _prove(tree: LogTree, old: Checkpoint, new: Checkpoint) -> None:
    """Raise Refused unless the log began as it was when it was signed last."""
    proof = consistency_proof(old.size, new.size, tree.subtree)
    holds = consistency_holds(old.size, new.size, old.root, new.root, proof, tree.hashing)
    if old.origin != new.origin or not holds or tree.root(old.size) != old.root:
        raise Refused(_l(
            "The audit trail no longer holds what checkpoint %(size)s signed, so nothing was signed; "
            "run: portal audit verify", size=old.size,
        ))  # fmt: skip


def _key_in_force(connection: Connection, home: Path, last: Note | None) -> Ed25519PrivateKey:
    """The key to sign with; finishes a rotation that was interrupted. Raises Unavailable."""
    key, named = load_key(home), announcements(connection)
    if not named or named[-1].public == public_bytes(key):
        return key
    if (home / NEXT_FILE).exists():
        heir = load_key(home, NEXT_FILE)
        if public_bytes(heir) == named[-1].public:
            if last is None or last.checkpoint.size < named[-1].seq:
                return key
            keep_key(home, heir)
            (home / NEXT_FILE).unlink()
            return heir
    raise Unavailable(_l("The key in this home is not the one that the audit trail names."))


def _announcement(seq: int, facts: Mapping[str, Any]) -> Announcement:
    return Announcement(seq, base64.b64decode(facts["key"]), bool(facts.get("lost")))


def _facts(body: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(body.decode().rpartition("\n")[2])["facts"]
    return found
