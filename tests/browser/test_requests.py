"""Asking, deciding, taking an export and undoing in a real browser, on a desk and on a phone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import shot
from tests.functional.requests.exporting import work
from tests.support.portals import Portal
from tests.support.windows import fits, sign_in, speak


def in_english(page: Page, name: str) -> None:
    """The same page in English, kept as a picture."""
    here = page.url
    speak(page, "en")
    page.goto(here)
    fits(page)
    shot(page, f"{name}-en")
    speak(page, "zh")
    page.goto(here)


@pytest.fixture
def size(request: pytest.FixtureRequest) -> str:
    return str(request.node.callspec.id)


def test_a_deletion_is_asked_for_and_decided(page: Page, nursery: Portal, size: str) -> None:
    with nursery.records() as records:
        number = records.create("buyer", {"name": f"浏览器买家{size}", "bed": nursery.ids["west"]})
    sign_in(page, "west")
    page.goto(f"/buyer/show/{number}")
    page.get_by_label("更多").click()
    page.get_by_role("link", name="申请删除").click()
    page.get_by_label("理由").fill("重复登记，请删除")
    fits(page)
    in_english(page, f"ask-{size}")
    page.get_by_label("理由").fill("重复登记，请删除")
    page.get_by_role("button", name="提交申请").click()
    expect(page.get_by_text("等待", exact=False).first).to_be_visible()
    page.context.clear_cookies()
    sign_in(page, "boss")
    expect(page.get_by_role("heading", name="待我审批的申请")).to_be_visible()
    fits(page)
    shot(page, f"home-{size}")
    page.goto("/requests/")
    fits(page)
    shot(page, f"list-{size}")
    in_english(page, f"list-{size}")
    page.get_by_role("row", name="买家").get_by_role("link").first.click()
    page.wait_for_url(re.compile(r"/requests/\d+$"))
    page.wait_for_load_state()
    fits(page)
    shot(page, f"decide-{size}")
    in_english(page, f"decide-{size}")
    page.get_by_label("审批意见").fill("确是重复")
    page.get_by_role("button", name="批准").click()
    expect(page.get_by_role("button", name="批准")).to_have_count(0)
    expect(page.locator("h1 + .pill")).to_have_text("已完成")
    assert nursery.scalar("SELECT deleted_at FROM buyer WHERE id = :id", id=number) is not None


def test_an_export_is_made_and_fetched(page: Page, nursery: Portal, size: str) -> None:
    sign_in(page, "boss")
    page.goto("/plant/list/")
    fits(page)
    shot(page, f"plants-{size}")
    page.locator("a[href^='/exports/new/plant']").click()
    page.wait_for_url("**/exports/new/plant*")
    page.wait_for_load_state()
    fits(page)
    shot(page, f"export-form-{size}")
    in_english(page, f"export-form-{size}")
    page.get_by_role("button", name="生成文件").click()
    page.wait_for_url("**/exports/*")
    assert work(nursery) == ["done"]
    page.get_by_role("link", name="下载").wait_for()
    fits(page)
    shot(page, f"export-{size}")
    in_english(page, f"export-{size}")
    with page.expect_download() as fetched:
        page.get_by_role("link", name="下载").click()
    assert fetched.value.suggested_filename.startswith("plant_")


def test_what_somebody_did_is_listed(page: Page, nursery: Portal, size: str) -> None:
    with nursery.records() as records:
        number = records.create("buyer", {"name": f"被改{size}", "bed": nursery.ids["west"]})
    api = nursery.api("west")
    assert (
        api.call("PUT", f"buyer/{number}", json={"name": f"改了{size}", "version": 1}).status_code
        == 200
    )
    sign_in(page, "boss")
    page.goto(f"/undo/?account={nursery.ids['account_west']}&since=2026-06-15")
    fits(page)
    shot(page, f"undo-{size}")
    in_english(page, f"undo-{size}")
    expect(page.get_by_text("可以恢复").first).to_be_visible()
