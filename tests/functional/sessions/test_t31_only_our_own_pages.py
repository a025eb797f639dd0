"""Only pages of the portal change anything, and opening a page changes nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import text
from werkzeug.test import Client

from app.factory import make_door
from app.settings import read_settings
from app.web.door import Door
from tests.support.portals import PASSWORD, Browser, Portal

UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}
# When a session was last used is no deed; and that somebody looked is what the trail and the budget note.
OWN_AFFAIRS = ("portal_session", "portal_attempt", "portal_audit_entry", "portal_audit_head",
               "portal_audit_value", "portal_viewed", "portal_values_read")  # fmt: skip


def rules(portal: Portal) -> Iterator[tuple[str, str]]:
    """Every address of the portal with each of its methods; arguments are the number 1."""
    for rule in portal.door.application().url_map.iter_rules():  # type: ignore[attr-defined]
        built = rule.build(dict.fromkeys(rule.arguments, 1), append_unknown=False)
        assert built
        for method in sorted(rule.methods or ()):
            yield method, built[1]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://localhost.evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://localhost:8443"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
    ],
)
def test_another_site_changes_nothing(nursery: Portal, headers: dict[str, str]) -> None:
    browser = nursery.browser("boss")
    sent = {**headers, "X-CSRFToken": browser.token}
    answers = {
        (method, path): browser.client.open(
            path, method=method, headers=sent, data={"csrf_token": browser.token}
        ).status_code
        for method, path in rules(nursery)
        if method in UNSAFE
    }
    assert len(answers) > 100
    assert {key: status for key, status in answers.items() if status != 403} == {}
    assert browser.get("/").status_code == 200


def test_without_the_token_of_a_page_nothing_happens(nursery: Portal) -> None:
    browser = nursery.browser("boss")
    own = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    wrong = {}
    for method, path in rules(nursery):
        if method in UNSAFE and not path.startswith("/api/v1/security"):
            status = browser.client.open(path, method=method, headers=own).status_code
            if status not in (400, 403):
                wrong[method, path] = status
    assert wrong == {}


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}, {"Origin": "http://localhost"},
     {"Origin": "null", "Sec-Fetch-Site": "same-origin"}, {"Origin": "null"}, {"Sec-Fetch-Site": "none"}, {}],
)  # fmt: skip
def test_our_own_pages_go_on_working(nursery: Portal, headers: dict[str, str]) -> None:
    browser = nursery.browser("boss")
    assert browser.post("/lang/en", headers=headers).status_code == 302
    sent = {**headers, "X-CSRFToken": browser.token}
    body = {"name": f"Group {len(str(headers))}"}
    address = browser.address
    made = browser.client.post(
        "/api/v1/tag_group/", json=body, headers=sent, environ_overrides=address
    )
    assert made.status_code == 201
    refused = browser.client.post(
        "/api/v1/tag_group/", json=body, headers=headers, environ_overrides=address
    )
    assert refused.status_code == 403


def state_of(portal: Portal) -> dict[str, str]:
    """A digest of every table."""
    with portal.engines.owner.connect() as connection:
        names = connection.scalars(
            text("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
                 " AND table_type = 'BASE TABLE' ORDER BY 1")
        ).all()  # fmt: skip
        digest = "SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM \"{}\" t"
        return {
            name: str(connection.scalar(text(digest.format(name))))
            for name in names
            if name not in OWN_AFFAIRS
        }


def test_opening_pages_changes_nothing(nursery: Portal) -> None:
    browsers = [nursery.browser("boss"), nursery.browser("west"), Browser(nursery.door)]
    paths = [path for method, path in rules(nursery) if method == "GET"]
    before = state_of(nursery)
    statuses = [browser.get(path).status_code for browser in browsers for path in paths]
    assert max(statuses) < 500
    after = state_of(nursery)
    assert {name for name in after if after[name] != before[name]} == set()


def secure(portal: Portal) -> Door:
    """The same portal, as it is served behind a proxy with a certificate."""
    environment = portal.settings.to_environment()
    environment |= {"PORTAL_PUBLIC_URL": "https://hr.example", "PORTAL_TRUSTED_HOSTS": "hr.example"}
    return make_door(read_settings(environment), portal.engines.app, portal.clock)


def test_over_https_the_cookie_is_for_this_host_alone(nursery: Portal) -> None:
    app = secure(nursery)
    client = Client(app)
    page = client.get("/login/", base_url="http://hr.example")
    said = page.headers["Set-Cookie"]
    name, _, rest = said.partition("=")
    assert name == "__Host-s"
    assert {part.strip() for part in rest.split(";")[1:]} == {
        "Secure",
        "HttpOnly",
        "Path=/",
        "SameSite=Lax",
    }
    assert page.headers["Strict-Transport-Security"].startswith("max-age=31536000")
    sent = {"username": "west", "password": PASSWORD}
    for origin in ("http://hr.example", "https://evil.example"):
        foreign = client.post(
            "/login/", data=sent, headers={"Origin": origin}, base_url="http://hr.example"
        )
        assert foreign.status_code == 403
    assert client.get("/login/", base_url="http://evil.example").status_code == 400
    app.close()


def test_every_answer_carries_strict_headers(nursery: Portal) -> None:
    browser = nursery.browser("boss")
    for method, path in rules(nursery):
        if method not in {"GET", "POST"}:
            continue
        answer = browser.client.open(path, method=method)
        headers = answer.headers
        assert headers["X-Content-Type-Options"] == "nosniff", path
        assert headers["Referrer-Policy"] == "no-referrer", path
        assert headers["Cache-Control"] == "no-store", path
        policy = headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in policy, path
        assert "unsafe" not in policy, path
        assert "Strict-Transport-Security" not in headers, path
