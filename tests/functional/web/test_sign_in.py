"""Who is in and who is out: sign-in, tokens, sessions, hosts and headers."""

from __future__ import annotations

import re
from typing import Any

import pytest
from werkzeug.test import Client

from tests.support.people import expired
from tests.support.portals import PASSWORD, Browser, Portal

LOGIN = "/api/v1/security/login"


def cookie(browser: Browser) -> str:
    """The session cookie that the browser holds."""
    found = browser.client.get_cookie("portal")
    assert found is not None
    return found.value


def still_in(portal: Portal, value: str) -> bool:
    """Whether a copy of a session cookie opens the home page."""
    client = Client(portal.door)
    client.set_cookie("portal", value)
    return client.get("/").status_code == 200


def token_of(portal: Portal, username: str, **more: Any) -> Any:
    """What the sign-in of the API answers."""
    body = {"username": username, "password": PASSWORD, "provider": "db", **more}
    address = {"REMOTE_ADDR": f"127.77.{len(username)}.{len(more)}"}
    return Client(portal.door).post(LOGIN, json=body, environ_overrides=address)


def status(portal: Portal, token: str) -> int:
    """What a token is answered."""
    headers = {"Authorization": f"Bearer {token}"}
    return Client(portal.door).get("/api/v1/plant/", headers=headers).status_code


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example",
     "http:evil.example", "javascript:alert(1)", "/\t/evil.example", "/\n/evil.example", " //evil.example",
     "/%5cevil.example", "evil.example",
     "http://localhost@evil.example", "/;@evil.example", "data:text/html,x"],
)  # fmt: skip
def test_next_leads_nowhere_else(nursery: Portal, target: str) -> None:
    browser = Browser(nursery.door)
    browser.get("/login/")
    sent = {"username": "west", "password": PASSWORD, "next": target}
    location = browser.post("/login/", sent).headers["Location"]
    assert location.startswith("/")
    assert not re.match(r"/[\s/\\]", location)
    signed_in = browser.get("/login/", query_string={"next": target}).headers["Location"]
    assert signed_in.startswith("/")
    assert not re.match(r"/[\s/\\]", signed_in)


def test_unknown_name_and_wrong_password_are_told_alike(nursery: Portal) -> None:
    answers = []
    for name in ("boss", "nobody-of-that-name"):
        browser = Browser(nursery.door)
        browser.get("/login/")
        answer = browser.post("/login/", {"username": name, "password": "wrong"})
        assert answer.status_code == 401
        answers.append(re.sub(r'value="[^"]*"', "", answer.text))
    assert answers[0] == answers[1]


def test_the_limit_is_per_account_and_address(nursery: Portal) -> None:
    guesser = Browser(nursery.door)
    for _ in range(11):
        guesser.sign_in("helper", "wrong")
    assert guesser.sign_in("helper").status_code == 429
    forged = {"X-Forwarded-For": "9.9.9.9", "X-Real-IP": "9.9.9.9", "Forwarded": "for=9.9.9.9"}
    guesser.get("/login/")
    sent = {"username": "helper", "password": PASSWORD}
    assert guesser.post("/login/", sent, headers=forged).status_code == 429
    assert Browser(nursery.door).sign_in("helper").status_code == 302


def test_the_limit_holds_for_the_api(nursery: Portal) -> None:
    client, body = (
        Client(nursery.door),
        {"username": "helper", "password": "wrong", "provider": "db"},
    )
    for _ in range(12):
        answer = client.post(LOGIN, json=body, environ_overrides={"REMOTE_ADDR": "127.99.1.1"})
    assert answer.status_code == 429
    assert answer.is_json
    for language, words in (("zh", "尝试次数过多"), ("en", "Too many attempts")):
        headers = {"Accept-Language": language}
        said: Any = client.post(
            LOGIN, json=body, environ_overrides={"REMOTE_ADDR": "127.99.1.1"}, headers=headers
        )
        assert (said.status_code, said.json["code"]) == (429, "too_many")
        assert words in said.json["message"]


