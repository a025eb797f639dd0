"""Records that nobody has a reason to open: whoever does is told of, by list, page and file."""

from __future__ import annotations

import pytest

from app.access.actor import NOBODY
from app.features.viewing.canaries import canaries, clear_canary, set_canary, tell_of_canaries
from app.kernel.errors import NotFound
from app.storage.database import make_sessions, unit_of_work
from tests.support.portals import Portal

TOLD = "SELECT count(*) FROM portal_notice WHERE kind = 'canary' AND account_id = :boss"
NOTED = "SELECT count(*) FROM portal_audit_entry WHERE action = 'viewing:canary'"


@pytest.fixture(scope="module")
def canary(nursery: Portal) -> int:
    with nursery.records() as records:
        number = records.create("buyer", {"name": "诱饵买家", "bed": nursery.ids["west"]})
    with unit_of_work(make_sessions(nursery.engines.app)()) as session:
        set_canary(session, nursery.runtime, "buyer", number, "test")
        assert canaries(session, nursery.runtime) == [("buyer", number, "诱饵买家")]
    return number


def test_opening_one_is_noted_and_told_once_a_day(nursery: Portal, canary: int) -> None:
    boss = nursery.ids["account_boss"]
    west = nursery.browser("west")
    page = west.get(f"/buyer/show/{canary}")
    assert page.status_code == 200
    assert "诱饵" not in page.text.replace("诱饵买家", "")
    history = west.get(f"/buyer/history/{canary}").text
    assert "canary" not in history
    assert "看过" in history
    assert (nursery.scalar(NOTED), nursery.scalar(TOLD, boss=boss)) == (1, 1)
    west.get("/buyer/list/")
    nursery.api("west").call("GET", f"buyer/{canary}")
    assert (nursery.scalar(NOTED), nursery.scalar(TOLD, boss=boss)) == (1, 1)


def test_a_page_full_of_others_is_nothing(nursery: Portal, canary: int) -> None:
    before = nursery.scalar(NOTED)
    with unit_of_work(make_sessions(nursery.engines.app)()) as session:
        tell_of_canaries(session, nursery.runtime, NOBODY, "buyer", [canary + 1, canary + 2])
        tell_of_canaries(session, nursery.runtime, NOBODY, "plant", [canary])
    assert nursery.scalar(NOTED) == before


def test_only_what_exists_is_marked(nursery: Portal, canary: int) -> None:
    with unit_of_work(make_sessions(nursery.engines.app)()) as session:
        for name, number in (("buyer", 10**9), ("nothing", 1), ("account", 1)):
            with pytest.raises(NotFound):
                set_canary(session, nursery.runtime, name, number, "test")
        with pytest.raises(NotFound):
            clear_canary(session, "buyer", canary + 1)
        clear_canary(session, "buyer", canary)
        assert canaries(session, nursery.runtime) == []
