"""A keeper's day in a real browser, on a desk and on a phone, in both languages."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from whitenoise import WhiteNoise

from app.settings import ROOT
from app.web.portal import static_roots
from tests.support.portals import PASSWORD, Portal

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 375, "height": 800}


class Quiet(WSGIRequestHandler):
    """Says nothing about requests."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its shape
        """As above."""


@pytest.fixture(scope="module")
def address(nursery: Portal) -> Iterator[str]:
    """The nursery over real HTTP with its styles and scripts."""
    static = WhiteNoise(nursery.door)
    roots = static_roots(nursery.settings)
    vendor = next(prefix for prefix in roots if prefix.startswith("vendor/"))
    roots[vendor] = ROOT / ".assets" / "current"
    for prefix, folder in roots.items():
        static.add_files(str(folder), prefix=prefix)
    server = make_server("127.0.0.1", 0, static, handler_class=Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(params=[("desk", DESK), ("phone", PHONE)], ids=["1280", "375"])
def page(request: pytest.FixtureRequest, chromium: Browser, address: str) -> Iterator[Page]:
    """A new browser window in Chinese; what its console complains of fails the test."""
    _, size = request.param
    context = chromium.new_context(viewport=size, locale="zh-CN", base_url=address)
    opened, complaints = context.new_page(), []

    def hear(message: Any) -> None:
        if message.type == "error" and "422" not in message.text and "401" not in message.text:
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


def test_sign_in_and_switch_the_language(page: Page) -> None:
    page.goto("/login/")
    expect(page.locator("h1")).to_have_text("登录")
    page.goto("/lang/en")
    page.goto("/login/")
    expect(page.locator("h1")).to_have_text("Sign in")
    fits(page)
    page.goto("/lang/zh")
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
    fits(page)
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
