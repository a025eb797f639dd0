"""Words for customers and requests for them, through REST."""

from __future__ import annotations

from typing import Any

from tests.support.chain import NUMBERS, Chain
from tests.support.portals import Api


def new_customer(chain: Chain, api: Api, **more: Any) -> Any:
    """A member as a clerk enters it; the answer."""
    number = next(NUMBERS)
    known = {"kind": "member", "name": f"新客{number}", "mobile": f"139{number:08d}"}
    answer = api.call("POST", "customer/", json={**known, "store": chain.stores["S1"], **more})
    assert answer.status_code == 201, answer.text
    return answer.json


def step(api: Api, entity: str, number: int, name: str, **values: Any) -> Any:
    """Take a step on the newest version of a record; the answer."""
    found = api.call("GET", f"{entity}/{number}")
    version = found.json["result"]["version"] if found.status_code == 200 else 1
    return api.call("POST", f"{entity}/{number}/move/{name}", json={"version": version, **values})


def asked(
    chain: Chain, api: Api, customer: int, to: str | None, kind: str = "transfer", **more: Any
) -> int:
    """A submitted request for a customer; its id."""
    row = {"kind": kind, "customer": customer, "reason": "客户要求换人跟进", **more}
    row |= {"to_staff": chain.people[to]} if to else {}
    answer = api.call("POST", "ownership_request/", json=row)
    assert answer.status_code == 201, answer.text
    number = int(answer.json["id"])
    assert step(api, "ownership_request", number, "submit").status_code == 200
    return number


def owner_of(chain: Chain, customer: int) -> int | None:
    """The person who answers for a customer."""
    found: int | None = chain.portal.scalar(
        "SELECT owner_id FROM customer WHERE id = :id", id=customer
    )
    return found


def periods(chain: Chain, customer: int) -> list[tuple[Any, ...]]:
    """The periods of a customer: before, now, whether it is open, the request."""
    statement = (
        "SELECT row(from_staff_id, to_staff_id, valid_to IS NULL, request_id)::text"
        " FROM customer_owner_history WHERE customer_id = :id ORDER BY valid_from, id"
    )
    return [
        tuple(one.strip("()").split(",")) for one in chain.portal.column(statement, id=customer)
    ]
