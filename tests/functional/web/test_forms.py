"""Forms: every kind of field is read, kept when wrong, named in both languages, and written once."""

from __future__ import annotations

import re
from decimal import Decimal
from html import unescape
from typing import Any

import pytest

from tests.support.nursery_forms import base, pk_of
from tests.support.portals import Browser, Portal


@pytest.fixture(scope="module")
def boss(nursery: Portal) -> Browser:
    browser = nursery.browser("boss")
    browser.post("/lang/zh")
    return browser


def version_of(browser: Browser, entity: str, pk: int) -> str:
    """The version in the form of a record."""
    found = re.search(r'name="version" value="(\d+)"', browser.get(f"/{entity}/edit/{pk}").text)
    assert found
    return found[1]


READ: tuple[tuple[str, str, Any, Any], ...] = (
    ("bed", "centre", "31.2，121.5", "31.200000,121.500000"), ("bed", "soil_colour", "#AABBCC", "#aabbcc"),
    ("buyer", "licence", "91310000MA1FL4XU58", None), ("buyer", "region", "310104", "310104"),
    ("buyer", "mobile", "+86 138-0013-8000", "13800138000"), ("buyer", "mobile", "+44 20 7946 0958", "+442079460958"),
    ("gardener", "phone", "010-12345678", "010-12345678"), ("gardener", "email", "A@Example.COM", "A@example.com"),
    ("gardener", "id_card", "31010419900119018x", "31010419900119018X"),
    ("gardener", "hourly_pay", "￥1,234.50", "1234.50"),
    ("gardener", "bank_card", "6222 0200 0000 0000 000", "6222020000000000000"),
    ("plant", "planted_on", "2026/3/1", "2026-03-01"), ("plant", "planted_on", "2026年3月1日", "2026-03-01"),
    ("plant", "price", "0", "0.00"), ("plant", "rank", "5", 5), ("plant", "labels", ["红", " 红 ", "高"], ["红", "高"]),
    ("plant", "label_text", "  空白 \u0007", "空白"), ("plant", "note", "一\r\n二", "一\n二"),
    ("species", "seasons", ["autumn", "spring"], ["spring", "autumn"]),
    ("species", "sow_from", "2026-03", "2026-03-01"),
    ("species", "germination", "82.5%", "82.50"), ("species", "sun", "half", "half"),
    ("task", "starts_at", "8:30", "08:30:00"), ("task", "takes", "1:45", 105), ("task", "takes", "90", 90),
    ("task", "due_on", "", None), ("task", "report", "<p onclick='x'>好<img src=x></p>", "<p>好</p>"),
    ("tool", "shop", "https://example.com/a?b=c", "https://example.com/a?b=c"),
    ("tool", "settings", '{"a": [1]}', {"a": [1]}),
    ("weather", "at", "2026-06-15T12:00", "2026-06-15T04:00:00+00:00"), ("weather", "warmth", "-3.5", "-3.5"),
)  # fmt: skip


@pytest.mark.parametrize(("entity", "field", "typed", "kept"), READ)
def test_what_is_typed_is_read(
    nursery: Portal, boss: Browser, entity: str, field: str, typed: Any, kept: Any
) -> None:
    boss.get(f"/{entity}/add")
    sent = {
        **base(nursery, entity),
        "name": f"{entity}-{field}-{READ.index((entity, field, typed, kept))}",
    }
    sent |= {field: typed}
    if entity == "plant":
        sent = {
            **sent,
            "label_text": sent["label_text"] if field == "label_text" else f"株{typed}"[:60],
        }
    answer = boss.post(f"/{entity}/add", sent)
    if kept is None and typed:
        assert answer.status_code == 422
        return
    pk = pk_of(answer)
    api = nursery.api("boss")
    assert api.call("GET", f"{entity}/{pk}").json["result"][field] == kept
    again = {**sent, "version": version_of(boss, entity, pk)}
    assert boss.post(f"/{entity}/edit/{pk}", again).status_code == 302
    assert api.call("GET", f"{entity}/{pk}").json["result"][field] == kept
    assert boss.post(f"/{entity}/delete/{pk}", {"version": again["version"]}).status_code in (
        302,
        409,
    )


