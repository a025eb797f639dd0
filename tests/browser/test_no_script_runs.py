"""T20 in a real browser: nothing that was written into records runs, and no page breaks its own policy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import DESK
from tests.support.polyglot import POLYGLOT, poisoned
from tests.support.portals import Portal
from tests.support.windows import sign_in

# Laid before any script of a page: it hears what runs, and what the policy keeps from running.
TRAP = """
window.sprung = [];
window.alert = (said) => window.sprung.push(`alert ${said}`);
document.addEventListener("securitypolicyviolation", (one) => {
  window.sprung.push(`${one.violatedDirective} ${one.blockedURI}`);
});
"""


@pytest.fixture
def trapped(chromium: Browser, address: str) -> Iterator[Page]:
    """A window of the boss that hears every script."""
    context = chromium.new_context(viewport=DESK, locale="zh-CN", base_url=address)
    context.add_init_script(TRAP)
    page = context.new_page()
    sign_in(page)
    yield page
    context.close()


def sprung(page: Page, path: str) -> list[Any]:
    """What ran or was kept from running on a page, with its menus and selects opened."""
    page.goto(path)
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    for select in page.locator(".ts-control input").all()[:4]:
        if select.is_visible():
            select.focus()
    page.wait_for_timeout(60)
    found: list[Any] = page.evaluate("window.sprung")
    return found


def test_t20_nothing_runs_in_a_browser(trapped: Page, nursery: Portal) -> None:
    found = poisoned(nursery)
    nursery.browser("boss").post("/buyer/views", {"name": POLYGLOT[:60], "query": "q=1"})
    paths = [
        "/",
        "/trail/",
        "/requests/",
        "/search/?q=" + quote(POLYGLOT),
        "/nothing/" + quote(POLYGLOT),
    ]
    for name, key in found.items():
        paths += [
            f"/{name}/{page}"
            for page in ("list/", f"show/{key}", f"edit/{key}", f"history/{key}", "add")
        ]
        paths.append(f"/{name}/list/?q={quote(POLYGLOT)}&sort={quote(POLYGLOT)}")
    seen = 0
    for path in paths:
        assert sprung(trapped, path) == [], path
        seen += "xss" in trapped.content()
    assert seen > 25


def test_t20_the_trap_springs(trapped: Page) -> None:
    trapped.goto("/")
    trapped.evaluate(
        "one => { const made = document.createElement('div'); made.innerHTML = one; document.body.append(made) }",
        POLYGLOT,
    )
    trapped.wait_for_timeout(200)
    assert any("script-src" in one for one in trapped.evaluate("window.sprung"))
    trapped.evaluate("alert(7)")
    assert "alert 7" in trapped.evaluate("window.sprung")
