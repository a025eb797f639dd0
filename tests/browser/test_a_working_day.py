"""A keeper's day in a real browser, on a desk and on a phone, in both languages."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.support.windows import fits, sign_in, speak


def test_sign_in_and_switch_the_language(page: Page) -> None:
    page.goto("/login/")
    expect(page.locator("h1")).to_have_text("登录")
    speak(page, "en")
    page.goto("/login/")
    expect(page.locator("h1")).to_have_text("Sign in")
    fits(page)
    speak(page, "zh")
    sign_in(page)
    fits(page)


def test_find_by_initials_and_read_the_record(page: Page) -> None:
    sign_in(page)
    page.goto("/plant/list/")
    page.fill("main input[name=q]", "lsqs07")
    page.keyboard.press("Enter")
    expect(page.locator("#record-list tbody tr, #record-list .first").first).to_contain_text(
        "丽水槭树07"
    )
    page.wait_for_url("**/plant/list/?_s=*")
    fits(page)
    page.reload()
    assert page.input_value("main input[name=q]") == "lsqs07"
    assert "lsqs07" not in page.url
    page.get_by_text("丽水槭树07").first.click()
    expect(page.locator("h1")).to_contain_text("丽水槭树07")
    expect(page.locator("main")).to_contain_text("测量")
    fits(page)


def test_add_with_a_mistake_and_mend_it(page: Page, request: pytest.FixtureRequest) -> None:
    name = f"花店{request.node.callspec.id}"
    sign_in(page)
    page.goto("/buyer/add")
    page.fill("input[name=name]", name)
    page.fill("input[name=mobile]", "123")
    page.click(".savebar button[type=submit]")
    expect(page.locator(".errs-list").first).to_be_visible()
    expect(page.locator("main")).to_contain_text("请填 11 位手机号")
    assert page.input_value("input[name=name]") == name
    fits(page)
    page.fill("input[name=mobile]", "13812345678")
    box = page.locator("[data-field=bed]")
    box.locator(".ts-control").click()
    page.keyboard.type("xichuang")
    box.locator(".ts-dropdown .option", has_text="西床").first.click()
    page.click(".savebar button[type=submit]")
    page.wait_for_url("**/buyer/show/*")
    expect(page.locator("h1")).to_contain_text(name)


def test_edit_and_look_at_the_history(page: Page) -> None:
    sign_in(page)
    page.goto("/species/list/")
    page.get_by_text("鸡爪槭").first.click()
    page.wait_for_url("**/species/show/*")
    page.goto(page.url.replace("/show/", "/edit/"))
    page.select_option("select[name=sun]", "full")
    page.click(".savebar button[type=submit]")
    page.wait_for_url("**/species/show/*")
    expect(page.locator("main")).to_contain_text("全日照")
    expect(page.locator("main")).to_contain_text("boss")
    page.goto(page.url.replace("/show/", "/edit/"))
    page.select_option("select[name=sun]", "half")
    page.click(".savebar button[type=submit]")
    page.wait_for_url("**/species/show/*")
    fits(page)


def test_filter_and_mark_rows(page: Page) -> None:
    sign_in(page)
    page.goto("/plant/list/?price=10..30&sort=-price")
    expect(page.locator("#record-list")).to_contain_text("丽水槭树03")
    expect(page.locator("#record-list")).not_to_contain_text("丽水槭树05")
    page.locator("#record-list input[type=checkbox][name=ids]").first.check()
    expect(page.locator("[data-bulk], .bulk").first).to_be_visible()
    fits(page)
