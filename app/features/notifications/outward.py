"""Requests to addresses that people typed in: allowed hosts only, one look-up, no way inside, no way on."""

from __future__ import annotations

import http.client
import ipaddress
import socket
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from app.kernel.errors import PortalError
from app.kernel.messages import Message, _l
from app.kernel.transport import secure_context
from app.settings import Settings

SECONDS = 5.0
MOST_BYTES = 64 * 1024
# The robots of the three messengers; further hosts are set by whoever runs the portal.
ROBOTS = ("qyapi.weixin.qq.com", "oapi.dingtalk.com", "open.feishu.cn", "open.larksuite.com")
# Ranges that lead on to an IPv4 address hidden inside.
WRAPPED = tuple(
    map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96"))
)

Resolve = Callable[[str, int], Iterable[str]]


class Undelivered(PortalError):
    """Something did not go out; ``final`` when trying again is of no use."""

    def __init__(self, message: Message, *, final: bool = False) -> None:
        super().__init__(message)
        self.final = final


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that a mail takes along."""

    name: str
    media: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Text:
    """One notice as it goes out: what it says, where it leads, and the file that belongs to it."""

    title: str
    body: str
    url: str
    file: Attachment | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: bytes


def check_address(url: str, settings: Settings) -> Message | None:
    """Why an address may not be used; None when it may. Its host is looked up only when something is sent."""
    parts = _split(url)
    if parts is None or parts.scheme not in ("https", "http") or not parts.hostname:
        return _l("This is no web address.")
    if parts.scheme == "http" and not settings.webhook_private:
        return _l("The address must begin with https://.")
    if parts.username is not None or parts.password is not None or not parts.hostname.isascii():
        return _l("This is no web address.")
    if parts.hostname.lower() not in {*ROBOTS, *settings.webhook_hosts}:
        return _l(
            "Messages may not be sent to %(host)s; an administrator can allow it.",
            host=parts.hostname,
        )
    return None


def post(
    url: str,
    body: bytes,
    settings: Settings,
    *,
    headers: dict[str, str],
    resolve: Resolve | None = None,
) -> Answer:
    """Send ``body`` to an address and return the beginning of the answer; raises Undelivered."""
    return ask("POST", url, body, settings, headers=headers, resolve=resolve)


def ask(
    method: str,
    url: str,
    body: bytes | None,
    settings: Settings,
    *,
    headers: dict[str, str],
    resolve: Resolve | None = None,
) -> Answer:
    """As ``post``, by any method; to the hosts that the settings allow, never further."""
    fault = check_address(url, settings)
    parts = _split(url)
    if fault is not None or parts is None or parts.hostname is None:
        raise Undelivered(fault or _l("This is no web address."), final=True)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    address = _address(parts.hostname, port, settings, resolve or _look_up)
    try:
        return _exchange(method, parts, (address, port), body, headers)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Undelivered(
            _l("The address did not answer: %(why)s", why=type(error).__name__)
        ) from error


def may_connect(address: str) -> bool:
    """Whether an address lies outside, in the open internet."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    if mapped is not None:
        found = mapped
    inside = any(found in network for network in WRAPPED if network.version == found.version)
    return found.is_global and not (found.is_multicast or found.is_reserved or inside)


# Private


def _split(url: str) -> SplitResult | None:
    if any(ord(char) <= 32 or char in "\\\x7f" for char in url):
        return None
    try:
        parts = urlsplit(url)
        usable = parts.port is None or parts.port > 0
    except ValueError:
        return None
    return parts if usable else None


def _look_up(host: str, port: int) -> Iterable[str]:
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def _address(host: str, port: int, settings: Settings, resolve: Resolve) -> str:
    """One look-up; every address that it gives must be outside, and the first is the one used."""
    try:
        found = list(resolve(host, port))
    except OSError as error:
        raise Undelivered(_l("There is no such host: %(host)s", host=host)) from error
    if not found or not (settings.webhook_private or all(map(may_connect, found))):
        raise Undelivered(_l("%(host)s lies inside a private network.", host=host), final=True)
    return found[0]


def _exchange(
    method: str,
    parts: SplitResult,
    address: tuple[str, int],
    body: bytes | None,
    headers: dict[str, str],
) -> Answer:
    host = str(parts.hostname)
    raw = socket.create_connection(address, timeout=SECONDS)
    # Each read has a limit of its own; this one holds for all of them together.
    watch = threading.Timer(SECONDS, _shut, [raw])
    watch.start()
    try:
        used: Any = raw
        if parts.scheme == "https":
            used = secure_context().wrap_socket(raw, server_hostname=host)
        connection = http.client.HTTPConnection(host, address[1], timeout=SECONDS)
        connection.sock = used
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(method, path, body, {"Connection": "close", **headers})
        answer = connection.getresponse()
        return Answer(answer.status, answer.read(MOST_BYTES))
    finally:
        watch.cancel()
        raw.close()


def _shut(raw: socket.socket) -> None:
    try:
        raw.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
