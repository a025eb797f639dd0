"""The second factor: asked for by role, each code once, a way back without the phone, a fresh proof at need."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pyotp
import pytest
from werkzeug.test import Client, TestResponse

from tests.support.nursery import planted
from tests.support.people import command, cookie_of, opens
from tests.support.portals import NOON, PASSWORD, SCHEMAS, Browser, Portal, running_portal
from tests.support.servers import Servers

LOGIN = "/api/v1/security/login"


@pytest.fixture(scope="module")
def strict(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A nursery whose owners need a second factor: nothing says so, it follows from what they may do."""
    home = tmp_path_factory.mktemp("home")
    with running_portal(servers, SCHEMAS / "nursery", home, PORTAL_SECOND_FACTOR="yes") as portal:
        planted(portal)
        yield portal


@pytest.fixture(autouse=True)
def _noon(strict: Portal) -> Iterator[None]:
    yield
    strict.clock.moment = NOON


def code_of(portal: Portal, secret: str, steps: int = 0) -> str:
    """What the phone shows now, or some steps from now."""
    return pyotp.TOTP(secret).at(portal.clock.now() + timedelta(seconds=30 * steps))


def enrolled(portal: Portal, username: str) -> tuple[Browser, str, list[str]]:
    """An owner who has just set up the second factor: browser, secret, recovery codes."""
    portal.account(username, "owner", None)
    browser = Browser(portal.door)
    assert browser.sign_in(username).status_code == 302
    assert browser.get("/").status_code == 302
    assert browser.get("/login/").headers["Location"] == "/login/enrol"
    page = browser.get("/login/enrol").text
    found = re.search(r"<code>([A-Z2-7 ]+)</code>", page)
    assert found
    secret = found[1].replace(" ", "")
    assert browser.post("/login/enrol", {"code": "000000"}).status_code == 422
    again = browser.get("/login/enrol").text
    assert found[1] in again
    before = cookie_of(browser)
    codes = browser.post("/login/enrol", {"code": code_of(portal, secret)}).text
    assert cookie_of(browser) != before
    assert browser.get("/").status_code == 200
    portal.clock.moment += timedelta(seconds=60)
    return browser, secret, re.findall(r"<li><code>([a-z0-9-]+)</code>", codes)


def with_code(portal: Portal, username: str, code: str) -> TestResponse:
    """The answer to a code after the right password, from a new browser."""
    browser = Browser(portal.door)
    browser.sign_in(username)
    assert browser.get("/").status_code == 302
    browser.get("/login/factor")
    return browser.post("/login/factor", {"code": code})


def test_a_role_that_needs_it_sees_nothing_before_it_is_set_up(strict: Portal) -> None:
    strict.account("waiting", "owner", None)
    browser = Browser(strict.door)
    browser.sign_in("waiting")
    for path in ("/", "/plant/list/", "/accounts/", "/second-factor/", "/prove/", "/api/v1/plant/"):
        assert browser.get(path).status_code in (302, 401), path
    assert strict.browser("helper").get("/").status_code == 200


@pytest.mark.parametrize(("role", "needed"), [
    ("owner", True),  # administers, decides and exports
    ("keeper", True),  # may ask for exports
    ("clerk", False), ("helper", False), ("inspector", False),
])  # fmt: skip
def test_it_follows_from_what_a_role_may_do(strict: Portal, role: str, needed: bool) -> None:
    assert strict.schema.roles[role].second_factor is needed
    strict.account(f"new-{role}", role, None)
    browser = Browser(strict.door)
    browser.sign_in(f"new-{role}")
    assert browser.get("/").status_code == (302 if needed else 200)


def test_sign_in_asks_for_a_code_and_takes_each_once(strict: Portal) -> None:
    _, secret, _ = enrolled(strict, "coded")
    browser = Browser(strict.door)
    browser.sign_in("coded")
    half = cookie_of(browser)
    assert not opens(strict, half)
    browser.get("/login/factor")
    assert browser.post("/login/factor", {"code": "123456"}).status_code == 401
    good = code_of(strict, secret)
    assert browser.post("/login/factor", {"code": f" {good[:3]} {good[3:]} "}).status_code == 302
    assert browser.get("/").status_code == 200
    assert cookie_of(browser) != half
    assert not opens(strict, half)
    assert with_code(strict, "coded", good).status_code == 401
    assert with_code(strict, "coded", code_of(strict, secret, -1)).status_code == 401
    assert with_code(strict, "coded", code_of(strict, secret, 1)).status_code == 302
    strict.clock.moment += timedelta(seconds=90)
    assert with_code(strict, "coded", code_of(strict, secret, 2)).status_code == 401
    assert with_code(strict, "coded", code_of(strict, secret)).status_code == 302


def test_ten_codes_let_in_once_each_and_are_kept_as_digests(strict: Portal) -> None:
    _, _, codes = enrolled(strict, "lost")
    assert len(set(codes)) == 10
    assert with_code(strict, "lost", codes[0].upper().replace("-", " ")).status_code == 302
    assert with_code(strict, "lost", codes[0]).status_code == 401
    assert with_code(strict, "lost", codes[9]).status_code == 302
    kept = strict.scalar("SELECT f::text FROM portal_factor f ORDER BY set_at DESC LIMIT 1")
    assert not any(code in kept or code.replace("-", "") in kept for code in codes)


