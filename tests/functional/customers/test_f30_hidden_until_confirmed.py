"""F30: until a supervisor confirms a customer, its contact details and orders are hidden, also from who entered it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from app.features.demo.numbers import credit_code
from tests.functional.customers.asking import new_customer, step
from tests.support.chain import Chain
from tests.support.portals import Api
from tests.support.walls import actor_of, bare

PHONE = "13955550001"
CONTACT = "苏联络"
HIDDEN = ("contact_name", "mobile", "wecom_external_id", "receivable", "order_total", "open_orders")


@pytest.fixture(scope="module")
def seller(chain: Chain) -> Api:
    return chain.portal.api("seller")


@pytest.fixture(scope="module")
def pending(chain: Chain, seller: Api) -> int:
    """A customer that the seller entered, with an order that he took."""
    number = int(new_customer(chain, seller, mobile=PHONE, contact_name=CONTACT)["id"])
    chain.add("customer_order", external_no="F30-1", source="pos", status="open", customer=number,
              store=chain.stores["S1"], staff=chain.people["seller"], amount=77,
              ordered_at=datetime(2026, 1, 4, tzinfo=UTC))  # fmt: skip
    return number


@pytest.mark.parametrize("who", ["seller", "store"])
def test_pages_and_answers_are_without_them(chain: Chain, pending: int, who: str) -> None:
    browser, api = chain.portal.browser(who), chain.portal.api(who)
    answer = api.call("GET", f"customer/{pending}")
    assert answer.status_code == 200
    assert not set(HIDDEN) & set(answer.json["result"])
    assert api.call("GET", f"customer/{pending}").json["result"]["name"]
    for path in (f"/customer/show/{pending}", f"/customer/history/{pending}", "/customer/list/",
                 "/customer/list/?view=mine", f"/customer/edit/{pending}"):  # fmt: skip
        page = browser.get(path)
        assert PHONE not in page.text, path
        assert CONTACT not in page.text, path


def test_neither_search_nor_order_nor_filter_tells_them(pending: int, seller: Api) -> None:
    assert pending > 0
    for query in (
        f"(filters:!((col:mobile,opr:eq,value:'{PHONE}')))", "(order_column:mobile,order_direction:asc)",
        f"(filters:!((col:contact_name,opr:eq,value:'{CONTACT}')))", "(order_column:order_total,order_direction:asc)",
    ):  # fmt: skip
        assert seller.call("GET", f"customer/?q={query}").status_code == 422, query


def test_orders_are_out_of_sight_by_both_walls(chain: Chain, pending: int, seller: Api) -> None:
    found = seller.call("GET", "customer_order/")
    assert found.status_code == 200
    assert "F30-1" not in found.text
    assert "F30-1" not in chain.portal.browser("seller").get(f"/customer/show/{pending}").text
    actor = actor_of(chain.portal, chain.accounts["seller"])
    with bare(chain.portal, actor) as connection:
        rows = text("SELECT count(*) FROM customer_order WHERE external_no = 'F30-1'")
        assert connection.scalar(rows) == 0


def test_what_one_does_not_see_one_does_not_change(pending: int, seller: Api) -> None:
    version = seller.call("GET", f"customer/{pending}").json["result"]["version"]
    sent = {"version": version, "contact_name": "别人"}
    assert seller.call("PUT", f"customer/{pending}", json=sent).status_code in (403, 422)


def test_head_office_sees_what_it_saw(chain: Chain, pending: int) -> None:
    assert (
        chain.portal.api("boss").call("GET", f"customer/{pending}").json["result"]["mobile"]
        == PHONE
    )


def test_once_confirmed_it_is_all_there(chain: Chain, pending: int, seller: Api) -> None:
    assert step(chain.portal.api("store"), "customer", pending, "confirm").status_code == 200
    told = seller.call("GET", f"customer/{pending}").json["result"]
    assert (told["mobile"], told["contact_name"]) == (PHONE, CONTACT)
    assert PHONE in chain.portal.browser("seller").get(f"/customer/show/{pending}").text
    assert "F30-1" in seller.call("GET", "customer_order/").text


def test_t18_a_phone_that_another_store_has_is_answered_as_a_free_one(
    chain: Chain, seller: Api
) -> None:
    """Nobody finds out by typing phones in whose hands a customer is; head office is told of both."""
    other, taken = chain.portal.api("other"), "13955550101"
    first = new_customer(chain, other, mobile=taken, store=chain.stores["S2"])["id"]
    held, free = (new_customer(chain, seller, mobile=phone) for phone in (taken, "13955550102"))
    assert held.keys() == free.keys()
    told = "SELECT other_id FROM portal_twice WHERE record_id = :id"
    assert chain.portal.column(told, id=held["id"]) == [first]
    assert chain.portal.column(told, id=free["id"]) == []
    same = {"kind": "member", "name": "又一次", "mobile": taken, "store": chain.stores["S2"]}
    assert other.call("POST", "customer/", json=same).status_code == 422


def test_t18_a_credit_code_that_a_colleague_has_is_answered_as_a_free_one(
    chain: Chain, seller: Api
) -> None:
    """Unique together with the store: within one's own store, too, colleagues' customers are out of sight."""
    taken, free = credit_code(7101), credit_code(7102)
    firm = {"kind": "wholesale", "contact_name": "陈一"}
    first = new_customer(chain, chain.portal.api("store"), usci=taken, **firm)["id"]
    assert seller.call("GET", f"customer/{first}").status_code == 404
    held, none = (new_customer(chain, seller, usci=code, **firm) for code in (taken, free))
    assert held.keys() == none.keys()
    told = "SELECT field || other_id FROM portal_twice WHERE record_id = :id"
    assert chain.portal.column(told, id=held["id"]) == [f"usci{first}"]
    assert chain.portal.column(told, id=none["id"]) == []
    same = {"name": "又一家", "mobile": "13955550199", "store": chain.stores["S1"], "usci": taken}
    seen = chain.portal.api("store").call("POST", "customer/", json={**firm, **same})
    assert seen.status_code == 422