WRONG: tuple[tuple[str, str, Any, str], ...] = (
    ("bed", "centre", "91,0", "latitude"), ("bed", "soil_colour", "red", "colour"), ("bed", "name", "长" * 61, "60"),
    ("bed", "upper", "999999", "no such record"), ("buyer", "licence", "123", "credit code"),
    ("buyer", "region", "999999", "region"),
    ("buyer", "mobile", "12345", "11 digits"), ("gardener", "phone", "abc", "phone"),
    ("gardener", "email", "x", "e-mail"),
    ("gardener", "id_card", "110105194912310021", "18-digit"), ("gardener", "bank_card", "12", "16 to 19"),
    ("gardener", "hourly_pay", "-1", "At least 0"), ("gardener", "hourly_pay", "1.234", "decimal places"),
    ("gardener", "hourly_pay", "x", "number"), ("gardener", "account", "999999", "no such record"),
    ("gardener", "hourly_pay", "9" * 20, "too large"), ("plant", "planted_on", "2026-02-30", "date"),
    ("plant", "planted_on", "1066-10-14", "date"), ("plant", "rank", "6", "Between 1 and 5"),
    ("plant", "species", "{fern}", "record"),
    ("plant", "groups", ["999999"], "no such record"), ("plant", "labels", ["长" * 41], "40"),
    ("plant", "label_text", "", "fill this in"),
    ("species", "sun", "moon", "choices"), ("species", "seasons", ["winter"], "choices"),
    ("species", "sow_from", "2026-13", "month"),
    ("species", "germination", "101", "At most 100"), ("species", "name", "鸡爪槭", "already"),
    ("task", "name", "短", "At least 2"),
    ("task", "starts_at", "25:00", "time"), ("task", "takes", "soon", "duration"),
    ("task", "due_on", "2019-12-31", "Not before"),
    ("task", "about", "species:1", "Choose a record"), ("task", "about", "plant:999999", "no such record"),
    ("task", "steps.0.minutes", "0", "At least 1"), ("task", "steps.0.minutes", "x", "whole number"),
    ("tool", "shop", "javascript:alert(1)", "http://"), ("tool", "settings", "{", "JSON"),
    ("tool", "settings", "5", "JSON"),
    ("weather", "at", "yesterday", "date and time"), ("weather", "warmth", "61", "At most 60"),
    ("weather", "warmth", "1.55", "decimal"),
)  # fmt: skip


@pytest.mark.parametrize(("entity", "field", "typed", "said"), WRONG)
def test_a_mistake_is_named_kept_and_not_written(
    nursery: Portal, boss: Browser, entity: str, field: str, typed: Any, said: str
) -> None:
    typed = typed.format(**nursery.ids) if isinstance(typed, str) and "{f" in typed else typed
    count = f'SELECT count(*) FROM "{entity}"'
    before = nursery.scalar(count)
    boss.get(f"/{entity}/add")
    sent = {**base(nursery, entity), field: typed}
    shown = boss.post(f"/{entity}/add?_l_=zh", sent), boss.post(f"/{entity}/add?_l_=en", sent)
    for answer, language in zip(shown, ("zh", "en"), strict=True):
        assert answer.status_code == 422
        problems = re.search(r"<[^>]*data-problems.*?</ul>", answer.text, re.DOTALL)
        assert problems
        assert f'href="#f-{field}"' in problems[0] or field.startswith("steps")
        own = re.search(
            rf'<div class="field[^"]*bad[^"]*" data-field="{re.escape(field)}".*?</ul>',
            answer.text,
            re.DOTALL,
        )
        assert own, "the error stands at its field"
        told = re.search(r'class="errs-list[^>]*>(.*?)</ul>', own[0], re.DOTALL)
        assert told
        text = unescape(re.sub(r"<[^>]+>", "", told[1]))
        assert (said in text) if language == "en" else re.search(r"[\u4e00-\u9fff]", text), text
        for word in [typed] if isinstance(typed, str) and typed else []:
            if word not in ("999999", nursery.ids["fern"], str(nursery.ids["fern"]), "moon", "6"):
                assert word in unescape(answer.text) or field in ("about", "account")
    assert nursery.scalar(count) == before


def test_all_mistakes_are_told_at_once(nursery: Portal, boss: Browser) -> None:
    boss.get("/gardener/add")
    sent = {
        "name": "",
        "mobile": "1",
        "email": "x",
        "hourly_pay": "x",
        "id_card": "1",
        "phone": "x",
        "bank_card": "1",
    }
    page = boss.post("/gardener/add", sent).text
    for field in (*sent, "bed"):
        assert re.search(rf'class="field[^"]*bad[^"]*" data-field="{field}"', page), field


