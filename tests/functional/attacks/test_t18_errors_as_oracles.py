"""T18: an error tells nothing of the database, and a duplicate nothing of rows that one may not see."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy.orm import Session

from app.factory import Workshops
from app.features.demo.numbers import credit_code
from app.features.viewing.duplicates import DUPLICATES
from app.storage.database import unit_of_work
from app.tasks.outbox import NewTask, enqueue
from app.tasks.runner import run as run_task
from tests.functional.attacks.cast import West
from tests.support.portals import NOON, Portal

INSIDE = re.compile(
    r"psycopg|sqlalchemy|traceback|select |insert into|violates|constraint|uq_|pk_", re.I
)
OTHER = "11010519491231002X"


def test_t18_no_error_speaks_of_the_database(west: West) -> None:
    api, ids = west.portal.api("boss"), west.portal.ids
    for name, sent in (
        ("species", {"name": "蕨"}),
        ("gardener", {"name": "重", "bed": ids["west"], "id_card": OTHER}),
        ("gardener", {"name": "重", "bed": 10**12}),
        ("gardener", {"name": "x" * 100_000, "bed": ids["west"]}),
        ("gardener", {"name": "x", "bed": ids["west"], "hourly_pay": 10**30}),
        ("gardener", {"name": "\\ud800", "bed": ids["west"]}),
        ("measurement", {"plant": ids["plant1"], "at": NOON.isoformat(), "height": "9" * 400}),
    ):  # fmt: skip
        answer = api.call("POST", f"{name}/", json=sent)
        assert answer.status_code in (201, 422), (name, sent)
        assert not INSIDE.search(answer.text), answer.text
    for path in ("species/999999999999999999", "species/?q=(page:99999999999)", "species/?q=((((",
                 "plant/?q=(filters:!((col:label_text,opr:ct,value:'%00')))"):  # fmt: skip
        answer = api.call("GET", path)
        assert answer.status_code in (200, 400, 404, 422), path
        assert not INSIDE.search(answer.text), path


def answers(west: West, licence: str) -> tuple[int, Any]:
    """What somebody of the west bed hears who adds a buyer with this credit code."""
    sent = {"name": "新花店", "bed": west.portal.ids["west"], "licence": licence}
    answer = west.portal.api("west").call("POST", "buyer/", json=sent)
    return answer.status_code, answer.json


def test_t18_a_duplicate_of_a_foreign_row_is_answered_as_none_at_all(west: West) -> None:
    """What one sees oneself is said; that somebody out of sight has the number is told to the owner alone."""
    own, foreign, free = credit_code(41), credit_code(42), credit_code(43)
    with west.portal.records() as records:
        records.create("buyer", {"name": "近", "bed": west.portal.ids["west"], "licence": own})
        records.create("buyer", {"name": "远", "bed": west.portal.ids["east"], "licence": foreign})
    near, far, none = (answers(west, licence) for licence in (own, foreign, free))
    assert near[0] == 422
    assert far[0] == none[0] == 201
    assert far[1].keys() == none[1].keys()
    told = (
        west.portal.api("west").call("GET", f"buyer/{one[1]['id']}").json for one in (far, none)
    )
    shown = [{**one["result"], "licence": "", "id": 0, "uuid": ""} for one in told]
    assert shown[0].keys() == shown[1].keys()
    assert shown[0]["name"] == shown[1]["name"]


def test_t18_changing_to_a_foreign_number_is_answered_as_to_a_free_one(west: West) -> None:
    taken, free, third = credit_code(44), credit_code(45), credit_code(48)
    api = west.portal.api("west")
    bed = {"bed": west.portal.ids["west"]}
    with west.portal.records() as records:
        for licence in (taken, third):
            far = {"name": "远二", "bed": west.portal.ids["east"], "licence": licence}
            records.create("buyer", far)
        numbers = [records.create("buyer", {"name": "近二", **bed}) for _ in range(2)]
    said = [
        api.call("PUT", f"buyer/{number}", json={"version": 1, "licence": licence})
        for number, licence in zip(numbers, (taken, free), strict=True)
    ]
    assert [one.status_code for one in said] == [200, 200]
    assert len(said[0].data) == len(said[1].data)
    page = west.portal.browser("west")
    page.get("/buyer/add")
    answer = page.post("/buyer/add", {"name": "页上的", "bed": str(bed["bed"]), "licence": third})
    assert answer.status_code == 302, answer.text
    # With another number it counts as any other again.
    version = api.call("GET", f"buyer/{numbers[0]}").json["result"]["version"]
    again = {"version": version, "licence": credit_code(46)}
    assert api.call("PUT", f"buyer/{numbers[0]}", json=again).status_code == 200
    held = "SELECT held_twice FROM buyer WHERE id = :id"
    assert west.portal.scalar(held, id=numbers[0]) is False
    assert west.portal.scalar(held, id=numbers[1]) is False


def tell_of_duplicates(portal: Portal) -> None:
    """The work that a minute brings."""
    with Session(portal.engines.app) as session, unit_of_work(session):
        number = enqueue(session, portal.runtime, NewTask(DUPLICATES.name, DUPLICATES.label))
    shops = Workshops(portal.settings, portal.clock)
    try:
        assert run_task(shops.newest(), number, "test") == "done"
    finally:
        shops.engine.dispose()


def test_t18_whoever_decides_is_told_of_both_and_the_writer_of_nothing(west: West) -> None:
    taken, portal = credit_code(47), west.portal
    with portal.records() as records:
        first = records.create(
            "buyer", {"name": "先来", "bed": portal.ids["east"], "licence": taken}
        )
    status, made = answers(west, taken)
    assert status == 201
    found = portal.column("SELECT other_id FROM portal_twice WHERE record_id = :id", id=made["id"])
    assert found == [first]
    tell = (
        "SELECT count(*) FROM portal_notice WHERE kind = 'duplicate' AND record_id = :id"
        " AND account_id = :account"
    )
    for _ in range(2):
        tell_of_duplicates(portal)
    assert portal.scalar(tell, id=made["id"], account=portal.ids["account_boss"]) == 1
    assert portal.scalar(tell, id=made["id"], account=portal.ids["account_west"]) == 0


def test_t18_what_breaks_inside_is_a_number_for_the_administrator(west: West) -> None:
    """A table that is gone under a running portal: on a page as by the API no word of it."""
    with west.portal.engines.owner.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE tool RENAME TO tool_gone")
    try:
        page = west.portal.browser("boss").get("/tool/list/")
        answer = west.portal.api("boss").call("GET", "tool/")
    finally:
        with west.portal.engines.owner.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE tool_gone RENAME TO tool")
    for said in (page, answer):
        assert said.status_code == 500
        assert not INSIDE.search(said.text)
        assert "tool_gone" not in said.text
    assert re.fullmatch("[0-9a-f]{8}", answer.json["incident"])
    assert west.portal.browser("boss").get("/tool/list/").status_code == 200
