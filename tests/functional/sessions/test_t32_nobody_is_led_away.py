"""Where one goes after signing in, and by which names the portal is known."""

from __future__ import annotations

import re

import pytest
from werkzeug.test import Client

from tests.support.portals import PASSWORD, Browser, Portal

ELSEWHERE = (
    "https://evil.example/", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example",
    "/\t/evil.example", "/\n/evil.example", "/\r/evil.example", "\t//evil.example", " //evil.example",
    "http:evil.example", "http:/evil.example", "javascript:alert(1)", "data:text/html,x", "evil.example",
    "//[::1", "https://localhost@evil.example", "/\x0b/evil.example", "https:///evil.example", "/\\/evil.example",
    "//evil.example/%2f..", "http://localhost.evil.example/",
)  # fmt: skip
WITHIN = (
    "/plant/list/?q=x",
    "/",
    "/;@evil.example",
    "/%5cevil.example",
    "/plant/show/1?a=//evil.example",
)


@pytest.mark.parametrize("target", ELSEWHERE)
def test_nobody_is_led_away(nursery: Portal, target: str) -> None:
    browser = Browser(nursery.door)
    browser.get("/login/")
    sent = {"username": "west", "password": PASSWORD, "next": target}
    assert browser.post("/login/", sent).headers["Location"] == "/"
    assert browser.get("/login/", query_string={"next": target}).headers["Location"] == "/"
    browser.get("/")
    assert browser.post("/lang/zh", {"next": target}).headers["Location"] == "/"


@pytest.mark.parametrize("target", WITHIN)
def test_a_page_of_the_portal_is_found_again(nursery: Portal, target: str) -> None:
    browser = Browser(nursery.door)
    browser.get("/login/")
    sent = {"username": "west", "password": PASSWORD, "next": target}
    location = browser.post("/login/", sent).headers["Location"]
    assert location == target
    assert not re.match(r"/[\s/\\]", location)


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "evil.example:8000", "10.0.0.1"]
)
def test_another_name_is_not_answered(nursery: Portal, host: str) -> None:
    client = Client(nursery.door)
    for path in ("/", "/login/", "/plant/list/", "/api/v1/plant/", "/lang/en"):
        assert client.get(path, base_url=f"http://{host}").status_code == 400, path
    answer = client.get("/login/", headers={"X-Forwarded-Host": "evil.example"})
    assert (answer.status_code, "evil.example" in answer.text) == (200, False)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8000", "[::1]:8000"])
def test_this_machine_is_answered(nursery: Portal, host: str) -> None:
    assert Client(nursery.door).get("/login/", base_url=f"http://{host}").status_code == 200