def test_a_field_left_out_stays_and_an_empty_one_is_emptied(nursery: Portal, boss: Browser) -> None:
    boss.get("/gardener/add")
    pk = pk_of(
        boss.post(
            "/gardener/add", {**base(nursery, "gardener"), "email": "a@b.example", "pin": "1234"}
        )
    )
    assert "1234" not in boss.get(f"/gardener/edit/{pk}").text
    boss.post(f"/gardener/edit/{pk}", {"version": version_of(boss, "gardener", pk), "name": "改名"})
    row = "SELECT name || coalesce(email, '-') || (pin IS NOT NULL) FROM gardener WHERE id = :id"
    assert nursery.scalar(row, id=pk) == "改名a@b.exampletrue"
    sent = {"version": version_of(boss, "gardener", pk), "email": "", "pin": ""}
    assert boss.post(f"/gardener/edit/{pk}", sent).status_code == 302
    assert nursery.scalar(row, id=pk) == "改名-true"


def test_defaults_and_given_values_fill_a_new_form(nursery: Portal) -> None:
    browser = nursery.browser("west")
    page = browser.get(f"/task/add?bed={nursery.ids['west']}").text
    assert 'value="2026-06-22"' in page
    assert re.search(r"selected>王小明<", page)
    assert re.search(r"selected>西床<", page)
    stranger = browser.get(f"/task/add?bed={nursery.ids['east']}&doer={nursery.ids['far']}").text
    assert "CANARY" not in stranger
    assert "东床" not in stranger


def test_rows_are_added_changed_and_removed_in_the_form(nursery: Portal, boss: Browser) -> None:
    boss.get("/task/add")
    rows = {"steps.0.what": "甲", "steps.0.minutes": "1", "steps.7.what": "乙", "steps.9.what": ""}
    pk = pk_of(boss.post("/task/add", {**base(nursery, "task"), **rows}))
    what = (
        "SELECT string_agg(what || coalesce(minutes::text, '-'), ',' ORDER BY id)"
        " FROM task_step WHERE task_id = :id AND deleted_at IS NULL"
    )
    assert nursery.scalar(what, id=pk) == "甲1,乙-"
    page = boss.get(f"/task/edit/{pk}").text
    kept = dict(re.findall(r'name="(steps\.\d\.(?:id|version))" value="(\d+)"', page))
    sent = {**base(nursery, "task"), "version": version_of(boss, "task", pk), **kept}
    sent |= {
        "steps.0.what": "甲甲",
        "steps.0.minutes": "2",
        "steps.1.removed": "1",
        "steps.1.what": "乙",
        "steps.2.what": "丙",
    }
    assert boss.post(f"/task/edit/{pk}", sent).status_code == 302
    assert nursery.scalar(what, id=pk) == "甲甲2,丙-"
    old = boss.post(f"/task/edit/{pk}", {**sent, "version": version_of(boss, "task", pk)})
    assert old.status_code in (404, 409, 422), "a row that was changed meanwhile is not overwritten"


def test_more_rows_than_shown_or_taken_are_spoken_of(nursery: Portal, boss: Browser) -> None:
    boss.get("/task/add")
    with nursery.records() as records:
        values = {"name": "一百零一步", "bed": nursery.ids["west"]}
        full = records.create("task", {**values, "steps": [{"what": f"步{n}"} for n in range(100)]})
        more = records.create("task", {**values, "steps": [{"what": f"步{n}"} for n in range(101)]})
    said = "这里只显示前 100 行"
    for page in ("show", "edit"):
        assert said not in boss.get(f"/task/{page}/{full}").text
        shown = boss.get(f"/task/{page}/{more}").text
        assert said in shown
        assert "步99" in shown
        assert "步100" not in shown
    count = "SELECT count(*) FROM task"
    before = nursery.scalar(count)
    rows = {f"steps.{number}.what": f"步{number}" for number in range(201)}
    answer = boss.post("/task/add", {**base(nursery, "task"), **rows})
    assert answer.status_code == 422
    assert "一次最多保存 200 行" in answer.text
    assert 'value="步200"' in answer.text, "what was typed stays"
    assert nursery.scalar(count) == before
    del rows["steps.200.what"]
    assert boss.post("/task/add", {**base(nursery, "task"), **rows}).status_code == 302


def test_a_wrong_row_is_named_by_its_number(nursery: Portal, boss: Browser) -> None:
    boss.get("/task/add")
    rows = {
        "steps.0.what": "好",
        "steps.4.what": "",
        "steps.4.minutes": "5",
        "steps.5.minutes": "601",
        "steps.5.what": "长",
    }
    answer = boss.post("/task/add", {**base(nursery, "task"), **rows})
    assert answer.status_code == 422
    for key in ("steps.4.what", "steps.5.minutes"):
        assert re.search(
            rf'class="field[^"]*bad[^"]*" data-field="{re.escape(key)}"', answer.text
        ), key
    assert nursery.scalar("SELECT count(*) FROM task_step WHERE what = '好'") == 0


