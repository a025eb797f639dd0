"""Configurations with which the portal refuses to start: each is one sentence with its remedy."""

from __future__ import annotations

import ipaddress
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from urllib.parse import unquote, urlsplit

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from app.kernel.digests import SM3, sm3_after
from app.kernel.errors import SettingsError
from app.kernel.messages import Message, _l
from app.kernel.strength import is_default_password, weakness_of_key
from app.settings import Settings

OFF = ("", "0", "false", "no", "off", "n", "f")
NEVER = ("WERKZEUG_DEBUG_PIN", "PYTHONDEVMODE", "PYTHONINSPECT", "PYTHONASYNCIODEBUG")
SECRET_FILES = (
    "secret_key", "field_keys.json", "postgres_passwords.json", "audit/key.pem", "backup_key",
)  # fmt: skip
OTHERS_MAY_READ_OR_WRITE = 0o066
OTHERS_MAY_ANYTHING = 0o077
LOCAL_NAMES = ("localhost", "localhost.localdomain")
# Ways to prove who one is that stand outside of the address.
OTHER_PROOF = ("sslcert", "passfile", "service")
NEW_KEY = "python3 -c 'import secrets; print(secrets.token_hex(32))'"


@dataclass(frozen=True, slots=True)
class Situation:
    """What is started: ``prepares`` changes tables, ``demo`` fills an empty database with a demo."""

    settings: Settings
    environment: Mapping[str, str]
    prepares: bool = False
    demo: bool = False


Check = Callable[[Situation], Iterator[Message]]


def refuse_unsafe(settings: Settings, *, prepares: bool = False, demo: bool = False) -> None:
    """Raises SettingsError with the first thing that is unsafe."""
    situation = Situation(settings, os.environ, prepares, demo)
    for check in CHECKS.values():
        for hazard in check(situation):
            raise SettingsError(hazard)


def refuse_without_files(settings: Settings) -> None:
    """Raises SettingsError when the front-end files were never gathered: every page would be bare."""
    if not any(settings.assets.glob("*.svg")):
        raise SettingsError(
            _l("The front-end files are missing in %(place)s; run: python -m app.hosting.assets",
               place=str(settings.assets))
        )  # fmt: skip


def is_public(settings: Settings) -> bool:
    """Whether others than this machine are meant to reach the portal."""
    shown = urlsplit(settings.public_url).hostname if settings.public_url else None
    return is_remote(settings.host) or (shown is not None and is_remote(shown))


def is_remote(host: str) -> bool:
    """Whether the name stands for more than this machine; one that is not known does."""
    name = host.strip("[]").lower()
    if name in LOCAL_NAMES or name.endswith(".localhost"):
        return False
    try:
        return not ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return True


def demo_in_public() -> Message:
    """Why a database with open demo accounts is not served publicly."""
    return _l(
        "This database has demo accounts whose passwords are shown on the sign-in page, and the "
        "portal is open to others; start it with a new PORTAL_HOME and scripts/start --no-demo, or "
        "leave PORTAL_HOST at 127.0.0.1 and PORTAL_PUBLIC_URL empty."
    )


def one_account() -> Message:
    """Why the pages are not served with the account that owns the tables."""
    return _l(
        "PORTAL_DATABASE_URL and PORTAL_DATABASE_OWNER_URL use the same account, so the pages "
        "could change and drop tables; make a second role in PostgreSQL that owns the database, "
        "and name it in PORTAL_DATABASE_OWNER_URL."
    )


# The checks


def _debugging(situation: Situation) -> Iterator[Message]:
    """Switches that show code or memory to whoever asks."""
    given = situation.environment
    on = [name for name in NEVER if given.get(name)]
    if given.get("FLASK_DEBUG", "").strip().lower() not in OFF:
        on.append("FLASK_DEBUG")
    if given.get("FLASK_ENV", "").strip().lower() == "development":
        on.append("FLASK_ENV")
    for name in on:
        yield _l(
            "%(name)s is set, which is for debugging only; remove it: unset %(name)s.",
            name=name,
        )


def _key(situation: Situation) -> Iterator[Message]:
    settings = situation.settings
    weakness = weakness_of_key(settings.secret_key)
    if weakness is not None:
        yield _l(
            "The signing key (PORTAL_SECRET_KEY, or %(place)s) is %(weakness)s; "
            "make a new one: %(command)s",
            place=str(settings.home / "secret_key"),
            weakness=weakness,
            command=NEW_KEY,
        )
    for name, text in (
        ("PORTAL_DATABASE_URL", settings.database_url),
        ("PORTAL_DATABASE_OWNER_URL", settings.database_owner_url),
        ("PORTAL_REDIS_URL", settings.redis_url),
        ("PORTAL_MAIL_URL", settings.mail_url),
    ):
        if _password_in(text) == settings.secret_key:
            yield _l(
                "PORTAL_SECRET_KEY is also the password in %(name)s; make a key of its own: %(command)s",
                name=name,
                command=NEW_KEY,
            )


