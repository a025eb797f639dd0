"""Kept views, many records at once, history, the dark theme, the languages, and a form that comes back."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import shot
from tests.support.portals import PASSWORD, Portal
from tests.support.windows import fits, sign_in, speak

DARKEST = 80
BACKGROUND = (
    "getComputedStyle(document.body).backgroundColor.match(/[0-9.]+/g).slice(0, 3).map(Number)"
)


def chosen(page: Page, name: str) -> str:
    """The name of this window's picture."""
    return f"{name}-{page.viewport_size['width']}" if page.viewport_size else name


def in_both(page: Page, name: str) -> None:
    """A picture in each language."""
    fits(page)
    shot(page, chosen(page, f"{name}-zh"))
    speak(page, "en")
    fits(page)
    shot(page, chosen(page, f"{name}-en"))
    speak(page, "zh")


def test_a_view_is_kept_opened_and_deleted(page: Page) -> None:
    sign_in(page)
    page.goto("/plant/list/?price=10..30&sort=-price")
    page.click("[data-save-view]")
    page.fill("#view-name", "便宜的")
    shot(page, chosen(page, "view-dialog"))
    page.locator("#save-view button[type=submit]").click()
    view = page.locator(".view", has_text="便宜的")
    expect(view.locator("a")).to_have_attribute("aria-current", "true")
    page.goto("/plant/list/")
    view.locator("a").click()
    expect(page.locator("#record-list")).to_contain_text("丽水槭树03")
    expect(page.locator("#record-list")).not_to_contain_text("丽水槭树05")
    in_both(page, "view")
    view.locator("button").click()
    page.locator('#confirm button[value="yes"]').click()
    expect(page.locator(".view", has_text="便宜的")).to_have_count(0)


def test_many_records_are_done_and_the_result_is_shown(page: Page, nursery: Portal) -> None:
    name = chosen(page, "成批")
    with nursery.records() as records:
        ids = nursery.ids
        common = {"bed": ids["west"], "doer": ids["wang"]}
        good = [records.create("task", {"name": f"{name}{n}", **common}) for n in range(2)]
        lone = records.create("task", {"name": f"{name}无人", "bed": ids["west"]})
        records.change("task", lone, {"doer": None}, 1)
    sign_in(page)
    page.goto("/task/list/?sort=-number")
    for number in (*good, lone):
        page.locator(f'#record-list input[name=ids][value="{number}"]').check()
    expect(page.locator("#bulk [data-count]")).to_contain_text("3")
    fits(page)
    shot(page, chosen(page, "bulk-marked"))
    page.locator('#bulk button[value="move:finish"]').click()
    page.locator('#confirm button[value="yes"]').click()
    expect(page.locator("body")).to_contain_text(f"{name}无人: 先指定执行人")
    expect(page.locator("body")).to_contain_text("2")
    fits(page)
    shot(page, chosen(page, "bulk-done"))
    states = nursery.column(
        "SELECT state FROM task WHERE name LIKE :like ORDER BY id", like=f"{name}%"
    )
    assert states == ["done", "done", "open"]


def test_the_history_of_a_record(page: Page, nursery: Portal) -> None:
    with nursery.records() as records:
        number = records.create("species", {"name": chosen(page, "银杏"), "sun": "half"})
        records.change("species", number, {"sun": "full"}, 1)
    sign_in(page)
    page.goto(f"/species/show/{number}")
    # It is fetched when a reader comes to it.
    page.get_by_role("heading", name="变更记录").scroll_into_view_if_needed()
    trail = page.locator(".trail")
    expect(trail).to_contain_text("全日照")
    trail.scroll_into_view_if_needed()
    in_both(page, "history")


@pytest.mark.parametrize("path", ["/", "/plant/list/", "/plant/add", "/login/"])
def test_the_dark_theme_stays(page: Page, path: str) -> None:
    if path != "/login/":
        sign_in(page)
    page.goto(path)
    page.locator("[data-theme-switch]").first.click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    assert max(page.evaluate(BACKGROUND)) < DARKEST
    fits(page)
    shot(page, chosen(page, f"dark{path.replace('/', '-')}"))


def test_the_language_is_switched_on_the_sign_in_page(page: Page) -> None:
    page.goto("/login/")
    page.locator("nav summary, nav button, nav a").first.click()
    shot(page, chosen(page, "login-menu"))
    page.get_by_role("button", name="English").first.click()
    expect(page.locator("h1")).to_have_text("Sign in")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    shot(page, chosen(page, "login-en"))
    sign_in(page)
    expect(page.locator("html")).to_have_attribute("lang", "en")
    speak(page, "zh")


def test_a_form_comes_back_after_the_session_has_ended(page: Page) -> None:
    sign_in(page)
    page.goto("/buyer/add")
    page.fill("input[name=name]", chosen(page, "写了半天的花店"))
    page.context.clear_cookies()
    page.click(".savebar button[type=submit]")
    expect(page.locator("main")).to_contain_text("刚才填写的内容保留一小时")
    fits(page)
    shot(page, chosen(page, "kept-login"))
    page.fill("input[name=username]", "boss")
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    expect(page.locator("main")).to_contain_text("还没有保存")
    assert page.input_value("input[name=name]") == chosen(page, "写了半天的花店")
    in_both(page, "kept-form")


def test_a_rating_that_nobody_gave_has_no_bright_star(page: Page) -> None:
    bright = (
        "[...document.querySelectorAll('.rate label:not(.zero)')]"
        ".filter(one => getComputedStyle(one).color === 'rgb(194, 120, 3)').length"
    )
    sign_in(page)
    page.goto("/plant/add")
    assert page.evaluate(bright) == 0
    page.locator(".rate label").nth(2).click()
    assert page.evaluate(bright) == 3
    page.locator(".rate label.zero").click()
    assert page.evaluate(bright) == 0
