"""Erasing a person: by two people, without what the law has kept, with the trail intact."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

import pytest

from tests.functional.privacy.asking import agreed, asked, dump, faults
from tests.functional.requests.asking import decide, run, state_of
from tests.support.portals import NOON, Portal

NAME, MOBILE, CARD = "孙可删", "13611112222", "6222021234567890128"


@pytest.fixture
def gone(nursery: Portal) -> Iterator[int]:
    """A gardener who left 25 months ago: one more than the law has some things kept."""
    nursery.clock.moment += timedelta(days=1)
    if "second" not in nursery.ids:
        nursery.ids["second"] = nursery.account("second", "owner", None)
    with nursery.records() as records:
        number = records.create(
            "gardener",
            {"name": NAME, "bed": nursery.ids["west"], "mobile": MOBILE, "email": "sun@example.com",
             "bank_card": CARD, "hourly_pay": Decimal(20), "left_on": date(2024, 5, 1)},
        )  # fmt: skip
        task = records.create("task", {"name": "除草", "bed": nursery.ids["west"], "doer": number})
        records.change("gardener", number, {"mobile": "13611113333"}, 1)
        records.change("gardener", number, {"mobile": MOBILE}, 2)
    yield number
    with nursery.records() as records:
        records.remove("task", task, 1)
    nursery.clock.moment = nursery.clock.moment.replace(hour=NOON.hour)


def test_the_values_go_and_the_record_stays(nursery: Portal, gone: int) -> None:
    assert MOBILE in dump(nursery)
    request = asked(nursery.browser("second"), "gardener", gone, "erase")
    page = nursery.browser("boss").get(f"/requests/{request}").text
    assert "Mobile" in page or "手机" in page
    agreed(nursery, request)
    assert state_of(nursery, request) == "used"
    left = dump(nursery)
    for secret in (NAME, MOBILE, "13611113333", CARD, "sun@example.com"):
        assert secret not in left
    row = nursery.column("SELECT to_jsonb(g) FROM gardener g WHERE id = :id", id=gone)[0]
    assert (row["name"], row["mobile"], row["bank_card"], row["left_on"]) == (
        "—",
        None,
        None,
        "2024-05-01",
    )
    # What leads to it still does.
    assert nursery.scalar("SELECT count(*) FROM task WHERE doer_id = :id", id=gone) >= 1
    assert nursery.browser("boss").get(f"/gardener/show/{gone}").status_code == 200
    assert faults(nursery) == []
    told = nursery.scalar(
        "SELECT count(*) FROM portal_audit_entry WHERE action = 'record:erased' AND record_id = :id",
        id=gone,
    )
    assert told == 1
    found = nursery.browser("boss").get("/gardener/list/?q=孙可删").text
    assert f"/gardener/show/{gone}" not in found


def test_what_the_law_has_kept_stays(nursery: Portal, gone: int) -> None:
    """Twenty-three months after the end the classes of two years stay, the others go."""
    run(nursery, "UPDATE gardener SET left_on = '2024-08-01' WHERE id = :id", id=gone)
    request = asked(nursery.browser("second"), "gardener", gone, "erase")
    page = nursery.browser("boss").get(f"/requests/{request}").text
    assert "2026-08-01" in page
    agreed(nursery, request)
    row = nursery.column("SELECT to_jsonb(g) FROM gardener g WHERE id = :id", id=gone)[0]
    assert (row["mobile"], nursery.plain(row["bank_card"])) == (None, CARD)
    # A day after the law lets go, the rest goes as well.
    nursery.clock.moment = nursery.clock.moment.replace(month=8, day=2)
    try:
        agreed(nursery, asked(nursery.browser("second"), "gardener", gone, "erase"))
    finally:
        nursery.clock.moment = NOON + timedelta(days=9)
    assert nursery.scalar("SELECT bank_card FROM gardener WHERE id = :id", id=gone) is None
    assert faults(nursery) == []


@pytest.mark.parametrize("left_on", [None, "2026-12-31"])
def test_a_purpose_that_has_not_ended_stands_against_it(
    nursery: Portal, gone: int, left_on: str | None
) -> None:
    run(nursery, "UPDATE gardener SET left_on = :day WHERE id = :id", id=gone, day=left_on)
    answer = _try(nursery, gone)
    assert answer[0] == 409
    assert "目的" in answer[1] or "purpose" in answer[1]


def test_a_legal_hold_stands_against_it_also_after_it_was_asked_for(
    nursery: Portal, gone: int
) -> None:
    request = asked(nursery.browser("second"), "gardener", gone, "erase")
    boss = nursery.browser("boss")
    boss.get(f"/privacy/gardener/{gone}")
    assert boss.post(f"/privacy/gardener/{gone}/hold", {"reason": ""}).status_code == 422
    assert boss.post(f"/privacy/gardener/{gone}/hold", {"reason": "劳动仲裁"}).status_code == 302
    assert boss.post(f"/privacy/gardener/{gone}/hold", {"reason": "再来"}).status_code == 409
    assert "劳动仲裁" in boss.get(f"/privacy/gardener/{gone}").text
    boss.get(f"/requests/{request}")
    assert decide(boss, request) == 409
    assert _try(nursery, gone)[0] == 409
    assert nursery.scalar("SELECT name FROM gardener WHERE id = :id", id=gone) == NAME
    assert boss.post(f"/privacy/gardener/{gone}/lift", {"reason": "已结案"}).status_code == 302
    boss.get(f"/requests/{request}")
    assert decide(boss, request) == 302
    assert nursery.scalar("SELECT name FROM gardener WHERE id = :id", id=gone) == "—"


def test_a_record_that_changed_since_is_not_erased(nursery: Portal, gone: int) -> None:
    request = asked(nursery.browser("second"), "gardener", gone, "erase")
    with nursery.records() as records:
        records.change("gardener", gone, {"email": "new@example.com"}, 3)
    boss = nursery.browser("boss")
    boss.get(f"/requests/{request}")
    assert decide(boss, request) == 409
    assert nursery.scalar("SELECT email FROM gardener WHERE id = :id", id=gone) == "new@example.com"


def test_nobody_decides_his_own_and_others_do_not_ask(nursery: Portal, gone: int) -> None:
    second = nursery.browser("second")
    request = asked(second, "gardener", gone, "erase")
    second.get(f"/requests/{request}")
    assert decide(second, request) == 403
    west = nursery.browser("west")
    assert west.get(f"/privacy/gardener/{gone}").status_code == 404
    assert west.post(f"/privacy/gardener/{gone}/hold", {"reason": "我"}).status_code == 404
    assert nursery.browser("helper").get(f"/privacy/gardener/{gone}").status_code == 404
    for address in ("/privacy/plant/1", "/privacy/nothing/1", f"/privacy/gardener/{10**9}"):
        assert second.get(address).status_code == 404


def test_what_stands_below_goes_with_it_and_a_buyer_needs_no_end(nursery: Portal) -> None:
    """A buyer has no day of an end: whoever asks to be forgotten is."""
    with nursery.records() as records:
        number = records.create(
            "buyer", {"name": "周要删", "bed": nursery.ids["west"], "mobile": "13622223333"}
        )
    west = nursery.browser("west")
    agreed(nursery, asked(west, "buyer", number, "erase"))
    left = dump(nursery)
    assert "周要删" not in left
    assert "13622223333" not in left
    assert faults(nursery) == []


def _try(nursery: Portal, number: int) -> tuple[int, str]:
    second = nursery.browser("second")
    second.get(f"/privacy/gardener/{number}")
    answer = second.post(f"/privacy/gardener/{number}/erase", {"reason": "本人要求"})
    return answer.status_code, answer.text
