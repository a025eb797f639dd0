"""F34: whoever deletes much at once deletes no more: the next waits for a second person, who is told at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from tests.functional.requests.asking import decide, run, state_of, version_of
from tests.support.portals import NOON, Browser, Portal


@pytest.fixture
def west(nursery: Portal) -> Browser:
    run(nursery, "DELETE FROM portal_watched_deed")
    nursery.clock.moment = NOON
    return nursery.browser("west")


def plant(portal: Portal, name: str) -> int:
    """Another plant in the western bed."""
    with portal.records() as records:
        row = {"label_text": name, "species": portal.ids["maple"], "bed": portal.ids["west"]}
        return records.create("plant", row)


def delete(portal: Portal, browser: Browser, number: int) -> str:
    """Delete a plant; where the answer leads."""
    version = str(version_of(portal, "plant", number))
    answer = browser.post(f"/plant/delete/{number}", {"version": version})
    assert answer.status_code == 302
    return answer.headers["Location"]


def alive(portal: Portal, numbers: list[int]) -> int:
    """How many of the plants are still there."""
    there = "SELECT count(*) FROM plant WHERE id = ANY(:ids) AND deleted_at IS NULL"
    return int(portal.scalar(there, ids=numbers))


def test_the_twelfth_is_held_and_told(nursery: Portal, west: Browser) -> None:
    numbers = [plant(nursery, f"十二-{n}") for n in range(14)]
    for number in numbers[:11]:
        assert delete(nursery, west, number) == "/plant/list/"
    address = delete(nursery, west, numbers[11])
    assert address.startswith("/requests/")
    request = int(address.rpartition("/")[2])
    assert alive(nursery, numbers) == 3
    told = nursery.scalar(
        "SELECT urgency || extract(epoch FROM created_at)::bigint FROM portal_notice WHERE key = :key",
        key=f"request:{request}:asked:{nursery.ids['account_boss']}",
    )
    assert told == f"red{int(NOON.timestamp())}"
    # By the API and in bulk as well, in one request for all that are held.
    api = nursery.api("west")
    assert api.call("DELETE", f"plant/{numbers[12]}?version=1").status_code == 202
    west.get("/plant/list/")
    bulk = west.post("/plant/bulk", {"action": "delete", "ids": str(numbers[13])})
    assert bulk.headers["Location"].startswith("/requests/")
    assert alive(nursery, numbers) == 3
    boss = nursery.browser("boss")
    assert "被拦截" in west.get(address).text or "held" in west.get(address).text
    boss.get(f"/requests/{request}")
    assert decide(boss, request) == 302
    assert state_of(nursery, request) == "used"
    assert alive(nursery, numbers) == 2


def test_two_are_nothing(nursery: Portal, west: Browser) -> None:
    before = nursery.scalar("SELECT count(*) FROM portal_request")
    for number in [plant(nursery, f"两株-{n}") for n in range(2)]:
        assert delete(nursery, west, number) == "/plant/list/"
    assert nursery.scalar("SELECT count(*) FROM portal_request") == before


def test_the_window_slides(nursery: Portal, west: Browser) -> None:
    numbers = [plant(nursery, f"滑动-{n}") for n in range(13)]
    for number in numbers[:11]:
        delete(nursery, west, number)
        nursery.clock.moment += timedelta(minutes=4)
    assert delete(nursery, west, numbers[11]).startswith("/requests/")
    # Sixty minutes after the first two, there is room again.
    nursery.clock.moment = NOON + timedelta(minutes=65)
    west = nursery.browser("west")
    assert delete(nursery, west, numbers[12]) == "/plant/list/"
    nursery.clock.moment = NOON


def test_many_at_the_same_moment_are_counted_one_by_one(nursery: Portal, west: Browser) -> None:
    numbers = [plant(nursery, f"同时-{n}") for n in range(16)]
    browsers = [nursery.browser("west") for _ in numbers]
    with ThreadPoolExecutor(16) as pool:
        ends = list(pool.map(delete, [nursery] * 16, browsers, numbers))
    assert sum(end == "/plant/list/" for end in ends) == 11
    assert alive(nursery, numbers) == 5


def test_a_change_of_who_answers_is_counted_too(nursery: Portal, west: Browser) -> None:
    """More than thirty times within the hour; then the value waits, and comes as it was meant."""
    ids = nursery.ids
    with nursery.records() as records:
        task = records.create("task", {"name": "换人", "bed": ids["west"], "doer": ids["wang"]})
    api, people = nursery.api("west"), (ids["helper"], ids["wang"])
    for turn in range(30):
        answer = api.call(
            "PUT", f"task/{task}", json={"doer": people[turn % 2], "version": turn + 1}
        )
        assert answer.status_code == 200, answer.json
    # What is not sensitive is not counted.
    assert (
        api.call("PUT", f"task/{task}", json={"due_on": "2026-07-01", "version": 31}).status_code
        == 200
    )
    answer = api.call(
        "PUT", f"task/{task}", json={"doer": ids["helper"], "due_on": "2026-08-02", "version": 32}
    )
    assert answer.status_code == 202
    request = int(answer.json["request"].rpartition("/")[2])
    assert nursery.scalar("SELECT doer_id FROM task WHERE id = :id", id=task) == ids["wang"]
    boss = nursery.browser("boss")
    assert "李帮工" in boss.get(f"/requests/{request}").text
    assert decide(boss, request) == 302
    kept = nursery.scalar("SELECT doer_id || ' ' || due_on FROM task WHERE id = :id", id=task)
    assert kept == f"{ids['helper']} 2026-08-02"


def test_what_is_decided_is_not_counted_for_the_decider(nursery: Portal, west: Browser) -> None:
    numbers = [plant(nursery, f"多多-{n}") for n in range(13)]
    for number in numbers[:11]:
        delete(nursery, west, number)
    boss = nursery.browser("boss")
    for number in numbers[11:]:
        request = int(delete(nursery, west, number).rpartition("/")[2])
        boss.get(f"/requests/{request}")
        assert decide(boss, request) == 302
    mine = "SELECT count(*) FROM portal_watched_deed WHERE account_id = :id"
    assert nursery.scalar(mine, id=nursery.ids["account_boss"]) == 0
