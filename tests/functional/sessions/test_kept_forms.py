"""A form that is sent after its session has ended comes back to the same account, with everything typed."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from werkzeug.test import TestResponse

from tests.functional.requests.asking import ask_deletion, buyer
from tests.support.portals import NOON, PASSWORD, Browser, Portal


@pytest.fixture(autouse=True)
def _noon(nursery: Portal) -> Iterator[None]:
    yield
    nursery.clock.moment = NOON
    with nursery.engines.owner.begin() as connection:
        connection.exec_driver_sql("DELETE FROM portal_kept_form")


def opened(browser: Browser, path: str) -> dict[str, str]:
    """The mark and the key of a form, as a browser sends them."""
    return marks(browser.get(path))


def marks(page: TestResponse) -> dict[str, str]:
    """The hidden inputs of a form."""
    found = {name: re.search(rf'name="{name}" value="([^"]*)"', page.text)
             for name in ("_drawn", "once", "version")}  # fmt: skip
    return {name: one[1] for name, one in found.items() if one is not None}


def following(page: TestResponse) -> str:
    """Where a sign-in or a proof leads on; the switch of the language, above it, leads back here."""
    return html.unescape(re.findall(r'name="next" value="([^"]+)"', page.text)[-1])


def signed_in_again(browser: Browser, answer: TestResponse, username: str) -> TestResponse:
    """Follow to the sign-in page, sign in there, and follow to where it leads."""
    assert answer.status_code == 302
    page = browser.get(answer.location)
    sent = {"username": username, "password": PASSWORD, "next": following(page)}
    signed = browser.post("/login/", sent)
    assert signed.status_code == 302
    return browser.get(signed.location)


def test_what_was_typed_comes_back_after_a_pause(nursery: Portal) -> None:
    browser = nursery.browser("boss")
    sent = opened(browser, "/tag_group/add")
    nursery.clock.moment += timedelta(minutes=45)
    answer = browser.post("/tag_group/add", {"name": "写了很久的组", **sent})
    assert "写了很久" not in answer.location
    page = signed_in_again(browser, answer, "boss")
    assert page.status_code == 200
    assert 'value="写了很久的组"' in page.text
    assert nursery.scalar("SELECT count(*) FROM tag_group WHERE name = '写了很久的组'") == 0
    for _ in range(2):  # However often it is sent now, it is one record.
        saved = browser.post("/tag_group/add", {"name": "写了很久的组", **marks(page)})
        assert saved.status_code == 302
    assert nursery.scalar("SELECT count(*) FROM tag_group WHERE name = '写了很久的组'") == 1


def test_it_comes_back_when_another_tab_has_signed_out(nursery: Portal) -> None:
    browser = nursery.browser("boss")
    sent, token = opened(browser, "/tag_group/add"), browser.token
    browser.post("/logout/")
    browser.get("/login/")
    browser.token = token
    answer = browser.post("/tag_group/add", {"name": "另一页退出", **sent})
    assert answer.status_code == 303
    page = signed_in_again(browser, browser.get(answer.location), "boss")
    assert 'value="另一页退出"' in page.text


def test_it_comes_back_at_once_when_another_tab_has_signed_in_again(nursery: Portal) -> None:
    browser = nursery.browser("boss")
    sent, token = opened(browser, "/tag_group/add"), browser.token
    browser.post("/logout/")
    assert browser.sign_in("boss").status_code == 302
    browser.token = token
    answer = browser.post("/tag_group/add", {"name": "又登录了", **sent})
    assert answer.status_code == 303
    assert 'value="又登录了"' in browser.get(answer.location).text


def test_nobody_else_gets_it_and_not_after_an_hour(nursery: Portal) -> None:
    browser = nursery.browser("boss")
    sent = opened(browser, "/tag_group/add")
    nursery.clock.moment += timedelta(minutes=45)
    answer = browser.post("/tag_group/add", {"name": "只给园主", **sent})
    other = signed_in_again(browser, answer, "west")
    assert other.status_code == 410
    assert "只给园主" not in other.text
    address = html.unescape(re.search(r"/kept/[\w-]+", answer.location.replace("%2F", "/"))[0])  # type: ignore[index]
    boss = nursery.browser("boss")
    assert boss.get(address).status_code == 200
    assert boss.get(address[:-1] + ("a" if address[-1] != "a" else "b")).status_code == 410
    nursery.clock.moment += timedelta(minutes=59, seconds=59)
    assert nursery.browser("boss").get(address).status_code == 200
    nursery.clock.moment += timedelta(seconds=1)
    assert nursery.browser("boss").get(address).status_code == 410


def test_nothing_of_it_can_be_read_in_the_database(nursery: Portal) -> None:
    browser = nursery.browser("boss")
    sent = opened(browser, "/tag_group/add")
    nursery.clock.moment += timedelta(minutes=45)
    answer = browser.post("/tag_group/add", {"name": "看不见的组", **sent})
    rows = nursery.column("SELECT k::text FROM portal_kept_form k")
    assert len(rows) == 1
    assert "看不见的组".encode().hex() not in rows[0]
    name = answer.location.rpartition("%2F")[2]
    assert name
    assert name not in rows[0]


def test_a_form_without_our_mark_is_not_kept(nursery: Portal) -> None:
    browser = nursery.browser("boss")
    sent = opened(browser, "/tag_group/add")
    nursery.clock.moment += timedelta(minutes=45)
    forged = sent["_drawn"][:-1] + ("0" if sent["_drawn"][-1] != "0" else "1")
    assert browser.post("/tag_group/add", {"name": "x", "_drawn": forged}).location == "/login/"
    assert browser.post("/tag_group/add", {"name": "x"}).location == "/login/"
    for number in range(8):
        browser.post("/tag_group/add", {"name": f"第{number}", **sent})
    assert nursery.scalar("SELECT count(*) FROM portal_kept_form") == 5


def test_a_change_that_came_between_is_still_seen(nursery: Portal) -> None:
    browser, number = nursery.browser("boss"), nursery.ids["plant5"]
    sent = opened(browser, f"/plant/edit/{number}")
    with nursery.records() as records:
        version = records.get("plant", number, ("version",)).values["version"]
        records.change("plant", number, {"note": "别人写的"}, version)
    nursery.clock.moment += timedelta(minutes=45)
    plant = {"label_text": "丽水槭树05", "species": str(nursery.ids["maple"]), "note": "我写的",
             "bed": str(nursery.ids["west"])}  # fmt: skip
    page = signed_in_again(
        browser, browser.post(f"/plant/edit/{number}", {**plant, **sent}), "boss"
    )
    assert "我写的" in page.text
    again = browser.post(f"/plant/edit/{number}", {**plant, **marks(page)})
    assert again.status_code == 409
    assert "别人写的" in again.text


def test_rows_and_files_of_it(nursery: Portal) -> None:
    browser = nursery.browser("boss")
    sent = opened(browser, "/task/add")
    nursery.clock.moment += timedelta(minutes=45)
    typed = {"name": "夏末", "bed": str(nursery.ids["west"]), "steps.0.what": "剪枯枝"}
    page = signed_in_again(browser, browser.post("/task/add", {**typed, **sent}), "boss")
    assert 'value="剪枯枝"' in page.text
    sent = opened(browser, "/tool/add")
    nursery.clock.moment += timedelta(minutes=45)
    file = {"manual": (io.BytesIO(b"how"), "说明.txt")}
    page = signed_in_again(
        browser, browser.post("/tool/add", {"name": "耙", **file, **sent}), "boss"
    )
    assert 'value="耙"' in page.text
    assert "请重新选择这些文件：说明.txt" in page.text


def test_the_dialog_of_a_step_comes_back_open(nursery: Portal) -> None:
    browser, number = nursery.browser("boss"), nursery.ids["plant6"]
    sent = opened(browser, f"/plant/show/{number}")
    nursery.clock.moment += timedelta(minutes=45)
    answer = browser.post(f"/plant/move/{number}/sicken", {"illness": "叶上有斑", **sent})
    page = signed_in_again(browser, answer, "boss")
    assert "叶上有斑" in page.text
    assert re.search(r'id="move-sicken"[^>]*data-open', page.text)
    assert nursery.scalar("SELECT state FROM plant WHERE id = :id", id=number) == "growing"


def test_a_role_form_comes_back_after_the_proof(nursery: Portal) -> None:
    browser = nursery.browser("boss")
    sent = opened(browser, "/role_assignment/add")
    nursery.clock.moment += timedelta(minutes=11)
    typed = {
        "account": str(nursery.ids["account_west"]),
        "role": "clerk",
        "valid_from": "2026-06-15",
    }
    answer = browser.post("/role_assignment/add", {**typed, **sent})
    assert answer.status_code == 302
    proved = browser.get(answer.location)
    led = re.search(r'action="/prove/\?next=([^"]+)"', proved.text)
    assert led is not None
    path = html.unescape(led[1])
    assert path.startswith("/kept/")
    assert browser.post("/prove/", {"proof": PASSWORD, "next": path}).location == path
    assert 'value="2026-06-15"' in browser.get(path).text


def hidden(page: TestResponse) -> dict[str, str]:
    """What the form that is to be sent again holds."""
    form = page.text[page.text.index("<main") :]
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form)
    return {name: html.unescape(text) for name, text in found if name != "csrf_token"}


def test_a_role_in_the_making_is_sent_again_with_one_click(nursery: Portal) -> None:
    browser, address = nursery.browser("boss"), "/rights/clerk/tool/edit"
    sent = opened(browser, address) | {"right-read": "on", "save": "yes", "reason": "盘点要用"}
    nursery.clock.moment += timedelta(minutes=45)
    page = signed_in_again(browser, browser.post(address, sent), "boss")
    assert page.status_code == 200
    assert "盘点要用" in page.text
    again = hidden(page)
    assert {name: again[name] for name in ("right-read", "save", "reason")} == {
        "right-read": "on", "save": "yes", "reason": "盘点要用",
    }  # fmt: skip
    assert browser.post(address, again).location == "/rights/clerk"


def test_a_decision_comes_back_with_its_reason_and_its_button(nursery: Portal) -> None:
    request = ask_deletion(nursery, nursery.browser("west"), "buyer", buyer(nursery, "退场的"))
    browser, path = nursery.browser("boss"), f"/requests/{request}"
    sent = opened(browser, path) | {"why": "看过了，确实已死", "verdict": "refuse"}
    nursery.clock.moment += timedelta(minutes=45)
    page = signed_in_again(browser, browser.post(f"{path}/decide", sent), "boss")
    assert "看过了，确实已死" in page.text
    assert re.search(r'<button class="btn btn-primary" type="submit">拒绝</button>', page.text)
    assert browser.post(f"{path}/decide", hidden(page)).status_code == 302
    state = "SELECT state FROM portal_request WHERE id = :id"
    assert nursery.scalar(state, id=request) == "refused"


def test_what_nobody_takes_is_said_and_not_offered(nursery: Portal) -> None:
    """An address that is known, for a record out of sight, answers as ever: not found, and nothing is kept."""
    browser = nursery.browser("west")
    sent = opened(browser, "/plant/add")
    assert browser.post("/requests/999999/decide", {"why": "x", **sent}).status_code == 404
    assert nursery.scalar("SELECT count(*) FROM portal_kept_form") == 0
