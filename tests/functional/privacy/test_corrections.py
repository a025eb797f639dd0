"""People ask for the correction of what they may not edit, and whoever may edit it answers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from tests.functional.privacy.asking import faults
from tests.functional.requests.asking import decide, run, state_of
from tests.support.portals import NOON, Browser, Portal

# Those of wang, whose account is west: kept since he was planted, and what he says is right.
KEPT, NEW = "13800138000", "13511112222"
WHY = "换了号码"


@pytest.fixture
def west(nursery: Portal) -> Iterator[Browser]:
    """The gardener, without requests that wait from before."""
    if "east_boss" not in nursery.ids:
        nursery.ids["east_boss"] = nursery.account("east_boss", "owner", nursery.ids["east"])
    yield nursery.browser("west")
    run(nursery, "UPDATE portal_request SET state = 'withdrawn' WHERE state = 'pending'")


def address(portal: Portal, field: str = "mobile", who: str = "wang") -> str:
    return f"/privacy/gardener/{portal.ids[who]}/correct?field={field}"


def asked(
    portal: Portal, browser: Browser, right: str = NEW, field: str = "mobile", why: str = WHY
) -> int:
    """Ask as people do; the number of the request."""
    assert browser.get(address(portal, field)).status_code == 200
    answer = browser.post(address(portal, field), {"right": right, "reason": why})
    found = re.fullmatch(r"/requests/(\d+)", answer.headers.get("Location", ""))
    assert found, answer.text
    return int(found[1])


def mobile(portal: Portal) -> str:
    """What the record says now."""
    return portal.plain(
        portal.scalar("SELECT mobile FROM gardener WHERE id = :id", id=portal.ids["wang"])
    )


def waiting(portal: Portal) -> int:
    return int(portal.scalar("SELECT count(*) FROM portal_request WHERE state = 'pending'"))


def told(portal: Portal, number: int) -> set[int]:
    """The accounts that were told that a request waits."""
    key = f"request:{number}:asked:%"
    return set(portal.column("SELECT account_id FROM portal_notice WHERE key LIKE :key", key=key))


def test_what_he_sees_and_may_not_edit_can_be_asked_for(nursery: Portal, west: Browser) -> None:
    """By role_keeper.yaml: name and email are edited, hourly_pay is hidden, files and links are left out."""
    page = west.get(f"/privacy/gardener/{nursery.ids['wang']}").text
    offered = re.search(r'<select[^>]*id="correct-field".*?</select>', page, re.S)
    assert offered
    names = re.findall(r'<option value="(\w+)">', offered[0])
    assert names == ["mobile", "phone", "id_card", "bank_card", "left_on"]
    # Whoever may edit the record, and is not the person, is offered nothing.
    boss = nursery.browser("boss").get(f"/privacy/gardener/{nursery.ids['wang']}")
    assert boss.status_code == 200
    assert "correct-field" not in boss.text


def test_nothing_else_is_there(nursery: Portal, west: Browser) -> None:
    far, own = nursery.ids["far"], nursery.ids["wang"]
    for path in (
        f"/privacy/gardener/{own}/correct?field=name",
        f"/privacy/gardener/{own}/correct?field=hourly_pay",
        f"/privacy/gardener/{own}/correct?field=pin",
        f"/privacy/gardener/{own}/correct?field=nothing",
        f"/privacy/gardener/{own}/correct",
        f"/privacy/gardener/{nursery.ids['helper']}/correct?field=mobile",
        f"/privacy/gardener/{far}/correct?field=mobile",
        f"/privacy/buyer/{nursery.ids['buyer']}/correct?field=mobile",
        f"/privacy/task/{nursery.ids['task']}/correct?field=name",
        "/privacy/nothing/1/correct?field=mobile",
    ):
        assert west.get(path).status_code == 404, path
        assert west.post(path, {"right": NEW, "reason": WHY}).status_code == 404, path
    boss = nursery.browser("boss")
    assert boss.get(address(nursery)).status_code == 404
    # The helper may not read gardeners at all, not even himself.
    assert nursery.browser("helper").get(address(nursery, who="helper")).status_code == 404
    assert waiting(nursery) == 0


def test_wrong_values_are_named_and_kept(nursery: Portal, west: Browser) -> None:
    page = west.get(address(nursery)).text
    assert "138****8000" in page
    assert KEPT not in page
    assert "2026-07-07" in page
    answer = west.post(address(nursery), {"right": "12345", "reason": ""})
    assert answer.status_code == 422
    assert "手机号" in answer.text
    assert "请说明原因" in answer.text
    assert 'value="12345"' in answer.text
    west.post("/lang/en")
    english = west.post(address(nursery, "left_on"), {"right": "yesterday", "reason": WHY})
    assert "Enter a date such as 2026-01-31." in english.text
    assert WHY in english.text
    empty = west.post(address(nursery), {"right": "", "reason": WHY})
    assert empty.status_code == 422
    assert "Please fill this in." in empty.text
    west.post("/lang/zh")
    assert waiting(nursery) == 0


def test_it_is_kept_encrypted_and_told_to_those_who_may_edit_it(
    nursery: Portal, west: Browser
) -> None:
    """The boss may; the boss of the eastern bed does not see the record, keepers do not edit the field."""
    number = asked(nursery, west)
    raw = str(nursery.scalar("SELECT payload::text FROM portal_request WHERE id = :id", id=number))
    assert NEW not in raw
    assert KEPT not in raw
    payload = json.loads(raw)
    assert payload["field"] == "mobile"
    # Fifteen working days after Monday, 15 June 2026; Friday the 19th is the Dragon Boat Festival.
    assert payload["due"] == "2026-07-07"
    assert told(nursery, number) == {nursery.ids["account_boss"]}
    page = nursery.browser("boss").get(f"/requests/{number}").text
    assert f"{KEPT}" in page
    assert NEW in page
    assert WHY in page
    assert "2026-07-07" in page
    assert "逾期" not in page
    east = nursery.browser("east_boss")
    assert east.get(f"/requests/{number}").status_code == 404
    assert decide(east, number) == 404
    assert f"/requests/{number}" not in east.get("/requests/?view=decide").text
    assert f"/requests/{number}" in nursery.browser("boss").get("/requests/?view=decide").text
    # His own page of it shows the field as he sees it, and no way to decide.
    own = west.get(f"/requests/{number}").text
    assert "135****2222" in own
    assert NEW not in own
    assert 'value="approve"' not in own
    assert decide(west, number) == 403
    assert nursery.browser("helper").get(f"/requests/{number}").status_code == 404
    assert mobile(nursery) == KEPT


def test_agreeing_changes_the_record_as_an_edit_does(nursery: Portal, west: Browser) -> None:
    number, wang = asked(nursery, west), nursery.ids["wang"]
    # Somebody changes something else meanwhile: that does not stand against it.
    with nursery.records() as records:
        version = records.get("gardener", wang, ("version",)).values["version"]
        records.change("gardener", wang, {"email": "wang@example.com"}, version)
    boss = nursery.browser("boss")
    boss.get(f"/requests/{number}")
    assert decide(boss, number) == 302
    assert (state_of(nursery, number), mobile(nursery)) == ("used", NEW)
    body = nursery.scalar(
        "SELECT convert_from(body, 'UTF8') FROM portal_audit_entry WHERE action = 'record:changed'"
        " AND entity = 'gardener' AND record_id = :id ORDER BY id DESC LIMIT 1",
        id=wang,
    )
    sealed = json.loads(str(body).rpartition("\n")[2])
    assert (sealed["name"], sealed["fields"]) == ("boss", ["mobile", "version"])
    assert sealed["facts"] == {"request": number}
    titles = nursery.column(
        "SELECT texts::text FROM portal_notice WHERE key LIKE :key",
        key=f"request:{number}:decided:%",
    )
    assert len(titles) == 1
    assert "已批准：更正" in titles[0]
    assert faults(nursery) == []
    with nursery.records() as records:
        version = records.get("gardener", wang, ("version",)).values["version"]
        records.change("gardener", wang, {"mobile": KEPT}, version)


def test_refusing_needs_a_reason_which_the_person_reads(nursery: Portal, west: Browser) -> None:
    number = asked(nursery, west)
    boss = nursery.browser("boss")
    boss.get(f"/requests/{number}")
    assert decide(boss, number, "refuse", why=" ") == 422
    assert state_of(nursery, number) == "pending"
    assert decide(boss, number, "refuse", why="号码登记在别人名下") == 302
    assert (state_of(nursery, number), mobile(nursery)) == ("refused", KEPT)
    assert "号码登记在别人名下" in west.get(f"/requests/{number}").text


def test_a_field_that_has_changed_meanwhile_is_asked_for_anew(
    nursery: Portal, west: Browser
) -> None:
    number, wang = asked(nursery, west), nursery.ids["wang"]
    with nursery.records() as records:
        version = records.get("gardener", wang, ("version",)).values["version"]
        records.change("gardener", wang, {"mobile": "13699998888"}, version)
        records.change("gardener", wang, {"email": None}, version + 1)
    boss = nursery.browser("boss")
    boss.get(f"/requests/{number}")
    assert decide(boss, number) == 409
    assert (state_of(nursery, number), mobile(nursery)) == ("pending", "13699998888")
    with nursery.records() as records:
        records.change("gardener", wang, {"mobile": KEPT}, version + 2)


def test_each_field_waits_once(nursery: Portal, west: Browser) -> None:
    asked(nursery, west)
    again = west.post(address(nursery), {"right": "13522223333", "reason": WHY})
    assert again.status_code == 409
    assert "13522223333" in again.text
    asked(nursery, west, "2026-12-31", "left_on")
    assert waiting(nursery) == 2
    # A value in clear that is right already is no correction; of a masked one nothing is said.
    run(nursery, "UPDATE portal_request SET state = 'withdrawn' WHERE state = 'pending'")
    run(
        nursery, "UPDATE gardener SET left_on = '2026-12-31' WHERE id = :id", id=nursery.ids["wang"]
    )
    same = west.post(address(nursery, "left_on"), {"right": "2026-12-31", "reason": WHY})
    assert same.status_code == 422
    run(nursery, "UPDATE gardener SET left_on = NULL WHERE id = :id", id=nursery.ids["wang"])
    assert asked(nursery, west, KEPT) > 0


def test_what_is_late_is_marked(nursery: Portal, west: Browser) -> None:
    """Promised by 7 July: not late on that day, late on the next, and still to be decided."""
    number = asked(nursery, west)
    try:
        for day, late in ((date(2026, 7, 7), False), (date(2026, 7, 8), True)):
            nursery.clock.moment = NOON + (day - NOON.date())
            boss = nursery.browser("boss")
            for path in (f"/requests/{number}", "/requests/?view=decide"):
                assert ("逾期" in boss.get(path).text) is late, (day, path)
        boss.get(f"/requests/{number}")
        assert decide(boss, number, "refuse") == 302
        assert "逾期" not in boss.get(f"/requests/{number}").text
    finally:
        nursery.clock.moment = NOON


def test_lost_rights_decide_nothing(nursery: Portal, west: Browser) -> None:
    """Held when it was asked for, not held when it is decided."""
    number = asked(nursery, west)
    second = nursery.account("second", "owner", None)
    browser = nursery.browser("second")
    assert browser.get(f"/requests/{number}").status_code == 200
    gone = nursery.clock.moment.date() - timedelta(days=1)
    run(nursery, "UPDATE role_assignment SET valid_to = :day WHERE account_id = :id",
        day=gone, id=second)  # fmt: skip
    assert decide(browser, number) in (302, 403, 404)
    assert (state_of(nursery, number), mobile(nursery)) == ("pending", KEPT)


def test_nobody_answers_himself(nursery: Portal, west: Browser) -> None:
    """The gardener becomes an owner meanwhile: he could edit the field now, but still not agree."""
    number = asked(nursery, west)
    with nursery.records() as records:
        held = {"account": nursery.ids["account_west"], "role": "owner", "valid_from": NOON.date()}
        given = records.create("role_assignment", held)
    risen = nursery.browser("west")
    assert f'href="/requests/{number}"' not in risen.get("/requests/?view=decide").text
    assert 'value="approve"' not in risen.get(f"/requests/{number}").text
    assert decide(risen, number) == 403
    assert risen.get(address(nursery)).status_code == 404
    assert (state_of(nursery, number), mobile(nursery)) == ("pending", KEPT)
    with nursery.records() as records:
        records.remove("role_assignment", given, 1)


def test_nobody_is_asked_when_nobody_could_answer(nursery: Portal, west: Browser) -> None:
    """Closed: the only accounts that may edit the field of this record."""
    run(nursery, "UPDATE ab_user SET active = false WHERE username IN ('boss', 'second')")
    west.get(address(nursery))
    answer = west.post(address(nursery), {"right": NEW, "reason": WHY})
    assert answer.status_code == 409
    assert NEW in answer.text
    assert waiting(nursery) == 0
    run(nursery, "UPDATE ab_user SET active = true WHERE username IN ('boss', 'second')")


def test_the_pages_take_few_statements(nursery: Portal, west: Browser) -> None:
    number, boss = asked(nursery, west), nursery.browser("boss")
    for browser, path in ((west, address(nursery)), (boss, f"/requests/{number}")):
        browser.get(path)
        with nursery.statements() as said:
            assert browser.get(path).status_code == 200
        assert len(said) <= 20, (path, said)
