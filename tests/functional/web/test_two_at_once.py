"""Two people editing the same record: the second sees what the first saved, and can take it over."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import pytest

from app.web.controls import CONTROLS
from tests.support.nursery_forms import base, pk_of
from tests.support.portals import Browser, Portal

# Entity, field, what the first types, what the second types.
BOTH: tuple[tuple[str, str, Any, Any], ...] = (
    ("bed", "centre", "31.2,121.5", "30,120"), ("bed", "soil_colour", "#aabbcc", "#112233"),
    ("bed", "upper", "{west}", "{east}"), ("buyer", "region", "310104", "310101"),
    ("buyer", "licence", "91350100M000100Y43", ""),
    ("buyer", "mobile", "13800138001", "13800138002"), ("buyer", "bed", "{east}", "{west}"),
    ("gardener", "phone", "010-12345678", ""), ("gardener", "email", "a@example.com", "b@example.com"),
    ("gardener", "id_card", "31010419900119018X", ""), ("gardener", "bank_card", "6222020000000000000", ""),
    ("gardener", "hourly_pay", "1234.50", "1"),
    ("plant", "planted_on", "2026-03-01", "2026-03-02"), ("plant", "price", "100", "200"),
    ("plant", "price", "", "200"), ("plant", "rank", "5", "1"),
    ("plant", "labels", ["红,绿", "高"], ["矮"]), ("plant", "labels", [], ["矮"]),
    ("plant", "label_text", '"甲" <b>', "乙"), ("plant", "note", "一\n二", "三"),
    ("plant", "healthy", "true", "false"), ("plant", "groups", ["{group}"], []),
    ("species", "seasons", ["spring", "autumn"], ["summer"]), ("species", "sow_from", "2026-03", "2026-04"),
    ("species", "germination", "82.5", "80"), ("species", "sun", "half", "full"),
    ("task", "starts_at", "08:30", "09:30"), ("task", "takes", "1:45", "2:00"),
    ("task", "tools", ["{spade}"], []), ("task", "about", "plant:{plant1}", "buyer:{buyer}"),
    ("task", "report", "<p>好 <b>吗</b></p>", "<p>不</p>"),
    ("tool", "shop", "https://example.com/a?b=c", "https://example.com/"),
    ("tool", "settings", '{"a": [1, "甲"]}', "[2]"),
    ("weather", "at", "2026-06-15T12:00", "2026-06-15T13:00"), ("weather", "warmth", "-3.5", "4"),
    ("sale_line", "count", "2", "3"),
)  # fmt: skip
# Shown only, without a control, or not to be put into a form by a script.
APART = {
    "code", "computed", "lookup", "summary", "children", "secret", "file", "files", "image",
    "signature",
}  # fmt: skip


@pytest.fixture(scope="module")
def boss(nursery: Portal) -> Browser:
    browser = nursery.browser("boss")
    browser.post("/lang/zh")
    return browser


def filled(portal: Portal, typed: Any) -> Any:
    """What is typed, with the numbers of the nursery."""
    if isinstance(typed, list):
        return [filled(portal, text) for text in typed] or [""]
    return re.sub(r"\{([a-z]\w*)\}", lambda found: str(portal.ids[found[1]]), typed)


def field_of(page: str, name: str) -> str:
    """The part of a form that belongs to one field."""
    return page.partition(f'data-field="{name}"')[2].partition('<div class="field')[0]


def least(portal: Portal, entity: str) -> dict[str, Any]:
    """What the form needs, named apart from other records."""
    if entity == "sale_line":
        sale = portal.ids.get("sale") or portal.scalar("SELECT min(id) FROM sale")
        return {"sale": sale, "count": "1"}
    return base(portal, entity)


@pytest.mark.parametrize(("entity", "field", "theirs", "mine"), BOTH)
def test_what_the_first_saved_is_taken_over_as_it_was_saved(
    nursery: Portal, boss: Browser, entity: str, field: str, theirs: Any, mine: Any
) -> None:
    if entity == "sale_line" and not nursery.scalar("SELECT count(*) FROM sale"):
        boss.get("/sale/add")
        pk_of(boss.post("/sale/add", base(nursery, "sale")))
    name = "label_text" if entity == "plant" else "name"
    sent = least(nursery, entity)
    sent |= {"illness": "枯"} if field == "healthy" else {}
    sent |= {name: f"同改{BOTH.index((entity, field, theirs, mine))}"} if name in sent else {}
    boss.get(f"/{entity}/add")
    pk = pk_of(boss.post(f"/{entity}/add", sent))
    page, api = f"/{entity}/edit/{pk}", nursery.api("boss")
    first = {**sent, field: filled(nursery, theirs), "version": "1"}
    second = {**sent, field: filled(nursery, mine), "version": "1"}
    assert (
        boss.post(page, {**sent, field: filled(nursery, mine), "version": "1"}).status_code == 302
    )
    assert boss.post(page, {**first, "version": "2"}).status_code == 302
    saved = api.call("GET", f"{entity}/{pk}").json["result"][field]
    answer = boss.post(page, {**second, "version": "2"})
    assert answer.status_code == 409
    offered = re.search(r'data-theirs="([^"]*)"', field_of(answer.text, field))
    assert offered, field_of(answer.text, field)
    texts = [pair["value"] for pair in json.loads(unescape(offered[1]))]
    version = re.search(r'name="version" value="(\d+)"', answer.text)
    assert version
    taken = {**second, field: texts or [""], "version": version[1]}
    assert boss.post(page, taken).status_code == 302
    assert api.call("GET", f"{entity}/{pk}").json["result"][field] == saved


def test_every_kind_of_control_can_be_taken_over(nursery: Portal) -> None:
    tried = {nursery.schema.entities[entity].fields[field].type for entity, field, _, _ in BOTH}
    assert {*CONTROLS} - APART == tried


def test_links_are_offered_with_their_titles(nursery: Portal, boss: Browser) -> None:
    boss.get("/buyer/add")
    pk = pk_of(boss.post("/buyer/add", {**base(nursery, "buyer"), "name": "题名"}))
    sent = {"name": "题名", "bed": nursery.ids["west"], "version": "1"}
    boss.post(f"/buyer/edit/{pk}", {**sent, "bed": nursery.ids["east"]})
    answer = boss.post(f"/buyer/edit/{pk}", {**sent, "name": "另名"})
    offered = re.search(r'data-theirs="([^"]*)"', field_of(answer.text, "bed"))
    assert offered
    pair = {"value": str(nursery.ids["east"]), "text": "东床"}
    assert json.loads(unescape(offered[1])) == [pair]
    assert "data-theirs" not in field_of(answer.text, "name"), (
        "only what both changed is in question"
    )


def test_rows_of_both_are_told_and_one_s_own_can_be_kept(nursery: Portal, boss: Browser) -> None:
    boss.get("/task/add")
    rows = {"steps.0.what": "甲", "steps.1.what": "乙", "steps.2.what": "丙"}
    pk = pk_of(boss.post("/task/add", {**base(nursery, "task"), **rows}))
    page = f"/task/edit/{pk}"
    form = boss.get(page).text
    kept = dict(re.findall(r'name="(steps\.\d\.(?:id|version))" value="(\d+)"', form))
    sent = {**base(nursery, "task"), **rows, **kept, "version": "1"}
    first = {**sent, "steps.0.what": "甲甲", "steps.1.removed": "1", "steps.3.what": "丁"}
    assert boss.post(page, first).status_code == 302
    second = {**sent, "steps.0.what": "我", "steps.1.what": "乙乙", "steps.2.removed": "1"}
    answer = boss.post(page, second)
    assert answer.status_code == 409
    told = answer.text.partition('id="l-steps"')[2].partition("</form>")[0]
    assert "另存的行不同" in told
    assert f'href="{page}"' in told
    new = dict(re.findall(r'name="(steps\.\d\.(?:id|version|removed))" value="(\d*)"', answer.text))
    assert new["steps.0.version"] == "2"
    assert new["steps.1.id"] == "", "what is gone is added anew"
    assert new["steps.2.removed"] == "1"
    again = {**base(nursery, "task"), **new, "version": "2"}
    again |= {"steps.0.what": "我", "steps.1.what": "乙乙", "steps.2.what": "丙"}
    assert boss.post(page, again).status_code == 302
    what = "SELECT string_agg(what, ',' ORDER BY id) FROM task_step WHERE task_id = :id AND deleted_at IS NULL"
    assert nursery.scalar(what, id=pk) == "我,丁,乙乙"
