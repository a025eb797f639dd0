"""What was searched for about people stands in no cookie, no log, no trail and no title."""

from __future__ import annotations

import logging
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

import pytest
from sqlalchemy import text

from app.hosting.web import web_command
from app.settings import ROOT
from tests.support.portals import PASSWORD, Portal

MOBILE, CARD = "13800138000", "11010519491231002X"
ADDRESSES = ("/gardener/list/?q={}", "/search/?q={}", "/plant/lookup/species?q={}", "/gardener/list/?mobile={}",
             "/gardener/show/{}", "/nonsense/{}", "/api/v1/gardener/?q=(search:'{}')")  # fmt: skip


def test_a_search_by_number_leaves_no_trace(
    nursery: Portal, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    boss = nursery.browser("boss")
    for number in (MOBILE, CARD):
        for address in ADDRESSES:
            answer = boss.get(address.format(number))
            assert answer.status_code < 500
            title = re.search("<title>(.*?)</title>", answer.text, re.DOTALL)
            assert title is None or number not in title[1]
            for name, value in answer.headers:
                assert number not in value, name
    assert MOBILE not in caplog.text
    assert CARD not in caplog.text
    cookie = boss.client.get_cookie("portal")
    assert cookie is not None
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", cookie.value)


def test_the_tables_beside_the_records_know_no_number_either(nursery: Portal) -> None:
    boss = nursery.browser("boss")
    boss.get(f"/gardener/list/?q={MOBILE}")
    with nursery.engines.owner.connect() as connection:
        tables = connection.scalars(
            text("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
                 " AND (table_name = 'portal_session' OR table_name LIKE 'portal\\_audit%')")
        ).all()  # fmt: skip
        assert "portal_session" in tables
        for table in tables:
            query = f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE :mark AND t::text LIKE :number'
            found = connection.scalar(text(query), {"mark": "%q=%", "number": f"%{MOBILE}%"})
            assert found == 0, table


def test_a_page_asks_browsers_to_tell_nobody_where_one_came_from(nursery: Portal) -> None:
    answer = nursery.browser("boss").get(f"/gardener/list/?q={MOBILE}")
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"


def test_what_a_form_sends_comes_back_in_an_address_that_tells_nothing(nursery: Portal) -> None:
    boss = nursery.browser("boss")
    boss.get("/plant/list/")
    sent = {"q": MOBILE, "note": CARD, "state": "sick", "healthy": ""}
    answer = boss.post("/plant/list/", sent)
    address = answer.headers["Location"]
    assert answer.status_code == 303
    assert re.fullmatch(r"/plant/list/\?state=sick&_s=[\w-]+", address)
    page = boss.get(address)
    assert f'value="{MOBILE}"' in page.text
    assert f'value="{CARD}"' in page.text
    leads = re.findall(
        r'(?:href|action|hx-\w+|data-query-string|value)="([^"]*[?&=][^"]*)"', page.text
    )
    assert any("/exports/new/plant?" in one and "_s=" in one for one in leads)
    assert [one for one in leads if MOBILE in one or CARD in one] == []
    part = {"HX-Request": "true", "HX-Target": "record-list"}
    live = boss.post("/plant/list/", sent, headers=part)
    assert (live.status_code, live.headers["HX-Push-Url"]) == (200, address)
    assert "<html" not in live.text


def test_a_search_everywhere_does_the_same(nursery: Portal) -> None:
    boss = nursery.browser("boss")
    boss.get("/")
    answer = boss.post("/search/", {"q": "王小明"})
    assert re.fullmatch(r"/search/\?_s=[\w-]+", answer.headers["Location"])
    page = boss.get(answer.headers["Location"]).text
    assert "王小明" in page
    (all_,) = re.findall(r'href="(/gardener/list/[^"]+)"', page)
    assert "王小明" in boss.get(all_).text
    live = boss.post(
        "/search/", {"q": "王小明"}, headers={"HX-Request": "true", "HX-Target": "found"}
    )
    assert "王小明" in live.text


def test_a_token_is_good_for_its_own_account_and_not_for_long(nursery: Portal) -> None:
    boss = nursery.browser("boss")
    boss.get("/plant/list/")
    address = boss.post("/plant/list/", {"q": "丽水"}).headers["Location"]
    assert "丽水槭树07" in boss.get(address + "&size=100").text
    for path in (address, address[:-2], address.replace("plant/list/", "exports/new/plant")):
        assert nursery.browser("west").get(path).status_code == 409, path
    before = nursery.clock.moment
    nursery.clock.moment += timedelta(days=2)
    try:
        assert nursery.browser("boss").get(address).status_code == 409
    finally:
        nursery.clock.moment = before


def test_a_kept_view_holds_no_number_and_lasts(nursery: Portal) -> None:
    boss = nursery.browser("boss")
    page = boss.get(f"/plant/list/?q={MOBILE}&state=sick").text
    query = re.search(r'data-query-string="([^"]+)"', page)
    assert query
    boss.post("/plant/views", {"name": "查号", "query": query[1].replace("&amp;", "&")})
    kept = nursery.scalar("SELECT query FROM portal_saved_view WHERE name = '查号'")
    assert re.fullmatch(r"state=sick&_s=[\w-]+&_r=\d+", kept)
    before = nursery.clock.moment
    nursery.clock.moment += timedelta(days=60)
    try:
        later = nursery.browser("boss").get(f"/plant/list/?{kept}").text
    finally:
        nursery.clock.moment = before
    assert f'value="{MOBILE}"' in later
    assert re.search(r'aria-current="true">查号<', later)


def is_open(port: int) -> bool:
    """Whether somebody answers there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def gunicorn(nursery: Portal, log: Path) -> Iterator[int]:
    """The web processes as they are started in earnest, keeping an access log and all that they say."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = web_command(
        replace(nursery.settings, port=port, web_processes=1, assets=ROOT / ".assets" / "current")
    )
    words = [*command.words, "--access-logfile", str(log / "access.log"), "--error-logfile", str(log / "app.log"),
             "--log-level", "debug", "--capture-output"]  # fmt: skip
    with subprocess.Popen(words, env=command.environment, cwd=log) as process:
        try:
            deadline = time.monotonic() + 120
            while not is_open(port) and time.monotonic() < deadline:
                time.sleep(0.1)
            yield port
        finally:
            process.terminate()
            process.wait(20)


