"""An area manager who means to take the region's customers along: looks, scrolls, exports, prints; and is out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Download, Page, expect

from app.features.demo.numbers import customer_mobile
from app.settings import ROOT
from tests.browser.conftest import DESK, PHONE, served, shot
from tests.support.portals import Portal, running_portal
from tests.support.servers import Servers
from tests.support.small_chain import Chain, build_chain
from tests.support.windows import fits, sign_in

CUSTOMERS, BUDGET = 230, 200
WHOLE_PHONE = re.compile(r"(?<!\d)1[3-9]\d{9}(?!\d)")


@pytest.fixture(scope="module")
def chain(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """The small chain with many customers in a store of the area, and somebody who closes accounts."""
    home: Path = tmp_path_factory.mktemp("home")
    with running_portal(servers, ROOT / "schema", home) as portal:
        build_chain(portal)
        portal.account("admin", "admin", None)
        values = {
            "kind": "member",
            "store": portal.ids["store 甲店"],
            "grade": "c",
            "state": "active",
        }
        Chain(portal).add("customer", {
            f"many {n}": {**values, "name": f"老友{n:03}", "mobile": customer_mobile(1000 + n)}
            for n in range(CUSTOMERS)
        })  # fmt: skip
        yield portal


@pytest.fixture(scope="module")
def chain_address(chain: Portal) -> Iterator[str]:
    with served(chain) as found:
        yield found


@pytest.fixture(params=[DESK, PHONE], ids=["1280", "375"])
def window(
    request: pytest.FixtureRequest, chromium: Browser, chain_address: str, chain: Portal
) -> Iterator[BrowserContext]:
    """Windows of one size, on a day on which nobody has looked at anything yet."""
    context = chromium.new_context(viewport=request.param, locale="zh-CN", base_url=chain_address)
    chain.clock.moment += timedelta(days=1)
    yield context
    context.close()


@pytest.fixture
def manager(window: BrowserContext) -> Page:
    """The area manager, signed in."""
    page = window.new_page()
    sign_in(page, "area")
    return page


def size(page: Page) -> int:
    """The width of a window."""
    assert page.viewport_size
    return page.viewport_size["width"]


def test_looking_shows_masked_phones_under_a_name(manager: Page, chain: Portal) -> None:
    manager.goto(f"/customer/show/{chain.ids['customer 1']}")
    fits(manager)
    expect(manager.get_by_text(re.compile(r"1\d\d\*{4}\d{4}")).first).to_be_visible()
    assert not WHOLE_PHONE.search(manager.content())
    expect(manager.locator(".watermark span").first).to_contain_text("area")
    shot(manager, f"leaving-look-{size(manager)}")


def test_filters_and_searches_lead_to_no_other_area(manager: Page, chain: Portal) -> None:
    foreign = chain.ids["store 丙店"]
    for path in (
        f"/customer/list/?store={foreign}",
        "/customer/list/?q=客户20",
        "/search/?q=客户20",
    ):
        manager.goto(path)
        assert "客户20" not in manager.inner_text("main").replace("“客户20”", "").replace(
            "「客户20」", ""
        )
    answer = manager.goto(f"/customer/show/{chain.ids['customer 20']}")
    assert answer
    assert answer.status == 404
    expect(manager.locator("main")).to_contain_text("没有")


def test_scrolling_ends_at_the_budget_and_is_told(manager: Page, chain: Portal) -> None:
    statuses = []
    for number in range(1, 5):
        answer = manager.goto(f"/customer/list/?size=100&page={number}&sort=code")
        assert answer
        statuses.append(answer.status)
        if answer.status != 200:
            break
    assert statuses[:2] == [200, 200]
    assert statuses[2:] == [429]
    expect(manager.locator("main")).to_contain_text("200")
    fits(manager)
    shot(manager, f"leaving-stopped-{size(manager)}")
    seen = chain.scalar("SELECT max(n) FROM (SELECT count(*) AS n FROM portal_viewed WHERE entity = 'customer'"
                        " AND account_id = :id GROUP BY day) by_day", id=chain.ids["account area"])  # fmt: skip
    assert seen <= BUDGET
    told = chain.scalar("SELECT count(*) FROM portal_notice WHERE kind = 'viewing' AND account_id = :id",
                        id=chain.ids["account owner"])  # fmt: skip
    assert told >= 1


def test_an_export_waits_for_somebody_else(manager: Page) -> None:
    manager.goto("/customer/list/?q=老友00")
    downloads = []

    def hear(download: Download) -> None:
        downloads.append(download)

    manager.on("download", hear)
    manager.locator("a[href^='/exports/new/customer']").first.click()
    manager.wait_for_url("**/exports/new/customer*")
    manager.get_by_label("理由").fill("整理区域客户名单")
    fits(manager)
    shot(manager, f"leaving-export-{size(manager)}")
    manager.get_by_role("button", name="提交申请").click()
    manager.wait_for_load_state()
    expect(manager.get_by_text("等待", exact=False).first).to_be_visible()
    assert downloads == []


def test_paper_stays_empty_and_carries_her_name(manager: Page, chain: Portal) -> None:
    """She may not print customers: of the list as of a record, paper shows a sentence and who tried."""
    for path in ("/customer/list/?q=老友00", f"/customer/show/{chain.ids['customer 1']}"):
        manager.goto(path)
        manager.emulate_media(media="print")
        expect(manager.locator("main")).to_be_hidden()
        expect(manager.get_by_text("您的岗位不能打印这些记录。")).to_be_visible()
        expect(manager.locator(".watermark")).to_be_visible()
        manager.emulate_media(media="screen")
        expect(manager.locator("main")).to_be_visible()
    manager.emulate_media(media="print")
    shot(manager, f"leaving-print-{size(manager)}")


def test_she_is_out_while_she_works_and_the_owner_looks_back(
    manager: Page, window: BrowserContext, chain: Portal
) -> None:
    manager.goto("/customer/list/?size=25")
    account = chain.ids["account area"]
    with chain.engines.owner.begin() as connection:
        number = connection.exec_driver_sql("SELECT count(*) FROM portal_viewed").scalar_one()
    assert number >= 25
    browser = window.browser
    assert browser
    admin = browser.new_context(
        base_url=manager.url.split("/customer")[0], locale="zh-CN"
    ).new_page()
    sign_in(admin, "admin")
    admin.goto("/accounts/")
    form = f"form[action='/accounts/{account}/active']"
    with admin.expect_navigation():
        admin.evaluate(f'document.querySelector("{form}").requestSubmit()')
    try:
        manager.goto("/customer/list/")
        assert "/login/" in manager.url
        shot(manager, f"leaving-out-{size(manager)}")
        owner = browser.new_context(
            viewport=manager.viewport_size, base_url=manager.url.split("/login")[0], locale="zh-CN"
        ).new_page()
        sign_in(owner, "owner")
        owner.goto("/viewing/?entity=customer&days=30")
        expect(owner.locator("main")).to_contain_text("area")
        fits(owner)
        shot(owner, f"leaving-look-back-{size(manager)}")
        owner.context.close()
    finally:
        admin.context.close()
        with chain.engines.owner.begin() as connection:
            connection.exec_driver_sql(f"UPDATE ab_user SET active = true WHERE id = {account}")
