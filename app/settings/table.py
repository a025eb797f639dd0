"""The table of settings, and how the text of each is read."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from app.kernel.digests import DIGESTS
from app.kernel.messages import Label, Message, _l

ROOT = Path(__file__).resolve().parents[2]
SHORTEST_KEY = 32
# Logs are kept for half a year at least (Cybersecurity Law, article 21).
LEAST_AUDIT_DAYS = 180
POLICIES = ("mlps2", "asvs")


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
        return self.name.removeprefix("PORTAL_").lower()


class Unreadable(ValueError):
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
            raise Unreadable(_l("a whole number from %(low)s to %(high)s", low=low, high=high))
        return int(text)

    return read


def _yes_no(text: str) -> bool:
    known = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
    if text.strip().lower() not in known:
        raise Unreadable(_l("yes or no"))
    return known[text.strip().lower()]


def _language(text: str) -> str:
    if text not in {"zh", "en"}:
        raise Unreadable(_l("zh or en"))
    return text


def _timezone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Unreadable(_l("a time zone such as Asia/Shanghai")) from None


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _database_url(text: str) -> str:
    """Always names the psycopg 3 driver, however the administrator wrote it."""
    if not text.strip():
        return ""
    scheme, separator, rest = text.strip().partition("://")
    if not separator or scheme not in {"postgres", "postgresql", "postgresql+psycopg"}:
        raise Unreadable(_l("an address that begins with postgresql://"))
    return f"postgresql+psycopg://{rest}"


def _redis_url(text: str) -> str:
    if text.strip() and not re.match(r"(rediss?|valkeys?|unix)://", text.strip()):
        raise Unreadable(_l("an address that begins with redis://, rediss:// or unix://"))
    return text.strip()


def _mail_url(text: str) -> str:
    if text.strip() and not re.match(r"smtps?://[^/]", text.strip()):
        raise Unreadable(_l("an address that begins with smtp:// or smtps://"))
    return text.strip()


def _web_url(text: str) -> str:
    if text.strip() and not re.match(r"https?://[^/]", text.strip()):
        raise Unreadable(_l("an address that begins with https:// or http://"))
    return text.strip().rstrip("/")


def _policy(text: str) -> str:
    if text and text not in POLICIES:
        raise Unreadable(_l("mlps2 or asvs"))
    return text


def _file(text: str) -> Path | None:
    if not text.strip():
        return None
    place = _path(text)
    if not place.is_file():
        raise Unreadable(_l("a file that exists"))
    return place


def _optional_path(text: str) -> Path | None:
    """A place that need not be there yet, such as a key on a medium that is not always in the machine."""
    return _path(text) if text.strip() else None


def _secret_key(text: str) -> str:
    if text and len(text) < SHORTEST_KEY:
        raise Unreadable(_l("at least %(count)s characters long", count=SHORTEST_KEY))
    return text


def _cipher(text: str) -> str:
    if text not in ("aes-256-gcm", "sm4-gcm"):
        raise Unreadable(_l("aes-256-gcm or sm4-gcm"))
    return text


def _audit_hash(text: str) -> str:
    if text and text not in DIGESTS:
        raise Unreadable(_l("sha256 or sm3"))
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
    Setting("PORTAL_CIPHER", _cipher, "aes-256-gcm",
            Label("加密字段用的算法：aes-256-gcm，或国密 sm4-gcm；只影响以后换的密钥",
                  "Cipher of encrypted fields: aes-256-gcm, or China's sm4-gcm; for keys made from now on")),
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
        Label(
            "允许的域名，逗号分隔；留空只认本机和 PORTAL_PUBLIC_URL",
            "Host names to answer to, by comma; empty: this machine's and that of PORTAL_PUBLIC_URL",
        ),
    ),
    Setting("PORTAL_TRUSTED_PROXIES", _whole(0, 5), "0",
            Label("门户前面有几层自己的反向代理；0 表示没有，此时不采信请求自带的来源地址",
                  "How many proxies of your own stand before the portal; 0: none, and what requests say of their "
                  "address is not believed")),
    Setting(
        "PORTAL_COOKIE_SECURE",
        _yes_no,
        "no",
        Label("只经 HTTPS 发送 Cookie", "Send cookies over HTTPS only"),
    ),
    Setting("PORTAL_SESSION_IDLE_MINUTES", _whole(1, 1440), "30",
            Label("多少分钟没有操作就自动退出", "Minutes without a request after which one is signed out")),
    Setting("PORTAL_SESSION_HOURS", _whole(1, 168), "10",
            Label("登录后最多保持几小时", "Hours after which one signs in again in any case")),
    Setting("PORTAL_SECOND_FACTOR", _yes_no, "yes",
            Label("要求二次验证的角色登录时须输入手机上的验证码；仅在别处已有同等验证时才关闭",
                  "Roles with second_factor: required sign in with a code as well; no only where another system "
                  "asks for one")),
    Setting("PORTAL_PASSWORD_POLICY", _policy, "",
            Label("密码规则。mlps2 按等保二级：至少 10 位、三类字符、90 天一换、不得与前 5 次相同；"
                  "asvs 按国际做法：至少 12 位，不限字符种类，不强制更换，因为频繁更换反而让人用更简单的密码。"
                  "留空则中文用 mlps2，其他语言用 asvs",
                  "Rules for passwords. mlps2 is what China's classified protection, level 2, asks for: "
                  "10 characters of three kinds, changed every 90 days, none of the last 5 again. asvs is "
                  "OWASP's: 12 characters, no kinds, no forced change, since forced changes make people "
                  "choose weaker ones. Empty: mlps2 in Chinese, asvs otherwise")),
    Setting("PORTAL_BREACHED_PASSWORDS", _file, "",
            Label("已泄露密码的文件：每行一个 SHA-1（可只写前几位），按序排列，与 Have I Been Pwned 的格式相同",
                  "File of breached passwords: a SHA-1 or the beginning of one on each line, in order, as Have "
                  "I Been Pwned writes them")),
    Setting("PORTAL_OIDC_ISSUER", _web_url, "",
            Label("统一登录（OpenID Connect）的签发地址；留空不用",
                  "Issuer to sign in with by OpenID Connect; empty: none")),
    Setting("PORTAL_OIDC_CLIENT_ID", _text, "", Label("在统一登录那边登记的客户端编号", "Client id at the issuer")),
    Setting("PORTAL_OIDC_CLIENT_SECRET", _text, "",
            Label("客户端密钥", "Client secret at the issuer"), secret=True),
    Setting("PORTAL_OIDC_CLAIM", _text, "preferred_username",
            Label("哪一项是本系统的用户名；必须是用户自己改不了的项",
                  "Claim that holds the user name of the account; one that people cannot change themselves")),
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
    Setting("PORTAL_AUDIT_DAYS", _whole(LEAST_AUDIT_DAYS, 36500), "1095",
            Label("审计记录在数据库里保留的天数，至少 180；更早的转入归档文件",
                  "Days for which the audit trail stays in the database, 180 at least; older entries are archived")),
    Setting("PORTAL_AUDIT_HASH", _audit_hash, "",
            Label("审计记录用的哈希：sha256 或国密 sm3，建立时定下，以后不能改；留空：新建的用 sha256，已有的照旧",
                  "Hash of the audit trail: sha256 or China's sm3, chosen when it is founded and never changed; "
                  "empty: sha256 for a new one, that of one that exists")),
    Setting("PORTAL_BACKUPS", _optional_path, "",
            Label("备份存放目录；留空放在数据目录的 backups 里，最好换到另一块盘",
                  "Folder of the backups; empty: backups in the data folder; better on another disk")),
    Setting("PORTAL_BACKUP_KEEP", _whole(0, 3650), "14",
            Label("每晚的备份保留几天；0 表示不自动备份",
                  "Days for which the nightly backups are kept; 0: none are made by themselves")),
    Setting("PORTAL_BACKUP_KEY_FILE", _optional_path, "",
            Label("加密备份的密钥文件（64 位十六进制）；留空则自动生成并存入数据目录",
                  "File of the key that encrypts backups, 64 hexadecimal digits; empty: made once and kept in the "
                  "data folder")),
)  # fmt: skip
