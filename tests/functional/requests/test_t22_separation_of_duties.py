"""T22: nobody decides for himself, by whatever way he comes; the decider's rights are those of the moment."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from tests.functional.requests.asking import (
    another_boss,
    ask_deletion,
    buyer,
    decide,
    gardener,
    run,
    state_of,
    today,
)
from tests.support.portals import Portal

NO = (403, 404)


def asked(portal: Portal, name: str) -> int:
    """A request of the keeper in the west."""
    return ask_deletion(portal, portal.browser("west"), "buyer", buyer(portal, name))


def give_role(portal: Portal, account: int, role: str, place: int | None, **more: Any) -> int:
    """Another role of an account."""
    with portal.records() as records:
        row = {"account": account, "role": role, "held_at": place, "valid_from": today(), **more}
        return records.create("role_assignment", row)


def take_role(portal: Portal, number: int) -> None:
    """End a role."""
    with portal.records() as records:
        version = records.get("role_assignment", number, ("version",)).values["version"]
        records.remove("role_assignment", number, version)


def test_the_requester_does_not_decide_by_the_page_or_by_the_api(nursery: Portal) -> None:
    request, account = asked(nursery, "自批"), nursery.ids["account_west"]
    west = nursery.browser("west")
    west.get(f"/requests/{request}")
    assert decide(west, request) in NO
    # Not with the very role that decides either.
    role = give_role(nursery, account, "owner", None)
    try:
        west = nursery.browser("west")
        assert f"/requests/{request}/decide" not in west.get(f"/requests/{request}").text
        assert decide(west, request) in NO
        api = nursery.api("west")
        answer = api.client.post(f"/requests/{request}/decide", headers=api.headers,
                                 data={"verdict": "approve", "why": "x", "version": "1"})  # fmt: skip
        assert answer.status_code in (302, 400, 401, 403, 404)
        assert state_of(nursery, request) == "pending"
    finally:
        take_role(nursery, role)


def test_a_second_account_of_the_same_person_does_not_decide(nursery: Portal) -> None:
    """He comes back under another account: the person record is a new one, the identity card is the same."""
    request, west = asked(nursery, "两个号"), nursery.ids["wang"]
    twin = another_boss(nursery, "west_twin")
    run(nursery, "UPDATE gardener SET deleted_at = now() WHERE id = :id", id=west)
    try:
        again = gardener(nursery, "王小明", twin, id_card="11010519491231002X")
        browser = nursery.browser("west_twin")
        assert browser.get(f"/requests/{request}").status_code == 200
        assert decide(browser, request) in NO
        assert state_of(nursery, request) == "pending"
        told = "SELECT count(*) FROM portal_notice WHERE key = :key"
        later = asked(nursery, "两个号再来")
        assert nursery.scalar(told, key=f"request:{later}:asked:{twin}") == 0
        run(nursery, "DELETE FROM gardener WHERE id = :id", id=again)
    finally:
        run(nursery, "UPDATE gardener SET deleted_at = NULL WHERE id = :id", id=west)


def test_the_database_itself_refuses_the_same_account_and_person(nursery: Portal) -> None:
    row = (
        "INSERT INTO portal_request (kind, entity, requester_id, requester_person, beneficiary_id,"
        " beneficiary_person, payload, digest, reason, state, created_at, expires_at, decided_by,"
        " decided_person, decided_at) VALUES ('delete', 'buyer', 1, 11, 2, 12, '{}', '', '', 'approved',"
        " now(), now(), :by, :person, now())"
    )
    for by, person in ((1, None), (2, None), (3, 11), (3, 12)):
        with pytest.raises(IntegrityError), nursery.engines.app.begin() as connection:
            connection.execute(text(row), {"by": by, "person": person})
    with nursery.engines.app.connect() as connection:
        connection.execute(text(row), {"by": 3, "person": 13})
        connection.rollback()


def test_standing_in_for_the_boss_does_not_help(nursery: Portal) -> None:
    request, account = asked(nursery, "代班"), nursery.ids["account_west"]
    role = give_role(nursery, account, "owner", nursery.ids["west"], valid_to=today())
    try:
        assert decide(nursery.browser("west"), request) in NO
    finally:
        take_role(nursery, role)
    assert state_of(nursery, request) == "pending"


def test_a_role_held_elsewhere_does_not_decide(nursery: Portal) -> None:
    request = asked(nursery, "别处")
    east = nursery.account("east_owner", "owner", nursery.ids["east"])
    browser = nursery.browser("east_owner")
    assert browser.get(f"/requests/{request}").status_code == 404
    assert decide(browser, request) in NO
    # Held at the place itself, it does.
    give_role(nursery, east, "owner", nursery.ids["west"])
    browser = nursery.browser("east_owner")
    browser.get(f"/requests/{request}")
    assert decide(browser, request) == 302


def test_a_role_that_ended_meanwhile_does_not_decide(nursery: Portal) -> None:
    request = asked(nursery, "换岗")
    account = nursery.account("mover", "helper", nursery.ids["west"])
    role = give_role(nursery, account, "owner", None)
    browser = nursery.browser("mover")
    assert f"/requests/{request}/decide" in browser.get(f"/requests/{request}").text
    take_role(nursery, role)
    assert decide(browser, request) == 302
    assert browser.get("/").status_code == 302
    browser.sign_in("mover")
    assert decide(browser, request) in NO
    assert state_of(nursery, request) == "pending"


def test_a_closed_account_neither_decides_nor_gets(nursery: Portal) -> None:
    request = asked(nursery, "冻结")
    another_boss(nursery, "frozen")
    browser = nursery.browser("frozen")
    browser.get(f"/requests/{request}")
    run(nursery, "UPDATE ab_user SET active = false WHERE username = 'frozen'")
    assert decide(browser, request) in (302, 401, 403)
    assert state_of(nursery, request) == "pending"
    run(nursery, "UPDATE ab_user SET active = false WHERE username = 'west'")
    try:
        boss = nursery.browser("boss")
        boss.get(f"/requests/{request}")
        assert decide(boss, request) == 409
        assert state_of(nursery, request) == "pending"
    finally:
        run(nursery, "UPDATE ab_user SET active = true WHERE username = 'west'")


def test_whoever_profits_does_not_decide(nursery: Portal) -> None:
    request, other = asked(nursery, "受益"), another_boss(nursery, "profits")
    run(
        nursery, "UPDATE portal_request SET beneficiary_id = :b WHERE id = :id", b=other, id=request
    )
    browser = nursery.browser("profits")
    assert browser.get(f"/requests/{request}").status_code == 200
    assert decide(browser, request) in NO
    assert state_of(nursery, request) == "pending"
