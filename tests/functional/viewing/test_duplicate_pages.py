"""What stands twice is listed for whoever decides of it, and leaves the list when it is settled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy.orm import Session

from app.factory import Workshops
from app.features.demo.numbers import credit_code
from app.features.viewing.duplicates import DUPLICATES
from app.storage.database import unit_of_work
from app.tasks.outbox import NewTask, enqueue
from app.tasks.runner import run as run_task
from tests.support.portals import Portal

OPEN = "SELECT count(*) FROM portal_twice"
HELD = "SELECT held_twice FROM buyer WHERE id = :id"


@dataclass(frozen=True)
class Pair:
    """Two buyers with one credit code: that of the east bed, and the later one of the west bed."""

    portal: Portal
    earlier: int
    later: int

    @property
    def number(self) -> int:
        """The row of the list."""
        found = "SELECT id FROM portal_twice WHERE record_id = :id"
        return int(self.portal.scalar(found, id=self.later))

    def settle(self) -> None:
        """The work that a minute brings."""
        with Session(self.portal.engines.app) as session, unit_of_work(session):
            new = NewTask(DUPLICATES.name, DUPLICATES.label)
            number = enqueue(session, self.portal.runtime, new)
        shops = Workshops(self.portal.settings, self.portal.clock)
        try:
            assert run_task(shops.newest(), number, "test") == "done"
        finally:
            shops.engine.dispose()

    def change(self, buyer: int, licence: str) -> None:
        """Give a buyer another credit code."""
        api = self.portal.api("boss")
        version = api.call("GET", f"buyer/{buyer}").json["result"]["version"]
        sent = {"version": version, "licence": licence}
        assert api.call("PUT", f"buyer/{buyer}", json=sent).status_code == 200


@pytest.fixture
def pair(nursery: Portal) -> Iterator[Pair]:
    ids = nursery.ids
    taken = credit_code(6100 + int(nursery.scalar("SELECT max(id) FROM buyer")))
    with nursery.records() as records:
        far = {"name": "东边先来", "bed": ids["east"], "licence": taken}
        earlier = records.create("buyer", far)
    near = {"name": "西边后到", "bed": ids["west"], "licence": taken}
    made = nursery.api("west").call("POST", "buyer/", json=near)
    assert made.status_code == 201
    yield Pair(nursery, earlier, made.json["id"])
    with nursery.engines.owner.begin() as connection:
        connection.exec_driver_sql("DELETE FROM portal_twice")


def test_only_whoever_decides_sees_the_list(pair: Pair) -> None:
    boss, west = pair.portal.browser("boss"), pair.portal.browser("west")
    page = boss.get("/duplicates/")
    assert page.status_code == 200
    for number, name in ((pair.earlier, "东边先来"), (pair.later, "西边后到")):
        assert f'<a href="/buyer/show/{number}">{name}</a>' in page.text
    assert "/duplicates/" in boss.get("/").text
    assert "/duplicates/" not in west.get("/").text
    assert west.get("/duplicates/").status_code == 404
    assert west.post(f"/duplicates/{pair.number}/keep").status_code == 404
    assert pair.portal.scalar(OPEN) == 1


def test_both_may_stay_and_the_trail_knows_who_said_so(pair: Pair) -> None:
    boss = pair.portal.browser("boss")
    boss.get("/duplicates/")
    number = pair.number
    assert boss.post(f"/duplicates/{number}/keep").status_code == 302
    assert pair.portal.scalar(OPEN) == 0
    assert boss.post(f"/duplicates/{number}/keep").status_code == 404
    told = (
        "SELECT account_name FROM portal_audit WHERE action = 'viewing:duplicate_kept'"
        " AND entity = 'buyer' AND record_id = :id"
    )
    assert pair.portal.column(told, id=pair.later) == ["boss"]
    # It stays out of the count: its code belongs to the other one.
    assert pair.portal.scalar(HELD, id=pair.later) is True


def test_a_corrected_earlier_one_settles_it(pair: Pair) -> None:
    pair.settle()
    assert pair.portal.scalar(OPEN) == 1
    pair.change(pair.earlier, credit_code(6200))
    assert pair.portal.scalar(HELD, id=pair.later) is True
    pair.settle()
    assert pair.portal.scalar(OPEN) == 0
    assert pair.portal.scalar(HELD, id=pair.later) is False
    assert "credit code" not in pair.portal.browser("boss").get("/duplicates/").text


def test_a_corrected_later_one_settles_it(pair: Pair) -> None:
    pair.change(pair.later, credit_code(6300))
    pair.settle()
    assert pair.portal.scalar(OPEN) == 0
    assert pair.portal.scalar(HELD, id=pair.later) is False


def test_two_held_ones_count_one_after_the_other(pair: Pair) -> None:
    """Of two that wait for the same value, only one counts when the value is free; the other one still stands twice."""
    with pair.portal.engines.owner.begin() as connection:
        third = connection.exec_driver_sql(
            "INSERT INTO buyer (name, bed_id, place_id, licence, held_twice)"
            " SELECT %s, bed_id, place_id, licence, true FROM buyer WHERE id = %s RETURNING id",
            ("西边再来", pair.later),
        ).scalar_one()
        connection.exec_driver_sql(
            "INSERT INTO portal_twice (at, entity, record_id, field, other_id)"
            " VALUES (now(), 'buyer', %s, 'licence', %s)",
            (third, pair.earlier),
        )
    pair.change(pair.earlier, credit_code(6400))
    pair.settle()
    # They stand beside each other now, so the list keeps both until one of them is corrected.
    assert pair.portal.scalar(OPEN) == 2
    pair.change(pair.later, credit_code(6500))
    pair.settle()
    assert pair.portal.scalar(OPEN) == 0
    assert pair.portal.scalar(HELD, id=third) is False
