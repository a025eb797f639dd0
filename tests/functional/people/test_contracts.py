"""Contracts of one person: numbered by themselves, one active at a time, over when their term is."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest

from tests.functional.customers.asking import step
from tests.support.chain import Chain
from tests.support.portals import Api

TERM = {"starts_on": date(2026, 1, 1), "ends_on": date(2026, 12, 31)}


@pytest.fixture(scope="module")
def head(chain: Chain) -> Api:
    return chain.portal.api("head")


def drafted(chain: Chain, head: Api, staff: int, **more: Any) -> Any:
    """A contract as HR enters it; the answer."""
    row = {
        "staff": staff, "legal_entity": chain.known["legal_entity"], "kind": "fixed", "use_from": "2026-01-01",
        "starts_on": "2026-01-01", "ends_on": "2028-12-31", "wage_month": 6000, "hours_system": "standard",
    }  # fmt: skip
    return head.call("POST", "contract/", json={**row, **more})


def test_contracts_number_themselves(chain: Chain, head: Api) -> None:
    person = chain.person("郑编号")
    first, second = drafted(chain, head, person), drafted(chain, head, person)
    assert [answer.json["result"]["sequence"] for answer in (first, second)] == [1, 2]
    # A void one does not count, and whoever knows better says so.
    assert (
        step(head, "contract", second.json["id"], "void_draft", end_reason="写错").status_code
        == 200
    )
    assert drafted(chain, head, person).json["result"]["sequence"] == 2
    assert drafted(chain, head, person, sequence=5).json["result"]["sequence"] == 5
    # Imports number them as well.
    loaded = chain.contract(person, date(2030, 12, 31), starts_on=date(2029, 1, 1), sequence=None)
    statement = "SELECT sequence FROM contract WHERE id = :id"
    assert chain.portal.scalar(statement, id=loaded) == 4
    # Nobody empties the number later.
    answer = head.call("PUT", f"contract/{first.json['id']}", json={"version": 1, "sequence": None})
    assert (answer.status_code, [*answer.json["errors"]]) == (422, ["sequence"])


def test_active_contracts_of_one_person_do_not_overlap(chain: Chain, head: Api) -> None:
    person, other = chain.person("吴先后"), chain.person("吴旁人")
    chain.contract(person, TERM["ends_on"], starts_on=TERM["starts_on"])
    # From the last day on: too early. From the day after: fine, and so is another person's.
    clash = chain.contract(person, date(2027, 12, 31), starts_on=TERM["ends_on"], state="to_sign")
    answer = step(head, "contract", clash, "sign", signed_on="2026-01-02", sign_method="paper")
    assert (answer.status_code, [*answer.json["errors"]]) == (422, ["starts_on"])
    change = {"version": 1, "starts_on": "2027-01-01"}
    assert head.call("PUT", f"contract/{clash}", json=change).status_code == 200
    answer = step(head, "contract", clash, "sign", signed_on="2026-01-02", sign_method="paper")
    assert answer.status_code == 200
    chain.contract(other, None, starts_on=TERM["starts_on"])
    # Neither does an edit of one that is active make them overlap, nor a load.
    change = {"version": answer.json["result"]["version"], "starts_on": "2026-12-31"}
    answer = head.call("PUT", f"contract/{clash}", json=change)
    assert (answer.status_code, [*answer.json["errors"]]) == (422, ["starts_on"])
    with pytest.raises(AssertionError, match=r"Overlaps|重叠"):
        chain.contract(person, None, starts_on=date(2027, 6, 1))
    # One without an end overlaps whatever begins later.
    with pytest.raises(AssertionError, match=r"Overlaps|重叠"):
        chain.contract(other, date(2041, 1, 1), starts_on=date(2040, 1, 1))


def test_of_two_signings_at_once_one_stands(chain: Chain, head: Api) -> None:
    person = chain.person("周同时")
    both = [
        chain.contract(person, date(2026, 12, 31), starts_on=date(2026, 1, 1), state="to_sign")
        for _ in range(6)
    ]
    apis = [chain.portal.api("head") for _ in both]

    def sign(place: int) -> int:
        values = {"signed_on": "2026-01-02", "sign_method": "paper"}
        answer = step(apis[place], "contract", both[place], "sign", **values)
        return int(answer.status_code)

    with ThreadPoolExecutor(len(both)) as pool:
        assert sorted(pool.map(sign, range(len(both)))) == [200] + [422] * 5


def test_only_a_fixed_term_that_is_over_expires(chain: Chain) -> None:
    chain.at(date(2026, 3, 10))
    head = chain.portal.api("head")
    open_ended = chain.contract(chain.person("冯长期"), None)
    running = chain.contract(chain.person("冯今日"), date(2026, 3, 10))
    over = chain.contract(chain.person("冯昨日"), date(2026, 3, 9))
    ended = {"ended_on": "2026-03-09"}
    for number in (open_ended, running):
        assert step(head, "contract", number, "expire", **ended).status_code == 409
    assert step(head, "contract", over, "expire", **ended).status_code == 200
