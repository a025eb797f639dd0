"""The deeds of backups: made and told in the trail, looked through, and the old ones let go."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine

from app.audit.actions import AuditAction
from app.audit.chain import Entry, append
from app.features.backups.container import Manifest, PartReader
from app.features.backups.dumping import read_over
from app.features.backups.folder import forget_old, own_folder
from app.features.backups.gathering import DATABASE, Beat, Made, make_backup, read_through
from app.features.backups.keys import ensure_key, load_key, place_of
from app.kernel.errors import Unavailable
from app.kernel.messages import Message, _l
from app.settings import Settings
from app.storage.database import current_revision


def create(
    settings: Settings, engine: Engine, now: datetime, by: str, *, to: Path | None = None, beat: Beat = lambda: None
) -> Made:  # fmt: skip
    """Make a backup, tell of it in the trail, and let go of those whose days are over.

    ``to`` is another folder than that of the settings; nothing is let go there.
    """
    folder = to or settings.backups
    with own_folder(folder):
        made = make_backup(settings, folder, now, beat)
        with engine.begin() as connection:
            facts = {"bytes": made.size, "entries": made.manifest.audit_size}
            append(connection, Entry(now, None, by, AuditAction.BACKUP_MADE, current_revision(connection),
                                     record_title=made.place.name, facts=facts))  # fmt: skip
        if to is None and settings.backup_keep:
            forget_old(folder, now, settings.backup_keep)
    return made


def verify(settings: Settings, place: Path) -> Manifest:
    """Read a backup to its end, the dump of the database by PostgreSQL's own program; raises Refused, Unavailable."""
    key = load_key(settings)
    try:
        with place.open("rb") as stream:
            manifest = read_through(stream, key)
            reader = PartReader(stream, key)
            for name, blocks in reader.parts():
                if name == DATABASE:
                    read_over(blocks)
                    break
    except OSError as fault:
        raise unreadable(place, fault) from fault
    return manifest


def unreadable(place: Path, fault: OSError) -> Unavailable:
    """Why a backup is not read: it is not there, say."""
    return Unavailable(
        _l("%(place)s cannot be read: %(why)s.", place=str(place), why=fault.strerror or str(fault))
    )


def new_key(settings: Settings) -> Message | None:
    """Make the key where the home has none yet; what to do with it."""
    if not ensure_key(settings):
        return None
    return _l(
        "A key for backups was made: %(place)s. Keep a copy of it away from this machine and from the backups: "
        "without it nobody can read them.", place=str(place_of(settings)),
    )  # fmt: skip
