"""Deleting where the role may only ask: the record stays until a second person agrees."""

from __future__ import annotations

import json

import pytest

from tests.functional.requests.asking import (
    REASON,
    another_boss,
    ask_deletion,
    buyer,
    decide,
    run,
    state_of,
    version_of,
)
from tests.support.portals import Portal


def test_a_record_is_deleted_when_a_second_person_agrees(nursery: Portal) -> None:
    number, west, boss = buyer(nursery, "北园"), nursery.browser("west"), nursery.browser("boss")
    page = west.get(f"/buyer/show/{number}").text
    assert f"/requests/delete/buyer?records={number}.1" in page
    assert f"/buyer/delete/{number}" not in page

    request = ask_deletion(nursery, west, "buyer", number)
    assert nursery.scalar("SELECT deleted_at FROM buyer WHERE id = :id", id=number) is None
    shown = west.get(f"/buyer/show/{number}").text
    assert f'<a href="/requests/{request}">' in shown
    assert f"/requests/{request}" in boss.get("/").text
    assert "北园" in boss.get(f"/requests/{request}").text
    told = nursery.scalar(
        "SELECT count(*) FROM portal_notice WHERE key = :key",
        key=f"request:{request}:asked:{nursery.ids['account_boss']}",
    )
    assert told == 1

    assert decide(boss, request) == 302
    assert state_of(nursery, request) == "used"
    assert nursery.scalar("SELECT deleted_at FROM buyer WHERE id = :id", id=number) is not None
    assert west.get(f"/buyer/show/{number}").status_code == 404
    stone = nursery.scalar(
        "SELECT concat_ws('|', account_name, request_id, reason, title) FROM portal_tombstone"
        " WHERE entity = 'buyer' AND record_id = :id",
        id=number,
    )
    assert stone == f"boss|{request}|{REASON}|北园"
    assert f"request:{request}:decided:{nursery.ids['account_west']}" == nursery.scalar(
        "SELECT key FROM portal_notice WHERE key LIKE :key", key=f"request:{request}:decided:%"
    )


def test_what_is_gone_for_good_leaves_its_rows(nursery: Portal) -> None:
    with nursery.records() as records:
        number = records.create("tool", {"name": "锄头", "settings": {"长": 1.50}})
    before = nursery.scalar("SELECT to_jsonb(t) FROM tool t WHERE id = :id", id=number)
    request = ask_deletion(nursery, nursery.browser("west"), "tool", number)
    assert decide(nursery.browser("boss"), request) == 302
    assert nursery.scalar("SELECT count(*) FROM tool WHERE id = :id", id=number) == 0
    kept = nursery.scalar(
        "SELECT row FROM portal_tombstone WHERE entity = 'tool' AND record_id = :id", id=number
    )
    assert kept == {"tool": [before]}


def test_several_records_are_one_request(nursery: Portal) -> None:
    numbers = [buyer(nursery, f"批量{n}") for n in range(3)]
    west = nursery.browser("west")
    west.get("/buyer/list/")
    answer = west.post("/buyer/bulk", {"action": "delete", "ids": ",".join(map(str, numbers))})
    pairs = ",".join(f"{n}.1" for n in numbers)
    assert answer.headers["Location"] == f"/requests/delete/buyer?records={pairs}"
    request = ask_deletion(nursery, west, "buyer", *numbers)
    gone = "SELECT count(*) FROM buyer WHERE id = ANY(:ids) AND deleted_at IS NOT NULL"
    assert nursery.scalar(gone, ids=numbers) == 0
    assert decide(nursery.browser("boss"), request) == 302
    assert nursery.scalar(gone, ids=numbers) == 3


def test_refused_means_nothing_happened(nursery: Portal) -> None:
    number, boss = buyer(nursery, "留下"), nursery.browser("boss")
    request = ask_deletion(nursery, nursery.browser("west"), "buyer", number)
    boss.get(f"/requests/{request}")
    assert decide(boss, request, "refuse", why="") == 422
    assert decide(boss, request, "refuse") == 302
    assert state_of(nursery, request) == "refused"
    assert nursery.scalar("SELECT deleted_at FROM buyer WHERE id = :id", id=number) is None
    assert decide(boss, request) == 409


def test_a_record_that_changed_since_stops_all_of_it(nursery: Portal) -> None:
    one, two = buyer(nursery, "不变"), buyer(nursery, "会变")
    request = ask_deletion(nursery, nursery.browser("west"), "buyer", one, two)
    with nursery.records() as records:
        records.change("buyer", two, {"name": "变了"}, version_of(nursery, "buyer", two))
    boss = nursery.browser("boss")
    boss.get(f"/requests/{request}")
    assert decide(boss, request) == 409
    assert state_of(nursery, request) == "pending"
    assert nursery.scalar("SELECT deleted_at FROM buyer WHERE id = :id", id=one) is None