@pytest.mark.parametrize(
    ("entity", "table", "row", "kept"),
    [
        ("task", "steps", {"what": "步", "minutes": 33}, "minutes"),
        ("sale", "lines", {"count": 44}, "count"),
    ],
)
def test_a_form_whose_rows_keep_something_from_the_clerk_is_saved(
    nursery: Portal, entity: str, table: str, row: dict[str, Any], kept: str
) -> None:
    if not nursery.scalar("SELECT count(*) FROM ab_user WHERE username = 'clerk'"):
        nursery.account("clerk", "clerk", nursery.ids["west"])
    with nursery.records() as records:
        own = {key: value for key, value in base(nursery, entity).items() if key != "name"}
        named = {"name": "有步骤"} if entity == "task" else {}
        pk = records.create(entity, {**own, **named, table: [row]})
    browser = nursery.browser("clerk")
    page = browser.get(f"/{entity}/edit/{pk}").text
    page = re.sub(r'name="(csrf_token|_drawn|once)" value="[^"]*"', "", page)
    assert str(row[kept]) not in re.sub(
        r'\d+" |v\d+', "", " ".join(re.findall(r'value="([^"]*)"', page)).split("csrf")[0]
    )
    inputs = dict(re.findall(r'<input[^>]* name="([\w.]+)"[^>]* value="([^"]*)"', page))
    sent = {key: value for key, value in inputs.items() if "__new__" not in key}
    answer = browser.post(f"/{entity}/edit/{pk}", sent)
    assert answer.status_code == 302, re.findall(r"errs-list[^>]*>(.*?)</ul>", answer.text)
    child = nursery.schema.entities[entity].fields[table].target
    assert nursery.scalar(f"SELECT {kept} FROM {child} WHERE {entity}_id = :id", id=pk) == row[kept]


def test_what_the_form_does_not_show_is_emptied_and_not_required(
    nursery: Portal, boss: Browser
) -> None:
    boss.get("/plant/add")
    sent = {**base(nursery, "plant"), "label_text": "有病", "healthy": "false", "illness": "霉"}
    pk = pk_of(boss.post("/plant/add", sent))
    well = {**sent, "healthy": "true", "version": version_of(boss, "plant", pk)}
    assert boss.post(f"/plant/edit/{pk}", well).status_code == 302
    assert nursery.scalar("SELECT illness FROM plant WHERE id = :id", id=pk) is None
    ill = boss.post("/plant/add", {**sent, "label_text": "无病情", "illness": ""})
    assert ill.status_code == 422
    assert re.search(r'bad[^"]*" data-field="illness"', ill.text)


def test_what_can_only_be_read_now_is_refused(nursery: Portal, boss: Browser) -> None:
    boss.get("/plant/add")
    pk = pk_of(boss.post("/plant/add", {**base(nursery, "plant"), "label_text": "无价"}))
    sent = {**base(nursery, "plant"), "label_text": "无价", "sold_on": "2026-06-01", "price": ""}
    answer = boss.post(f"/plant/edit/{pk}", {**sent, "version": version_of(boss, "plant", pk)})
    assert answer.status_code == 422
    assert re.search(r'bad[^"]*" data-field="sold_on"', answer.text)


def test_a_warning_is_said_and_the_record_saved(nursery: Portal, boss: Browser) -> None:
    boss.get("/plant/add")
    answer = boss.post(
        "/plant/add", {**base(nursery, "plant"), "label_text": "贵", "price": "2000"}
    )
    assert "价格偏高" in boss.get(f"/plant/show/{pk_of(answer)}").text


def test_locked_and_closed_records_are_only_read(nursery: Portal, boss: Browser) -> None:
    boss.get("/weather/add")
    old = pk_of(boss.post("/weather/add", {"at": "2026-06-01T08:00", "warmth": "5"}))
    answer = boss.post(f"/weather/edit/{old}", {"version": "1", "warmth": "6"})
    assert answer.status_code in (409, 422)
    assert "两天后不可修改" in answer.text
    task = pk_of(boss.post("/task/add", {**base(nursery, "task"), "doer": nursery.ids["wang"]}))
    for step, version in (("finish", 1), ("shut_away", 2)):
        boss.post(f"/task/move/{task}/{step}", {"version": str(version)})
    assert f"/task/edit/{task}" not in boss.get(f"/task/show/{task}").text
    refused = boss.post(f"/task/edit/{task}", {"version": "3", "name": "又来"})
    assert refused.status_code in (409, 422)
    assert "归档" in refused.text
    for step in ("finish", "reopen", "shut_away"):
        boss.post(f"/task/move/{task}/{step}", {"version": "3", "due_on": "2026-07-07"})
    assert nursery.scalar("SELECT state || version FROM task WHERE id = :id", id=task) == "shut3"


