"""T01: an action with a foreign key does nothing, shows nothing, and is written down."""

from __future__ import annotations

import pytest

from tests.functional.attacks.cast import INSIDERS, West
from tests.functional.attacks.crawling import foreign_rows
from tests.functional.attacks.doors import ABSENT
from tests.functional.attacks.test_crawler import refusals
from tests.support.nursery import CANARY


def moves(west: West) -> list[tuple[str, str]]:
    """Every move of every entity."""
    return [
        (entity.name, move.name)
        for entity in west.portal.schema.enabled_entities()
        if entity.states
        for move in entity.states.moves
    ]


@pytest.mark.parametrize("username", INSIDERS)
def test_t01_every_action_on_a_foreign_row(west: West, username: str) -> None:
    portal, before = west.portal, foreign_rows(west)
    browser, api = portal.browser(username), portal.api(username)
    for name, key in west.foreign.items():
        for path in (f"/{name}/delete/", f"/{name}/edit/"):
            asked = [
                browser.post(f"{path}{one}", {"version": "1", "name": "x"}) for one in (key, ABSENT)
            ]
            # Without the right it is 403 whatever the key, else 404 whatever the key.
            assert {answer.status_code for answer in asked} in ({403}, {404}), path
        for action in (
            "delete",
            *(f"move:{move}" for entity, move in moves(west) if entity == name),
        ):
            answer = browser.post(f"/{name}/bulk", {"action": action, "ids": str(key)})
            assert answer.status_code == 302
            assert CANARY not in browser.get(f"/{name}/list/").text
        asked = [api.call("DELETE", f"{name}/{one}", json={"version": 1}) for one in (key, ABSENT)]
        assert {answer.status_code for answer in asked} in ({403}, {404}), name
    for name, move in moves(west):
        if name not in west.foreign:
            continue
        for one in (west.foreign[name], ABSENT):
            asked = [
                browser.post(f"/{name}/move/{one}/{move}", {"version": "1"}),
                api.call("POST", f"{name}/{one}/move/{move}", json={"version": 1}),
            ]
            # A page says why not and leads back; what it leads back to is not there.
            assert {answer.status_code for answer in asked} <= {302, 403, 404}, (name, move)
            assert browser.get(f"/{name}/show/{one}").status_code == 404
    assert foreign_rows(west) == before


def test_t01_actions_are_no_links(west: West) -> None:
    browser, key = west.portal.browser("boss"), west.portal.ids["plant1"]
    for path in (f"/plant/delete/{key}", f"/plant/move/{key}/sicken", "/plant/bulk?action=delete"):
        assert browser.get(path).status_code == 405, path


def test_t01_the_doors_of_the_toolkit_are_not_there(west: West) -> None:
    """Flask-AppBuilder's own routes for actions and downloads look records up without a scope."""
    browser, key = west.portal.browser("boss"), west.portal.ids["plant1"]
    for path in (f"/plant/action/delete/{key}", "/plant/action_post", f"/plant/download/{key}",
                 "/plantview/list/", "/users/list/", "/roles/list/", "/permissions/list/",
                 "/api/v1/security/users/", "/api/v1/security/roles/", "/swagger/v1"):  # fmt: skip
        assert browser.get(path).status_code == 404, path
        assert browser.post(path, {"action": "delete", "rowid": str(key)}).status_code == 404, path


def test_t01_an_unknown_action_is_a_sentence(west: West) -> None:
    browser, key = west.portal.browser("boss"), west.portal.ids["plant1"]
    answer = browser.post("/plant/bulk", {"action": "move:nothing", "ids": str(key)})
    assert answer.status_code == 302
    assert "Traceback" not in browser.get("/plant/list/").text


def test_t01_who_tried_stands_in_the_trail(west: West) -> None:
    portal, key = west.portal, west.foreign["plant"]
    browser = portal.browser("west")
    portal.forget_attempts()
    before = len(refusals(portal))
    browser.post("/plant/bulk", {"action": "delete", "ids": str(key)})
    assert refusals(portal)[before:] == [["west", "plant", key, "POST"]]
