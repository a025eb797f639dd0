"""The report builder in a real browser: by mouse and by keyboard, on a desk and on a phone."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.support.portals import Portal
from tests.support.windows import fits, sign_in, speak


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


def test_keys_alone_build_a_list(page: Page, nursery: Portal) -> None:
    sign_in(page)
    page.goto("/reports/new?entity=plant")
    page.focus("#b-label")
    page.keyboard.type("按键做的")
    page.keyboard.press("Tab")
    settled(page)
    expect(page.locator("#b-help")).to_be_focused()
    page.focus("#b-new-column")
    page.select_option("#b-new-column", "species.name")
    settled(page)
    rows = page.locator(".builder-row[data-row^=c]")
    last = rows.last
    expect(last).to_contain_text("品种·名称")
    count = rows.count()
    last.locator("button").first.focus()
    page.keyboard.press("Enter")
    settled(page)
    expect(rows.nth(count - 2)).to_contain_text("品种·名称")
    # The keyboard stays with the row that it moved.
    focused = page.evaluate("document.activeElement.closest('[data-row]').dataset.row")
    assert focused == f"c{count - 2}"
    page.focus("#b-label")
    page.keyboard.press("Enter")
    settled(page)
    expect(page.locator("h1")).to_have_text("新建报表")
    fits(page)


def test_text_and_form_follow_each_other(page: Page, nursery: Portal) -> None:
    sign_in(page)
    speak(page, "en")
    page.goto("/reports/new?entity=plant")
    page.locator("#b-source-box summary").click()
    text = page.locator("#b-source")
    source = text.input_value()
    text.fill(source.replace("columns:", "limit: 7\ncolumns:"))
    page.get_by_role("button", name="Read the text").click()
    settled(page)
    expect(page.locator("#b-limit")).to_have_value("7")
    expect(page.locator(".builder-preview tbody tr")).to_have_count(7)
    page.fill("#b-limit", "5")
    page.focus("#b-label")
    expect(page.locator(".builder-preview tbody tr")).to_have_count(5)
    expect(page.locator("#b-source-box")).to_have_attribute("open", "")
    expect(text).to_contain_text("limit: 5")
    page.click("[data-theme-switch]")
    picture(page, "english-dark")
    text.fill(source.replace("columns:", "columns:\n  wrong: no_such_field"))
    page.get_by_role("button", name="Read the text").click()
    expect(page.locator("#e-source")).to_contain_text("no_such_field")
    fits(page)
    picture(page, "faults")
    text.fill(
        source.replace(
            "columns:",
            "columns:\n  twice: {field: price * 2, as: money, label: {zh: 双, en: Twice}, help: {zh: 双, en: Twice}}",
        )
    )
    page.get_by_role("button", name="Read the text").click()
    expect(page.locator(".builder-preview thead th").first).to_have_text("Twice")
    expect(page.locator("#b-entity")).to_have_count(0)
    fits(page)
    picture(page, "text-alone")
    page.click(".savebar .btn-primary")
    expect(page.locator("h1")).to_have_text("Plant")
