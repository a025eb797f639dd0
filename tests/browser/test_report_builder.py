"""The report builder in a real browser: by mouse and by keyboard, on a desk and on a phone."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.support.portals import Portal
from tests.support.windows import fits, sign_in


def settled(page: Page) -> None:
    """The server has drawn the form anew."""
    page.wait_for_timeout(160)
    expect(page.locator("form.htmx-request")).to_have_count(0)


def picture(page: Page, name: str) -> None:
    """Keep a picture of the whole page where somebody asked for one."""
    folder = os.environ.get("PORTAL_SCREENSHOTS")
    if folder:
        width = page.evaluate("innerWidth")
        page.screenshot(path=Path(folder) / f"builder-{name}-{width}.png", full_page=True)


def choose(page: Page, control: str, value: str) -> None:
    """Choose in a select and wait for the form."""
    page.select_option(control, value)
    settled(page)


def test_groups_with_a_chart_are_built_and_saved(page: Page, nursery: Portal) -> None:
    sign_in(page)
    page.goto("/reports/")
    page.get_by_role("link", name="新建报表").first.click()
    choose(page, "#b-entity", "plant")
    picture(page, "list")
    page.check("#b-kind-groups")
    settled(page)
    page.click("[data-row=add-g]")
    settled(page)
    choose(page, "#b-g0-path", "bed")
    page.click("[data-row=add-m]")
    settled(page)
    choose(page, "#b-m1-way", "sum")
    choose(page, "#b-m1-path", "price")
    page.click("[data-row=add-w]")
    settled(page)
    choose(page, "#b-w0-path", "price")
    choose(page, "#b-w0-operator", "ge")
    page.fill("#b-w0-value", "100")
    page.fill("#b-label", "西床的价格")
    settled(page)
    choose(page, "#b-chart", "bar")
    cells = page.locator(".builder-preview tbody td")
    # Twenty plants of the west cost 100, 110, … 290.
    expect(cells).to_have_text(["西床", "20", "€3,900.00"])
    expect(page.locator(".builder-preview canvas")).to_have_count(1)
    fits(page)
    picture(page, "groups")
    page.click(".savebar .btn-primary")
    expect(page.locator("h1")).to_have_text("西床的价格")
    expect(page.locator(".report-table tbody td")).to_have_text(["西床", "20", "€3,900.00"])
    fits(page)
    picture(page, "saved")
