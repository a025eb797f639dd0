"""T05: fourteen questions must not tell a wage: what is masked or hidden is neither filtered nor counted."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import pytest

from app.access.accounts import load_actor
from app.access.permissions import Access, Visibility
from app.kernel.errors import Invalid
from app.language.definitions import Rights
from app.records.gateway import records_for
from app.records.queries import Query
from tests.functional.attacks.cast import INSIDERS, West
from tests.support.portals import NOON, Api, Browser

OPERATORS = ("eq", "neq", "gt", "lt", "ge", "le", "ct", "sw", "in", "between", "empty", "filled")
GUESSES = ("0", "5", "9", "13800138000", "138", "11010519491231002X", "35.5")


def kept(west: West, username: str) -> list[tuple[str, str]]:
    """Every field that the account may read of no row in clear, of entities that it reads."""
    portal = west.portal
    account = portal.scalar("SELECT id FROM ab_user WHERE username = :name", name=username)
    with portal.records() as records:
        actor = load_actor(
            records.session, portal.schema, portal.runtime.models, account, NOON.date()
        )
    access = Access(portal.schema, actor)
    return [
        (entity.name, field.name)
        for entity in portal.schema.enabled_entities()
        if access.entity(entity.name).allows(Rights.READ)
        for field in entity.fields.values()
        if access.entity(entity.name).visibility(field.name) is not Visibility.CLEAR
    ]


def count_of(api: Api, name: str, q: str) -> Any:
    """The status and the count of an answer."""
    answer = api.call("GET", f"{name}/?q={quote(q)}")
    return answer.status_code, (answer.json or {}).get("count")


def rows(browser: Browser, path: str) -> list[str]:
    """The records on a page of a list."""
    return re.findall(r'class="name" href="(/\w+/show/\d+)"', browser.get(path).text)


@pytest.mark.parametrize("username", INSIDERS)
def test_t05_no_question_about_a_kept_field_is_answered(west: West, username: str) -> None:
    api, browser = west.portal.api(username), west.portal.browser(username)
    fields = kept(west, username)
    assert fields or username in ("helper", "bare")
    for name, field in fields:
        for operator in OPERATORS:
            for value in ("5", "'5'", "!(0,5)"):
                q = f"(filters:!((col:{field},opr:{operator},value:{value})))"
                assert count_of(api, name, q)[0] == 422, (name, q)
        plain = rows(browser, f"/{name}/list/?size=100")
        for guess in GUESSES:
            asked = f"/{name}/list/?size=100&{field}="
            for typed in (guess, f"{guess}..", f"..{guess}", f"{guess}..{guess}"):
                assert rows(browser, asked + quote(typed)) == plain, (name, field, typed)


def test_t05_a_kept_value_is_found_by_no_search(west: West) -> None:
    """The keeper sees no identity number and no bank card, and a masked mobile."""
    browser, api = west.portal.browser("west"), west.portal.api("west")
    key = west.portal.ids["wang"]
    for typed in ("11010519491231002X", "110105", "8000", "13800138000", "35.5"):
        assert f"/gardener/show/{key}" not in browser.get(f"/search/?q={typed}").text, typed
        assert rows(browser, f"/gardener/list/?q={typed}") == [], typed
        assert count_of(api, "gardener", f"(search:'{typed}')") == (200, 0), typed
        assert str(key) not in browser.get(f"/task/lookup/doer?q={typed}").text


def test_t05_reports_and_views_ask_nothing_about_it_either(west: West) -> None:
    browser = west.portal.browser("inspector")
    for path in ("/reports/plants_by_species?price=5", "/reports/plants_by_species/rows?price=5"):
        assert browser.get(path).status_code == 404
    answer = browser.post("/plant/views", {"name": "价", "query": "price=5..9&sort=price"})
    assert answer.status_code in (302, 404, 422)
    assert rows(browser, "/plant/list/?price=5..9&sort=price") == rows(browser, "/plant/list/")


def test_t05_a_named_view_over_a_kept_field_is_none(west: West) -> None:
    """Which rows a view holds, and in which order, would tell the pay that the keeper does not see."""
    portal, known = west.portal, ("well_paid", "by_pay")
    browser = portal.browser("west")
    plain = rows(browser, "/gardener/list/?size=100")
    assert f"/gardener/show/{portal.ids['helper']}" in plain
    page = browser.get("/gardener/list/").text
    for view in known:
        assert f"view={view}" not in page
        assert rows(browser, f"/gardener/list/?view={view}&size=100") == plain
    with portal.records() as records:
        account = portal.scalar("SELECT id FROM ab_user WHERE username = 'west'")
        actor = load_actor(
            records.session, portal.schema, portal.runtime.models, account, NOON.date()
        )
        entity = portal.schema.entities["gardener"]
        where = next(view.where for view in entity.list.views if view.name == "well_paid")
        door = records_for(portal.runtime, records.session, actor, "zh")
        with pytest.raises(Invalid):
            door.find(Query("gardener", ("name",), where=where))
    boss = portal.browser("boss")
    assert all(f"view={view}" in boss.get("/gardener/list/").text for view in known)
    paid = rows(boss, "/gardener/list/?view=well_paid")
    assert f"/gardener/show/{portal.ids['wang']}" in paid
    assert f"/gardener/show/{portal.ids['helper']}" not in paid


@pytest.mark.parametrize(
    ("field", "right", "wrong"),
    [("hourly_pay", "35.50", "36.50"), ("mobile", "13800138000", "13800138001"),
     ("id_card", "11010519491231002X", "110105194912310011")],
)  # fmt: skip
def test_t05_a_right_guess_is_refused_like_a_wrong_one(
    west: West, field: str, right: str, wrong: str
) -> None:
    """The keeper may change a gardener's name, and sees the others hidden or masked."""
    api, browser, key = (
        west.portal.api("west"),
        west.portal.browser("west"),
        west.portal.ids["wang"],
    )
    version = west.portal.scalar("SELECT version FROM gardener WHERE id = :key", key=key)
    answers = [
        api.call("PUT", f"gardener/{key}", json={"version": version, field: guess})
        for guess in (right, wrong)
    ]
    assert [answer.status_code for answer in answers] == [422, 422]
    assert answers[0].json == answers[1].json
    browser.get(f"/gardener/edit/{key}")
    for guess in (right, wrong):
        page = browser.post(f"/gardener/edit/{key}", {"version": str(version + 9), field: guess})
        assert page.status_code in (409, 422)
        assert right not in page.text.replace(guess, "")