def test_the_secret_is_sealed_for_its_account(strict: Portal) -> None:
    _, secret, _ = enrolled(strict, "sealed")
    kept = strict.scalar("SELECT secret FROM portal_factor ORDER BY set_at DESC LIMIT 1")
    assert secret.encode() not in bytes(kept)
    _, other, _ = enrolled(strict, "swapped")
    with strict.engines.owner.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE portal_factor SET secret = (SELECT secret FROM portal_factor f JOIN ab_user u"
            " ON u.id = f.account_id WHERE u.username = 'sealed')"
            " WHERE account_id = (SELECT id FROM ab_user WHERE username = 'swapped')"
        )
    assert with_code(strict, "swapped", code_of(strict, secret)).status_code == 401
    assert with_code(strict, "swapped", code_of(strict, other)).status_code == 401


def test_guessed_codes_wait(strict: Portal) -> None:
    _, secret, _ = enrolled(strict, "guessed")
    answers = [with_code(strict, "guessed", f"{number:06d}").status_code for number in range(6)]
    assert answers == [401] * 5 + [429]
    assert with_code(strict, "guessed", code_of(strict, secret)).status_code == 429
    strict.clock.moment += timedelta(seconds=30)
    assert with_code(strict, "guessed", code_of(strict, secret)).status_code == 302


def test_programs_send_the_code_along(strict: Portal) -> None:
    _, secret, _ = enrolled(strict, "program")

    def ask(**more: str) -> Any:
        body = {"username": "program", "password": PASSWORD, **more}
        return Client(strict.door).post(LOGIN, json=body)

    assert ask().status_code == 401
    assert "code" in ask().json["message"]
    assert ask(code="000000").status_code == 401
    assert ask(code=code_of(strict, secret)).status_code == 200
    strict.account("unready", "owner", None)
    body = {"username": "unready", "password": PASSWORD}
    assert Client(strict.door).post(LOGIN, json=body).status_code == 403


def test_a_lost_phone_is_forgotten_on_the_server(strict: Portal) -> None:
    browser, _, _ = enrolled(strict, "helped")
    held = cookie_of(browser)
    command(strict, "users", "reset-second-factor", "helped")
    assert not opens(strict, held)
    again = Browser(strict.door)
    again.sign_in("helped")
    assert again.get("/login/").headers["Location"] == "/login/enrol"


def test_everybody_may_have_one_and_whoever_needs_none_may_remove_it(strict: Portal) -> None:
    helper = strict.browser("helper")
    elsewhere = cookie_of(strict.browser("helper"))
    found = re.search(r"<code>([A-Z2-7 ]+)</code>", helper.get("/second-factor/").text)
    assert found
    secret = found[1].replace(" ", "")
    assert helper.post("/second-factor/", {"code": code_of(strict, secret)}).status_code == 200
    assert helper.get("/").status_code == 200
    assert not opens(strict, elsewhere)
    strict.clock.moment += timedelta(seconds=60)
    assert with_code(strict, "helper", code_of(strict, secret)).status_code == 302
    helper.get("/second-factor/")
    assert helper.post("/second-factor/remove").status_code == 302
    assert strict.browser("helper").get("/").status_code == 200
    owner, _, _ = enrolled(strict, "bound")
    owner.get("/second-factor/")
    assert owner.post("/second-factor/remove").status_code == 403


def test_a_dangerous_deed_asks_for_a_fresh_proof(strict: Portal) -> None:
    boss, secret, _ = enrolled(strict, "careful")
    number = strict.account("target", "keeper", strict.ids["west"])
    active = "SELECT active FROM ab_user WHERE username = 'target'"
    strict.clock.moment += timedelta(minutes=11)
    boss.get("/accounts/")
    sent = boss.post(f"/accounts/{number}/active", {"active": "0"})
    assert sent.headers["Location"] == "/prove/?next=%2Faccounts%2F"
    assert strict.scalar(active)
    boss.get("/prove/?next=/accounts/")
    assert boss.post("/prove/?next=/accounts/", {"proof": PASSWORD}).status_code == 401
    proved = boss.post("/prove/?next=/accounts/", {"proof": code_of(strict, secret)})
    assert proved.headers["Location"] == "/accounts/"
    boss.get("/accounts/")
    assert boss.post(f"/accounts/{number}/active", {"active": "0"}).status_code == 302
    assert not strict.scalar(active)
    assert boss.get("/prove/?next=//evil.example").status_code == 200


def test_a_demo_asks_nobody(strict: Portal) -> None:
    strict.account("shown", "owner", None)
    with strict.engines.owner.begin() as connection:
        connection.exec_driver_sql("INSERT INTO portal_demo_account VALUES ('shown', 'x')")
    try:
        assert strict.browser("shown").get("/").status_code == 200
    finally:
        with strict.engines.owner.begin() as connection:
            connection.exec_driver_sql("DELETE FROM portal_demo_account")
