"""F34 with the customers of the schema that ships: the twelfth is held and told of, none is lost; two tell nothing."""

from __future__ import annotations

from tests.functional.customers.asking import step
from tests.support.chain import Chain

WHY = {"delete_reason": "客户已注销"}


def states(chain: Chain, numbers: list[int]) -> list[str]:
    """What became of the customers."""
    asked = "SELECT state FROM customer WHERE id = ANY(:ids) ORDER BY id"
    return chain.portal.column(asked, ids=numbers)


def told(chain: Chain) -> int:
    """How many urgent notices the owner has of requests."""
    asked = (
        "SELECT count(*) FROM portal_notice WHERE urgency = 'red' AND key LIKE 'request:%'"
        " AND account_id = :boss AND created_at = :now"
    )
    return int(
        chain.portal.scalar(asked, boss=chain.accounts["boss"], now=chain.portal.clock.now())
    )


def test_the_twelfth_deletion_waits_and_two_say_nothing(chain: Chain) -> None:
    store, area = chain.portal.api("store"), chain.portal.api("area")
    numbers = [chain.customer() for _ in range(12)]
    for number in numbers[:2]:
        assert step(store, "customer", number, "request_deletion", **WHY).status_code == 200
    assert told(chain) == 0
    for number in numbers[2:11]:
        assert step(store, "customer", number, "request_deletion", **WHY).status_code == 200
    answer = step(store, "customer", numbers[11], "request_deletion", **WHY)
    assert answer.status_code == 202
    assert answer.json["request"].startswith("/requests/")
    assert states(chain, numbers) == ["delete_pending"] * 11 + ["active"]
    assert told(chain) == 1
    # F16: nobody but the one above makes it so, and rows stay for the trail.
    assert step(store, "customer", numbers[0], "approve_deletion").status_code in (403, 409)
    assert step(area, "customer", numbers[0], "approve_deletion").status_code == 200
    assert store.call("DELETE", f"customer/{numbers[1]}?version=2").status_code == 403
    assert states(chain, numbers[:2]) == ["deleted", "delete_pending"]
