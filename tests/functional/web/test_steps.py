"""Steps: their dialog asks and offers, and keeps what was typed when it is refused."""

from __future__ import annotations

import re

import pytest

from tests.support.nursery_forms import base, pk_of
from tests.support.portals import Browser, Portal


@pytest.fixture(scope="module")
def boss(nursery: Portal) -> Browser:
    browser = nursery.browser("boss")
    browser.post("/lang/zh")
    return browser


def dialog(page: str, step: str) -> str:
    """The dialog of a step in the page of a record."""
    return page.partition(f'id="move-{step}"')[2].partition("</dialog>")[0]


def a_plant(nursery: Portal, boss: Browser, name: str) -> int:
    boss.get("/plant/add")
    sent = {**base(nursery, "plant"), "label_text": name, "note": "原注"}
    return pk_of(boss.post("/plant/add", sent))


def test_what_a_step_offers_is_drawn_with_its_value_and_saved(
    nursery: Portal, boss: Browser
) -> None:
    plant = a_plant(nursery, boss, "将愈")
    assert (
        boss.post(f"/plant/move/{plant}/sicken", {"version": "1", "illness": "枯"}).status_code
        == 302
    )
    drawn = dialog(boss.get(f"/plant/show/{plant}").text, "heal")
    assert re.search(r'<textarea[^>]*name="note"[^>]*>原注</textarea>', drawn)
    assert "aria-required" not in drawn
    sent = {"version": "2", "note": "新注"}
    assert boss.post(f"/plant/move/{plant}/heal", sent).status_code == 302
    row = "SELECT state || '-' || note FROM plant WHERE id = :id"
    assert nursery.scalar(row, id=plant) == "growing-新注"


def test_a_refused_step_shows_its_dialog_again(nursery: Portal, boss: Browser) -> None:
    boss.get("/task/add")
    task = pk_of(boss.post("/task/add", {**base(nursery, "task"), "doer": nursery.ids["wang"]}))
    assert boss.post(f"/task/move/{task}/finish", {"version": "1"}).status_code == 302
    for typed, said in (("明天 <b>", "请填"), ("2019-12-31", "2020"), ("", "必填|请填")):
        answer = boss.post(f"/task/move/{task}/reopen", {"version": "2", "due_on": typed})
        assert answer.status_code == 422
        drawn = dialog(answer.text, "reopen")
        assert drawn.partition(">")[0].endswith(" data-open"), "the dialog opens by itself"
        kept = typed.replace("<", "&lt;").replace(">", "&gt;")
        assert f'value="{kept}"' in re.search(r'<input[^>]*name="due_on"[^>]*>', drawn)[0]  # type: ignore[index]
        wrong = drawn.partition('id="e-due_on"')[2].partition("</ul>")[0]
        assert re.search(said, wrong), wrong
        assert "data-open" not in dialog(answer.text, "shut_away")
    assert nursery.scalar("SELECT state FROM task WHERE id = :id", id=task) == "done"
    assert (
        boss.post(f"/task/move/{task}/reopen", {"version": "2", "due_on": "2026-07-01"}).status_code
        == 302
    )


def test_a_step_on_an_old_version_keeps_what_was_typed(nursery: Portal, boss: Browser) -> None:
    plant = a_plant(nursery, boss, "旧版")
    edited = {**base(nursery, "plant"), "label_text": "旧版", "note": "改", "version": "1"}
    assert boss.post(f"/plant/edit/{plant}", edited).status_code == 302
    answer = boss.post(f"/plant/move/{plant}/sicken", {"version": "1", "illness": "虫害"})
    assert answer.status_code == 409
    drawn = dialog(answer.text, "sicken")
    assert re.search(r'<textarea[^>]*name="illness"[^>]*>虫害</textarea>', drawn)
    assert 'name="version" value="2"' in drawn
    assert "您编辑期间" in answer.text
