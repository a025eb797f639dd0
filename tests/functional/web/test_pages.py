"""The generated pages as a reader meets them."""

from __future__ import annotations

import gzip
import json
import re
from io import BytesIO

import pytest

from tests.support.portals import Browser, Portal

MOST_STATEMENTS = 8
MOST_BYTES = 120_000
MOST_PACKED = 30_000


def test_a_stranger_is_sent_to_sign_in_and_back(nursery: Portal) -> None:
    browser = Browser(nursery.door)
    answer = browser.get("/plant/list/?q=x")
    assert (answer.status_code, answer.headers["Location"]) == (
        302,
        "/login/?next=%2Fplant%2Flist%2F%3Fq%3Dx",
    )
    browser.get("/login/")
    sent = {"username": "west", "password": "correct horse", "next": "/plant/list/?q=x"}
    assert browser.post("/login/", sent).headers["Location"] == "/plant/list/?q=x"


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_nobody_is_sent_elsewhere(nursery: Portal, target: str) -> None:
    browser = Browser(nursery.door)
    browser.get("/login/")
    sent = {"username": "west", "password": "correct horse", "next": target}
    assert browser.post("/login/", sent).headers["Location"] == "/"


def test_a_wrong_password_says_so_and_many_are_stopped(nursery: Portal) -> None:
    browser = Browser(nursery.door)
    statuses = [browser.sign_in("nobody", "wrong").status_code for _ in range(12)]
    assert statuses[0] == 401
    assert statuses[-1] == 429


def test_the_language_follows_browser_choice_and_account(nursery: Portal) -> None:
    browser = Browser(nursery.door)
    assert "登录" in browser.get("/login/", headers={"Accept-Language": "zh-CN"}).text
    assert "Sign in" in browser.get("/login/", headers={"Accept-Language": "en-GB"}).text
    browser = nursery.browser("boss")
    browser.post("/lang/en")
    assert "Plants" in browser.get("/plant/list/").text
    again = nursery.browser("boss")
    assert "Plants" in again.get("/plant/list/").text
    again.post("/lang/zh")
    assert "植株" in again.get("/plant/list/").text


@pytest.mark.parametrize(
    "path",
    ["/", "/plant/list/", "/plant/list/?q=槭&species={maple}&price=10..90&sort=-price", "/plant/show/{plant1}",
     "/plant/add", "/plant/edit/{plant1}", "/task/show/{task}", "/task/edit/{task}", "/search/?q=丽水"],
)  # fmt: skip
def test_a_page_takes_few_statements_and_bytes(nursery: Portal, path: str) -> None:
    browser = nursery.browser("west")
    with nursery.statements() as said:
        answer = browser.get(path.format(**nursery.ids))
    assert answer.status_code == 200
    assert len(said) <= MOST_STATEMENTS
    assert len(answer.data) <= MOST_BYTES
    assert len(gzip.compress(answer.data)) <= MOST_PACKED


@pytest.mark.parametrize("typed", ["丽水", "水槭树", "lishui", "lsqs", "槭树07"])
def test_search_finds_characters_pinyin_and_initials(nursery: Portal, typed: str) -> None:
    assert "丽水槭树07" in nursery.browser("west").get(f"/plant/list/?q={typed}&size=100").text


def names(text: str) -> list[str]:
    """The labels of the plants in a list, in order."""
    return list(dict.fromkeys(re.findall(r"丽水槭树\d\d", text)))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("price=30..50", ["丽水槭树03", "丽水槭树04", "丽水槭树05"]),
        ("price=280..", ["丽水槭树28", "丽水槭树29"]),
        ("q=树0&sort=-price&price=..20", ["丽水槭树02", "丽水槭树01", "丽水槭树00"]),
        ("labels=矮&price=..30", ["丽水槭树01", "丽水槭树03"]),
        ("state=sick", []),
        ("healthy=false", []),
        ("nonsense=1&page=abc&size=9999&sort=evil&price=x..y", None),
    ],
)
def test_filters_and_orders(nursery: Portal, query: str, expected: list[str] | None) -> None:
    answer = nursery.browser("west").get(f"/plant/list/?{query}")
    assert answer.status_code == 200
    if expected is not None:
        assert names(answer.text) == expected


