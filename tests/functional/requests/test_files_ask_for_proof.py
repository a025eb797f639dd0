"""What leaves as a file asks for a fresh proof by whichever door: figures, snapshots, the copy of a person."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.support.portals import NOON, Portal


@pytest.fixture(autouse=True)
def _noon(nursery: Portal) -> Iterator[None]:
    yield
    nursery.clock.moment = NOON


def test_a_report_file_asks_for_a_fresh_proof(nursery: Portal) -> None:
    boss, file = nursery.browser("boss"), "/reports/plants_by_species/file"
    assert boss.post(file, {"format": "csv"}).status_code == 200
    nursery.clock.moment += timedelta(minutes=11)
    answer = boss.post(file, {"format": "csv"})
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/prove/")


def test_the_copy_of_a_person_asks_for_a_fresh_proof(nursery: Portal) -> None:
    boss, copy = nursery.browser("boss"), f"/privacy/buyer/{nursery.ids['buyer']}/copy"
    nursery.clock.moment += timedelta(minutes=11)
    answer = boss.post(copy, {"reason": "本人要求"})
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/prove/")
    assert nursery.scalar("SELECT count(*) FROM portal_export_grant") == 0
    nursery.clock.moment = NOON
    fresh = nursery.browser("boss")
    assert "/exports/" in fresh.post(copy, {"reason": "本人要求"}).headers["Location"]
