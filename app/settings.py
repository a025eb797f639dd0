"""Every setting: name, type, default, help, secret. The environment is read once, into Settings."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from app.kernel.errors import SettingsError
from app.kernel.messages import Label, Message, _l
from app.kernel.registry import nearest

ROOT = Path(__file__).resolve().parent.parent
PREFIX = "PORTAL_"
SHORTEST_KEY = 32


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of the table; ``read`` turns the text of the environment into the value."""

    name: str
    read: Callable[[str], Any]
    default: str
    help: Label
    secret: bool = False

    @property
    def attribute(self) -> str:
        """The name of the value in Settings."""
        return self.name.removeprefix(PREFIX).lower()


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
    language: str
    timezone: ZoneInfo
    web_processes: int
    web_threads: int
    worker_processes: int
    worker_memory_mb: int
    files_url: str
    trusted_hosts: tuple[str, ...]
    cookie_secure: bool
    public_url: str
    mail_url: str
    mail_from: str
    webhook_hosts: tuple[str, ...]
    webhook_private: bool

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


# Reading one value


class _Unreadable(ValueError):
    """Says what was wanted instead."""

    def __init__(self, wanted: Message) -> None:
        super().__init__(str(wanted))
        self.wanted = wanted


def _text(text: str) -> str:
    return text.strip()


def _path(text: str) -> Path:
    """Relative paths start where the command was called; defaults start beside the code."""
    return Path(text).expanduser().resolve()


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text.strip()) or not low <= int(text) <= high:
            raise _Unreadable(_l("a whole number from %(low)s to %(high)s", low=low, high=high))
        return int(text)

    return read


def _yes_no(text: str) -> bool:
    known = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
    if text.strip().lower() not in known:
        raise _Unreadable(_l("yes or no"))
    return known[text.strip().lower()]


def _language(text: str) -> str:
    if text not in {"zh", "en"}:
        raise _Unreadable(_l("zh or en"))
    return text


def _timezone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise _Unreadable(_l("a time zone such as Asia/Shanghai")) from None


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _database_url(text: str) -> str:
    """Always names the psycopg 3 driver, however the administrator wrote it."""
    if not text.strip():
        return ""
    scheme, separator, rest = text.strip().partition("://")
    if not separator or scheme not in {"postgres", "postgresql", "postgresql+psycopg"}:
        raise _Unreadable(_l("an address that begins with postgresql://"))
    return f"postgresql+psycopg://{rest}"


def _redis_url(text: str) -> str:
    if text.strip() and not re.match(r"(rediss?|valkeys?|unix)://", text.strip()):
        raise _Unreadable(_l("an address that begins with redis://, rediss:// or unix://"))
    return text.strip()


def _mail_url(text: str) -> str:
    if text.strip() and not re.match(r"smtps?://[^/]", text.strip()):
        raise _Unreadable(_l("an address that begins with smtp:// or smtps://"))
    return text.strip()


def _web_url(text: str) -> str:
    if text.strip() and not re.match(r"https?://[^/]", text.strip()):
        raise _Unreadable(_l("an address that begins with https:// or http://"))
    return text.strip().rstrip("/")


def _secret_key(text: str) -> str:
    if text and len(text) < SHORTEST_KEY:
        raise _Unreadable(_l("at least %(count)s characters long", count=SHORTEST_KEY))
    return text