def test_signing_out_ends_the_session(nursery: Portal) -> None:
    browser = nursery.browser("west")
    assert browser.client.get("/logout/").status_code == 405
    browser.post("/logout/")
    assert browser.get("/").status_code == 302
    assert browser.get("/plant/list/").status_code == 302


def account(portal: Portal, username: str) -> tuple[Browser, int]:
    """The owner's browser, and the number of a new account."""
    number = portal.account(username, "keeper", portal.ids["west"])
    boss = portal.browser("boss")
    boss.get("/accounts/")
    return boss, number


def test_a_closed_account_is_out_at_once_and_stays_out_when_opened(nursery: Portal) -> None:
    boss, number = account(nursery, "leaver")
    copied, token = (
        cookie(nursery.browser("leaver")),
        token_of(nursery, "leaver").json["access_token"],
    )
    assert still_in(nursery, copied)
    assert status(nursery, token) == 200
    boss.post(f"/accounts/{number}/active", {"active": "0"})
    assert not still_in(nursery, copied)
    assert status(nursery, token) == 401
    assert token_of(nursery, "leaver").status_code == 401
    boss.post(f"/accounts/{number}/active", {"active": "1"})
    assert not still_in(nursery, copied)
    assert status(nursery, token) == 401
    assert nursery.browser("leaver").get("/").status_code == 200


def test_a_new_password_ends_every_session(nursery: Portal) -> None:
    boss, number = account(nursery, "forgetful")
    copied, token = (
        cookie(nursery.browser("forgetful")),
        token_of(nursery, "forgetful").json["access_token"],
    )
    boss.post(f"/accounts/{number}/password")
    assert not still_in(nursery, copied)
    assert status(nursery, token) == 401


def test_changing_ones_own_password_ends_the_other_sessions(nursery: Portal) -> None:
    account(nursery, "careful")
    here, elsewhere = nursery.browser("careful"), cookie(nursery.browser("careful"))
    here.get("/password/")
    wrong = here.post(
        "/password/", {"old": "no", "password": "new words here", "again": "new words here"}
    )
    assert wrong.status_code == 422
    new = {"old": PASSWORD, "password": "quite other words 7", "again": "quite other words 7"}
    assert here.post("/password/", new).status_code == 302
    assert here.get("/").status_code == 200
    assert not still_in(nursery, elsewhere)


def test_a_role_that_ends_takes_its_rights_along(nursery: Portal) -> None:
    _, number = account(nursery, "moving")
    browser = nursery.browser("moving")
    assert browser.get("/plant/list/").status_code == 200
    with nursery.records() as records:
        held = nursery.scalar("SELECT id FROM role_assignment WHERE account_id = :id", id=number)
        records.remove("role_assignment", held, 1)
    assert browser.get("/plant/list/").status_code == 302
    assert nursery.browser("moving").get("/plant/list/").status_code == 404


def test_the_cookie_is_for_this_server_only_and_tells_nothing(nursery: Portal) -> None:
    browser = Browser(nursery.door)
    browser.get("/login/")
    answer = browser.post("/login/", {"username": "west", "password": PASSWORD})
    said = answer.headers["Set-Cookie"]
    assert "HttpOnly" in said
    assert "SameSite=Lax" in said
    assert "Domain" not in said
    browser.get("/gardener/list/?q=13800138000")
    assert "MTM4MDAxMzgwMDA" not in cookie(browser)
    assert len(cookie(browser)) < 1000


def test_every_answer_carries_the_headers(nursery: Portal) -> None:
    west, api = nursery.browser("west"), nursery.api("west")
    for answer in (
        west.get("/plant/list/"), west.get("/plant/show/999999"), west.get("/nonsense"), west.get("/files/1"),
        Browser(nursery.door).get("/login/"), west.client.post("/plant/add"), api.call("GET", "plant/"),
        api.call("GET", "plant/999999"),
    ):  # fmt: skip
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Cache-Control"] == "no-store"
        policy = answer.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "default-src" in policy
        assert "Server" not in answer.headers


