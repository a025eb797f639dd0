"""A form that was open while the schema changed is saved under the names of today, or explained."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.test import TestResponse

from app.factory import apply
from app.language.compiler import compile_sources
from tests.support.nursery import planted
from tests.support.portals import SCHEMAS, Browser, Portal, running_portal
from tests.support.servers import Servers


@pytest.fixture
def portal(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with running_portal(servers, SCHEMAS / "nursery", tmp_path_factory.mktemp("home")) as made:
        planted(made)
        yield made


def change(portal: Portal, *changes: tuple[str, str, str]) -> None:
    """Apply the schema with texts replaced: file, what it says, what it is to say."""
    sources = dict(portal.schema.sources)
    for name, old, new in changes:
        assert old in sources[name], old
        sources[name] = sources[name].replace(old, new)
    apply(portal.engines, compile_sources(sources), by="test", allow_loss=True)


def rename_note(portal: Portal) -> None:
    """The note of a plant becomes its remark."""
    roles = [(name, text) for name, text in portal.schema.sources.items() if "role_" in name]
    change(
        portal,
        ("plant.yaml", "  note: {type", "  remark: {was: note, type"),
        ("plant.yaml", "note]", "remark]"),
        *((name, "note", "remark") for name, text in roles if re.search(r"\bnote\b", text)),
    )


def drop_note(portal: Portal) -> None:
    """The plant has no note any more."""
    change(
        portal,
        ("plant.yaml", "  note: {type: long_text, label: {zh: 备注, en: Note}}\n", ""),
        ("plant.yaml", ", note]", "]"),
        ("plant.yaml", "offers: [note], ", ""),
        ("role_inspector.yaml", ", mask: [note]", ""),
        ("role_keeper.yaml", "illness, note,", "illness,"),
    )


def opened(browser: Browser, path: str) -> dict[str, str]:
    """The mark and the key of a form, as a browser sends them."""
    page = browser.get(path).text
    return {
        name: found[1]
        for name in ("_drawn", "once", "version")
        if (found := re.search(rf'name="{name}" value="([^"]*)"', page))
    }


def said(answer: TestResponse) -> str:
    """The text of a page as a reader sees it."""
    return html.unescape(re.sub(r"<[^>]+>", " ", answer.text))


def plant(portal: Portal, **typed: Any) -> dict[str, Any]:
    """What the form of a plant sends."""
    known = {"label_text": "先开的", "species": str(portal.ids["maple"]),
             "bed": str(portal.ids["west"])}  # fmt: skip
    return {**known, **typed}


def test_what_was_typed_goes_to_the_new_name_of_a_field(portal: Portal) -> None:
    browser = portal.browser("boss")
    sent = opened(browser, "/plant/add")
    rename_note(portal)
    answer = browser.post("/plant/add", plant(portal, note="朝南", **sent))
    assert answer.status_code == 302, said(answer)
    assert portal.scalar("SELECT remark FROM plant WHERE label_text = '先开的'") == "朝南"


def test_the_form_of_a_record_follows_too(portal: Portal) -> None:
    browser = portal.browser("boss")
    sent = opened(browser, f"/plant/edit/{portal.ids['plant0']}")
    rename_note(portal)
    answer = browser.post(f"/plant/edit/{portal.ids['plant0']}", plant(portal, note="朝北", **sent))
    assert answer.status_code == 302, said(answer)
    assert portal.scalar("SELECT remark FROM plant WHERE label_text = '先开的'") == "朝北"


def test_a_field_that_is_gone_is_named_with_what_was_typed(portal: Portal) -> None:
    browser = portal.browser("boss")
    sent = opened(browser, "/plant/add")
    drop_note(portal)
    typed = plant(portal, note="朝南的一株", labels=["红"], **sent)
    answer = browser.post("/plant/add", typed)
    assert answer.status_code == 409
    page = said(answer)
    assert "“备注”" in page
    assert "朝南的一株" in page
    assert 'value="先开的"' in answer.text
    assert portal.scalar("SELECT count(*) FROM plant WHERE label_text = '先开的'") == 0
    again = {name: re.search(rf'name="{name}" value="([^"]*)"', answer.text)[1]  # type: ignore[index]
             for name in ("_drawn", "once")}  # fmt: skip
    assert browser.post("/plant/add", plant(portal, **again)).status_code == 302
    assert portal.scalar("SELECT count(*) FROM plant WHERE label_text = '先开的'") == 1


def test_an_empty_field_that_is_gone_stops_nobody(portal: Portal) -> None:
    browser = portal.browser("boss")
    sent = opened(browser, "/plant/add")
    drop_note(portal)
    assert browser.post("/plant/add", plant(portal, note="", **sent)).status_code == 302


def test_a_new_field_of_an_old_name_gets_nothing_of_the_old_one(portal: Portal) -> None:
    browser = portal.browser("boss")
    sent = opened(browser, "/plant/add")
    drop_note(portal)
    change(portal)  # The files of before: a note again, but another one.
    answer = browser.post("/plant/add", plant(portal, note="给旧的", **sent))
    back = portal.scalar(
        "SELECT count(DISTINCT operations->'identities'->'plant'->>'note') FROM portal_revision"
    )
    assert (back, answer.status_code) == (2, 409), said(answer)
    assert "给旧的" in said(answer)


def test_a_field_of_another_kind_is_validated_as_that(portal: Portal) -> None:
    browser = portal.browser("boss")
    sent = opened(browser, "/plant/add")
    change(portal, ("plant.yaml", "note: {type: long_text,", "note: {type: integer,"))
    answer = browser.post("/plant/add", plant(portal, note="很多", **sent))
    assert answer.status_code == 422
    assert "很多" in said(answer)
    good = browser.post("/plant/add", plant(portal, note="12", **sent))
    assert good.status_code == 302
    assert portal.scalar("SELECT note FROM plant WHERE label_text = '先开的'") == 12


def test_the_number_of_a_record_is_not_read_as_something_else(portal: Portal) -> None:
    browser = portal.browser("boss")
    sent = opened(browser, "/task/add")
    change(
        portal, ("task.yaml", "tools: {type: links, to: tool", "tools: {type: links, to: tag_group")
    )
    typed = {"name": "剪枝", "bed": str(portal.ids["west"]), "tools": str(portal.ids["spade"])}
    answer = browser.post("/task/add", {**typed, **sent})
    assert answer.status_code == 422
    assert "原来填的是：铁锹" in said(answer)
    assert portal.scalar("SELECT count(*) FROM task WHERE name = '剪枝'") == 0
    del typed["tools"]
    again = opened(browser, "/task/add")
    assert browser.post("/task/add", {**typed, **again}).status_code == 302


def test_rows_of_a_table_follow_too(portal: Portal) -> None:
    browser = portal.browser("boss")
    sent = opened(browser, "/task/add")
    change(
        portal,
        ("task_step.yaml", "  what: {", "  deed: {was: what, "),
        ("task_step.yaml", "{what}", "{deed}"),
    )
    rows = {"steps.0.what": "浇透", "steps.0.minutes": "5"}
    answer = browser.post(
        "/task/add", {"name": "夏天", "bed": str(portal.ids["west"]), **rows, **sent}
    )
    assert answer.status_code == 302, said(answer)
    assert portal.column("SELECT deed FROM task_step WHERE deed = '浇透'") == ["浇透"]


def test_a_step_says_what_it_no_longer_asks(portal: Portal) -> None:
    browser, number = portal.browser("boss"), portal.ids["plant1"]
    with portal.records() as records:
        records.change("plant", number, {"healthy": False, "illness": "蚜虫"}, 1)
        records.move("plant", number, "sicken", 2, {"illness": "蚜虫"})
    sent = opened(browser, f"/plant/show/{number}")
    drop_note(portal)
    answer = browser.post(f"/plant/move/{number}/heal", {"note": "喷过药", **sent})
    assert "喷过药" in said(
        browser.get(f"/plant/show/{number}") if answer.status_code == 302 else answer
    )
    assert portal.scalar("SELECT state FROM plant WHERE id = :id", id=number) == "sick"


def test_a_file_comes_along_under_the_new_name(portal: Portal) -> None:
    browser = portal.browser("boss")
    sent = opened(browser, "/tool/add")
    change(portal, ("tool.yaml", "  manual: {type", "  guide: {was: manual, type"))
    file = {"manual": (io.BytesIO(b"how to dig"), "dig.txt")}
    answer = browser.post("/tool/add", {"name": "铲子", **file, **sent})
    assert answer.status_code == 302, said(answer)
    kept = portal.scalar("SELECT f.name FROM tool t JOIN portal_file f ON f.id = t.guide")
    assert kept == "dig.txt"


def test_a_file_for_a_field_that_is_gone_is_named(portal: Portal) -> None:
    browser = portal.browser("boss")
    sent = opened(browser, "/tool/add")
    change(
        portal,
        (
            "tool.yaml",
            "  manual: {type: file, label: {zh: 说明书, en: Manual}, kinds: [pdf, txt]}\n",
            "",
        ),
    )
    file = {"manual": (io.BytesIO(b"how to dig"), "dig.txt")}
    answer = browser.post("/tool/add", {"name": "铲子", **file, **sent})
    assert answer.status_code == 409
    assert "“说明书”" in said(answer)
    assert "dig.txt" in said(answer)


def test_many_records_and_a_step_that_is_gone(portal: Portal) -> None:
    browser, number = portal.browser("boss"), portal.ids["plant1"]
    browser.get("/plant/list/")
    answer = browser.post("/plant/bulk", {"action": "move:burn", "ids": str(number)})
    assert answer.status_code == 302
    assert "这个步骤已经没有了" in said(browser.get("/plant/list/"))


def test_a_mark_that_nobody_made_changes_nothing(portal: Portal) -> None:
    browser = portal.browser("boss")
    sent = opened(browser, "/plant/add")
    drop_note(portal)
    forged = {**sent, "_drawn": sent["_drawn"].replace(".1.", ".2.")}
    assert browser.post("/plant/add", plant(portal, note="", **forged)).status_code == 302


def view_link(browser: Browser, name: str) -> str:
    """Where a kept view leads."""
    page = browser.get("/plant/list/").text
    found = re.search(rf'href="([^"]+)"[^>]*>{name}<', page)
    assert found is not None
    return html.unescape(found[1])


def kept(portal: Portal, query: str, name: str = "我的") -> Browser:
    """A reader with a kept view of the plants, one of which has a note that says 朝南."""
    with portal.records() as records:
        records.change("plant", portal.ids["plant3"], {"note": "朝南的"}, 1)
    browser = portal.browser("boss")
    browser.get("/plant/list/")
    assert browser.post("/plant/views", {"name": name, "query": query}).status_code == 302
    return browser


def test_a_kept_view_follows_a_renamed_field(portal: Portal) -> None:
    browser = kept(portal, "note=朝南&sort=-label_text")
    rename_note(portal)
    page = browser.get(view_link(browser, "我的")).text
    assert re.findall("丽水槭树[0-9]{2}", page)[:1] == ["丽水槭树03"]
    assert "已略去" not in page


def test_a_kept_view_says_what_it_leaves_out(portal: Portal) -> None:
    browser = kept(portal, "note=朝南&price=10..20&view=seedlings")
    drop_note(portal)
    page = browser.get(view_link(browser, "我的")).text
    assert "已略去：备注、seedlings" in page
    assert set(re.findall("丽水槭树[0-9]{2}", page)) == {"丽水槭树01", "丽水槭树02"}


def test_an_older_view_that_says_no_revision_follows_too(portal: Portal) -> None:
    browser = portal.browser("boss")
    rename_note(portal)
    with portal.engines.owner.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE plant SET remark = '朝南的' WHERE label_text = '丽水槭树04'"
        )
    page = browser.get("/plant/list/?note=朝南").text
    assert set(re.findall("丽水槭树[0-9]{2}", page)) == {"丽水槭树04"}


def test_the_form_of_a_renamed_entity_comes_back_under_its_new_name(portal: Portal) -> None:
    browser = portal.browser("boss")
    sent = opened(browser, "/weather/add")
    renamed = {
        name: re.sub(r"\bweather\b(?!_)", "climate", text)
        for name, text in portal.schema.sources.items()
    }
    renamed["weather.yaml"] = renamed["weather.yaml"].replace(
        "entity: climate", "entity: climate\nwas: weather"
    )
    apply(portal.engines, compile_sources(renamed), by="test", allow_loss=True)
    answer = browser.post("/weather/add", {"warmth": "21.5", **sent})
    assert answer.status_code == 303
    page = browser.get(answer.location)
    assert page.status_code == 200
    assert 'action="/climate/add"' in page.text
    assert 'value="21.5"' in page.text
