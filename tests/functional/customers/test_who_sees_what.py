"""F14, F15, F17, F20, F21 and F126 on the schema that ships: who sees which customers, and which buttons."""

from __future__ import annotations

import re
from datetime import date
from urllib.parse import quote

import pytest

from tests.functional.customers.asking import new_customer, step
from tests.functional.requests.exporting import ask_export
from tests.support.chain import Chain
from tests.support.portals import Browser

NEAR, FAR = "近处茶客", "远处茶客"
PHONES = {NEAR: "13811112222", FAR: "13811113333"}


@pytest.fixture(scope="module")
def two(chain: Chain) -> dict[str, int]:
    """A customer within the area of the area manager, and one in another area."""
    units = {"FAR": ("area", "EAST"), "S9": ("store", "FAR")}
    for code, (kind, parent) in units.items():
        chain.units[code] = chain.add(
            "org_unit", code=code, name=f"单元{code}", kind=kind, effective_from=date(2020, 1, 1),
            parent=chain.units[parent], state="active",
        )  # fmt: skip
    chain.stores["S9"] = chain.add(
        "store", org_unit=chain.units["S9"], name="门店S9", legal_entity=chain.known["legal_entity"],
        city="310100", timezone="Asia/Shanghai", currency="cny", state="open",
    )  # fmt: skip
    far = chain.person("某远", at="S9", above="boss")
    return {
        NEAR: chain.customer(name=NEAR, mobile=PHONES[NEAR]),
        FAR: chain.customer(name=FAR, mobile=PHONES[FAR], store=chain.stores["S9"], owner=far),
    }


def found_by_search(browser: Browser, words: str) -> str:
    """What the search of all records shows."""
    return browser.get(f"/search/?q={quote(words)}", follow_redirects=True).text


def test_f14_an_area_manager_reaches_no_customer_of_another_area_by_any_route(
    chain: Chain, two: dict[str, int]
) -> None:
    browser, api = chain.portal.browser("area"), chain.portal.api("area")
    boss = chain.portal.browser("boss")
    listed = browser.get("/customer/list/").text
    assert NEAR in listed
    assert FAR not in listed
    assert FAR in boss.get("/customer/list/").text
    assert browser.get(f"/customer/show/{two[NEAR]}").status_code == 200
    assert browser.get(f"/customer/show/{two[FAR]}").status_code == 404
    assert NEAR in found_by_search(browser, NEAR)
    assert f"/customer/show/{two[FAR]}" not in found_by_search(browser, FAR)
    assert f"/customer/show/{two[FAR]}" in found_by_search(boss, FAR)
    names = {row["name"] for row in api.call("GET", "customer/").json["result"]}
    assert NEAR in names
    assert FAR not in names
    assert api.call("GET", f"customer/{two[FAR]}").status_code == 404
    for report in ("customer_follow_up", "customer_loss"):
        page = browser.get(f"/reports/{report}")
        assert page.status_code == 200
        assert FAR not in page.text
        assert "门店S9" not in page.text
    # The export is asked for, so nothing of it is seen before the owner decides; it counts the rows in reach alone.
    asked = ask_export(browser, "customer", columns=["name"], reason="季度盘点客户")
    request = asked.headers["Location"]
    reach = chain.portal.scalar(
        "SELECT count(*) FROM customer c JOIN store s ON s.id = c.store_id WHERE s.name <> '门店S9'"
    )
    assert re.search(rf"\b{reach}\b", browser.get(request).text)
    assert FAR not in browser.get(request).text


def test_f15_headquarters_sees_the_number_masked(chain: Chain, two: dict[str, int]) -> None:
    browser, api = chain.portal.browser("head"), chain.portal.api("head")
    for text in (
        browser.get("/customer/list/").text,
        browser.get(f"/customer/show/{two[FAR]}").text,
        api.call("GET", f"customer/{two[FAR]}").text,
    ):
        assert PHONES[FAR] not in text
    assert "138****3333" in browser.get(f"/customer/show/{two[FAR]}").text
    shown = api.call(
        "POST", f"customer/{two[FAR]}/reveal", json={"field": "mobile", "reason": "核对重复客户"}
    )
    assert PHONES[FAR] in shown.text
    sealed = (
        "SELECT count(*) FROM portal_audit WHERE action = 'viewing:revealed' AND record_id = :id"
    )
    assert chain.portal.scalar(sealed, id=two[FAR]) == 1


