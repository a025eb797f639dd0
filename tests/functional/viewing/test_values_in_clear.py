"""Who sees identity numbers and bank cards in clear stands in the trail before they are shown, once a day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.support.portals import NOON, Portal

CARD = "11010519491231002X"
NOTED = (
    "SELECT count(*) FROM portal_audit_entry WHERE action = 'viewing:values' AND account_name = :who"
    " AND entity = 'gardener' AND record_id = :record"
)
DOORS = ("/gardener/show/{}", "/gardener/edit/{}", "/api/v1/gardener/{}",
         "/api/v1/gardener/?q=(columns:!(id_card),page_size:100)")  # fmt: skip


@pytest.fixture(autouse=True)
def another_day(nursery: Portal) -> Iterator[None]:
    """A day on which nobody has looked at anything yet."""
    nursery.clock.moment += timedelta(days=1)
    yield
    nursery.clock.moment = nursery.clock.moment.replace(hour=NOON.hour, minute=0)


def noted(nursery: Portal, who: str, record: str = "wang") -> int:
    return int(nursery.scalar(NOTED, who=who, record=nursery.ids[record]))


@pytest.mark.parametrize("door", DOORS)
def test_every_door_notes_a_record_once_a_day(nursery: Portal, door: str) -> None:
    boss, before = nursery.browser("boss"), noted(nursery, "boss")
    address = door.format(nursery.ids["wang"])
    for _ in range(2):
        assert CARD in boss.get(address).text
    assert noted(nursery, "boss") == before + 1
    # Those without a number or a card are no reads.
    assert noted(nursery, "boss", "helper") == 0
    assert boss.get(f"/gardener/show/{nursery.ids['wang']}").status_code == 200
    assert noted(nursery, "boss") == before + 1
    nursery.clock.moment += timedelta(days=1)
    assert CARD in nursery.browser("boss").get(address).text
    assert noted(nursery, "boss") == before + 2


def test_another_process_does_not_note_it_again(nursery: Portal) -> None:
    boss, before = nursery.browser("boss"), noted(nursery, "boss")
    for _ in range(2):
        application = nursery.door.application()
        application.extensions["storewarden"].actors.clear()  # type: ignore[attr-defined]
        assert CARD in boss.get(f"/gardener/show/{nursery.ids['wang']}").text
    assert noted(nursery, "boss") == before + 1


def test_what_is_masked_is_no_read(nursery: Portal) -> None:
    page = nursery.browser("west").get(f"/gardener/show/{nursery.ids['wang']}").text
    assert CARD not in page
    assert noted(nursery, "west") == 0


def test_the_entry_tells_the_class_and_not_the_value(nursery: Portal) -> None:
    nursery.browser("boss").get(f"/gardener/show/{nursery.ids['wang']}")
    body = str(
        nursery.scalar(
            "SELECT convert_from(e.body, 'UTF8') || v.told FROM portal_audit_entry e"
            " JOIN portal_audit_value v USING (id) WHERE action = 'viewing:values' ORDER BY id DESC LIMIT 1"
        )
    )
    assert '"classes":["secret"]' in body
    assert CARD not in body
    trail = nursery.browser("boss").get("/trail/?deed=viewing:values").text
    assert f"查看了「园丁 #{nursery.ids['wang']}」的敏感信息" in trail
    assert "保密" in trail


def test_what_cannot_be_noted_is_not_shown(nursery: Portal) -> None:
    boss, away = nursery.browser("boss"), "portal_values_read"
    with nursery.engines.owner.begin() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {away} RENAME TO {away}_away")
    try:
        answers = [boss.get(door.format(nursery.ids["wang"])) for door in DOORS]
    finally:
        with nursery.engines.owner.begin() as connection:
            connection.exec_driver_sql(f"ALTER TABLE {away}_away RENAME TO {away}")
    assert [answer.status_code >= 500 for answer in answers] == [True] * len(DOORS)
    assert all(CARD not in answer.text for answer in answers)