def test_errors_of_the_api_are_json(
    nursery: Portal,
) -> None:
    api = nursery.api("west")
    for method, path, expected in (
        ("GET", "plant/999999", 404), ("GET", "nonsense/", 404), ("PATCH", "plant/1", 405),
        ("POST", "plant/_info", 405), ("GET", "weather/?q=((", 422), ("POST", "bed/", 403),
        ("GET", "role_assignment/", 404),
    ):  # fmt: skip
        answer = api.call(method, path, json={})
        assert (answer.status_code, answer.is_json) == (expected, True), path
        assert answer.json["message"]


def test_signing_in_by_api_says_what_is_wrong_in_both_languages(nursery: Portal) -> None:
    def ask(path: str, language: str, **sent: Any) -> Any:
        headers = {"Accept-Language": language, **sent.pop("headers", {})}
        named = {"environ_overrides": {"REMOTE_ADDR": "127.7.7.7"}, "headers": headers, **sent}
        return Client(nursery.door).post(f"/api/v1/security/{path}", **named)

    good = {"username": "boss", "password": PASSWORD}
    cases: list[tuple[str, dict[str, Any], int, str, str]] = [
        ("login", {"json": {**good, "password": "x"}}, 401, "密码", "password is wrong"),
        ("login", {"json": {**good, "username": "nobody\0"}}, 401, "密码", "password is wrong"),
        ("login", {"json": {"username": "boss"}}, 422, "更正", "correct"),
        ("login", {"json": {**good, "provider": "ldap"}}, 422, "更正", "correct"),
        ("login", {"data": "{"}, 422, "更正", "correct"),
        ("refresh", {}, 401, "登录", "sign in"),
        ("refresh", {"headers": {"Authorization": "Bearer x"}}, 401, "登录", "sign in"),
    ]
    for path, sent, expected, zh, en in cases:
        for language, words in (("zh", zh), ("en", en)):
            answer = ask(path, language, **dict(sent))
            assert (answer.status_code, words in answer.json["message"]) == (expected, True), (
                answer.json
            )
            assert {"code", "message"} <= answer.json.keys()
    missing = ask("login", "zh", json={"username": "boss"}).json["errors"]
    assert missing == {"password": ["请填写。"]}


def test_without_a_good_token_every_address_of_the_api_says_so(nursery: Portal) -> None:
    old = expired(nursery)
    addresses = [
        ("GET", "openapi.json"), ("GET", "bed/"), ("GET", "bed/1"), ("POST", "bed/"), ("PUT", "bed/1"),
        ("DELETE", "bed/1"), ("GET", "bed/_info"), ("POST", "task/1/move/finish"),
        ("POST", "tool/files/pictures"), ("GET", "tool/1/files/1"), ("POST", "security/refresh"),
    ]  # fmt: skip
    for given in (None, "x", "Bearer", "Bearer x", "Bearer x.y.z", "Basic eDp5", f"Bearer {old}"):
        for language, words in (("zh", "请先登录。"), ("en", "Please sign in.")):
            for method, path in addresses:
                sent = {"Accept-Language": language} | ({"Authorization": given} if given else {})
                answer: Any = Client(nursery.door).open(
                    f"/api/v1/{path}", method=method, headers=sent
                )
                expected = {"code": "unauthenticated", "message": words}
                assert (answer.status_code, answer.json) == (401, expected), (given, path)


def test_a_closed_account_looks_like_a_wrong_password(nursery: Portal) -> None:
    boss, number = account(nursery, "sleeper")
    boss.post(f"/accounts/{number}/active", {"active": "0"})
    closed = token_of(nursery, "sleeper")
    wrong = token_of(nursery, "boss", password="x")
    assert (closed.status_code, closed.json) == (wrong.status_code, wrong.json)
    assert closed.json["code"] == "unauthenticated"


def test_a_refresh_token_gets_a_new_token_until_the_sessions_end(nursery: Portal) -> None:
    refresh = token_of(nursery, "boss", refresh=True).json["refresh_token"]
    headers = {"Authorization": f"Bearer {refresh}"}
    answer: Any = Client(nursery.door).post("/api/v1/security/refresh", headers=headers)
    assert status(nursery, answer.json["access_token"]) == 200
