"""The folder of the backups: their names, one at a time, whole or not at all, and the old ones let go."""

from __future__ import annotations

import fcntl
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from app.audit.durable import sync_folder
from app.kernel.errors import Refused, SettingsError, Unavailable
from app.kernel.messages import _l
from app.safety import OTHERS_MAY_READ_OR_WRITE

STAMP = "%Y%m%d-%H%M%S"
NAME = re.compile(r"storewarden-(\d{8}-\d{6})\.backup")
# So many stay however old they are: a clock that jumps ahead must not take the last ones.
LEAST_KEPT = 3


def kept(folder: Path) -> list[tuple[datetime, Path]]:
    """The backups in a folder with their moments, the newest first."""
    found = []
    for place in folder.glob("storewarden-*.backup"):
        named = NAME.fullmatch(place.name)
        if named is not None and place.is_file():
            found.append((datetime.strptime(named[1], STAMP).replace(tzinfo=UTC), place))
    return sorted(found, reverse=True)


def forget_old(folder: Path, now: datetime, days: int) -> list[str]:
    """Remove backups that are older than so many days; the names of those that went."""
    gone = []
    for made, place in kept(folder)[LEAST_KEPT:]:
        if made < now - timedelta(days=days):
            place.unlink(missing_ok=True)
            gone.append(place.name)
    return gone


@contextmanager
def own_folder(folder: Path) -> Iterator[None]:
    """Be the only one who makes a backup there; what a dead one left half-made goes.

    Raises Refused when another is at work, SettingsError when others may look into the folder.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = stat.S_IMODE(folder.stat().st_mode)
        if mode & OTHERS_MAY_READ_OR_WRITE:
            raise SettingsError(_l(
                "%(place)s can be read or changed by other accounts (mode %(mode)s); "
                "run: chmod %(remedy)s %(place)s", place=str(folder), mode=f"{mode:o}", remedy="go-rw",
            ))  # fmt: skip
        descriptor = os.open(folder / ".lock", os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as fault:
        raise unwritable(folder, fault) from fault
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as busy:
            raise Refused(
                _l("Another backup is being made in %(place)s.", place=str(folder))
            ) from busy
        for half in folder.glob(".storewarden-*.new"):
            half.unlink(missing_ok=True)
        yield
    finally:
        os.close(descriptor)


def write_whole(
    folder: Path, now: datetime, fill: Callable[[BinaryIO], None], check: Callable[[BinaryIO], None]
) -> Path:
    """A new file that only its owner may read; it has its name once it was filled, checked and is on the disk.

    Call it in ``own_folder``. Raises Unavailable when it cannot be written.
    """
    while (place := folder / f"storewarden-{now.astimezone(UTC):{STAMP}}.backup").exists():
        now += timedelta(seconds=1)
    half = folder / f".{place.name}.new"
    try:
        descriptor = os.open(half, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        with os.fdopen(descriptor, "w+b") as stream:
            fill(stream)
            stream.flush()
            os.fsync(stream.fileno())
            stream.seek(0)
            check(stream)
        half.replace(place)
        sync_folder(folder)
    except OSError as fault:
        raise unwritable(folder, fault) from fault
    finally:
        half.unlink(missing_ok=True)
    return place


def unwritable(place: Path, fault: OSError) -> Unavailable:
    """Why no backup was made: a full disk, say."""
    return Unavailable(
        _l(
            "The backup could not be written to %(place)s: %(why)s.",
            place=str(place),
            why=fault.strerror or str(fault),
        )
    )
