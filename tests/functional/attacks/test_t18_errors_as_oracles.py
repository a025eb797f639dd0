"""T18: an error tells nothing of the database, and a duplicate nothing of rows that one may not see."""

from __future__ import annotations

import re
from typing import Any

from app.features.demo.numbers import credit_code
from tests.functional.attacks.cast import West
from tests.support.portals import NOON

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


def test_t18_a_duplicate_of_a_foreign_row_tells_no_more_than_one_of_an_own(west: West) -> None:
    """Unique means unique: that somebody has the number is said, who or where never."""
    own, foreign = credit_code(41), credit_code(42)
    with west.portal.records() as records:
        records.create("buyer", {"name": "近", "bed": west.portal.ids["west"], "licence": own})
        records.create("buyer", {"name": "远", "bed": west.portal.ids["east"], "licence": foreign})
    near, far = answers(west, own), answers(west, foreign)
    assert near[0] == far[0] == 422
    assert near == far
    assert "远" not in str(far)


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