def test_f17_the_first_visit_is_filled_in_once(chain: Chain) -> None:
    store = chain.portal.api("store")
    number = new_customer(chain, store, first_visit_at="2026-01-04T02:00:00Z")["id"]
    kept = "SELECT first_visit_at::text FROM customer WHERE id = :id"
    first = chain.portal.scalar(kept, id=number)
    body = {"version": 1, "first_visit_at": "2025-01-01T02:00:00Z"}
    answer = store.call("PUT", f"customer/{number}", json=body)
    assert answer.status_code in (403, 422)
    assert chain.portal.scalar(kept, id=number) == first


def test_f21_a_customer_without_a_phone_is_refused_and_clerks_see_their_own_store(
    chain: Chain, two: dict[str, int]
) -> None:
    seller = chain.portal.api("seller")
    body = {"kind": "member", "name": "没有电话", "store": chain.stores["S1"]}
    answer = seller.call("POST", "customer/", json=body)
    assert answer.status_code == 422
    assert list(answer.json["errors"]) == ["mobile"]
    shop = chain.portal.api("other")
    names = {row["name"] for row in shop.call("GET", "customer/").json["result"]}
    assert names.isdisjoint({NEAR, FAR})


def test_f20_customers_stay_when_their_owner_goes(chain: Chain) -> None:
    leaver = chain.person("要走的人")
    held = [chain.customer(owner=leaver) for _ in range(3)]
    head = chain.portal.api("head")
    assert head.call("DELETE", f"staff/{leaver}").status_code in (403, 404, 405, 409)
    chain.change("staff", leaver, state="departed")
    statement = "SELECT count(*) FROM customer WHERE id = ANY(:ids) AND deleted_at IS NULL"
    assert chain.portal.scalar(statement, ids=held) == 3
    # Whoever takes over reads who it is, what was said and what was bought on one page.
    chain.add(
        "contact_log", customer=held[0], staff=chain.people["seller"], way="phone_call",
        contacted_at=chain.portal.clock.moment, summary="喜欢少糖，周三下单",
    )  # fmt: skip
    page = chain.portal.browser("store").get(f"/customer/show/{held[0]}").text
    assert "喜欢少糖，周三下单" in page


BUTTONS = {
    "new": ("/customer/list/", 'href="/customer/add'),
    "edit": ("/customer/show/{id}", 'href="/customer/edit/{id}'),
    "export": ("/customer/list/", 'href="/exports/new/customer'),
    "confirm": ("/customer/show/{id}", "/customer/move/{id}/confirm"),
    "lose": ("/customer/show/{id}", "/customer/move/{id}/lose"),
    "reveal": ("/customer/show/{id}", 'id="reveal-mobile"'),
}
# Read off the files of the roles by hand, for a customer of the first store that waits to be confirmed.
ALLOWED = {
    "boss": {"new", "edit", "export", "confirm"},
    "area": {"edit", "export", "confirm"},
    "store": {"new", "edit", "confirm"},
    "seller": {"new", "edit"},
    "head": {"reveal"},
    "money": {"edit"},
    "admin": set(),
}


@pytest.mark.parametrize("who", ALLOWED)
def test_f126_each_button_is_there_for_those_who_may_and_refused_to_all_others(
    chain: Chain, who: str
) -> None:
    number = new_customer(chain, chain.portal.api("seller"))["id"]
    browser, api = chain.portal.browser(who), chain.portal.api(who)
    drawn = {
        name
        for name, (page, mark) in BUTTONS.items()
        if mark.format(id=number) in browser.get(page.format(id=number)).text
    }
    assert drawn == ALLOWED[who]
    before = chain.portal.scalar("SELECT version FROM customer WHERE id = :id", id=number)
    if "edit" not in drawn:
        answer = api.call("PUT", f"customer/{number}", json={"version": before, "grade": "a"})
        assert answer.status_code in (403, 404)
        assert browser.get(f"/customer/edit/{number}").status_code in (403, 404)
    if "confirm" not in drawn:
        assert step(api, "customer", number, "confirm").status_code in (403, 404, 409)
    if "export" not in drawn:
        assert browser.get("/exports/new/customer").status_code in (403, 404)
    if "new" not in drawn:
        assert browser.get("/customer/add").status_code in (403, 404)
    if "reveal" not in drawn:
        words = {"field": "mobile", "reason": "想看看这个号码"}
        answer = api.call("POST", f"customer/{number}/reveal", json=words)
        # 409: it is seen in clear anyway.
        assert answer.status_code in (403, 404, 409)
    assert chain.portal.scalar("SELECT version FROM customer WHERE id = :id", id=number) == before
