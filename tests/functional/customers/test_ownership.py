"""Who answers for a customer: F28, F29, F31 and F37, with the periods that are kept of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from tests.functional.customers.asking import asked, new_customer, owner_of, periods, step
from tests.support.chain import Chain
from tests.support.portals import Api

WHY = {"decision_note": "情况属实"}


@pytest.fixture(scope="module")
def seller(chain: Chain) -> Api:
    return chain.portal.api("seller")


@pytest.fixture(scope="module")
def store(chain: Chain) -> Api:
    return chain.portal.api("store")


@pytest.fixture(scope="module")
def area(chain: Chain) -> Api:
    return chain.portal.api("area")


def test_f29_a_supervisor_makes_the_entrant_the_owner(
    chain: Chain, seller: Api, store: Api
) -> None:
    made = new_customer(chain, seller)
    number, person = made["id"], chain.people["seller"]
    assert made["result"]["owner"] is None
    assert owner_of(chain, number) is None
    assert step(seller, "customer", number, "confirm").status_code in (403, 409)
    assert step(store, "customer", number, "confirm").status_code == 200
    assert owner_of(chain, number) == person
    assert periods(chain, number) == [("", str(person), "t", "")]


def test_nobody_confirms_what_he_entered(chain: Chain, store: Api) -> None:
    made = new_customer(chain, store)
    answer = step(store, "customer", made["id"], "confirm")
    assert answer.status_code == 409
    assert "录入人不能审核" in answer.json["message"]
    assert owner_of(chain, made["id"]) is None


def test_nobody_writes_himself_in_as_the_owner(chain: Chain, seller: Api) -> None:
    body = {
        "kind": "member",
        "name": "自留客",
        "mobile": "13911112222",
        "store": chain.stores["S1"],
    }
    answer = seller.call("POST", "customer/", json={**body, "owner": chain.people["seller"]})
    assert answer.status_code == 422
    assert list(answer.json["errors"]) == ["owner"]


def test_f37_nobody_approves_a_transfer_of_his_own(chain: Chain, store: Api, area: Api) -> None:
    customer = chain.customer()
    request = asked(chain, store, customer, "store")
    for mine in (store,):
        answer = step(mine, "ownership_request", request, "approve", **WHY)
        assert answer.status_code in (403, 409)
    assert owner_of(chain, customer) == chain.people["seller"]
    # Neither may the one who would have it.
    other = asked(chain, area, customer, "store")
    assert step(store, "ownership_request", other, "approve", **WHY).status_code == 409
    assert owner_of(chain, customer) == chain.people["seller"]


def test_a_transfer_moves_the_customer_and_keeps_the_periods(
    chain: Chain, store: Api, area: Api
) -> None:
    first, second = chain.customer(), chain.customer()
    old, new = str(chain.people["seller"]), str(chain.people["store"])
    with chain.portal.records() as records:
        for number in (first, second):
            row = {"customer": number, "to_staff": int(old), "valid_from": chain.portal.clock.now()}
            records.create("customer_owner_history", row)
    chain.portal.clock.moment += timedelta(minutes=1)
    request = asked(chain, store, first, "store", other_customers=[second])
    assert step(area, "ownership_request", request, "approve", **WHY).status_code == 200
    for number in (first, second):
        assert owner_of(chain, number) == int(new)
        assert periods(chain, number) == [("", old, "f", ""), (old, new, "t", str(request))]
    decided = area.call("GET", f"ownership_request/{request}").json["result"]
    assert decided["approver"]["id"] == chain.people["area"]
    assert decided["decision_note"] == WHY["decision_note"]
    # The trail names who decided, and the step that it came with.
    facts = chain.portal.scalar(
        "SELECT convert_from(body, 'UTF8') FROM portal_audit_entry entry"
        " WHERE entry.entity = 'customer' AND entry.record_id = :id ORDER BY id DESC LIMIT 1", id=second,
    )  # fmt: skip
    assert f'"step":"ownership_request/{request}/approve"' in facts
    assert '"area"' in facts


def test_f28_of_twenty_claims_at_once_one_wins(chain: Chain, store: Api, seller: Api) -> None:
    customer = chain.customer(owner=None, owner_state="pool")
    requests = [asked(chain, store, customer, "seller", kind="addition") for _ in range(10)]
    requests += [asked(chain, store, customer, "store", kind="addition") for _ in range(10)]
    apis = [chain.portal.api("area") for _ in range(20)]

    def approve(place: int) -> tuple[int, str]:
        answer = step(apis[place], "ownership_request", requests[place], "approve", **WHY)
        return answer.status_code, answer.json.get("message", "")

    # As many at a time as the portal of the tests has connections for.
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(approve, range(20)))
    assert sorted(status for status, _ in answers) == [200] + [409] * 19
    owner = owner_of(chain, customer)
    name = next(who for who, number in chain.people.items() if number == owner)
    assert any(f"某{name}" in text for status, text in answers if status == 409)
    assert len(periods(chain, customer)) == 1


def test_a_request_that_is_out_of_date_is_refused(chain: Chain, store: Api, area: Api) -> None:
    customer = chain.customer()
    late = asked(chain, store, customer, "store")
    first = asked(chain, store, customer, "store")
    assert step(area, "ownership_request", first, "approve", **WHY).status_code == 200
    answer = step(area, "ownership_request", late, "approve", **WHY)
    assert answer.status_code == 409
    assert "现由某store" in answer.json["message"]
    assert owner_of(chain, customer) == chain.people["store"]
    state = chain.portal.scalar("SELECT state FROM ownership_request WHERE id = :id", id=late)
    assert state == "with_supervisor"


def test_f26_a_merge_brings_contacts_and_orders_along(chain: Chain, store: Api, area: Api) -> None:
    kept, double = chain.customer(), chain.customer()
    log = chain.add(
        "contact_log", customer=double, staff=chain.people["seller"], way="phone_call",
        contacted_at=chain.portal.clock.now(), summary="询问企业团购价格", source="manual",
    )  # fmt: skip
    request = asked(chain, store, kept, None, kind="merge", other_customers=[double])
    assert step(area, "ownership_request", request, "approve", **WHY).status_code == 200
    merged = chain.portal.scalar(
        "SELECT state || merged_into_id FROM customer WHERE id = :id", id=double
    )
    assert merged == f"merged{kept}"
    assert chain.portal.scalar("SELECT customer_id FROM contact_log WHERE id = :id", id=log) == kept


def test_f27_the_card_shows_the_week_and_the_last_word(chain: Chain, seller: Api) -> None:
    customer = chain.customer()
    now = chain.portal.clock.now()
    for text in ("第一次电话回访", "第二次到店沟通", "客户对新品提出了修改意见"):
        row = {
            "customer": customer,
            "way": "phone_call",
            "summary": text,
            "contacted_at": now.isoformat(),
        }
        assert seller.call("POST", "contact_log/", json=row).status_code == 201
    card = seller.call("GET", f"customer/{customer}").json["result"]
    assert card["week_count"] == 3
    assert card["last_note"] == "客户对新品提出了修改意见"
    # An older talk that is written down late does not cover the newest.
    early = now.replace(year=now.year - 1).isoformat()
    row = {
        "customer": customer,
        "way": "phone_call",
        "summary": "去年的一次老客回访",
        "contacted_at": early,
    }
    assert seller.call("POST", "contact_log/", json=row).status_code == 201
    card = seller.call("GET", f"customer/{customer}").json["result"]
    assert (card["week_count"], card["last_note"]) == (3, "客户对新品提出了修改意见")