def test_the_logs_of_the_real_server_know_no_number(nursery: Portal, tmp_path: Path) -> None:
    with nursery.engines.owner.begin() as connection:
        # Its clock is that of the machine, by which the password is too old.
        connection.execute(text("UPDATE portal_password SET set_at = now()"))
    with ExitStack() as stack:
        port = stack.enter_context(gunicorn(nursery, tmp_path))
        http = stack.enter_context(closing(HTTPConnection("127.0.0.1", port, timeout=60)))

        def ask(method: str, path: str, cookie: str, **form: str) -> tuple[int, str, str]:
            headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded",
                       "Referer": f"http://127.0.0.1:{port}/plant/list/?q={MOBILE}"}  # fmt: skip
            http.request(method, path, urlencode(form), headers)
            answer = http.getresponse()
            kept = re.search(r"portal=[\w-]+", answer.getheader("Set-Cookie") or "")
            return answer.status, answer.read().decode(), kept[0] if kept else cookie

        def token(page: str) -> str:
            found = re.search(r'name="csrf_token" value="([^"]+)"', page)
            assert found
            return found[1]

        _, page, cookie = ask("GET", "/login/", "")
        _, _, cookie = ask(
            "POST", "/login/", cookie, username="boss", password=PASSWORD, csrf_token=token(page)
        )
        status, page, cookie = ask("GET", "/plant/list/", cookie)
        assert status == 200, page
        csrf = token(page)
        for path, form in (
            ("/plant/list/", {"q": MOBILE, "note": CARD}), ("/search/", {"q": MOBILE}),
            ("/plant/lookup/species", {"q": CARD}),
        ):  # fmt: skip
            assert ask("POST", path, cookie, csrf_token=csrf, **form)[0] in (200, 303)
        # By hand, and into an address that does not exist.
        for path in (f"/plant/list/?q={MOBILE}", f"/search/?q={CARD}", f"/nonsense?phone={MOBILE}"):
            assert ask("GET", path, cookie)[0] in (200, 404)
    logs = {place.name: place.read_text("utf-8") for place in tmp_path.glob("*.log")}
    assert logs["access.log"].count("/plant/list/") == 3
    assert "Booting worker" in logs["app.log"]
    for name, said in logs.items():
        assert MOBILE not in said, name
        assert CARD not in said, name
