"""The bell, the inbox, the preferences, and the pages of those who steer reminders."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import pytest
from click.testing import CliRunner

from app.cli.main import main
from app.features.notifications import service
from app.features.notifications.service import NewNotice
from app.kernel.messages import Label
from tests.support.chain import Chain
from tests.support.portals import Browser

MONDAY = date(2026, 6, 15)


@contextmanager
def counted(chain: Chain) -> Iterator[list[str]]:
    """The statements of a page."""
    with chain.portal.statements() as said:
        yield said


def browser(chain: Chain, who: str, language: str = "zh") -> Browser:
    """Somebody's browser in a language."""
    found = chain.portal.browser(who)
    found.post(f"/lang/{language}")
    return found


def bell(page: str) -> str:
    """What the bell counts."""
    found = re.search(
        r'class="btn btn-quiet btn-icon bell".*?(?:<span class="count">(.*?)</span>)?</a>',
        page,
        re.DOTALL,
    )
    assert found
    return found[1] or ""


def number_of(page: str, title: str) -> str:
    """The number of the notice with a title."""
    found = re.search(
        rf'action="/notices/(\d+)/open".{{0,400}}?{re.escape(title)}', page, re.DOTALL
    )
    assert found
    return found[1]


def test_a_reminder_rings_is_read_and_handled(chain: Chain) -> None:
    contract = chain.contract(chain.person("铃声"), date(2026, 6, 30))
    chain.remind(MONDAY)
    page = browser(chain, "head")
    text = page.get("/notices/").text
    assert bell(text) == "1"
    assert "铃声" in text
    assert "15 天后" in text
    assert "unread" in text
    number = number_of(text, "铃声")
    answer = page.post(f"/notices/{number}/open")
    assert answer.headers["Location"] == f"/contract/show/{contract}"
    assert bell(page.get("/").text) == ""
    assert "铃声" in page.get("/notices/").text
    assert "铃声" not in page.get("/notices/?view=unread").text
    assert (
        page.post(f"/notices/{number}/handled", {"view": "open"}).headers["Location"]
        == "/notices/?view=open"
    )
    assert "铃声" not in page.get("/notices/").text
    assert "铃声" in page.get("/notices/?view=handled").text
    page.post(f"/notices/{number}/reopen", {"view": "handled"})
    assert "铃声" in page.get("/notices/").text


def test_a_notice_is_read_in_the_language_of_its_reader(chain: Chain) -> None:
    chain.contract(chain.person("双语"), date(2026, 6, 30))
    chain.remind(MONDAY)
    text = browser(chain, "head", "en").get("/notices/").text
    assert "expires in 15 days" in text
    assert "Mark all as read" in text


def test_a_snoozed_notice_comes_back_in_the_morning(chain: Chain) -> None:
    chain.contract(chain.person("陈缓"), date(2026, 6, 30))
    chain.remind(MONDAY)
    page = browser(chain, "head")
    number = number_of(page.get("/notices/").text, "陈缓")
    page.post(f"/notices/{number}/snooze", {"days": "3", "view": "open"})
    text = page.get("/notices/").text
    assert "陈缓" not in text
    assert bell(text) == ""
    assert "2026-06-18 08:30" in page.get("/notices/?view=snoozed").text
    chain.at(MONDAY + timedelta(days=3))
    page = browser(chain, "head")
    assert bell(page.get("/notices/").text) == "1"


def test_everything_is_marked_as_read_at_once(chain: Chain) -> None:
    for number in range(3):
        chain.contract(chain.person(f"全读{number}"), date(2026, 6, 30))
    chain.remind(MONDAY)
    page = browser(chain, "head")
    assert bell(page.get("/notices/").text) == "3"
    page.post("/notices/read")
    assert bell(page.get("/notices/").text) == ""
    assert bell(browser(chain, "boss").get("/notices/").text) == "3"


def test_nobody_reaches_the_notices_of_others(chain: Chain) -> None:
    chain.contract(chain.person("别人"), date(2026, 6, 30))
    chain.remind(MONDAY)
    number = number_of(browser(chain, "head").get("/notices/").text, "别人")
    other = browser(chain, "seller")
    other.get("/notices/")
    for deed in ("open", "handled", "snooze", "reopen", "read"):
        assert other.post(f"/notices/{number}/{deed}").status_code == 404
    assert (
        chain.portal.scalar("SELECT count(*) FROM portal_notice WHERE handled_at IS NOT NULL") == 0
    )


