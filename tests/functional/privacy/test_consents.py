"""Everybody agrees and withdraws for himself, the one as easily as the other; what was recorded goes (PIPL 15, 47)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from html import unescape
from typing import Any

import pytest

from tests.functional.privacy.asking import dump, faults
from tests.functional.privacy.consenting import SPOT, a_round, agree, end, none_left, rounds
from tests.functional.privacy.test_retention import look
from tests.functional.requests.asking import run
from tests.support.portals import NOON, Browser, Portal

OTHER = "31.100000,121.400000"
STANDING = "SELECT count(*) FROM consent WHERE withdrawn_at IS NULL"
DONE = "SELECT count(*) FROM portal_audit_entry WHERE action = :action AND record_id = :id AND entity = 'gardener'"


@pytest.fixture(autouse=True)
def nobody(nursery: Portal) -> Iterator[None]:
    """Nobody has agreed to anything."""
    nursery.clock.moment = NOON
    none_left(nursery)
    yield
    none_left(nursery)
    run(nursery, "DELETE FROM portal_legal_hold")
    nursery.clock.moment = NOON


@pytest.fixture
def west(nursery: Portal) -> Browser:
    browser = nursery.browser("west")
    browser.post("/lang/zh")
    return browser


@pytest.fixture
def address(nursery: Portal) -> str:
    """The page of the person behind the account ``west``."""
    return f"/privacy/gardener/{nursery.ids['wang']}"


def located(portal: Portal, person: int, **values: Any) -> int:
    """A round with a spot."""
    row = a_round(portal, person, **{"on_day": date(2026, 6, 15), "spot": SPOT, **values})
    with portal.records() as records:
        return records.create("round", row)


def page_of(browser: Browser, address: str) -> str:
    answer = browser.get(address)
    assert answer.status_code == 200
    return unescape(answer.text)


def test_somebody_reads_agrees_and_withdraws(nursery: Portal, west: Browser, address: str) -> None:
    page, person = page_of(west, address), nursery.ids["wang"]
    assert "巡园时记下所在位置" in page
    assert "未同意" in page
    assert "撤回同意" not in page
    answer = west.post(f"{address}/consent/spot", {"edition": "2"})
    assert (answer.status_code, answer.headers["Location"]) == (302, address)
    page = page_of(west, address)
    assert "告知书版本 2 · 已于 2026-06-15 同意。" in page
    assert f'action="{address}/consent/spot/withdraw"' in page
    assert f'action="{address}/consent/spot"' not in page
    row = nursery.column("SELECT to_jsonb(c) FROM consent c")
    assert [(one["gardener_id"], one["about"], one["edition"]) for one in row] == [
        (person, "spot", "2")
    ]
    assert row[0]["created_by"] == nursery.ids["account_west"]
    assert row[0]["place_id"] == nursery.ids["west"]
    assert nursery.scalar(DONE, action="privacy:consent_given", id=person) == 1
    # Twice is once.
    west.post(f"{address}/consent/spot", {"edition": "2"})
    assert nursery.scalar("SELECT count(*) FROM consent") == 1
    located(nursery, person)
    nursery.clock.moment += timedelta(minutes=5)
    assert west.post(f"{address}/consent/spot/withdraw").status_code == 302
    assert nursery.scalar(STANDING) == 0
    assert nursery.scalar(DONE, action="privacy:consent_withdrawn", id=person) == 1
    page = page_of(west, address)
    assert "已于 2026-06-15 撤回" in page
    assert f'action="{address}/consent/spot"' in page
    nursery.clock.moment += timedelta(minutes=5)
    assert west.post(f"{address}/consent/spot", {"edition": "2"}).status_code == 302
    located(nursery, person)
    assert faults(nursery) == []


def test_nobody_does_it_for_somebody_else(nursery: Portal, west: Browser, address: str) -> None:
    boss, other = nursery.browser("boss"), f"/privacy/gardener/{nursery.ids['helper']}"
    agree(nursery, nursery.ids["wang"])
    # Those who may read consents see how it stands, without the buttons.
    page = page_of(boss, address)
    assert "2026-06-15" in page
    assert "/consent/spot" not in page
    assert "/consent/spot" not in west.get(other).text
    for browser, page in ((boss, address), (west, other), (west, "/privacy/gardener/999999")):
        for deed in ("spot", "spot/withdraw"):
            assert browser.post(f"{page}/consent/{deed}", {"edition": "2"}).status_code == 404
    assert west.post(f"{address}/consent/photo", {"edition": "2"}).status_code == 404
    assert west.post(f"/privacy/bed/{nursery.ids['wang']}/consent/spot").status_code == 404
    assert west.get(f"{address}/consent/spot").status_code == 405
    api = nursery.api("west")
    told = {"gardener": nursery.ids["helper"], "about": "spot", "edition": "2"}
    assert api.call("POST", "consent/", json=told).status_code == 403
    assert (nursery.scalar("SELECT count(*) FROM consent"), nursery.scalar(STANDING)) == (1, 1)


def test_without_the_token_nothing_happens(nursery: Portal, west: Browser, address: str) -> None:
    west.token = "forged"
    assert west.post(f"{address}/consent/spot", {"edition": "2"}).status_code in (400, 403)
    assert nursery.scalar("SELECT count(*) FROM consent") == 0


def test_a_new_edition_asks_anew(nursery: Portal, west: Browser, address: str) -> None:
    consent = agree(nursery, nursery.ids["wang"], edition="1")
    page = page_of(west, address)
    assert "2026-06-15 同意的是 1 版" in page
    assert "需重新同意" in page
    # Who has read the old one has not agreed to the new one.
    assert west.post(f"{address}/consent/spot", {"edition": "1"}).status_code == 302
    assert "告知书刚刚更新过" in page_of(west, address)
    assert nursery.scalar("SELECT count(*) FROM consent") == 1
    nursery.clock.moment += timedelta(minutes=5)
    west.post(f"{address}/consent/spot", {"edition": "2"})
    located(nursery, nursery.ids["wang"])
    # A withdrawal ends both.
    nursery.clock.moment += timedelta(minutes=5)
    west.post(f"{address}/consent/spot/withdraw")
    assert nursery.scalar(STANDING) == 0
    assert nursery.scalar("SELECT version FROM consent WHERE id = :id", id=consent) == 2


def test_what_was_recorded_goes_with_the_next_night(nursery: Portal) -> None:
    wang, far = nursery.ids["wang"], nursery.ids["far"]
    first, second = agree(nursery, wang), agree(nursery, far)
    pk, stays = (
        located(nursery, wang, note="西边缺水"),
        located(nursery, far, bed=nursery.ids["east"], spot=OTHER),
    )
    look(nursery)
    assert rounds(nursery) == [SPOT, OTHER]
    nursery.clock.moment += timedelta(hours=1)
    end(nursery, first)
    look(nursery)
    assert rounds(nursery) == [None, OTHER]
    assert nursery.scalar("SELECT note FROM round WHERE id = :id", id=pk) == "西边缺水"
    told = (
        "SELECT count(*) FROM portal_audit_entry"
        " WHERE action = 'record:erased' AND entity = 'round' AND record_id = :id"
    )
    assert (nursery.scalar(told, id=pk), nursery.scalar(told, id=stays)) == (1, 0)
    assert SPOT not in dump(nursery)
    assert faults(nursery) == []
    # Nothing is erased twice, and nothing of those who agree.
    look(nursery)
    assert nursery.scalar(told, id=pk) == 1
    assert nursery.scalar("SELECT withdrawn_at FROM consent WHERE id = :id", id=second) is None


def test_who_agrees_again_before_the_night_keeps_it(nursery: Portal) -> None:
    person = nursery.ids["wang"]
    first = agree(nursery, person)
    located(nursery, person)
    nursery.clock.moment += timedelta(hours=1)
    end(nursery, first)
    nursery.clock.moment += timedelta(hours=1)
    agree(nursery, person)
    look(nursery)
    assert rounds(nursery) == [SPOT]


def test_a_legal_hold_keeps_it(nursery: Portal) -> None:
    person, boss = nursery.ids["wang"], nursery.browser("boss")
    consent = agree(nursery, person)
    located(nursery, person)
    boss.get(f"/privacy/gardener/{person}")
    hold = f"/privacy/gardener/{person}/"
    assert boss.post(f"{hold}hold", {"reason": "劳动仲裁"}).status_code == 302
    nursery.clock.moment += timedelta(minutes=5)
    end(nursery, consent)
    look(nursery)
    assert rounds(nursery) == [SPOT]
    assert boss.post(f"{hold}lift", {"reason": "结案"}).status_code == 302
    look(nursery)
    assert rounds(nursery) == [None]


def test_the_page_needs_few_statements(nursery: Portal, west: Browser, address: str) -> None:
    west.get(address)
    with nursery.statements() as said:
        west.get(address)
    assert len([one for one in said if "FROM consent" in one]) == 1