def test_pages_follow_each_other_and_are_capped(nursery: Portal) -> None:
    browser = nursery.browser("west")
    first, second = (names(browser.get(f"/plant/list/?page={n}").text) for n in (1, 2))
    assert (len(first), len(second)) == (25, 5)
    assert not set(first) & set(second)
    assert len(names(browser.get("/plant/list/?size=1000000").text)) <= 100


def test_a_view_is_saved_for_its_owner_only(nursery: Portal) -> None:
    browser = nursery.browser("west")
    browser.get("/plant/list/")
    browser.post("/plant/views", {"name": "便宜的", "query": "price=0..50"})
    assert "便宜的" in browser.get("/plant/list/").text
    number = re.search(r"/plant/views/(\d+)/delete", browser.get("/plant/list/").text)
    assert number
    other = nursery.browser("boss")
    assert "便宜的" not in other.get("/plant/list/").text
    assert other.post(f"/plant/views/{number[1]}/delete").status_code == 404
    browser.post(f"/plant/views/{number[1]}/delete")
    assert "便宜的" not in browser.get("/plant/list/").text


def test_a_mistake_is_named_kept_and_not_saved(nursery: Portal) -> None:
    browser = nursery.browser("boss")
    browser.get("/gardener/add")
    before = nursery.scalar("SELECT count(*) FROM gardener")
    sent = {
        "name": "赵六",
        "mobile": "12345",
        "id_card": "110105194912310021",
        "hourly_pay": "abc",
        "email": "nobody",
    }
    answer = browser.post("/gardener/add", sent)
    assert answer.status_code == 422
    for said in (
        "请填 11 位手机号",
        "请填 18 位身份证号",
        "请填数字",
        "请填邮箱",
        "请填写",
        'value="12345"',
        'value="赵六"',
    ):
        assert said in answer.text
    assert nursery.scalar("SELECT count(*) FROM gardener") == before
    mended = {
        "name": "赵六",
        "bed": nursery.ids["west"],
        "mobile": "13600136000",
        "hourly_pay": "40",
    }
    assert browser.post("/gardener/add", mended).status_code == 302


def test_a_duplicate_names_its_field(nursery: Portal) -> None:
    browser = nursery.browser("boss")
    browser.get("/species/add")
    answer = browser.post("/species/add", {"name": "鸡爪槭"})
    assert answer.status_code == 422
    assert "已有记录使用了这个值" in answer.text
    assert not re.search(r"psycopg|UNIQUE|Traceback|INSERT ", answer.text)


def test_every_kind_of_field_is_saved_and_shown(nursery: Portal) -> None:
    browser = nursery.browser("boss")
    browser.get("/task/add")
    sent = {
        "name": "修剪", "bed": nursery.ids["west"], "doer": nursery.ids["wang"], "due_on": "2026-07-01",
        "starts_at": "08:30", "takes": "1:45", "tools": [nursery.ids["spade"]],
        "about": f"plant:{nursery.ids['plant1']}", "report": "<b>好</b><script>x</script>",
        "steps.0.what": "剪枝", "steps.0.minutes": "10", "steps.1.what": "清扫", "steps.1.minutes": "",
    }  # fmt: skip
    answer = browser.post("/task/add", sent)
    page = browser.get(answer.headers["Location"]).text
    for said in (
        "修剪",
        "西床",
        "王小明",
        "2026-07-01",
        "08:30",
        "1:45",
        "铁锹",
        "丽水槭树01",
        "<b>好</b>",
        "剪枝",
        "清扫",
        "T26",
    ):
        assert said in page
    assert "<script>x" not in page


