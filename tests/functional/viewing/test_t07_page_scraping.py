"""Whoever scrolls through all buyers is stopped, by whichever door, and others are told (T07)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.portals import NOON, Api, Portal

BUYERS, HOUR, DAY = 120, 60, 90
JSON = {"Accept": "application/json"}


@pytest.fixture(scope="module")
def buyers(nursery: Portal) -> list[int]:
    """As many buyers of the west bed as nobody needs in an hour."""
    with nursery.records() as records:
        return [
            records.create("buyer", {"name": f"买家{n:03}", "bed": nursery.ids["west"]})
            for n in range(BUYERS)
        ]


@pytest.fixture(autouse=True)
def at_noon(nursery: Portal) -> Iterator[None]:
    """A day on which nobody has looked at anything yet."""
    nursery.clock.moment += timedelta(days=1)
    yield
    nursery.clock.moment = nursery.clock.moment.replace(hour=NOON.hour, minute=0)


def seen(nursery: Portal, account: str) -> int:
    number = nursery.ids[f"account_{account}"]
    return int(
        nursery.scalar(
            "SELECT count(*) FROM portal_viewed WHERE account_id = :id AND entity = 'buyer' AND day = :day",
            id=number, day=nursery.clock.now().date(),
        )
    )  # fmt: skip


def walk(api: Api, pages: int, start: int = 0) -> list[int]:
    """Page after page of ten buyers."""
    return [
        api.call("GET", f"buyer/?q=(page:{start + page},page_size:10)").status_code
        for page in range(pages)
    ]


def test_walking_through_the_pages_is_stopped_and_told(nursery: Portal, buyers: list[int]) -> None:
    assert walk(nursery.api("west"), 9) == [200] * 6 + [429] * 3
    assert seen(nursery, "west") == HOUR
    stopped = nursery.scalar(
        "SELECT count(*) FROM portal_audit_entry WHERE action = 'viewing:stopped' AND account_name = 'west'"
    )
    assert stopped == 3
    told = nursery.scalar(
        "SELECT count(*) FROM portal_notice WHERE kind = 'viewing' AND account_id = :boss AND key NOT LIKE '%half%'",
        boss=nursery.ids["account_boss"],
    )
    assert told == 1


def test_every_door_draws_on_the_same_budget(nursery: Portal, buyers: list[int]) -> None:
    api, browser = nursery.api("west"), nursery.browser("west")
    assert walk(api, 3) == [200] * 3
    assert browser.get("/buyer/list/?size=25&page=2").status_code == 200
    assert seen(nursery, "west") == 50
    far = buyers[0]
    assert browser.get(f"/buyer/show/{far}").status_code == 200
    assert api.call("GET", f"buyer/{far}").status_code == 200
    assert seen(nursery, "west") == 51
    refused = browser.get("/buyer/list/?size=25&page=4")
    assert refused.status_code == 429
    assert "买家0" not in refused.text
    assert "60" in refused.text
    assert browser.get("/search/?q=买家01").status_code == 200
    assert seen(nursery, "west") == 56
    assert browser.get("/search/?q=买家02").status_code == 429
    assert seen(nursery, "west") == 56


def test_what_was_seen_today_may_be_seen_again(nursery: Portal, buyers: list[int]) -> None:
    api = nursery.api("west")
    assert walk(api, 7) == [200] * 6 + [429]
    assert walk(api, 6) == [200] * 6


def test_the_hour_slides_and_the_day_does_not(nursery: Portal, buyers: list[int]) -> None:
    api = nursery.api("west")
    assert walk(api, 7)[-1] == 429
    nursery.clock.moment += timedelta(minutes=61)
    api = nursery.api("west")
    assert walk(api, 5, start=6) == [200] * 3 + [429] * 2
    assert seen(nursery, "west") == DAY


def test_several_at_once_do_not_get_more(nursery: Portal, buyers: list[int]) -> None:
    apis = [nursery.api("west") for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda n: walk(apis[n % 6], 1, n)[0], range(12)))
    assert answers.count(200) == 6
    assert seen(nursery, "west") == HOUR


def test_a_role_has_its_own_budget(nursery: Portal, buyers: list[int]) -> None:
    assert walk(nursery.api("boss"), 12) == [200] * 12


def test_what_is_shown_is_noted_before(nursery: Portal, buyers: list[int]) -> None:
    """Each record once a day, sealed with who looked."""
    before = nursery.scalar(
        "SELECT count(*) FROM portal_audit_entry WHERE action = 'viewing:shown'"
    )
    api = nursery.api("west")
    walk(api, 2)
    walk(api, 2)
    after = nursery.scalar("SELECT count(*) FROM portal_audit_entry WHERE action = 'viewing:shown'")
    assert after == before + 2


def test_what_cannot_be_noted_is_not_shown(nursery: Portal, buyers: list[int]) -> None:
    api = nursery.api("west")
    with nursery.engines.owner.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE portal_viewed RENAME TO portal_viewed_away")
    try:
        answer = api.call("GET", "buyer/?q=(page_size:10)")
    finally:
        with nursery.engines.owner.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE portal_viewed_away RENAME TO portal_viewed")
    assert answer.status_code >= 500
    assert "买家" not in json.dumps(answer.json, ensure_ascii=False)


def test_the_page_says_on_itself_who_looked(nursery: Portal, buyers: list[int]) -> None:
    page = nursery.browser("west").get("/buyer/list/").text
    assert page.count("west 2026-06-") >= 10
    assert "watermark" not in nursery.browser("west").get("/plant/list/").text


def test_choosing_draws_on_the_budget_and_offers_nothing_unasked(
    nursery: Portal, buyers: list[int]
) -> None:
    browser = nursery.browser("west")
    address = "/sale/lookup/buyer?q="
    for little in ("", "买", " 1 "):
        answer: Any = browser.get(address + little).json
        assert answer == {"results": [], "note": "请至少输入两个字。"}
    assert seen(nursery, "west") == 0
    tens = [f"买家{ten:02}" for ten in range(7)]
    found = [browser.get(address + quote(ten), headers=JSON) for ten in tens]
    assert [answer.status_code for answer in found] == [200] * 6 + [429]
    bodies: list[Any] = [answer.json for answer in found]
    assert [len(body["results"]) for body in bodies[:6]] == [10] * 6
    assert seen(nursery, "west") == HOUR
    assert bodies[6].keys() == {"message", "code"}
    assert "60" in bodies[6]["message"]


def test_what_one_has_made_is_not_looked_at(nursery: Portal, buyers: list[int]) -> None:
    api, before = nursery.api("west"), seen(nursery, "west")
    new = {"name": "新买家", "bed": nursery.ids["west"]}
    api.headers["Idempotency-Key"] = "made-once"
    made: Any = api.call("POST", "buyer/", json=new)
    assert made.status_code == 201
    assert seen(nursery, "west") == before
    # Asked again, the answer tells what became of it meanwhile.
    again: Any = api.call("POST", "buyer/", json=new)
    assert (again.status_code, again.json["id"]) == (201, made.json["id"])
    assert seen(nursery, "west") == before + 1
    changed = {"version": 1, "name": "买家"}
    assert api.call("PUT", f"buyer/{buyers[0]}", json=changed).status_code == 200
    assert seen(nursery, "west") == before + 2


def test_what_may_not_be_shown_is_not_changed_by_a_program(
    nursery: Portal, buyers: list[int]
) -> None:
    api = nursery.api("west")
    assert walk(api, 7)[-1] == 429
    version = "SELECT version FROM buyer WHERE id = :id"
    before = nursery.scalar(version, id=buyers[0])
    changed = {"version": before, "name": "买家"}
    assert api.call("PUT", f"buyer/{buyers[0]}", json=changed).status_code == 429
    assert nursery.scalar(version, id=buyers[0]) == before
