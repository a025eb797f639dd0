"""Fields that a role masks or hides: seen, guessed, sorted, filtered, written and counted by no way at all."""

from __future__ import annotations

from decimal import Decimal
from urllib.parse import quote

import pytest

from tests.support.portals import Api, Browser, Portal

PHONE, EMAIL, NOTE, LICENCE = (
    "010-55554444",
    "kept@secret.example",
    "KEPT-NOTE",
    "91310000MA1FL4XU5K",
)
PRICE, TOTAL, REPORT = "987.65", "4321.09", "KEPT-REPORT"
# Each kept value with how it could be written on a page or in JSON.
KEPT = (PHONE, EMAIL, NOTE, PRICE, "1,975.30", "1975.30", TOTAL, "4,321.09", REPORT)


@pytest.fixture(scope="module")
def keys(nursery: Portal) -> dict[str, int]:
    """Records of the west bed with something to keep, changed once so that they have a history."""
    ids = nursery.ids
    nursery.account("inspector", "inspector", ids["west"])
    made: dict[str, int] = {}
    with nursery.records() as records:
        made["gardener"] = records.create(
            "gardener",
            {"name": "陈守密", "bed": ids["west"], "phone": "010-11112222", "email": "a@b.example"},
        )
        records.change("gardener", made["gardener"], {"phone": PHONE, "email": EMAIL}, 1)
        made["plant"] = records.create(
            "plant", {"label_text": "守密树", "species": ids["maple"], "bed": ids["west"]}
        )
        records.move("plant", made["plant"], "sicken", 1, {"illness": "虫"})
        records.change("plant", made["plant"], {"price": Decimal(PRICE), "note": NOTE}, 2)
        made["buyer"] = records.create("buyer", {"name": "守密花店", "bed": ids["west"]})
        made["sale"] = records.create("sale", {"buyer": made["buyer"], "total": Decimal(TOTAL)})
        made["task"] = records.create(
            "task", {"name": "守密", "bed": ids["west"], "report": REPORT}
        )
    return made


@pytest.fixture(scope="module")
def browser(nursery: Portal, keys: dict[str, int]) -> Browser:
    return nursery.browser("inspector")


@pytest.fixture(scope="module")
def api(nursery: Portal, keys: dict[str, int]) -> Api:
    return nursery.api("inspector")


def told(text: str) -> list[str]:
    """The kept values that a text tells."""
    return [value for value in KEPT if value in text]


@pytest.mark.parametrize("page", ["list/", "show/{0}", "history/{0}", "edit/{0}"])
def test_no_page_tells_them(keys: dict[str, int], browser: Browser, page: str) -> None:
    for name, key in keys.items():
        answer = browser.get(f"/{name}/{page.format(key)}")
        assert answer.status_code < 500
        assert told(answer.text) == [], name


def test_the_api_tells_none(keys: dict[str, int], browser: Browser, api: Api) -> None:
    for name, key in keys.items():
        for path in (f"{name}/", f"{name}/{key}", f"{name}/_info"):
            assert told(api.call("GET", path).text) == [], path
        for value in KEPT:
            assert browser.get(f"/search/?q={quote(value)}").text.count(f"/{name}/show/{key}") == 0
    shown = api.call("GET", f"gardener/{keys['gardener']}").json["result"]
    assert "phone" not in shown
    assert shown["email"] not in (None, EMAIL)
    assert "dear" not in api.call("GET", f"plant/{keys['plant']}").json["result"]


@pytest.mark.parametrize(
    ("entity", "field", "guess"),
    [("gardener", "phone", "010"), ("gardener", "email", "kept"), ("plant", "note", "KEPT"), ("plant", "price", 900),
     ("plant", "dear", 1900), ("sale", "total", 4000), ("buyer", "licence", "913")],
)  # fmt: skip
def test_they_are_neither_filtered_nor_sorted_by(
    keys: dict[str, int], browser: Browser, api: Api, entity: str, field: str, guess: object
) -> None:
    typed = f"'{guess}'" if isinstance(guess, str) else guess
    for q in (
        f"(filters:!((col:{field},opr:gt,value:{typed})))",
        f"(filters:!((col:{field},opr:ct,value:{typed})))",
        f"(filters:!((col:{field},opr:filled)))",
        f"(order_column:{field})",
        f"(order_column:{field},order_direction:desc)",
    ):
        assert api.call("GET", f"{entity}/?q={quote(q)}").status_code == 422, q
    plain = browser.get(f"/{entity}/list/")
    for query in (f"sort={field}", f"sort=-{field}", f"{field}={guess}", f"{field}=..{guess}"):
        asked = browser.get(f"/{entity}/list/?{query}")
        rows = [line for line in asked.text.splitlines() if "/show/" in line]
        assert rows == [line for line in plain.text.splitlines() if "/show/" in line], query
    assert f'name="{field}"' not in plain.text


def test_they_are_not_written(
    nursery: Portal, keys: dict[str, int], browser: Browser, api: Api
) -> None:
    key = keys["gardener"]
    for field, value in (("phone", "010-99998888"), ("email", "x@y.example"), ("bed", 1)):
        answer = api.call("PUT", f"gardener/{key}", json={"version": 2, field: value})
        assert (answer.status_code, list(answer.json["errors"])) == (422, [field])
    browser.get(f"/gardener/edit/{key}")
    sent = {"version": "2", "name": "陈守信", "phone": "010-99998888", "email": "x@y.example"}
    assert browser.post(f"/gardener/edit/{key}", sent).status_code == 302
    phone = nursery.plain(nursery.scalar("SELECT phone FROM gardener WHERE id = :id", id=key))
    email = nursery.scalar("SELECT email FROM gardener WHERE id = :id", id=key)
    assert (phone, email) == (PHONE, EMAIL)


def test_a_sum_tells_no_more_than_its_parts(
    keys: dict[str, int], browser: Browser, api: Api
) -> None:
    key = keys["buyer"]
    assert told(browser.get(f"/buyer/show/{key}").text) == []
    assert told(api.call("GET", f"buyer/{key}").text) == []


def test_a_row_condition_holds_for_the_plants(
    nursery: Portal, keys: dict[str, int], api: Api
) -> None:
    healthy = nursery.ids["plant1"]
    assert api.call("GET", f"plant/{healthy}").status_code == 404
    assert api.call("GET", "plant/").json["ids"] == [keys["plant"]]
