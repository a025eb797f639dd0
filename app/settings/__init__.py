"""Every setting: name, type, default, help, secret. The environment is read once, into Settings."""

from __future__ import annotations

import os
import re
import secrets
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from app.kernel.errors import SettingsError
from app.kernel.messages import _l
from app.kernel.registry import nearest
from app.settings.table import ROOT, SETTINGS_TABLE, SHORTEST_KEY, Setting, Unreadable

__all__ = ["DEFAULTS", "ROOT", "SETTINGS_TABLE", "Setting", "Settings", "printable", "read_settings",
           "write_secret"]  # fmt: skip
PREFIX = "PORTAL_"
DEFAULTS: Mapping[str, str] = MappingProxyType({s.name: s.default for s in SETTINGS_TABLE})


@dataclass(frozen=True, slots=True)
class Settings:
    """The values a process runs with. An empty URL means the embedded server."""

    home: Path
    host: str
    port: int
    schema: Path
    assets: Path
    database_url: str
    database_owner_url: str
    redis_url: str
    secret_key: str
    cipher: str
    language: str
    timezone: ZoneInfo
    web_processes: int
    web_threads: int
    worker_processes: int
    worker_memory_mb: int
    files_url: str
    trusted_hosts: tuple[str, ...]
    trusted_proxies: int
    cookie_secure: bool
    session_idle_minutes: int
    session_hours: int
    second_factor: bool
    password_policy: str
    breached_passwords: Path | None
    oidc_issuer: str
    oidc_client_id: str
    oidc_client_secret: str
    oidc_claim: str
    public_url: str
    mail_url: str
    mail_from: str
    webhook_hosts: tuple[str, ...]
    webhook_private: bool
    audit_days: int
    audit_hash: str
    backups: Path
    backup_keep: int
    backup_key_file: Path | None

    def to_environment(self) -> dict[str, str]:
        """The same settings as environment variables, for a child process."""
        return {
            setting.name: _as_text(getattr(self, setting.attribute)) for setting in SETTINGS_TABLE
        }


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process; raises SettingsError.

    Makes the home folder, and in it the secret key when none is given.
    """
    given = _known(os.environ if environment is None else environment)
    values: dict[str, Any] = {s.attribute: _value(s, given) for s in SETTINGS_TABLE}
    if values["database_owner_url"] and not values["database_url"]:
        raise SettingsError(
            _l("PORTAL_DATABASE_OWNER_URL is set, so PORTAL_DATABASE_URL must be set too.")
        )
    values["database_owner_url"] = values["database_owner_url"] or values["database_url"]
    values["files_url"] = values["files_url"] or str(values["home"] / "files")
    values["backups"] = values["backups"] or values["home"] / "backups"
    _make_home(values["home"])
    values["secret_key"] = values["secret_key"] or _kept_key(values["home"])
    return Settings(**values)


def printable(settings: Settings) -> list[tuple[Setting, str]]:
    """Each setting with its value as text; secrets and passwords hidden."""
    rows = []
    for setting in SETTINGS_TABLE:
        text = _as_text(getattr(settings, setting.attribute))
        rows.append((setting, _hidden(text) if setting.secret else text))
    return rows


def write_secret(place: Path, text: str) -> None:
    """A new file that only its owner may read; raises FileExistsError."""
    descriptor = os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def product() -> tuple[str, str]:
    """The name and the version of the product."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["name"]), str(project["version"])


# Private functions


def _known(environment: Mapping[str, str]) -> Mapping[str, str]:
    given = {name: text for name, text in environment.items() if name.startswith(PREFIX)}
    for name in sorted(given):
        if name not in DEFAULTS:
            near = nearest(name, DEFAULTS)
            if near:
                raise SettingsError(
                    _l("%(name)s is not a setting; did you mean %(near)s?", name=name, near=near)
                )
            raise SettingsError(_l("%(name)s is not a setting.", name=name))
    return given


def _value(setting: Setting, given: Mapping[str, str]) -> object:
    text = given.get(setting.name, "") or setting.default
    try:
        return setting.read(text)
    except Unreadable as fault:
        raise SettingsError(
            _l("%(name)s must be %(wanted)s.", name=setting.name, wanted=fault.wanted)
        ) from None


def _make_home(home: Path) -> None:
    """The home folder, closed to others from the beginning."""
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as fault:
        raise _unusable(home, fault) from fault


def _kept_key(home: Path) -> str:
    """The key in the home folder, made at the first start."""
    place = home / "secret_key"
    try:
        write_secret(place, secrets.token_hex(32))
    except FileExistsError:
        pass
    except OSError as fault:
        raise _unusable(home, fault) from fault
    try:
        key = place.read_text(encoding="ascii").strip()
    except OSError as fault:
        raise _unusable(home, fault) from fault
    if len(key) < SHORTEST_KEY:
        raise SettingsError(
            _l("The key in %(place)s is too short; restore it or remove it.", place=str(place))
        )
    return key


def _unusable(home: Path, fault: OSError) -> SettingsError:
    return SettingsError(
        _l(
            "The data folder %(home)s cannot be used: %(why)s.",
            home=str(home),
            why=fault.strerror or str(fault),
        )
    )


def _as_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value)


def _hidden(text: str) -> str:
    """An address without its password; any other secret not at all."""
    if "://" in text:
        return re.sub(r"(://[^:/@]*):[^@]*@", r"\1:•••@", text)
    return "•••" if text else ""
