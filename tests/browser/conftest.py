"""Windows of a real browser on the nursery, at two sizes."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright
from whitenoise import WhiteNoise

from app.settings import ROOT
from app.web.portal import static_roots
from tests.support.portals import Portal

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
DESK = ViewportSize(width=1280, height=900)
PHONE = ViewportSize(width=375, height=800)
# What htmx says of a request that was under way when its page was left.
LEFT = ("htmx:afterRequest", "htmx:sendError", "htmx:sendAbort")
# A busy machine is slow, not wrong.
PATIENCE_MS = 60_000


class Quiet(WSGIRequestHandler):
    """Says nothing about requests."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its shape
        """As above."""


@contextmanager
def served(portal: Portal) -> Iterator[str]:
    """The address of a portal over real HTTP with its styles and scripts."""
    static = WhiteNoise(portal.door)
    roots = static_roots(portal.settings)
    vendor = next(prefix for prefix in roots if prefix.startswith("vendor/"))
    roots[vendor] = ROOT / ".assets" / "current"
    for prefix, folder in roots.items():
        static.add_files(str(folder), prefix=prefix)
    server = make_server("127.0.0.1", 0, static, handler_class=Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def address(nursery: Portal) -> Iterator[str]:
    """The nursery."""
    with served(nursery) as found:
        yield found


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=CHROMIUM, args=FLAGS, timeout=PATIENCE_MS
        )
        yield started
        started.close()


@pytest.fixture(params=[("desk", DESK), ("phone", PHONE)], ids=["1280", "375"])
def page(request: pytest.FixtureRequest, chromium: Browser, address: str) -> Iterator[Page]:
    """A new browser window in Chinese; what its console complains of fails the test."""
    _, size = request.param
    context = chromium.new_context(viewport=size, locale="zh-CN", base_url=address)
    context.set_default_timeout(PATIENCE_MS)
    opened, complaints = context.new_page(), []

    def hear(message: Any) -> None:
        foreseen = any(status in message.text for status in ("401", "409", "422"))
        if message.type == "error" and not foreseen and not message.text.startswith(LEFT):
            complaints.append(message.text)

    opened.on("console", hear)
    yield opened
    shot(opened, request.node.name)
    assert complaints == []
    context.close()


def shot(page: Page, name: str) -> None:
    """Keep a picture where somebody asked for one."""
    folder = os.environ.get("PORTAL_SCREENSHOTS")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png")
