"""A mail server of the tests: real SMTP on this machine, and what it was handed."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from typing import Any

from aiosmtpd.controller import Controller


class Letters:
    """What was handed in: the address and the text of each mail."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, str]] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - their name
        body: Any = message_from_bytes(envelope.content).get_payload(decode=True)
        self.taken.append((envelope.rcpt_tos[0], bytes(body).decode()))
        return "250 taken"


@contextmanager
def letters() -> Iterator[tuple[Letters, str]]:
    """A server, and its address for PORTAL_MAIL_URL."""
    kept = Letters()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    controller = Controller(kept, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield kept, f"smtp://127.0.0.1:{port}"
    finally:
        controller.stop()
