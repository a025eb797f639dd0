"""What tests do in every window of a browser."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.support.portals import PASSWORD


def sign_in(page: Page, username: str = "boss") -> None:
    """Through the page."""
    page.goto("/login/")
    page.fill("input[name=username]", username)
    page.fill("input[name=password]", PASSWORD)
    page.click("form button[type=submit]")
    page.wait_for_url("**/")


def fits(page: Page) -> None:
    """Nothing sticks out sideways."""
    wide = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert page.evaluate(wide)
