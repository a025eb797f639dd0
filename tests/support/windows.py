"""What tests do in every window of a browser."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.support.portals import PASSWORD


def sign_in(page: Page, username: str = "boss") -> None:
    """Through the page."""
    page.goto("/login/")
    page.fill("input[name=username]", username)
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_url("**/")


def speak(page: Page, language: str) -> None:
    """Switch the language through the menu of the page, and stay there."""
    with page.expect_navigation():
        # A locator waits for the form: the page may be another one just now.
        page.locator(f'form[action="/lang/{language}"]').first.evaluate("form => form.submit()")


def fits(page: Page) -> None:
    """Nothing sticks out sideways."""
    wide = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert page.evaluate(wide)
