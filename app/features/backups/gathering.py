"""Makes a backup: rows, counts and the size of the trail from one snapshot, while everybody goes on working."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, BinaryIO

from sqlalchemy import Connection, select, text

from app.audit.hashing import hash_of
from app.audit.shelf import FOLDER as SHELF
from app.audit.tree import LogTree
from app.features.backups.container import Manifest, PartReader, PartWriter
from app.features.backups.dumping import dump
from app.features.backups.folder import write_whole
from app.features.backups.keys import load_key
from app.features.backups.sealing import SealedWriter
from app.features.privacy.archive import FOLDER as ARCHIVE
from app.features.reports.snapshots import store as snapshot_store
from app.kernel.errors import Refused, Unavailable
from app.kernel.messages import _l
from app.settings import Settings, product
from app.storage.audit_tables import AUDIT_HEAD
from app.storage.counting import rows_by_table
from app.storage.database import REVISION_LOCK, make_engine
from app.storage.encryption import FILE as FIELD_KEYS
from app.storage.files import FileStore
from app.storage.schedule_tables import REPORT_SNAPSHOT
from app.storage.tables import FILE, REVISION

DATABASE, HOME, SECRET_KEY = "database", "home/", "secret_key"
PIECE = 2**18
# What the home keeps outside of the database and a new one needs. The key that signs the trail is not among
# it: whoever held a backup and its key could otherwise sign a trail of his own.
FOLDERS = ("audit", ARCHIVE)
LEFT_OUT = re.compile(
    r"audit/(key(\.next)?\.pem|lock|gap\.json|verified\.json|checkpoints/latest)|(.*/)?\.[^/]*"
)
CHECKPOINT = re.compile(rf"{SHELF}/(\d{{12}})\.txt")
Beat = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that was made, looked through and given its name."""

    place: Path
    size: int
    manifest: Manifest


def make_backup(settings: Settings, folder: Path, now: datetime, beat: Beat = lambda: None) -> Made:
    """Make a backup in ``folder``, which the caller holds (``own_folder``), and read it through once.

    ``beat`` is called again and again, and may raise to stop. Raises Refused, Unavailable, SettingsError.
    """
    refuse_without_owner(settings)
    key = load_key(settings)
    made: list[Manifest] = []

    def fill(stream: BinaryIO) -> None:
        sealed = SealedWriter(stream, key, now)
        made.append(_fill(settings, PartWriter(sealed), now, beat))

    def check(stream: BinaryIO) -> None:
        read_through(stream, key, beat)

    place = write_whole(folder, now, fill, check)
    return Made(place, place.stat().st_size, made[0])


def refuse_without_owner(settings: Settings) -> None:
    """Raises Refused where the account that owns the tables is not known: no other reads all rows."""
    if settings.database_owner_url == settings.database_url:
        raise Refused(_l(
            "A backup needs the account that owns the tables: name it in PORTAL_DATABASE_OWNER_URL, or make backups "
            "on a host that knows it."
        ))  # fmt: skip


def read_through(stream: BinaryIO, key: bytes, beat: Beat = lambda: None) -> Manifest:
    """Read a backup to its end; its manifest, to which all of it fits. Raises Refused."""
    reader = PartReader(stream, key)
    for _name, blocks in reader.parts():
        for _ in blocks:
            beat()
    return reader.manifest


def trail_of(connection: Connection) -> tuple[str, int, str]:
    """Origin, size and root of the trail; an empty one has no root."""
    head = connection.execute(select(AUDIT_HEAD.c.origin, AUDIT_HEAD.c.size)).one()
    size, root = int(head.size), ""
    if size:
        root = LogTree(connection, size, hash_of(head.origin)).root(size).hex()
    return head.origin, size, root


# Private


def _fill(settings: Settings, out: PartWriter, now: datetime, beat: Beat) -> Manifest:
    missing: list[str] = []
    field_keys = _field_keys(settings)
    with _snapshot(settings.database_owner_url) as connection:
        snapshot = str(connection.scalar(text("SELECT pg_export_snapshot()")))
        out.add(DATABASE, _beaten(dump(settings.database_owner_url, snapshot), beat))
        rows = rows_by_table(connection)
        origin, size, root = trail_of(connection)
        revision = connection.execute(
            select(REVISION.c.number, REVISION.c.digest).order_by(REVISION.c.number.desc()).limit(1)
        ).one()
        files = connection.scalars(select(FILE.c.sha256).distinct().order_by(FILE.c.sha256)).all()
        keys = REPORT_SNAPSHOT.c.storage_key
        snapshots = connection.scalars(select(keys).distinct().order_by(keys)).all()
    for prefix, store, digests in (
        ("files/", FileStore(settings.files_url), files),
        ("snapshots/", snapshot_store(settings), snapshots),
    ):
        missing += [
            f"{prefix}{digest}"
            for digest in digests
            if not _add_content(out, f"{prefix}{digest}", store, digest, beat)
        ]
    _add_home(settings, out, size)
    if field_keys:
        out.add(HOME + FIELD_KEYS, [field_keys])
    if _field_keys(settings) != field_keys:
        raise Unavailable(
            _l("The keys of encrypted fields were changed meanwhile; make the backup again.")
        )
    return out.end(Manifest(
        version=product()[1], made=now.isoformat(), revision=revision.number, schema_digest=revision.digest, rows=rows,
        audit_origin=origin, audit_size=size, audit_root=root, missing=tuple(missing),
    ))  # fmt: skip


@contextmanager
def _snapshot(url: str) -> Iterator[Connection]:
    """The database as it is at one moment; until the end nobody changes its tables."""
    engine = make_engine(url, pool_size=2)
    try:
        with engine.connect() as holding, engine.connect() as connection:
            # Held before the snapshot is taken, so that it sees the tables that are dumped.
            holding.execution_options(isolation_level="AUTOCOMMIT")
            holding.execute(text("SELECT pg_advisory_lock_shared(:key)"), {"key": REVISION_LOCK})
            connection.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            yield connection
    finally:
        engine.dispose()


def _add_content(out: PartWriter, name: str, store: FileStore, digest: str, beat: Beat) -> bool:
    """Take a stored file along; false when it is gone or is not what its name says."""
    try:
        with store.open(digest) as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() != digest:  # type: ignore[arg-type]
                return False
            stream.seek(0)
            out.add(name, _beaten(_pieces(stream), beat))
    except FileNotFoundError:
        return False
    return True


def _add_home(settings: Settings, out: PartWriter, size: int) -> None:
    """The files of the home that belong to this database, and the key that some of them are sealed with."""
    home = settings.home
    for folder in FOLDERS:
        for place in sorted((home / folder).rglob("*")):
            name = place.relative_to(home).as_posix()
            signed = CHECKPOINT.fullmatch(name)
            newer = signed is not None and int(signed[1]) > size
            # What goes meanwhile was not needed in this state.
            with suppress(FileNotFoundError):
                if place.is_file() and not LEFT_OUT.fullmatch(name) and not newer:
                    with place.open("rb") as stream:
                        out.add(HOME + name, _pieces(stream))
    out.add(HOME + SECRET_KEY, [settings.secret_key.encode()])


def _field_keys(settings: Settings) -> bytes:
    place = settings.home / FIELD_KEYS
    return place.read_bytes() if place.exists() else b""


def _pieces(stream: IO[bytes]) -> Iterator[bytes]:
    while piece := stream.read(PIECE):
        yield piece


def _beaten(blocks: Iterable[bytes], beat: Beat) -> Iterator[bytes]:
    for block in blocks:
        beat()
        yield block