def test_a_record_out_of_reach_takes_its_text_along(chain: Chain) -> None:
    contract = chain.contract(chain.person("调走"), date(2026, 6, 30))
    chain.remind(MONDAY)
    assert "调走" in browser(chain, "store").get("/notices/").text
    chain.change("contract", contract, place_id=chain.units["S2"])
    text = browser(chain, "store").get("/notices/").text
    assert "调走" not in text
    assert "您现在看不到这条通知对应的记录" in text


@pytest.mark.parametrize("view", ["open", "unread", "red", "snoozed", "handled", "nonsense"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_an_empty_inbox_says_what_to_do(chain: Chain, view: str, language: str) -> None:
    text = browser(chain, "money", language).get(f"/notices/?view={view}").text
    assert 'class="blank"' in text
    assert re.search(r'class="blank">.*?<b>.+?</b><p>.+?</p>', text, re.DOTALL)


def test_the_inbox_takes_few_statements(chain: Chain) -> None:
    for number in range(40):
        chain.contract(chain.person(f"页{number}"), date(2026, 6, 30))
    chain.remind(MONDAY)
    page = browser(chain, "head")
    page.get("/notices/")
    with counted(chain) as said:
        text = page.get("/notices/").text
    assert text.count("/open") == 25
    assert "before=" in text
    assert len(said) <= 8


def test_pages_count_for_the_bell_with_one_statement(chain: Chain) -> None:
    page = browser(chain, "head")
    page.get("/contract/list/")
    with counted(chain) as said:
        page.get("/contract/list/")
    assert sum("portal_notice" in one for one in said) == 1
    with counted(chain) as said:
        page.get("/contract/list/", headers={"HX-Request": "true", "HX-Target": "record-list"})
    assert sum("portal_notice" in one for one in said) == 0


def test_preferences_are_kept_and_checked(chain: Chain) -> None:
    page = browser(chain, "head")
    page.get("/notices/preferences")
    wanted = {"mail": "true", "digest": "false", "robot_url": "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=1",
              "quiet_from": "21:00", "quiet_to": "08:00"}  # fmt: skip
    assert page.post("/notices/preferences", wanted).status_code == 302
    text = page.get("/notices/preferences").text
    assert 'value="21:00"' in text
    assert "webhook/send?key=1" in text
    for name, value in (
        ("robot_url", "http://127.0.0.1/"),
        ("robot_url", "https://evil.example/x"),
        ("quiet_to", ""),
    ):
        answer = page.post("/notices/preferences", {**wanted, name: value})
        assert answer.status_code == 422
        assert 'aria-invalid="true"' in answer.text
    with chain.session() as session:
        kept = service.preference(session, chain.accounts["head"])
    assert kept.robot_url.startswith("https://qyapi")
    assert not kept.digest


def test_hostile_words_stay_words(chain: Chain) -> None:
    bad = "<script>alert(1)</script>{{7*7}}<img src=x onerror=alert(1)>"
    chain.at(MONDAY)
    with chain.session() as session:
        service.notify(
            session,
            [NewNotice(chain.accounts["head"], "x", "test", Label(bad, bad), Label(bad, bad))],
            chain.portal.clock.now(),
        )
    text = browser(chain, "head").get("/notices/").text
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    assert "{{7*7}}" in text


# Those who steer


@pytest.mark.parametrize("who", ["admin", "head", "east_hr", "boss"])
def test_who_steers_sees_all_reminders(chain: Chain, who: str) -> None:
    text = browser(chain, who).get("/reminders/").text
    assert text.count('class="name" href="/reminders/') == len(chain.portal.schema.reminders)
    codes = re.findall(r'href="/reminders/\w+">(N\d+\w*) ', text)
    assert {re.sub(r"[a-z]", "", code) for code in codes} == {
        f"N{number}" for number in range(1, 19)
    }
    assert codes == sorted(codes, key=lambda code: (int(re.sub(r"\D", "", code)), code))


@pytest.mark.parametrize("who", ["store", "area", "seller", "money"])
def test_others_find_no_such_page(chain: Chain, who: str) -> None:
    page = browser(chain, who)
    for path in ("/reminders/", "/reminders/preview", "/reminders/contract_due"):
        assert page.get(path).status_code == 404
    assert page.post("/reminders/contract_due/restore").status_code == 404
    assert "/reminders/" not in page.get("/").text


def form_of(text: str) -> dict[str, Any]:
    """The values of the reminder's form."""
    found: dict[str, Any] = {}
    for name in ("title_zh", "title_en"):
        match = re.search(rf'name="{name}"[^>]*? value="([^"]*)"', text)
        assert match
        found[name] = match[1]
    for name in ("leads", "body_zh", "body_en"):
        match = re.search(rf'name="{name}"[^>]*>([^<]*)</textarea>', text)
        assert match
        found[name] = match[1]
    for name in ("to", "channels"):
        inner = re.search(rf'name="{name}".*?</select>', text, re.DOTALL)
        assert inner
        found[name] = re.findall(r'value="([^"]+)" selected', inner[0])
    return found


def test_a_reminder_is_changed_in_the_browser_and_restored(chain: Chain) -> None:
    page = browser(chain, "admin")
    text = page.get("/reminders/customer_silence").text
    values = form_of(text)
    assert values["leads"].splitlines() == [
        "3w if grade = &#39;a&#39;",
        "7w if grade = &#39;b&#39;",
        "30w if grade = &#39;c&#39;",
    ]
    assert values["to"] == ["owner"]
    new = {
        **values,
        "active": "true",
        "leads": "5w\n9w if grade = 'a'",
        "to": ["owner", "role:store_manager"],
    }
    assert page.post("/reminders/customer_silence", new).status_code == 302
    listed = page.get("/reminders/").text
    assert "已修改" in listed
    assert "之后 5 个工作日" in listed
    bad = page.post(
        "/reminders/customer_silence", {**new, "leads": "someday", "title_zh": "{mobile}"}
    )
    assert bad.status_code == 422
    assert bad.text.count('aria-invalid="true"') == 2
    page.get("/reminders/")
    assert page.post("/reminders/customer_silence/restore").status_code == 302
    assert "已修改" not in page.get("/reminders/").text


def test_the_preview_names_when_to_whom_what_and_why(chain: Chain) -> None:
    contract = chain.contract(chain.person("预告"), date(2026, 6, 30))
    hidden = chain.contract(chain.person("总部", at="HQ", above=None), date(2026, 6, 30))
    chain.at(MONDAY, 7)
    text = browser(chain, "east_hr").get("/reminders/preview?days=7").text
    assert "2026-06-15 08:30" in text
    assert f'href="/contract/show/{contract}"' in text
    assert f'href="/contract/show/{hidden}"' not in text
    assert "总部" not in text.split("<main")[1]
    assert "您无权查看的记录" in text
    assert "N1 劳动合同到期 · 提前 15 天" in text
    assert chain.portal.scalar("SELECT count(*) FROM portal_reminded") == 0
    chain.forget()
    assert 'class="blank"' in browser(chain, "east_hr").get("/reminders/preview?days=7").text


def test_the_preview_on_the_command_line(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command looks from the real day on, so the contract ends soon after it."""
    soon = chain.portal.scalar("SELECT (now() AT TIME ZONE 'Asia/Shanghai')::date + 30")
    chain.contract(chain.person("命令行"), soon)
    for name, value in chain.portal.settings.to_environment().items():
        monkeypatch.setenv(name, value)
    answer = CliRunner().invoke(main, ["remind", "preview", "--days", "30", "--json"])
    assert answer.exit_code == 0, answer.output
    lines = [line for line in json.loads(answer.output) if line["reminder"] == "contract_due"]
    assert {line["lead"] for line in lines} >= {"-15", "-7"}
    assert {"at", "to", "title", "why", "record", "red"} <= set(lines[0])
    plain = CliRunner().invoke(main, ["remind", "preview", "--days", "30"])
    assert "命令行" in plain.output
    assert "N1 劳动合同到期" in plain.output