def test_a_colour_month_percent_and_json_are_read(nursery: Portal) -> None:
    browser = nursery.browser("boss")
    browser.get("/species/add")
    sent = {
        "name": "银杏",
        "seasons": ["spring", "autumn"],
        "sow_from": "2026-03",
        "germination": "82.5",
    }
    page = browser.get(browser.post("/species/add", sent).headers["Location"]).text
    assert "2026-03" in page
    assert "82.5%" in page
    browser.get("/tool/add")
    sent = {"name": "水泵", "settings": '{"power": 3}', "shop": "https://example.com/pump"}
    assert '"power": 3' in browser.get(
        browser.post("/tool/add", sent).headers["Location"]
    ).text.replace("&#34;", '"')


def test_two_people_editing_see_each_other(nursery: Portal) -> None:
    pk = nursery.ids["plant3"]
    first, second = nursery.browser("west"), nursery.browser("boss")
    first.get(f"/plant/edit/{pk}")
    page = second.get(f"/plant/edit/{pk}").text
    version = re.search(r'name="version" value="(\d+)"', page)
    assert version
    sent = {"version": version[1], "label_text": "丽水槭树03", "species": nursery.ids["maple"],
            "bed": nursery.ids["west"], "healthy": "true"}  # fmt: skip
    assert first.post(f"/plant/edit/{pk}", {**sent, "note": "西边写的"}).status_code == 302
    answer = second.post(f"/plant/edit/{pk}", {**sent, "note": "老板写的"})
    assert answer.status_code == 409
    assert "西边写的" in answer.text
    assert "老板写的" in answer.text
    newer = re.search(r'name="version" value="(\d+)"', answer.text)
    assert newer
    assert (
        second.post(f"/plant/edit/{pk}", {**sent, "version": newer[1], "note": "合并"}).status_code
        == 302
    )
    history = second.get(f"/plant/history/{pk}").text
    assert "西边写的" in history
    assert "合并" in history


def test_conditions_hide_and_require(nursery: Portal) -> None:
    browser = nursery.browser("west")
    browser.get("/plant/add")
    sick = json.loads(browser.post("/plant/conditions", {"healthy": "false"}).text)
    well = json.loads(browser.post("/plant/conditions", {"healthy": "true"}).text)
    assert "illness" in sick["required"]
    assert "illness" in well["hidden"]
    sent = {
        "label_text": "新株",
        "species": nursery.ids["maple"],
        "bed": nursery.ids["west"],
        "healthy": "false",
    }
    assert browser.post("/plant/add", sent).status_code in (403, 422)


def test_a_check_over_two_fields_stands_at_its_field(nursery: Portal) -> None:
    browser = nursery.browser("boss")
    browser.get("/plant/add")
    sent = {"label_text": "早卖", "species": nursery.ids["maple"], "bed": nursery.ids["west"], "healthy": "true",
            "planted_on": "2026-05-01", "price": "5"}  # fmt: skip
    pk = browser.post("/plant/add", sent).headers["Location"].rpartition("/")[2]
    page = browser.get(f"/plant/edit/{pk}").text
    version = re.search(r'name="version" value="(\d+)"', page)
    assert version
    answer = browser.post(
        f"/plant/edit/{pk}", {**sent, "version": version[1], "sold_on": "2026-04-01"}
    )
    assert answer.status_code == 422
    assert "售出不能早于栽种" in answer.text


def test_moves_ask_set_and_refuse(nursery: Portal) -> None:
    browser, pk = nursery.browser("west"), nursery.ids["plant5"]
    browser.get(f"/plant/show/{pk}")
    browser.post(f"/plant/move/{pk}/sicken", {"version": "1", "illness": ""})
    assert nursery.scalar("SELECT state FROM plant WHERE id = :id", id=pk) == "growing"
    browser.post(f"/plant/move/{pk}/sicken", {"version": "1", "illness": "叶斑"})
    assert (
        nursery.scalar("SELECT state || healthy::text FROM plant WHERE id = :id", id=pk)
        == "sickfalse"
    )
    browser.post(f"/plant/move/{pk}/sicken", {"version": "2", "illness": "又"})
    assert nursery.scalar("SELECT version FROM plant WHERE id = :id", id=pk) == 2
    assert browser.post(f"/plant/move/{pk}/nonsense", {"version": "2"}).status_code == 404