def test_the_same_is_not_asked_for_twice(nursery: Portal) -> None:
    number, west = buyer(nursery, "两次"), nursery.browser("west")
    ask_deletion(nursery, west, "buyer", number)
    again = west.post(f"/requests/delete/buyer?records={number}.1", {"reason": REASON})
    assert again.status_code == 422
    assert (
        west.post(f"/requests/delete/buyer?records={number}.1", {"reason": " "}).status_code == 422
    )


def test_a_request_expires(nursery: Portal) -> None:
    request = ask_deletion(nursery, nursery.browser("west"), "buyer", buyer(nursery, "太久"))
    run(
        nursery,
        "UPDATE portal_request SET expires_at = '2026-06-15T03:59Z' WHERE id = :id",
        id=request,
    )
    boss = nursery.browser("boss")
    boss.get(f"/requests/{request}")
    assert decide(boss, request) == 409
    assert f'/requests/{request}"' not in boss.get("/requests/?view=decide").text


def test_by_the_api_a_reason_makes_a_request(nursery: Portal) -> None:
    number, api = buyer(nursery, "接口"), nursery.api("west")
    assert api.call("DELETE", f"buyer/{number}?version=1").status_code == 422
    answer = api.call("DELETE", f"buyer/{number}?version=1&reason=dup")
    assert answer.status_code == 202
    assert answer.json["request"].startswith("/requests/")
    assert nursery.scalar("SELECT deleted_at FROM buyer WHERE id = :id", id=number) is None
    # Who may delete at once still does.
    assert nursery.api("boss").call("DELETE", f"buyer/{number}?version=1").status_code == 200


def test_whoever_may_neither_ask_nor_delete_learns_nothing(nursery: Portal) -> None:
    helper, far = nursery.browser("helper"), nursery.ids["far_buyer"]
    assert helper.get("/requests/delete/buyer?records=1.1").status_code == 404
    assert helper.get("/requests/delete/task?records=1.1").status_code == 403
    west = nursery.browser("west")
    assert west.post(f"/requests/delete/buyer?records={far}.1", {"reason": "x"}).status_code == 422
    assert nursery.scalar("SELECT count(*) FROM portal_request_record WHERE record_id = :id"
                          " AND entity = 'buyer'", id=far) == 0  # fmt: skip
    request = ask_deletion(nursery, west, "buyer", buyer(nursery, "秘密"))
    assert helper.get(f"/requests/{request}").status_code == 404
    assert helper.get(f"/requests/{10**15}").status_code == 404


def test_without_anybody_to_decide_nothing_is_asked(nursery: Portal) -> None:
    another_boss(nursery, "boss2")
    run(nursery, "UPDATE ab_user SET active = false WHERE username IN ('boss', 'boss2')")
    try:
        west, number = nursery.browser("west"), buyer(nursery, "无人")
        answer = west.post(f"/requests/delete/buyer?records={number}.1", {"reason": REASON})
        assert answer.status_code == 422
        assert nursery.scalar("SELECT count(*) FROM portal_request_record WHERE record_id = :id"
                              " AND entity = 'buyer'", id=number) == 0  # fmt: skip
    finally:
        run(nursery, "UPDATE ab_user SET active = true WHERE username IN ('boss', 'boss2')")


@pytest.mark.parametrize("given", ["", "1", "1.1,", "1.1;2.1", "9" * 30 + ".1", "-1.1"])
def test_nonsense_is_no_such_page(nursery: Portal, given: str) -> None:
    west = nursery.browser("west")
    assert west.get("/requests/delete/buyer", query_string={"records": given}).status_code == 404


def test_the_payload_of_a_request_cannot_be_changed(nursery: Portal) -> None:
    one, other = buyer(nursery, "甲"), buyer(nursery, "乙")
    request = ask_deletion(nursery, nursery.browser("west"), "buyer", one)
    forged = json.dumps({"records": [[other, 1]]})
    run(nursery, "UPDATE portal_request SET payload = cast(:p AS jsonb) WHERE id = :id",
        p=forged, id=request)  # fmt: skip
    boss = nursery.browser("boss")
    boss.get("/requests/")
    assert decide(boss, request) == 409
    assert nursery.scalar("SELECT deleted_at FROM buyer WHERE id = :id", id=other) is None


def test_the_home_page_of_a_decider_takes_few_statements(nursery: Portal) -> None:
    west, boss = nursery.browser("west"), nursery.browser("boss")
    counts = []
    for turn in range(2):
        for number in range(5):
            ask_deletion(nursery, west, "buyer", buyer(nursery, f"许多{turn}-{number}"))
        with nursery.statements() as said:
            assert boss.get("/").status_code == 200
        counts.append(len(said))
    # Ten requests cost no more than five; what was slow to count may be known by then.
    assert counts[1] <= counts[0] + 1
