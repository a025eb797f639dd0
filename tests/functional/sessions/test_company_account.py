"""Signing in with the company's account: whom the issuer vouches for, if the portal knows him, and nobody else."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from werkzeug.test import TestResponse

from tests.support.nursery import planted
from tests.support.people import cookie_of, opens
from tests.support.portals import SCHEMAS, Browser, Portal, running_portal
from tests.support.provider import CLIENT, SECRET, Provider, running_provider
from tests.support.servers import Servers

START, BACK = "/login/oidc", "/login/oidc/callback"


@pytest.fixture(scope="module")
def company() -> Iterator[Provider]:
    with running_provider() as provider:
        yield provider


@pytest.fixture(scope="module")
def portal(
    servers: Servers, company: Provider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Portal]:
    """A nursery whose people sign in with the company's account."""
    home: Path = tmp_path_factory.mktemp("home")
    named = {"PORTAL_OIDC_ISSUER": company.issuer, "PORTAL_OIDC_CLIENT_ID": CLIENT,
             "PORTAL_OIDC_CLIENT_SECRET": SECRET, "PORTAL_WEBHOOK_PRIVATE": "yes"}  # fmt: skip
    with running_portal(servers, SCHEMAS / "nursery", home, **named) as found:
        planted(found)
        company.now = found.clock.now().timestamp()
        yield found


@pytest.fixture(autouse=True)
def _honest(company: Provider) -> Iterator[None]:
    yield
    company.lie.clear()


def begun(portal: Portal) -> tuple[Browser, str]:
    """A browser that was sent to the issuer, and the address there."""
    browser = Browser(portal.door)
    sent = browser.get(START)
    assert sent.status_code == 302
    return browser, sent.headers["Location"]


def came_back(
    portal: Portal, company: Provider, username: str, **claims: Any
) -> tuple[Browser, TestResponse]:
    """A browser that comes back from the issuer, and what it is answered."""
    browser, address = begun(portal)
    return browser, browser.get(f"{BACK}?{company.authorise(address, username, **claims)}")


def test_whom_the_issuer_vouches_for_is_in(portal: Portal, company: Provider) -> None:
    assert START in Browser(portal.door).get("/login/").text
    browser, address = begun(portal)
    before = cookie_of(browser)
    answer = browser.get(f"{BACK}?{company.authorise(address, 'west')}")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert cookie_of(browser) != before
    assert browser.get("/plant/list/").status_code == 200
    assert opens(portal, cookie_of(browser))


def test_each_sign_in_has_secrets_of_its_own(portal: Portal) -> None:
    asked = [parse_qs(urlsplit(begun(portal)[1]).query) for _ in range(5)]
    for name in ("state", "nonce", "code_challenge"):
        assert len({one[name][0] for one in asked}) == 5
        assert all(len(one[name][0]) >= 40 for one in asked)
    assert {one["redirect_uri"][0] for one in asked} == {f"http://localhost{BACK}"}


def test_it_leads_on_to_the_page_that_was_asked_for(portal: Portal, company: Provider) -> None:
    """The issuer carries it there and back without reading it, and nobody else can make it up."""
    browser, path = Browser(portal.door), "/plant/list/?sort=-label_text"
    page = browser.get(browser.get(path).location)
    start = html.unescape(re.findall(r'href="(/login/oidc[^"]*)"', page.text)[0])
    address = browser.get(start).location
    assert "plant" not in address
    assert browser.get(f"{BACK}?{company.authorise(address, 'west')}").location == path
    for foreign in ("https://evil.example/", "//evil.example", "/\\evil.example"):
        other = Browser(portal.door)
        address = other.get(f"{START}?{urlencode({'next': foreign})}").location
        assert other.get(f"{BACK}?{company.authorise(address, 'west')}").location == "/"


@pytest.mark.parametrize("username", ["nobody", "sleeper", "", "west' OR 1=1"])
def test_strangers_and_closed_accounts_stay_out(
    portal: Portal, company: Provider, username: str
) -> None:
    if username == "sleeper":
        portal.account("sleeper", "keeper", portal.ids["west"])
        with portal.engines.owner.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE ab_user SET active = false WHERE username = 'sleeper'"
            )
    browser, answer = came_back(portal, company, username)
    assert answer.status_code == 409
    assert browser.get("/").status_code == 302


@pytest.mark.parametrize(
    "lie",
    [
        {"claims": {"nonce": "another"}}, {"claims": {"nonce": None}}, {"claims": {"aud": "another"}},
        {"claims": {"aud": [CLIENT, "another"]}}, {"claims": {"azp": "another"}}, {"claims": {"iss": "https://evil.example"}},
        {"claims": {"exp": 1_000_000_000}}, {"claims": {"exp": None}}, {"claims": {"iat": None}},
        {"claims": {"preferred_username": None}}, {"claims": {"preferred_username": ["boss"]}},
        {"key": "another"}, {"key": "none"}, {"key": "public as HMAC"}, {"issuer": "https://evil.example"},
        {"token_endpoint": "http://evil.example/token"}, {"token_endpoint": "file:///etc/passwd"},
    ],
    ids=str,
)  # fmt: skip
def test_a_lie_of_the_issuer_opens_nothing(
    portal: Portal, company: Provider, lie: dict[str, Any]
) -> None:
    browser, address = begun(portal)
    query = company.authorise(address, "boss")
    company.lie.update(lie)
    assert browser.get(f"{BACK}?{query}").status_code == 409
    assert browser.get("/").status_code == 302


def test_a_code_belongs_to_the_browser_that_asked(portal: Portal, company: Provider) -> None:
    browser, address = begun(portal)
    query = company.authorise(address, "boss")
    asked = len(company.asked)
    other, _ = begun(portal)
    asked += 1
    assert other.get(f"{BACK}?{query}").status_code == 409
    assert Browser(portal.door).get(f"{BACK}?{query}").status_code == 409
    for spoilt in ("", "?code=x", "?state=x", f"?code=x&state={'é' * 43}"):
        assert browser.get(BACK + spoilt).status_code == 409
    assert len(company.asked) == asked
    assert browser.get(f"{BACK}?{query}").status_code == 302
    assert browser.get(f"{BACK}?{query}").status_code == 409


def test_a_portal_without_an_issuer_has_no_such_door(nursery: Portal) -> None:
    browser = Browser(nursery.door)
    assert START not in browser.get("/login/").text
    assert [browser.get(path).status_code for path in (START, BACK)] == [404, 404]