SETTINGS_TABLE: tuple[Setting, ...] = (
    Setting(
        "PORTAL_HOME",
        _path,
        str(ROOT / "var"),
        Label("数据目录：数据库、附件、日志、密钥都在里面", "Folder of all data, logs and keys"),
    ),
    Setting("PORTAL_HOST", _text, "127.0.0.1", Label("监听地址", "Address to listen on")),
    Setting("PORTAL_PORT", _whole(1, 65535), "8000", Label("监听端口", "Port to listen on")),
    Setting(
        "PORTAL_SCHEMA",
        _path,
        str(ROOT / "schema"),
        Label("描述业务的 YAML 目录", "Folder of the YAML that describes the portal"),
    ),
    Setting(
        "PORTAL_ASSETS",
        _path,
        str(ROOT / ".assets" / "current"),
        Label("前端文件目录", "Folder of the front-end files"),
    ),
    Setting(
        "PORTAL_DATABASE_URL",
        _database_url,
        "",
        Label(
            "自备 PostgreSQL 的地址；留空用内置的",
            "Own PostgreSQL for daily work; empty: the embedded one",
        ),
        secret=True,
    ),
    Setting(
        "PORTAL_DATABASE_OWNER_URL",
        _database_url,
        "",
        Label(
            "同一数据库的建表账号；留空与上同",
            "The same database as the role that may change tables; empty: as above",
        ),
        secret=True,
    ),
    Setting(
        "PORTAL_REDIS_URL",
        _redis_url,
        "",
        Label("自备 Redis 的地址；留空用内置的", "Own Redis or Valkey; empty: the embedded one"),
        secret=True,
    ),
    Setting(
        "PORTAL_SECRET_KEY",
        _secret_key,
        "",
        Label(
            "签名密钥；留空则自动生成并存入数据目录",
            "Signing key; empty: made once and kept in the data folder",
        ),
        secret=True,
    ),
    Setting("PORTAL_LANGUAGE", _language, "zh", Label("默认语言", "Default language")),
    Setting("PORTAL_TIMEZONE", _timezone, "Asia/Shanghai", Label("时区", "Time zone")),
    Setting("PORTAL_WEB_PROCESSES", _whole(1, 64), "2", Label("网页进程数", "Web processes")),
    Setting(
        "PORTAL_WEB_THREADS",
        _whole(1, 64),
        "4",
        Label("每个网页进程的线程数", "Threads in each web process"),
    ),
    Setting(
        "PORTAL_WORKER_PROCESSES",
        _whole(1, 64),
        "1",
        Label("后台任务进程数", "Worker processes for background tasks"),
    ),
    Setting(
        "PORTAL_WORKER_MEMORY_MB",
        _whole(256, 65536),
        "1536",
        Label("每个后台任务最多可用的内存（MB）", "Memory that a background task may use, in MB"),
    ),
    Setting(
        "PORTAL_FILES_URL",
        _text,
        "",
        Label(
            "附件存放处，目录或 fsspec 地址；留空放在数据目录",
            "Where files are kept: a folder or an fsspec URL; empty: in the data folder",
        ),
        secret=True,
    ),
    Setting(
        "PORTAL_TRUSTED_HOSTS",
        _names,
        "",
        Label("允许的域名，逗号分隔；留空不限", "Host names to answer to, by comma; empty: any"),
    ),
    Setting(
        "PORTAL_COOKIE_SECURE",
        _yes_no,
        "no",
        Label("只经 HTTPS 发送 Cookie", "Send cookies over HTTPS only"),
    ),
    Setting("PORTAL_PUBLIC_URL", _web_url, "",
            Label("用户访问门户的网址，写进邮件里的链接；留空用监听地址",
                  "Where people find the portal, for links in mails; empty: where it listens")),
    Setting("PORTAL_MAIL_URL", _mail_url, "",
            Label("发信服务器，如 smtp://用户:密码@主机:587；留空不发邮件",
                  "Mail server, such as smtp://user:password@host:587; empty: no mails"), secret=True),
    Setting("PORTAL_MAIL_FROM", _text, "Storewarden <portal@localhost>", Label("发件人", "Sender of mails")),
    Setting("PORTAL_WEBHOOK_HOSTS", _names, "",
            Label("除企业微信、钉钉、飞书外，允许推送的主机，逗号分隔",
                  "Hosts that messages may be posted to, beside WeCom, DingTalk and Feishu, by comma")),
    Setting("PORTAL_WEBHOOK_PRIVATE", _yes_no, "no",
            Label("允许推送到内网地址，并可不用 HTTPS",
                  "Let those hosts lie in a private network, and be reached without HTTPS")),
)  # fmt: skip


DEFAULTS: Mapping[str, str] = MappingProxyType({s.name: s.default for s in SETTINGS_TABLE})


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
    except _Unreadable as fault:
        raise SettingsError(
            _l("%(name)s must be %(wanted)s.", name=setting.name, wanted=fault.wanted)
        ) from None


def _kept_key(home: Path) -> str:
    """The key in the home folder, made at the first start."""
    place = home / "secret_key"
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
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