def test_a_bulk_action_does_what_it_can(nursery: Portal) -> None:
    browser = nursery.browser("boss")
    with nursery.records() as records:
        made = [records.create("tag_group", {"name": f"临时{n}"}) for n in range(3)]
    browser.get("/tag_group/list/")
    browser.post("/tag_group/bulk", {"action": "delete", "ids": [*made, 999_999]})
    assert nursery.scalar("SELECT count(*) FROM tag_group WHERE deleted_at IS NOT NULL") == 3


def test_what_others_need_is_not_deleted(nursery: Portal) -> None:
    browser = nursery.browser("boss")
    browser.get("/plant/list/")
    answer = browser.post(f"/species/delete/{nursery.ids['maple']}", {"version": "1"})
    assert answer.status_code == 409
    assert "还有植株引用它" in answer.text
    assert browser.post("/weather/delete/1", {"version": "1"}).status_code in (404, 409)


def test_links_are_looked_up_by_pinyin_and_condition(nursery: Portal) -> None:
    browser = nursery.browser("west")
    found = json.loads(browser.get("/task/lookup/doer?q=wxm").text)["results"]
    assert [row["text"] for row in found] == ["王小明"]
    species = json.loads(browser.get("/plant/lookup/species?q=").text)["results"]
    assert "蕨" not in [row["text"] for row in species]


def test_files_are_kept_checked_and_served_by_record(nursery: Portal) -> None:
    browser = nursery.browser("boss")
    browser.get("/tool/add")
    wrong = browser.post("/tool/add", {"name": "锯", "manual": (BytesIO(b"<html>"), "x.pdf")})
    assert wrong.status_code == 422
    good = browser.post(
        "/tool/add", {"name": "锯", "manual": (BytesIO(b"%PDF-1.7 text"), "../../说明.pdf")}
    )
    assert good.status_code == 302
    number = nursery.scalar("SELECT max(id) FROM portal_file")
    answer = browser.get(f"/files/{number}")
    assert answer.data == b"%PDF-1.7 text"
    assert "attachment" in answer.headers["Content-Disposition"]
    assert nursery.browser("helper").get(f"/files/{number}").status_code == 404
    assert browser.get("/files/99999").status_code == 404


def test_the_menu_and_home_show_what_the_role_may_see(nursery: Portal) -> None:
    helper = nursery.browser("helper").get("/").text
    assert "/task/list/" in helper
    assert "/plant/list/" not in helper
    assert "/accounts/" in nursery.browser("boss").get("/").text


def test_headers_are_strict_and_pages_are_not_kept(nursery: Portal) -> None:
    answer = nursery.browser("west").get("/plant/list/")
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_form_without_the_token_is_refused(nursery: Portal) -> None:
    browser = nursery.browser("boss")
    before = nursery.scalar("SELECT count(*) FROM tag_group")
    assert browser.client.post("/tag_group/add", data={"name": "假"}).status_code == 400
    assert nursery.scalar("SELECT count(*) FROM tag_group") == before


def test_accounts_are_made_closed_and_out_at_once(nursery: Portal) -> None:
    boss = nursery.browser("boss")
    boss.get("/accounts/add")
    boss.post("/accounts/add", {"username": "newbie", "name": "新人"})
    page = boss.get("/accounts/").text
    assert "newbie" in page
    password = re.search(r"newbie 的密码是 (\w+)", page)
    assert password
    number = nursery.scalar("SELECT id FROM ab_user WHERE username = 'newbie'")
    newbie = Browser(nursery.door)
    assert newbie.sign_in("newbie", password[1]).status_code == 302
    newbie.get("/login/password")
    newbie.post("/login/password", {"password": "Tram violet 7", "again": "Tram violet 7"})
    assert newbie.get("/").status_code == 200
    boss.post(f"/accounts/{number}/active", {"active": "0"})
    assert newbie.get("/").status_code == 302
    assert nursery.browser("west").get("/accounts/").status_code == 404