def _home(situation: Situation) -> Iterator[Message]:
    home = situation.settings.home
    if not home.exists():
        return  # it is made closed
    yield from _open_to_others(home, OTHERS_MAY_READ_OR_WRITE, "go-rw")
    if situation.settings.backups.exists():
        yield from _open_to_others(situation.settings.backups, OTHERS_MAY_READ_OR_WRITE, "go-rw")
    owners = {os.geteuid()} | ({home.stat().st_uid} if os.geteuid() == 0 else set())
    for place in (home / name for name in SECRET_FILES):
        if not place.exists():
            continue
        yield from _open_to_others(place, OTHERS_MAY_ANYTHING, "go-rwx")
        if place.stat().st_uid not in owners:
            yield _l(
                "%(place)s belongs to another account, who can change it; run: chown %(uid)s %(place)s",
                place=str(place),
                uid=os.geteuid(),
            )


def _database(situation: Situation) -> Iterator[Message]:
    settings = situation.settings
    if not settings.database_url:
        return
    addresses = {
        "PORTAL_DATABASE_URL": settings.database_url,
        "PORTAL_DATABASE_OWNER_URL": settings.database_owner_url,
    }
    users = []
    for name, text in addresses.items():
        url = _database_address(name, text)
        users.append((url.username, url.host, url.port, url.database))
        yield from _database_password(name, url)
    if situation.prepares and users[0] == users[1]:
        yield one_account()


def _redis(situation: Situation) -> Iterator[Message]:
    text = situation.settings.redis_url
    if not text or text.startswith("unix:") or not is_remote(urlsplit(text).hostname or ""):
        return
    password = _password_in(text)
    if is_default_password(password, "redis"):
        yield _l(
            "PORTAL_REDIS_URL leads to another host with an empty or well-known password; give Redis "
            "a password (requirepass) and write it as redis://:password@host:port/0."
        )


def _listening(situation: Situation) -> Iterator[Message]:
    settings = situation.settings
    if not is_remote(settings.host):
        return
    if not settings.trusted_hosts:
        yield _l(
            "PORTAL_HOST=%(host)s is open to others, but PORTAL_TRUSTED_HOSTS is empty; name the host "
            "names that people type, such as PORTAL_TRUSTED_HOSTS=hr.example.com.",
            host=settings.host,
        )
    if not settings.public_url.startswith("https://"):
        yield _l(
            "PORTAL_HOST=%(host)s is open to others, but PORTAL_PUBLIC_URL is not an https:// address; "
            "put a proxy with a certificate before the portal and set PORTAL_PUBLIC_URL=https://….",
            host=settings.host,
        )
    if not settings.cookie_secure:
        yield _l(
            "PORTAL_HOST=%(host)s is open to others, but cookies may travel without HTTPS; "
            "set PORTAL_COOKIE_SECURE=yes.",
            host=settings.host,
        )


def _audit_hash(situation: Situation) -> Iterator[Message]:
    """Whether the hash that is asked for can be worked out here."""
    if situation.settings.audit_hash == SM3:
        try:
            sm3_after(b"")
        except SettingsError as fault:
            yield fault.message


def _demo(situation: Situation) -> Iterator[Message]:
    if situation.demo and is_public(situation.settings):
        yield _l(
            "A demo is not filled into a portal that is open to others, since its passwords are shown "
            "to everybody; add --no-demo."
        )


CHECKS: Mapping[str, Check] = MappingProxyType(
    {
        "debugging": _debugging,
        "key": _key,
        "home": _home,
        "database_url": _database,
        "redis_url": _redis,
        "listening": _listening,
        "audit_hash": _audit_hash,
        "demo": _demo,
    }
)


# Private


def _open_to_others(place: Path, bits: int, remedy: str) -> Iterator[Message]:
    mode = stat.S_IMODE(place.stat().st_mode)
    if mode & bits:
        yield _l(
            "%(place)s can be read or changed by other accounts (mode %(mode)s); "
            "run: chmod %(remedy)s %(place)s",
            place=str(place),
            mode=f"{mode:o}",
            remedy=remedy,
        )


def _database_address(name: str, text: str) -> URL:
    try:
        return make_url(text)
    except (ArgumentError, ValueError):
        raise SettingsError(
            _l("%(name)s must be %(wanted)s.", name=name,
               wanted=_l("an address that begins with postgresql://"))
        ) from None  # fmt: skip


def _database_password(name: str, url: URL) -> Iterator[Message]:
    password = str(url.password or "")
    hosts = [url.host or "", *_texts(url.query.get("host"))]
    remote = any(is_remote(host) for host in hosts if host and not host.startswith("/"))
    if not password and not (remote and not any(key in url.query for key in OTHER_PROOF)):
        return
    names = (url.username or "", url.database or "")
    if not password or any(is_default_password(password, known) for known in names):
        yield _l(
            "The password in %(name)s is empty or well known; give the role %(role)s another one "
            "(ALTER ROLE … PASSWORD) and write it into the address.",
            name=name,
            role=url.username or "?",
        )


def _texts(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value or ()


def _password_in(text: str) -> str:
    return unquote(urlsplit(text).password or "") if "://" in text else ""
