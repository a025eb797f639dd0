"""Two people with the same record open: the second takes over what the first saved."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.support.portals import Portal
from tests.support.windows import sign_in


def test_their_version_is_put_into_every_control(page: Page, nursery: Portal) -> None:
    ids = nursery.ids
    plant, west, east = ids["plant3"], ids["west"], ids["east"]
    api = nursery.api("boss")
    version = api.call("GET", f"plant/{plant}").json["result"]["version"]
    mine = {
        "bed": west,
        "healthy": False,
        "illness": "枯",
        "labels": ["矮"],
        "rank": 1,
        "price": "5",
    }
    theirs = {
        "bed": east,
        "healthy": True,
        "illness": None,
        "labels": ["红,绿", "高"],
        "rank": 4,
        "price": "1234.50",
    }
    assert api.call("PUT", f"plant/{plant}", json={**mine, "version": version}).status_code == 200
    sign_in(page)
    page.goto(f"/plant/edit/{plant}")
    changed = api.call("PUT", f"plant/{plant}", json={**theirs, "version": version + 1})
    assert changed.status_code == 200
    page.fill("textarea[name=note]", "我的备注")
    page.click(".savebar button[type=submit]")
    offers = page.locator("[data-take]")
    expect(offers).to_have_count(len(theirs))
    for _ in theirs:
        offers.first.evaluate("button => button.click()")
    page.click(".savebar button[type=submit]")
    page.wait_for_url(f"**/plant/show/{plant}")
    saved = api.call("GET", f"plant/{plant}").json["result"]
    saved["bed"] = saved["bed"]["id"]
    assert {name: saved[name] for name in theirs} == theirs
    assert saved["note"] == "我的备注"
