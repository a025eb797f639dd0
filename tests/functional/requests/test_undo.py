"""Undoing what somebody did: what was changed, deleted for good or softly, with children and links."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from tests.functional.requests.asking import run, version_of
from tests.support.portals import NOON, Browser, Portal

SINCE = NOON.date().isoformat()


@pytest.fixture
def boss(nursery: Portal) -> Browser:
    run(nursery, "DELETE FROM portal_before")
    run(nursery, "DELETE FROM portal_watched_deed")
    if "rogue" not in nursery.ids:
        nursery.ids["rogue"] = nursery.account("rogue", "owner", None)
    return nursery.browser("boss")


def rows(portal: Portal, statement: str, **values: object) -> list[object]:
    """Rows as JSON, without what tells of the deed itself."""
    with portal.engines.owner.connect() as connection:
        found = connection.execute(text(
            "SELECT to_jsonb(t) - '{version,updated_at,updated_by}'::text[] FROM (" + statement + ") t"
        ), values)  # fmt: skip
        return [row[0] for row in found]


def undone(portal: Portal, boss: Browser) -> str:
    """Press the button; the page afterwards."""
    address = f"/undo/?account={portal.ids['rogue']}&since={SINCE}"
    assert boss.get(address).status_code == 200
    answer = boss.post("/undo/apply", {"account": str(portal.ids["rogue"]), "since": SINCE})
    assert answer.status_code == 302
    return boss.get(address).text


def test_what_was_deleted_for_good_comes_back_under_its_number(
    nursery: Portal, boss: Browser
) -> None:
    with nursery.records() as records:
        number = records.create(
            "tool", {"name": "镐", "settings": {"a": [1, 2.50, "三"]}, "shop": "https://a.example"}
        )
    kept = rows(nursery, "SELECT * FROM tool WHERE id = :id", id=number)
    rogue = nursery.browser("rogue")
    rogue.get("/tool/list/")
    assert rogue.post(f"/tool/delete/{number}", {"version": "1"}).status_code == 302
    assert rows(nursery, "SELECT * FROM tool WHERE id = :id", id=number) == []
    undone(nursery, boss)
    assert rows(nursery, "SELECT * FROM tool WHERE id = :id", id=number) == kept
    assert boss.get(f"/tool/show/{number}").status_code == 200


def test_children_and_links_come_back(nursery: Portal, boss: Browser) -> None:
    ids = nursery.ids
    with nursery.records() as records:
        steps = [{"what": "一", "minutes": 5}, {"what": "二", "minutes": 7}]
        task = records.create("task", {"name": "三步", "bed": ids["west"], "doer": ids["wang"], "steps": steps,
                                       "tools": [ids["spade"]]})  # fmt: skip
    own = "SELECT * FROM task WHERE id = :id"
    children = "SELECT * FROM task_step WHERE task_id = :id AND deleted_at IS NULL ORDER BY id"
    links = nursery.runtime.models.links["task", "tools"].name
    linked = f"SELECT target_id FROM {links} WHERE record_id = :id"
    kept = [rows(nursery, one, id=task) for one in (own, children, linked)]
    first = nursery.scalar("SELECT min(id) FROM task_step WHERE task_id = :id", id=task)
    api = nursery.api("rogue")
    body = {"version": 1, "name": "改名", "doer": ids["far"], "tools": [], "steps": [
        {"id": first, "version": 1, "removed": True}, {"what": "新", "minutes": 1}]}  # fmt: skip
    answer = api.call("PUT", f"task/{task}", json=body)
    assert answer.status_code == 200, answer.json
    assert [rows(nursery, one, id=task) for one in (own, children, linked)] != kept
    undone(nursery, boss)
    assert [rows(nursery, one, id=task) for one in (own, children, linked)] == kept


def test_what_was_softly_deleted_is_there_again(nursery: Portal, boss: Browser) -> None:
    with nursery.records() as records:
        number = records.create(
            "buyer", {"name": "又回来", "bed": nursery.ids["west"], "mobile": "13700137123"}
        )
    kept = rows(nursery, "SELECT * FROM buyer WHERE id = :id", id=number)
    rogue = nursery.browser("rogue")
    rogue.get("/buyer/list/")
    rogue.post(f"/buyer/delete/{number}", {"version": "1"})
    assert boss.get(f"/buyer/show/{number}").status_code == 404
    undone(nursery, boss)
    assert rows(nursery, "SELECT * FROM buyer WHERE id = :id", id=number) == kept
    history = boss.get(f"/buyer/history/{number}").text
    assert "put back" in history or "恢复" in history


def test_what_takes_the_place_of_another_is_left_alone(nursery: Portal, boss: Browser) -> None:
    """The name that was given up is somebody else's by now: listed, not overwritten."""
    with nursery.records() as records:
        number = records.create("tool", {"name": "独名"})
    api = nursery.api("rogue")
    assert api.call("PUT", f"tool/{number}", json={"name": "让出", "version": 1}).status_code == 200
    with nursery.records() as records:
        records.create("tool", {"name": "独名"})
    page = undone(nursery, boss)
    assert nursery.scalar("SELECT name FROM tool WHERE id = :id", id=number) == "让出"
    assert version_of(nursery, "tool", number) == 2
    assert f"/tool/show/{number}" in page


