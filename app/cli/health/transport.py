"""The doctor's look at the ways to other hosts: what travels without TLS 1.2 or newer."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from urllib.parse import parse_qs, urlsplit

from app.cli.health.finding import Finding, careful, fine
from app.features.notifications.channels import encryption
from app.features.notifications.outward import Undelivered
from app.kernel.messages import Message, _l
from app.safety import is_remote
from app.settings import Settings

CHECK = "transport"
# What libpq does when it may not speak without TLS; ``prefer`` and ``allow`` go on without.
ENCRYPTED = ("require", "verify-ca", "verify-full")
OLD_TLS = ("TLSv1", "TLSv1.1")


def look_at_transport(
    settings: Settings, environment: Mapping[str, str] = os.environ
) -> Iterator[Finding]:
    """One finding for each address of another host that is reached without TLS, or not surely with it."""
    found = [*_databases(settings, environment), *_plain(settings), *_mail(settings)]
    yield from (careful(CHECK, says) for says in found)
    if not found:
        yield fine(CHECK, _l("Other hosts are reached by TLS 1.2 or newer alone."))


# Private


def _databases(settings: Settings, environment: Mapping[str, str]) -> Iterator[Message]:
    addresses = {
        "PORTAL_DATABASE_URL": settings.database_url,
        "PORTAL_DATABASE_OWNER_URL": settings.database_owner_url,
    }
    for name, address in addresses.items():
        parts = urlsplit(address)
        asked = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        hosts = [parts.hostname or "", *asked.get("host", "").split(",")]
        if not any(is_remote(host) for host in hosts if host and not host.startswith("/")):
            continue
        mode = asked.get("sslmode", environment.get("PGSSLMODE", "prefer"))
        if mode not in ENCRYPTED:
            yield _l(
                "%(name)s leads to another host and may go on without TLS (sslmode %(mode)s); add "
                "?sslmode=verify-full&sslrootcert=FILE.", name=name, mode=mode,
            )  # fmt: skip
        oldest = asked.get(
            "ssl_min_protocol_version", environment.get("PGSSLMINPROTOCOLVERSION", "")
        )
        if oldest in OLD_TLS:
            yield _l("%(name)s allows %(version)s; leave ssl_min_protocol_version out.",
                     name=name, version=oldest)  # fmt: skip


def _plain(settings: Settings) -> Iterator[Message]:
    """Addresses whose beginning says that they are not encrypted."""
    for name, address, plain, instead in (
        ("PORTAL_REDIS_URL", settings.redis_url, ("redis", "valkey"), "rediss://"),
        ("PORTAL_OIDC_ISSUER", settings.oidc_issuer, ("http",), "https://"),
        ("PORTAL_PUBLIC_URL", settings.public_url, ("http",), "https://"),
        ("PORTAL_FILES_URL", settings.files_url, ("http", "ftp"), "https://"),
    ):
        parts = urlsplit(address)
        if parts.scheme in plain and is_remote(parts.hostname or ""):
            yield _l("%(name)s leads to another host without TLS; use an address that begins with %(instead)s.",
                     name=name, instead=instead)  # fmt: skip


def _mail(settings: Settings) -> Iterator[Message]:
    host = urlsplit(settings.mail_url).hostname or ""
    if not host or not is_remote(host):
        return
    try:
        version = encryption(settings)
    except Undelivered as fault:
        yield _l("Whether mails travel by TLS could not be seen: %(why)s", why=fault.message)
        return
    if not version:
        yield _l("The mail server of PORTAL_MAIL_URL offers no TLS (STARTTLS), so everybody on the way can read "
                 "the mails; use another, or smtps://.")  # fmt: skip
