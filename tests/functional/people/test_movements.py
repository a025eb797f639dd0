"""What a movement does to a person's record once it takes effect."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.functional.customers.asking import step
from tests.support.chain import Chain
from tests.support.portals import Api


@pytest.fixture(scope="module")
def head(chain: Chain) -> Api:
    return chain.portal.api("head")


def moved(chain: Chain, staff: int, kind: str, **more: Any) -> int:
    """An approved movement whose day has come."""
    row = {
        "staff": staff,
        "kind": kind,
        "effective_on": date(2026, 1, 4),
        "state": "approved",
        "reason": "经营需要",
    }
    return chain.add("staff_movement", **{**row, **more})


def post_of(chain: Chain, staff: int) -> tuple[Any, ...]:
    """State, unit, position and the one above, as they are."""
    statement = "SELECT concat_ws(',', state, org_unit_id, position_id, line_manager_id) FROM staff WHERE id = :id"
    return tuple(str(chain.portal.scalar(statement, id=staff)).split(","))


def took(head: Api, movement: int) -> Any:
    return step(head, "staff_movement", movement, "take_effect")


def test_a_change_of_store_and_post_reaches_the_record_once(chain: Chain, head: Api) -> None:
    person = chain.person("韩调动")
    units, known, above = chain.units, chain.known, chain.people
    movement = moved(
        chain, person, "store_change", to_org_unit=units["S2"], to_line_manager=above["other"]
    )
    assert took(head, movement).status_code == 200
    wanted = ("regular", str(units["S2"]), str(known["position:GS"]), str(above["other"]))
    assert post_of(chain, person) == wanted
    kept = head.call("GET", f"staff_movement/{movement}").json["result"]
    assert kept["from_org_unit"]["id"] == units["S1"]
    assert kept["from_position"]["id"] == known["position:GS"]
    assert took(head, movement).status_code == 409
    promoted = moved(chain, person, "promotion", to_position=known["position:SM"])
    assert took(head, promoted).status_code == 200
    assert post_of(chain, person) == (
        "regular", str(units["S2"]), str(known["position:SM"]), str(above["other"]),
    )  # fmt: skip


def test_what_has_changed_in_the_meantime_is_told(chain: Chain, head: Api) -> None:
    person = chain.person("朱变化")
    movement = moved(chain, person, "store_change", to_org_unit=chain.units["S2"])
    later = moved(chain, person, "promotion", to_position=chain.known["position:SM"])
    assert took(head, movement).status_code == 200
    before, answer = post_of(chain, person), took(head, later)
    assert answer.status_code == 409
    assert "朱变化现在不在原组织" in answer.json["message"]
    assert post_of(chain, person) == before


def test_each_kind_takes_its_own_step(chain: Chain, head: Api) -> None:
    pending = chain.person("秦入职", state="pending", use_from=None, hire_date=date(2026, 1, 4))
    hire = moved(chain, pending, "hire")
    # Whoever has no contract yet does not begin: the guard of the person's own step holds.
    assert took(head, hire).status_code == 409
    chain.contract(pending, date(2028, 12, 31), state="draft", signed_on=None)
    assert took(head, hire).status_code == 200
    assert post_of(chain, pending)[0] == "regular"
    trial = chain.person(
        "尤转正", state="probation", hire_date=date(2025, 10, 1), use_from=date(2025, 10, 1)
    )
    assert took(head, moved(chain, trial, "confirmation")).status_code == 200
    assert post_of(chain, trial)[0] == "regular"
    assert took(head, moved(chain, trial, "confirmation")).status_code == 409
    assert took(head, moved(chain, trial, "suspension")).status_code == 200
    assert post_of(chain, trial)[0] == "suspended"
    assert took(head, moved(chain, trial, "leave")).status_code == 200
    statement = "SELECT state || ' ' || leave_date FROM staff WHERE id = :id"
    assert chain.portal.scalar(statement, id=trial) == "departed 2026-01-04"


def test_one_open_movement_of_a_kind(chain: Chain, head: Api) -> None:
    person = chain.person("许一张")
    first = moved(chain, person, "store_change", to_org_unit=chain.units["S2"])
    row = {
        "staff": person,
        "kind": "store_change",
        "effective_on": "2026-02-01",
        "to_org_unit": chain.units["S2"],
    }
    answer = head.call("POST", "staff_movement/", json=row)
    assert (answer.status_code, [*answer.json["errors"]]) == (422, ["kind"])
    assert took(head, first).status_code == 200
    assert head.call("POST", "staff_movement/", json=row).status_code == 201
