"""A password that somebody else knows, or that is too old, opens nothing but the page that replaces it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from werkzeug.test import Client

from tests.support.people import command
from tests.support.portals import NOON, PASSWORD, Browser, Portal

OWN = "Tram violet 7 onion"


@pytest.fixture(autouse=True)
def _noon(nursery: Portal) -> Iterator[None]:
    yield
    nursery.clock.moment = NOON


def choose(browser: Browser, password: str, again: str | None = None) -> Any:
    """Choose a password on the page that asks for one."""
    browser.get("/login/password")
    sent = {"password": password, "again": password if again is None else again}
    return browser.post("/login/password", sent)


def by_administrator(portal: Portal, username: str) -> str:
    boss = portal.browser("boss")
    boss.get("/accounts/add")
    boss.post("/accounts/add", {"username": username, "name": "王薇"})
    found = re.search(rf"{username} 的密码是 (\w+)", boss.get("/accounts/").text)
    assert found
    return found[1]


def by_command(portal: Portal, username: str) -> str:
    return command(portal, "users", "create", username, "--name", "王薇").split()[-1]


@pytest.mark.parametrize("make", [by_administrator, by_command])
def test_a_first_password_is_changed_before_anything_else(nursery: Portal, make: Any) -> None:
    username = f"new-{make.__name__.replace('_', '-')}"
    first, browser = make(nursery, username), Browser(nursery.door)
    assert browser.sign_in(username, first).status_code == 302
    for path in ("/", "/plant/list/", "/sessions/", "/password/", "/api/v1/plant/"):
        assert browser.get(path).status_code in (302, 401), path
    assert browser.get("/login/").headers["Location"] == "/login/password"
    body = {"username": username, "password": first}
    assert Client(nursery.door).post("/api/v1/security/login", json=body).status_code == 403
    for weak, said in (("short", "至少"), ("wangwei19900101W", "一试就中"), (first, "最近 5 次")):
        refused = choose(browser, weak)
        assert (refused.status_code, said in refused.text) == (422, True), weak
    assert choose(browser, OWN, "another").status_code == 422
    before = browser.client.get_cookie("portal")
    assert choose(browser, OWN).status_code == 302
    after = browser.client.get_cookie("portal")
    assert before is not None
    assert after is not None
    assert before.value != after.value
    assert browser.get("/").status_code == 200
    assert Browser(nursery.door).sign_in(username, OWN).headers["Location"] == "/"
    assert (
        Client(nursery.door)
        .post("/api/v1/security/login", json={**body, "password": OWN})
        .status_code
        == 200
    )


def test_the_page_that_was_asked_for_comes_after_the_new_password(nursery: Portal) -> None:
    first, browser = by_administrator(nursery, "follower"), Browser(nursery.door)
    browser.get("/login/")
    sent = {"username": "follower", "password": first, "next": "/sessions/?x=1"}
    browser.post("/login/", sent)
    refused = choose(browser, "short")
    assert refused.status_code == 422
    assert choose(browser, OWN).headers["Location"] == "/sessions/?x=1"


def test_nobody_without_the_first_password_gets_to_choose_one(nursery: Portal) -> None:
    for browser in (Browser(nursery.door), nursery.browser("west")):
        assert browser.get("/login/password").status_code == 302
        browser.get("/login/")
        assert browser.post("/login/password", {"password": OWN, "again": OWN}).status_code in (
            302,
            400,
        )
    assert nursery.browser("west").get("/").status_code == 200


def test_a_password_is_changed_every_ninety_days(nursery: Portal) -> None:
    nursery.account("ninety", "keeper", nursery.ids["west"])
    nursery.clock.moment = NOON + timedelta(days=89, hours=23)
    assert nursery.browser("ninety").get("/").status_code == 200
    nursery.clock.moment = NOON + timedelta(days=90)
    browser = Browser(nursery.door)
    browser.sign_in("ninety")
    assert browser.get("/").status_code == 302
    assert choose(browser, OWN).status_code == 302
    assert browser.get("/").status_code == 200


def test_none_of_the_last_five_comes_again(nursery: Portal) -> None:
    nursery.account("turning", "keeper", nursery.ids["west"])
    browser = nursery.browser("turning")
    chosen = [
        PASSWORD,
        *(f"Tram violet {word} 7" for word in ("one", "two", "three", "four", "five")),
    ]
    for old, new in pairwise(chosen):
        browser.get("/password/")
        assert (
            browser.post("/password/", {"old": old, "password": new, "again": new}).status_code
            == 302
        )
    for taken in chosen[1:]:
        browser.get("/password/")
        sent = {"old": chosen[-1], "password": taken, "again": taken}
        assert browser.post("/password/", sent).status_code == 422


def test_passwords_are_kept_as_hashes_alone(nursery: Portal) -> None:
    first = by_administrator(nursery, "hidden")
    with nursery.engines.owner.connect() as connection:
        tables = connection.exec_driver_sql(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        ).scalars()
        for table in tables.all():
            query = f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE %(text)s'
            assert connection.exec_driver_sql(query, {"text": f"%{first}%"}).scalar() == 0, table
