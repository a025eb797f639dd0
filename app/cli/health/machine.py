"""The doctor's look at this machine: safety of the settings, versions, disk, files, mail."""

from __future__ import annotations

import os
import platform
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import MappingProxyType

from app.cli.health.finding import Finding, careful, faulty, fine
from app.hosting.assets import SERVED, SPRITE
from app.hosting.folders import NEEDED_BYTES
from app.kernel.clock import SystemClock
from app.kernel.messages import Message, _l
from app.safety import CHECKS, Situation, is_public
from app.settings import ROOT, Settings
from app.storage.files import FileStore

LOCK = ROOT / "requirements.lock"
PINNED = re.compile(r"^([\w.\-]+)==([^\s;\\]+)", re.MULTILINE)
COMFORTABLE_BYTES = 2_000_000_000
SAFE: Mapping[str, Message] = MappingProxyType(
    {
        "debugging": _l("No switch for debugging is set."),
        "key": _l("The signing key is strong and used for nothing else."),
        "home": _l("The data folder and its keys are closed to other accounts."),
        "database_url": _l("No password of the database is empty or well known."),
        "redis_url": _l("Redis is on this machine or has a password."),
        "listening": _l("The portal listens on this machine alone, or safely for others."),
    }
)


def look_at_machine(settings: Settings) -> Iterator[Finding]:
    """Everything that can be seen without a database."""
    yield from _safety(settings)
    yield _proxies(settings)
    yield _python()
    yield _libraries()
    yield _disk(settings)
    yield _time_zone(settings)
    yield _front_end(settings)
    yield _file_store(settings)
    yield _mail(settings)


# Private


def _safety(settings: Settings) -> Iterator[Finding]:
    situation = Situation(settings, os.environ)
    for name, says in SAFE.items():
        hazards = list(CHECKS[name](situation))
        yield from (faulty(name, hazard) for hazard in hazards)
        if not hazards:
            yield fine(name, says)
    if not is_public(settings):
        return
    if not settings.trusted_hosts:
        yield careful("listening", _l(
            "Any host name is answered to; set PORTAL_TRUSTED_HOSTS to the names that people type."
        ))  # fmt: skip
    if not settings.cookie_secure:
        yield careful("listening", _l(
            "Cookies may travel without HTTPS; set PORTAL_COOKIE_SECURE=yes."
        ))  # fmt: skip


def _proxies(settings: Settings) -> Finding:
    """Behind a proxy that nobody named, everybody has one address: its guesses slow down all, the trail names none."""
    if is_public(settings) and not settings.trusted_proxies:
        return careful("proxies", _l(
            "The portal is open to others and trusts no proxy. If one stands before it, everybody seems to come from"
            " its address: set PORTAL_TRUSTED_PROXIES to how many there are, and let only them reach the port."
        ))  # fmt: skip
    return fine(
        "proxies",
        _l("Trusted proxies before the portal: %(count)s.", count=settings.trusted_proxies),
    )


def _python() -> Finding:
    return fine("python", _l("Python %(version)s.", version=platform.python_version()))


def _libraries() -> Finding:
    """Whether what is installed is what was tested."""
    tested: dict[str, set[str]] = {}
    for name, wanted in PINNED.findall(LOCK.read_text(encoding="utf-8")):
        tested.setdefault(name, set()).add(wanted)
    other = [
        f"{name} {found} ({', '.join(sorted(versions))})"
        for name, versions in tested.items()
        if (found := _installed(name)) and found not in versions
    ]
    if other:
        return careful("libraries", _l(
            "Other versions are installed than were tested: %(names)s; run scripts/start to mend it.",
            names=", ".join(other[:5]),
        ))  # fmt: skip
    return fine("libraries", _l("The libraries have the tested versions."))


def _installed(name: str) -> str | None:
    """The version of a package; not every package of the lock is for this version of Python."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _disk(settings: Settings) -> Finding:
    place = next(place for place in (settings.home, *settings.home.parents) if place.exists())
    free = shutil.disk_usage(place).free
    values = {"home": str(settings.home), "free": free // 1_000_000}
    if free >= COMFORTABLE_BYTES:
        return fine("disk", _l("%(free)s MB are free in %(home)s.", **values))
    says = _l("Only %(free)s MB are free in %(home)s; make room or move the folder.", **values)
    return (faulty if free < NEEDED_BYTES else careful)("disk", says)


def _time_zone(settings: Settings) -> Finding:
    here = SystemClock().now().astimezone(settings.timezone)
    return fine("time_zone", _l(
        "Time zone %(name)s, where it is %(time)s now.",
        name=str(settings.timezone), time=f"{here:%Y-%m-%d %H:%M}",
    ))  # fmt: skip


def _front_end(settings: Settings) -> Finding:
    names = [*(Path(name).name for name in SERVED), SPRITE]
    missing = [name for name in names if not (settings.assets / name).is_file()]
    if missing:
        return faulty("front_end", _l(
            "Front-end files are missing in %(place)s: %(names)s; run scripts/start, which fetches them.",
            place=str(settings.assets), names=", ".join(missing),
        ))  # fmt: skip
    return fine("front_end", _l("The front-end files are in place."))


def _file_store(settings: Settings) -> Finding:
    """Keeps, reads and removes a small content."""
    content = secrets.token_bytes(32)
    try:
        store = FileStore(settings.files_url)
        digest = store.keep(content)
        with store.open(digest) as stream:
            same = stream.read() == content
        store.remove(digest)
    except (OSError, ValueError, ImportError) as fault:
        return faulty("file_store", _l(
            "Files cannot be kept (PORTAL_FILES_URL): %(why)s; let the portal's account write there.",
            why=str(fault),
        ))  # fmt: skip
    if not same:
        return faulty("file_store", _l("The file store returns other contents than it was given."))
    return fine("file_store", _l("Files can be kept and read."))


def _mail(settings: Settings) -> Finding:
    if not settings.mail_url:
        return careful("mail", _l("No mails are sent; set PORTAL_MAIL_URL to have notices go out."))
    return fine("mail", _l("A mail server is set; notices are sent from %(sender)s.",
                           sender=settings.mail_from))  # fmt: skip
