"""That somebody searched stands in the trail before anything is found; what for, as a keyed digest only (T14)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.portals import NOON, Portal

PHONE = "13700137000"
NOTED = "SELECT count(*) FROM portal_audit_entry WHERE action = 'viewing:searched' AND account_name = :who"
# Each of them looks for something else, so that each is an entry of its own.
DOORS = ("/plant/list/?q=丽水", "/search/?q=丽水", "/plant/lookup/species?q=鸡爪", "/api/v1/plant/?q=(search:槭树)",
         "/buyer/list/?q=花店", "/api/v1/plant/?q=(filters:!((col:label_text,opr:ct,value:槭树)))")  # fmt: skip


@pytest.fixture(autouse=True)
def another_hour(nursery: Portal) -> None:
    """An hour in which nobody has looked for anything yet."""
    nursery.clock.moment = (nursery.clock.moment + timedelta(days=1)).replace(hour=NOON.hour)


def noted(nursery: Portal, who: str = "west") -> int:
    return int(nursery.scalar(NOTED, who=who))


@pytest.mark.parametrize("door", DOORS)
def test_each_search_is_noted_once_an_hour(nursery: Portal, door: str) -> None:
    west, before = nursery.browser("west"), noted(nursery)
    for _ in range(2):
        assert west.get(door).status_code == 200
    assert noted(nursery) == before + 1
    nursery.clock.moment += timedelta(hours=1)
    assert nursery.browser("west").get(door).status_code == 200
    assert noted(nursery) == before + 2


def test_the_pages_of_one_search_are_one_search(nursery: Portal) -> None:
    west, before = nursery.browser("west"), noted(nursery)
    for page in (1, 2):
        west.get(f"/plant/list/?q=丽水&page={page}")
    west.get("/plant/list/?q=丽水&sort=-id")
    assert noted(nursery) == before + 1


def test_looking_at_a_list_is_no_search(nursery: Portal) -> None:
    west, before = nursery.browser("west"), noted(nursery)
    for address in (
        "/plant/list/",
        "/plant/list/?state=sick",
        "/plant/lookup/species?q=",
        "/search/",
    ):
        west.get(address)
    assert noted(nursery) == before


def test_nothing_tells_what_was_looked_for(nursery: Portal) -> None:
    west = nursery.browser("west")
    west.get(f"/search/?q={PHONE}")
    west.get(f"/buyer/list/?q={PHONE}")
    for table in ("portal_audit_entry", "portal_audit_value", "portal_searched"):
        found = nursery.scalar(
            f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE :it', it=f"%{PHONE}%"
        )
        assert found == 0, table
    # Whoever has the key can tell whether it was this number.
    digest = nursery.blind_index(f"search\0{PHONE}")
    assert nursery.scalar("SELECT count(*) FROM portal_searched WHERE digest = :it", it=digest) == 2
    assert noted(nursery) >= 2
    trail = nursery.browser("boss").get("/trail/?deed=viewing:searched").text
    assert "检索了「买家」" in trail
    assert PHONE not in trail


def test_what_cannot_be_noted_finds_nothing(nursery: Portal) -> None:
    west, away = nursery.browser("west"), "portal_searched"
    with nursery.engines.owner.begin() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {away} RENAME TO {away}_away")
    try:
        answers = [west.get(door) for door in DOORS]
    finally:
        with nursery.engines.owner.begin() as connection:
            connection.exec_driver_sql(f"ALTER TABLE {away}_away RENAME TO {away}")
    assert all(answer.status_code >= 500 for answer in answers)
    assert all("丽水槭树" not in answer.text for answer in answers)
