"""Where things stand below the home folder, and who may look at them."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO

from app.hosting.accounts import Account
from app.kernel.errors import SettingsError
from app.kernel.messages import _l

LONGEST_SOCKET = 107
LONGEST_SOCKET_NAME = len("/.s.PGSQL.5432.lock")
NEEDED_BYTES = 200_000_000
LARGEST_LOG = 20 * 1024 * 1024


def installed(package: str) -> Path:
    """The folder of an installed package, without running any of its code."""
    found = find_spec(package)
    if found is None or found.origin is None:
        raise SettingsError(_l("The package %(name)s is not installed.", name=package))
    return Path(found.origin).parent


def make_home(home: Path) -> None:
    """Make the home folder, closed to others; raises SettingsError when it cannot be used."""
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        (home / "logs").mkdir(exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=home) as probe:
            probe.write(b"x" * 4096)
        free = shutil.disk_usage(home).free
    except OSError as fault:
        raise SettingsError(
            _l(
                "The data folder %(home)s cannot be used: %(why)s.",
                home=str(home),
                why=fault.strerror or str(fault),
            )
        ) from fault
    if free < NEEDED_BYTES:
        raise SettingsError(
            _l(
                "The disk of %(home)s is too full: %(free)s MB are left, %(needed)s are needed.",
                home=str(home),
                free=free // 1_000_000,
                needed=NEEDED_BYTES // 1_000_000,
            )
        )


def private_folder(place: Path, account: Account) -> Path:
    """A folder that only ``account`` may enter; one that belongs to another is refused."""
    place.mkdir(mode=0o700, exist_ok=True)
    if place.is_symlink() or place.stat().st_uid not in {account.uid, os.geteuid()}:
        raise SettingsError(_l("%(place)s belongs to another account.", place=str(place)))
    account.own(place)
    place.chmod(0o700)
    return place


def socket_folder(home: Path, name: str, account: Account) -> Path:
    """A private folder for a server's socket, short enough for the system's limit."""
    place = home / "run" / name
    if len(os.fsencode(place)) + LONGEST_SOCKET_NAME > LONGEST_SOCKET:
        mark = hashlib.sha256(os.fsencode(home)).hexdigest()[:12]
        place = Path(tempfile.gettempdir()) / f"portal-{mark}-{name}"
    else:
        place.parent.mkdir(mode=0o711, exist_ok=True)
    return private_folder(place, account)


def open_log(home: Path, name: str) -> BinaryIO:
    """The log of a server, to append to; one that has grown large is set aside first."""
    place = log_file(home, name)
    if place.exists() and place.stat().st_size > LARGEST_LOG:
        place.replace(place.with_suffix(".log.1"))
    descriptor = os.open(place, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
    return os.fdopen(descriptor, "ab")


def log_file(home: Path, name: str) -> Path:
    """Where the output of a server goes."""
    return home / "logs" / f"{name}.log"


@contextmanager
def only_start(home: Path) -> Iterator[None]:
    """Hold the home folder; raises SettingsError when another start holds it."""
    with (home / "lock").open("a+", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise SettingsError(
                _l(
                    "The portal of %(home)s is already running (process %(pid)s).",
                    home=str(home),
                    pid=lock.read().strip() or "?",
                )
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