def test_a_guard_and_the_list_of_moves_hold(nursery: Portal, boss: Browser) -> None:
    boss.get("/task/add")
    task = pk_of(boss.post("/task/add", {**base(nursery, "task"), "doer": ""}))
    boss.post(f"/task/move/{task}/finish", {"version": "1"})
    assert "先指定执行人" in boss.get(f"/task/show/{task}").text
    assert nursery.scalar("SELECT state FROM task WHERE id = :id", id=task) == "open"
    helper, own = nursery.browser("helper"), nursery.ids["own_task"]
    helper.get(f"/task/show/{own}")
    helper.post(f"/task/move/{own}/finish", {"version": "1"})
    assert nursery.scalar("SELECT state FROM task WHERE id = :id", id=own) == "done"
    helper.post(f"/task/move/{own}/reopen", {"version": "2", "due_on": "2026-07-07"})
    assert nursery.scalar("SELECT state FROM task WHERE id = :id", id=own) == "done"


def test_deleting_is_soft_hard_never_or_refused(nursery: Portal, boss: Browser) -> None:
    boss.get("/tool/add")
    tool = pk_of(boss.post("/tool/add", {"name": "临时工具"}))
    assert boss.post(f"/tool/delete/{tool}", {"version": "9"}).status_code == 409
    assert boss.post(f"/tool/delete/{tool}", {"version": "1"}).status_code == 302
    assert nursery.scalar("SELECT count(*) FROM tool WHERE id = :id", id=tool) == 0
    task = pk_of(boss.post("/task/add", {**base(nursery, "task"), "steps.0.what": "一步"}))
    assert boss.post(f"/task/delete/{task}", {"version": "1"}).status_code == 302
    assert nursery.scalar("SELECT deleted_at IS NOT NULL FROM task WHERE id = :id", id=task)
    assert nursery.scalar(
        "SELECT deleted_at IS NOT NULL FROM task_step WHERE task_id = :id", id=task
    )
    for page in ("show", "edit", "history"):
        assert boss.get(f"/task/{page}/{task}").status_code == 404
    weather = pk_of(boss.post("/weather/add", base(nursery, "weather")))
    assert boss.post(f"/weather/delete/{weather}", {"version": "1"}).status_code == 409
    assert boss.post(f"/bed/delete/{nursery.ids['west']}", {"version": "1"}).status_code == 409
    used = pk_of(boss.post("/sale/add", base(nursery, "sale")))
    again = {"name": "重名", "bed": nursery.ids["west"]}
    buyer = pk_of(boss.post("/buyer/add", again))
    assert boss.post(f"/buyer/delete/{buyer}", {"version": "1"}).status_code == 302
    assert used


def test_a_place_does_not_lie_below_itself(nursery: Portal, boss: Browser) -> None:
    all_, west = nursery.ids["all"], nursery.ids["west"]
    for upper in (all_, west):
        version = version_of(boss, "bed", all_)
        answer = boss.post(
            f"/bed/edit/{all_}", {"version": version, "name": "全园", "upper": upper}
        )
        assert answer.status_code == 422
        assert re.search(r'bad[^"]*" data-field="upper"', answer.text)


def test_the_history_tells_who_did_what(nursery: Portal, boss: Browser) -> None:
    boss.get("/task/add")
    task = pk_of(
        boss.post(
            "/task/add",
            {
                **base(nursery, "task"),
                "doer": nursery.ids["wang"],
                "about": f"plant:{nursery.ids['plant1']}",
            },
        )
    )
    sent = {
        "version": "1",
        "name": "改过",
        "bed": nursery.ids["west"],
        "tools": [nursery.ids["spade"]],
    }
    assert boss.post(f"/task/edit/{task}", sent).status_code == 302
    boss.post(f"/task/move/{task}/finish", {"version": "2"})
    page = boss.get(f"/task/history/{task}").text
    assert page.count("<li") == 3
    for said in ("boss", "新建", "新任务", "改过", "铁锹", "完成", "王小明", "西床", "丽水槭树01"):
        assert said in page, said
    assert "plant:" not in page


def test_money_and_numbers_are_exact(nursery: Portal) -> None:
    api = nursery.api("boss")
    made = api.call(
        "POST",
        "plant/",
        json={**base(nursery, "plant"), "label_text": "精确", "price": "0.1", "healthy": True},
    )
    assert made.json["result"]["price"] == "0.10"
    assert Decimal(made.json["result"]["dear"]) == Decimal("0.2")
