"""Restores a backup into an empty database and a home: everything is looked at before anything is written."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from app.audit.durable import write_durable
from app.audit.notes import BadNote, parse
from app.audit.shelf import give_up, keep, note_restored, shelved
from app.features.backups.calming import calming, counted
from app.features.backups.container import Manifest, PartReader
from app.features.backups.dumping import contents, restore
from app.features.backups.gathering import (
    CHECKPOINT,
    DATABASE,
    HOME,
    SECRET_KEY,
    refuse_without_owner,
)
from app.features.reports.snapshots import store as snapshot_store
from app.kernel.errors import Refused, Unavailable
from app.kernel.messages import _l
from app.records.search import GRAMS_FUNCTION
from app.settings import Settings
from app.storage.counting import is_empty
from app.storage.database import make_engine
from app.storage.encryption import FILE as FIELD_KEYS
from app.storage.files import FileStore

# Made before the rows, since indexes are made with it; only a superuser could make it as the dump says.
# The other belongs to the server.
NOT_RESTORED = re.compile(r"; \d+ \d+ FUNCTION public (portal_grams|portal_trust_search)\(")
EXTENSIONS = ("pg_trgm", "btree_gin")
SAFE_NAME = re.compile(r"(audit|archive)/([^/\0]+/)*[^/\0]+")
DIGEST = re.compile(r"(files|snapshots)/([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Order:
    """What is restored, by whom and when; ``secret_key_given`` where it comes from the environment."""

    stream: BinaryIO
    key: bytes
    name: str
    now: datetime
    by: str
    secret_key_given: bool


def restore_backup(settings: Settings, order: Order) -> Manifest:
    """Bring home and database to what a backup holds; what it says of itself.

    Raises Refused for a database that is not empty or a backup that is not whole, and writes nothing then;
    Unavailable when the database takes it not, and has taken nothing then. Grants and policies come afterwards.
    """
    refuse_without_owner(settings)
    url = settings.database_owner_url
    refuse_filled(url)
    manifest = _looked_through(settings, order)
    lines = [line for line in contents(_database(order)) if not NOT_RESTORED.search(line)]
    notes = _place_files(settings, order)
    _place_checkpoints(settings.home, notes, order)
    note_restored(settings.home, order.now, order.by, {
        "backup": order.name, "made": manifest.made, "size": manifest.audit_size, "root": manifest.audit_root,
    })  # fmt: skip
    before = "".join(f"CREATE EXTENSION IF NOT EXISTS {name};\n" for name in EXTENSIONS)
    after = counted(manifest.rows) + calming()
    restore(url, _database(order), lines, f"{before}{GRAMS_FUNCTION};", after)
    return manifest


def refuse_filled(url: str) -> None:
    """Raises Refused unless the database is empty."""
    engine = make_engine(url, pool_size=1)
    try:
        with engine.connect() as connection:
            empty = is_empty(connection)
    finally:
        engine.dispose()
    if not empty:
        raise Refused(_l(
            "The database is not empty, so nothing was restored; use a new PORTAL_HOME, or a new database of your own."
        ))  # fmt: skip


# Private


def _looked_through(settings: Settings, order: Order) -> Manifest:
    """The manifest of a backup that is whole; raises Refused when the environment says another signing key."""
    reader, signing = PartReader(order.stream, order.key), b""
    for name, blocks in reader.parts():
        if name == HOME + SECRET_KEY:
            signing = b"".join(blocks)
    if order.secret_key_given and settings.secret_key != signing.decode():
        raise Refused(_l(
            "PORTAL_SECRET_KEY is another one than that of the backup, which second factors and archives were sealed "
            "with; set it as it was, or leave it empty."
        ))  # fmt: skip
    return reader.manifest


def _database(order: Order) -> Iterator[bytes]:
    for name, blocks in PartReader(order.stream, order.key).parts():
        if name == DATABASE:
            yield from blocks
            return


def _place_files(settings: Settings, order: Order) -> list[bytes]:
    """Attachments, archives and keys; the checkpoints, which are not placed yet."""
    stores = {"files": FileStore(settings.files_url), "snapshots": snapshot_store(settings)}
    notes, draft = list[bytes](), settings.home / ".restoring"
    try:
        for name, blocks in PartReader(order.stream, order.key).parts():
            if (stored := DIGEST.fullmatch(name)) is not None:
                with _private(draft) as stream:
                    stream.writelines(blocks)
                # By their digest, so that what is there already stays.
                stores[stored[1]].keep_file(draft)
            elif CHECKPOINT.fullmatch(name.removeprefix(HOME)):
                notes.append(b"".join(blocks))
            elif name.startswith(HOME):
                _place(settings.home, name.removeprefix(HOME), b"".join(blocks), order)
    finally:
        draft.unlink(missing_ok=True)
    return notes


def _place(home: Path, name: str, content: bytes, order: Order) -> None:
    if name == FIELD_KEYS:
        _place_key(home / name, content, order.now, same=_holds)
    elif name == SECRET_KEY:
        if not order.secret_key_given:
            _place_key(home / name, content, order.now, same=_alike)
    elif SAFE_NAME.fullmatch(name) and ".." not in name.split("/"):
        (home / name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = 0o400 if name.startswith("audit/") else 0o600
        write_durable(home / name, content, mode=mode)


def _place_checkpoints(home: Path, contents_: Iterable[bytes], order: Order) -> None:
    """The checkpoints of the backup; a shelf that knows others is laid aside, for this log does not hold them."""
    try:
        notes = [parse(one.decode()) for one in contents_]
    except (BadNote, UnicodeDecodeError) as fault:
        raise Unavailable(_l("A checkpoint in the backup cannot be read.")) from fault
    known = {note.text for note in notes}
    if any(note.text not in known for note in shelved(home)):
        give_up(home, order.now, order.by, order.name)
    for note in sorted(notes, key=lambda one: one.checkpoint.size):
        keep(home, note)


def _place_key(
    place: Path, content: bytes, now: datetime, *, same: Callable[[bytes, bytes], bool]
) -> None:
    """A key that differs is set aside, not lost."""
    if place.exists():
        if same(place.read_bytes(), content):
            return
        place.rename(place.with_name(f"{place.name}.before-{now:%Y%m%dT%H%M%SZ}"))
    write_durable(place, content)


def _alike(own: bytes, wanted: bytes) -> bool:
    return own.strip() == wanted.strip()


def _holds(own: bytes, wanted: bytes) -> bool:
    """Whether the key file of the home knows all that the backup's values are encrypted with."""
    try:
        here, there = json.loads(own), json.loads(wanted)
        known = {one["number"]: one["secret"] for one in here["keys"]}
        return here["index"] == there["index"] and all(
            known.get(one["number"]) == one["secret"] for one in there["keys"]
        )
    except (ValueError, KeyError, TypeError):
        return False


def _private(place: Path) -> BinaryIO:
    place.unlink(missing_ok=True)
    return os.fdopen(os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb")