def test_what_others_changed_in_between_is_not_undone(nursery: Portal, boss: Browser) -> None:
    """He, then she, then he again: putting back what stood before him would undo her as well."""
    with nursery.records() as records:
        number = records.create("tool", {"name": "来回", "shop": "https://a.example"})
    api, hers = nursery.api("rogue"), nursery.api("boss")
    assert (
        api.call("PUT", f"tool/{number}", json={"name": "来回1", "version": 1}).status_code == 200
    )
    body = {"shop": "https://b.example", "version": 2}
    assert hers.call("PUT", f"tool/{number}", json=body).status_code == 200
    assert (
        api.call("PUT", f"tool/{number}", json={"name": "来回2", "version": 3}).status_code == 200
    )
    undone(nursery, boss)
    kept = "SELECT concat_ws(' ', name, shop, version) FROM tool WHERE id = :id"
    assert nursery.scalar(kept, id=number) == "来回2 https://b.example 4"


def test_only_those_who_decide_changes_of_everything_undo(nursery: Portal, boss: Browser) -> None:
    west = nursery.browser("west")
    assert west.get("/undo/").status_code == 404
    assert west.post("/undo/apply", {"account": "1", "since": SINCE}).status_code == 404
    own = {"account": str(nursery.ids["account_boss"]), "since": SINCE}
    boss.get("/undo/")
    assert boss.post("/undo/apply", own).status_code == 403
    assert boss.post("/undo/apply", {"account": "999999", "since": SINCE}).status_code == 404
    assert boss.get("/undo/?account=x&since=nonsense").status_code == 200


def test_what_is_erased_from_the_trail_is_not_kept_for_undoing(
    nursery: Portal, boss: Browser
) -> None:
    with nursery.records() as records:
        number = records.create("tool", {"name": "要删净"})
    boss.get("/tool/list/")
    assert boss.post(f"/tool/delete/{number}", {"version": "1"}).status_code == 302
    kept = ("SELECT (SELECT count(*) FROM portal_before WHERE entity = 'tool' AND record_id = :id)"
            " + (SELECT count(*) FROM portal_tombstone WHERE entity = 'tool' AND record_id = :id"
            " AND (row IS NOT NULL OR title <> ''))")  # fmt: skip
    assert nursery.scalar(kept, id=number) == 3
    run(nursery, "SELECT portal_audit_erase('tool', :id, 0, NULL, NULL)", id=number)
    assert nursery.scalar(kept, id=number) == 0
