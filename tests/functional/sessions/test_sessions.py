"""Sessions of browsers: an identifier and nothing else, new with every change, over after a pause, ended by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.support.people import cookie_of, opens
from tests.support.portals import NOON, PASSWORD, Browser, Portal

SEEN = "SELECT seen_at FROM portal_session ORDER BY id DESC LIMIT 1"


@pytest.fixture(autouse=True)
def _noon(nursery: Portal) -> Iterator[None]:
    yield
    nursery.clock.moment = NOON


def test_the_cookie_says_nothing_and_the_table_opens_nothing(nursery: Portal) -> None:
    browser = nursery.browser("west")
    cookie = cookie_of(browser)
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", cookie)
    kept = nursery.scalar("SELECT s::text FROM portal_session s ORDER BY id DESC LIMIT 1")
    assert cookie not in kept
    assert not opens(
        nursery, nursery.scalar("SELECT sid_hash FROM portal_session ORDER BY id DESC LIMIT 1")
    )
    assert len({cookie_of(nursery.browser("west")) for _ in range(20)}) == 20


def test_an_identifier_from_outside_is_never_taken_over(nursery: Portal) -> None:
    browser = Browser(nursery.door)
    browser.client.set_cookie("portal", "a" * 43)
    assert browser.sign_in("west").status_code == 302
    assert cookie_of(browser) != "a" * 43
    assert not opens(nursery, "a" * 43)
    before = cookie_of(browser)
    browser.get("/password/")
    new = "Tram violet 7 onion"
    browser.post("/password/", {"old": PASSWORD, "password": new, "again": new})
    assert cookie_of(browser) != before
    assert not opens(nursery, before)
    browser.get("/password/")
    browser.post("/logout/")
    assert cookie_of(browser) not in (before, "")
    assert browser.get("/").status_code == 302
    with nursery.engines.owner.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE ab_user SET password = (SELECT password FROM ab_user WHERE username = 'boss')"
            " WHERE username = 'west'"
        )


def test_a_pause_of_half_an_hour_ends_it_and_use_keeps_it(nursery: Portal) -> None:
    browser = nursery.browser("boss")
    for _ in range(3):
        nursery.clock.moment += timedelta(minutes=29, seconds=59)
        assert browser.get("/").status_code == 200
    nursery.clock.moment += timedelta(minutes=30)
    assert browser.get("/").status_code == 302
    nursery.clock.moment -= timedelta(minutes=10)
    assert browser.get("/").status_code == 200


def test_ten_hours_end_it_however_busy_it_is(nursery: Portal) -> None:
    browser = nursery.browser("boss")
    for _ in range(29):
        nursery.clock.moment += timedelta(minutes=20)
        assert browser.get("/").status_code == 200
    nursery.clock.moment = NOON + timedelta(hours=10)
    assert browser.get("/").status_code == 302


def test_a_request_reads_once_and_notes_its_use_once_a_minute(nursery: Portal) -> None:
    browser = nursery.browser("boss")
    browser.get("/plant/list/")
    with nursery.statements() as said:
        browser.get("/plant/list/")
    about = [one for one in said if "portal_session" in one or "ab_user" in one]
    assert len(about) == 1
    assert not any(one.startswith("UPDATE") for one in said)
    assert nursery.scalar(SEEN) == NOON
    nursery.clock.moment += timedelta(seconds=60)
    with nursery.statements() as said:
        browser.get("/plant/list/")
    assert [
        one.startswith("UPDATE portal_session") for one in said if one.startswith("UPDATE")
    ] == [True]
    assert nursery.scalar(SEEN) == NOON + timedelta(seconds=60)


def test_one_sees_and_ends_ones_own_sessions(nursery: Portal) -> None:
    here = Browser(nursery.door)
    here.get("/login/", headers={"User-Agent": "x"})
    here.sign_in("helper")
    phone = nursery.browser("helper")
    page = here.get("/sessions/").text
    rows = re.findall(r'action="(/sessions/\d+/end)"', page)
    assert len(rows) >= 1
    assert phone.address["REMOTE_ADDR"] in page
    assert here.post(rows[0]).status_code == 302
    assert phone.get("/").status_code == 302
    assert here.get("/sessions/").status_code == 200
    others = [cookie_of(nursery.browser("helper")) for _ in range(3)]
    here.get("/sessions/")
    assert here.post("/sessions/end-others").status_code == 302
    assert here.get("/").status_code == 200
    assert [opens(nursery, one) for one in others] == [False] * 3


def test_nobody_ends_a_session_of_others_but_the_administrator(nursery: Portal) -> None:
    nursery.browser("boss")
    number = nursery.scalar("SELECT max(id) FROM portal_session")
    account = nursery.ids["account_boss"]
    helper = nursery.browser("helper")
    for path in (f"/sessions/{number}/end", f"/accounts/{account}/sessions/{number}/end",
                 f"/accounts/{account}/sessions/end"):  # fmt: skip
        helper.get("/sessions/")
        assert helper.post(path).status_code == 404, path
    assert helper.get(f"/accounts/{account}/sessions/").status_code == 404
    boss = nursery.browser("boss")
    listed = boss.get(f"/accounts/{nursery.ids['account_helper']}/sessions/")
    assert listed.status_code == 200
    ended = re.findall(r'action="(/accounts/\d+/sessions/\d+/end)"', listed.text)
    assert boss.post(ended[0]).status_code == 302
    assert helper.get("/").status_code == 302
    assert nursery.scalar("SELECT revoked_at IS NULL FROM portal_session WHERE id = :id", id=number)
    assert boss.get("/").status_code == 200


def test_what_a_page_says_once_is_kept_out_of_the_cookie_and_unread_in_the_table(
    nursery: Portal,
) -> None:
    boss = nursery.browser("boss")
    boss.get("/accounts/add")
    boss.post("/accounts/add", {"username": "once", "name": "一次"})
    kept = nursery.scalar("SELECT kept FROM portal_session ORDER BY id DESC LIMIT 1")
    said = boss.get("/accounts/").text
    found = re.search(r"once 的密码是 (\w+)", said)
    assert found
    assert found[1].encode() not in bytes(kept)
    assert found[1] not in boss.get("/accounts/").text


def test_the_row_of_an_older_session_opens_nothing_when_it_comes_back(nursery: Portal) -> None:
    """As after a backup was put back: the account has begun anew since."""
    cookie = cookie_of(nursery.browser("west"))
    assert opens(nursery, cookie)
    west = nursery.ids["account_west"]
    with nursery.engines.owner.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO portal_counter (name, value) VALUES (%s, 1)"
            " ON CONFLICT (name) DO UPDATE SET value = portal_counter.value + 1",
            (f"epoch:{west}",),
        )
        connection.exec_driver_sql("UPDATE portal_session SET revoked_at = NULL")
    assert not opens(nursery, cookie)
    assert opens(nursery, cookie_of(nursery.browser("west")))
