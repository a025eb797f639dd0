"""F16: who a customer is changes once the one above agrees, by page and by API, and nobody agrees with himself."""

from __future__ import annotations

import re

import pytest

from tests.support.chain import Chain
from tests.support.portals import Browser


@pytest.fixture(scope="module")
def store(chain: Chain) -> Browser:
    return chain.portal.browser("store")


def name_of(chain: Chain, number: int) -> str:
    """What a customer is called in the table."""
    return str(chain.portal.scalar("SELECT name FROM customer WHERE id = :id", id=number))


def decide(chain: Chain, who: str, number: int, verdict: str) -> int:
    """Decide a request by its page; the status."""
    browser = chain.portal.browser(who)
    page = browser.get(f"/requests/{number}")
    if page.status_code != 200:
        return page.status_code
    found = re.search(r'name="version" value="(\d+)"', page.text)
    form = {"verdict": verdict, "why": "已与客户核实", "version": found[1] if found else "1"}
    return browser.post(f"/requests/{number}/decide", form).status_code


def test_by_api_it_waits_until_the_area_manager_agrees(chain: Chain) -> None:
    customer = chain.customer()
    before, api = name_of(chain, customer), chain.portal.api("store")
    version = api.call("GET", f"customer/{customer}").json["result"]["version"]
    answer = api.call(
        "PUT", f"customer/{customer}", json={"version": version, "name": "改名的客户"}
    )
    assert answer.status_code == 202
    assert name_of(chain, customer) == before
    request = int(answer.json["request"].rpartition("/")[2])
    assert decide(chain, "store", request, "approve") != 302
    assert name_of(chain, customer) == before
    assert decide(chain, "area", request, "approve") == 302
    assert name_of(chain, customer) == "改名的客户"


def test_what_is_his_own_to_change_changes_at_once(chain: Chain) -> None:
    customer, api = chain.customer(), chain.portal.api("store")
    version = api.call("GET", f"customer/{customer}").json["result"]["version"]
    answer = api.call("PUT", f"customer/{customer}", json={"version": version, "grade": "c"})
    assert answer.status_code == 200
    assert answer.json["result"]["grade"] == "c"


def test_by_page_it_leads_to_the_request(chain: Chain, store: Browser) -> None:
    customer = chain.customer()
    before = name_of(chain, customer)
    page = store.get(f"/customer/edit/{customer}").text
    version = re.search(r'name="version" value="(\d+)"', page)
    assert version
    answer = store.post(f"/customer/edit/{customer}", {"version": version[1], "name": "页面改名"})
    assert answer.status_code == 302
    assert re.fullmatch(r"/requests/\d+", answer.headers["Location"])
    assert name_of(chain, customer) == before


def test_a_wrong_value_is_said_before_anybody_is_asked(chain: Chain) -> None:
    customer, api = chain.customer(), chain.portal.api("store")
    version = api.call("GET", f"customer/{customer}").json["result"]["version"]
    answer = api.call("PUT", f"customer/{customer}", json={"version": version, "mobile": "12"})
    assert answer.status_code == 422
    assert list(answer.json["errors"]) == ["mobile"]
