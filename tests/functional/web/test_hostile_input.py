"""Nonsense in addresses, forms and JSON is refused or left out: never a failure, never a word of SQL."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.portals import Api, Browser, Portal

NONSENSE = (
    "\x00", "²", "-1", "1e999999", "1..1e999999", "NaN", "9" * 19, "9" * 300, "0001-01-01", "9999-12-31",
    "0001-01-01..9999-12-31", "0001-01-01T00:00", "9999-12-31T23:59", "%", "\\", "'; DROP TABLE plant; --",
    "a" * 5000, "1,²,x", "𠮷",
)  # fmt: skip
SEVERAL = ("plant", "task", "weather")
TELLTALE = re.compile(r"Traceback|psycopg|sqlalchemy|SELECT |INSERT INTO|File \"")


@pytest.fixture(scope="module")
def boss(nursery: Portal) -> Browser:
    return nursery.browser("boss")


@pytest.fixture(scope="module")
def api(nursery: Portal) -> Api:
    return nursery.api("boss")


def loud(answer: Any) -> bool:
    """The answer is a failure, or tells something of the inside."""
    return answer.status_code >= 500 or bool(TELLTALE.search(answer.text))


def test_lists_take_any_parameter(nursery: Portal, boss: Browser) -> None:
    paths = [
        f"/{entity.name}/list/?{name}={quote(value)}"
        for entity in (nursery.schema.entities[name] for name in SEVERAL)
        for name in ("q", "sort", "page", "size", "view", *entity.list.filters)
        for value in NONSENSE
    ]
    assert [path[:80] for path in paths if loud(boss.get(path))] == []


def test_other_pages_take_any_parameter(nursery: Portal, boss: Browser) -> None:
    plant = nursery.ids["plant1"]
    paths = [
        path
        for text, part in ((quote(value), quote(value, safe="")) for value in NONSENSE)
        for path in (
            f"/search/?q={text}",
            f"/plant/show/{plant}?tab={text}",
            f"/plant/show/{plant}?page={text}",
            f"/plant/related/{plant}/measurement.plant?page={text}",
            f"/plant/related/{plant}/{part}",
            f"/plant/history/{plant}?before={text}",
            f"/plant/lookup/species?q={text}",
            f"/plant/lookup/{part}",
            f"/plant/add?species={text}&bed={text}",
            f"/login/?next={text}",
            f"/lang/{part}",
        )
    ]
    assert [path[:80] for path in paths if loud(boss.get(path))] == []


def test_every_field_takes_any_text(nursery: Portal, boss: Browser) -> None:
    wrong = []
    for entity in nursery.schema.enabled_entities():
        boss.get(f"/{entity.name}/add")
        for field in entity.settable_fields:
            names = [field.name]
            if field.type == "children":
                parts = ("id", "version", "what", "count", "minutes")
                names = [f"{field.name}.0.{part}" for part in parts]
            wrong += [
                (entity.name, name, value[:20])
                for name in names
                for value in NONSENSE
                if loud(boss.post(f"/{entity.name}/add", {name: value}))
            ]
    assert wrong == []


def test_actions_take_any_text(nursery: Portal, boss: Browser) -> None:
    plant, wrong = nursery.ids["plant9"], []
    boss.get("/plant/list/")
    for value in NONSENSE:
        part = quote(value, safe="")
        for path, sent in (
            (f"/plant/edit/{plant}", {"version": value, "label_text": "x"}),
            (f"/plant/move/{plant}/sicken", {"version": value, "illness": value}),
            (f"/plant/move/{plant}/{part}", {"version": "1"}),
            (f"/plant/delete/{plant}", {"version": value}),
            ("/plant/bulk", {"action": value, "ids": str(plant)}),
            ("/plant/bulk", {"action": "move:heal", "ids": value, "back": value}),
            ("/plant/views", {"name": value, "query": f"q={value}&price={value}"}),
            (f"/plant/conditions?id={quote(value)}", {"healthy": value}),
            ("/plant/conditions", {"healthy": value, "species": value}),
            ("/login/", {"username": value, "password": value}),
            ("/accounts/add", {"username": value, "name": value, "email": value}),
            ("/password/", {"old": value, "password": value, "again": value}),
        ):
            if loud(boss.post(path, sent)):
                wrong.append((path[:40], value[:20]))
    assert wrong == []


def test_a_stranger_signs_in_with_any_text(nursery: Portal) -> None:
    wrong = []
    for value in NONSENSE:
        browser = Browser(nursery.door)
        browser.get("/login/")
        if loud(browser.post("/login/", {"username": value, "password": value, "next": value})):
            wrong.append(value[:20])
    assert wrong == []


JSON_NONSENSE: tuple[Any, ...] = (
    None, True, -1, 2**63, 10**400, 1.5, 1e308, "", "\x00", "\ud800", "²", "x" * 20_000, "0001-01-01", "9999-12-31",
    "0001-01-01T00:00:00", "9999-12-31T23:59:59-14:00", "NaN", "1e999999", [None], [[]], [2**63], ["\x00"], {},
    {"a": "\x00"}, {"a": "\ud800"}, [{"id": 2**63, "version": 1}], [{"id": "x"}], [{"what": "\x00", "removed": "x"}],
)  # fmt: skip


def test_every_field_takes_any_json(nursery: Portal, api: Api) -> None:
    wrong = []
    for entity in nursery.schema.enabled_entities():
        for field in entity.settable_fields:
            for value in JSON_NONSENSE:
                answer = api.call("POST", f"{entity.name}/", json={field.name: value})
                if loud(answer) or not answer.is_json:
                    wrong.append((entity.name, field.name, ascii(value)[:30]))
    assert wrong == []


def test_bodies_and_versions_take_any_json(nursery: Portal, api: Api) -> None:
    plant = f"plant/{nursery.ids['plant9']}"
    wrong = [
        ascii(value)[:30]
        for value in JSON_NONSENSE
        if loud(api.call("PUT", plant, json={"version": value, "note": "x"}))
        or loud(api.call("PUT", plant, json=value))
        or loud(api.call("POST", f"{plant}/move/sicken", json={"version": value, "illness": value}))
    ]
    assert wrong == []
    for body in (b"", b"{", b"[" * 100_000, b"\xff\xfe", b"null", b'{"note": 1e999}'):
        answer = api.call("POST", "plant/", data=body, content_type="application/json")
        assert answer.status_code == 422, body[:20]
    assert api.call("POST", "plant/", data=b"note=x").status_code in (415, 422)


def test_every_api_filter_takes_any_value(nursery: Portal, api: Api) -> None:
    wrong = []
    for value in NONSENSE:
        typed = value.replace("!", "!!").replace("'", "!'")[:400]
        for field in nursery.schema.entities["plant"].fields.values():
            for operator in ("eq", "in", "ct", "gt", "lt", "between"):
                several = operator in ("in", "between")
                operand = f"!('{typed}','{typed}')" if several else f"'{typed}'"
                q = f"(filters:!((col:{field.name},opr:{operator},value:{operand})))"
                if loud(api.call("GET", "plant/?q=" + quote(q))):
                    wrong.append((field.name, operator, value[:20]))
        wrong += [
            (name, "", value[:20])
            for name in (
                "page",
                "page_size",
                "order_column",
                "order_direction",
                "search",
                "columns",
            )
            if loud(api.call("GET", "plant/?q=" + quote(f"({name}:'{typed}')")))
        ]
    assert wrong == []


def test_numbers_beyond_any_key_are_just_not_there(boss: Browser, api: Api) -> None:
    boss.get("/plant/list/")
    for number in (2**31, 2**63 - 1, 2**63, 10**30):
        for path in ("/plant/show/", "/plant/edit/", "/plant/history/", "/files/"):
            assert boss.get(f"{path}{number}").status_code == 404
        assert boss.post(f"/plant/delete/{number}", {"version": "1"}).status_code == 404
        assert boss.post(f"/plant/views/{number}/delete").status_code == 404
        assert api.call("GET", f"plant/{number}").status_code == 404
        assert api.call("DELETE", f"plant/{number}").status_code == 404
        assert api.call("PUT", f"plant/{number}", json={"version": 1}).status_code == 404


@pytest.mark.parametrize("number", [2**31, 2**40, 2**62 - 1])
def test_numbers_beyond_any_account_are_just_unknown(
    nursery: Portal, api: Api, number: int
) -> None:
    for path in ("gardener", "role_assignment"):
        for column in ("account", "created_by", "updated_by"):
            asked = f"(filters:!((col:{column},opr:in,value:!(0,{number}))))"
            answer = api.call("GET", f"{path}/?q={asked}")
            assert (answer.status_code, answer.json["count"]) == (200, 0)
    sent = {"name": "远", "bed": nursery.ids["west"], "account": number}
    refused = api.call("POST", "gardener/", json=sent)
    assert (refused.status_code, list(refused.json["errors"])) == (422, ["account"])


@pytest.mark.parametrize("version", ["x", "", "-1", "9" * 19, "1.0"])
def test_a_version_that_cannot_be_read_deletes_nothing(
    nursery: Portal, api: Api, version: str
) -> None:
    plant = nursery.ids["plant3"]
    refused = api.call("DELETE", f"plant/{plant}", query_string={"version": version})
    assert (refused.status_code, list(refused.json["errors"])) == (422, ["version"])
    assert api.call("GET", f"plant/{plant}").status_code == 200
