"""T02: a list inside another record's page has the scope and the rights of its own."""

from __future__ import annotations

import pytest

from tests.functional.attacks.cast import INSIDERS, West
from tests.functional.attacks.doors import ABSENT, plain
from tests.support.nursery import CANARY


def related(west: West) -> list[tuple[str, str]]:
    """Every related list as the entity that shows it and its key."""
    return [
        (entity.name, f"{one.entity}.{one.by}")
        for entity in west.portal.schema.enabled_entities()
        for one in entity.related
    ]


@pytest.mark.parametrize("username", INSIDERS)
def test_t02_below_a_foreign_record_lies_nothing(west: West, username: str) -> None:
    browser = west.portal.browser(username)
    for name, key in related(west):
        if name not in west.foreign:
            continue
        foreign = browser.get(f"/{name}/related/{west.foreign[name]}/{key}")
        absent = browser.get(f"/{name}/related/{ABSENT}/{key}")
        assert (foreign.status_code, absent.status_code) == (404, 404)
        assert plain(foreign) == plain(absent)


def test_t02_without_the_right_to_read_there_is_no_inner_list(west: West) -> None:
    """A clerk reads buyers and sales, an inspector reads plants but no measurements."""
    inspector, plant = west.portal.browser("inspector"), west.portal.ids["plant1"]
    with west.portal.records() as records:
        records.move("plant", plant, "sicken", 1, {"illness": "虫"})
    page = inspector.get(f"/plant/show/{plant}")
    assert page.status_code == 200
    assert "measurement" not in page.text
    assert inspector.get(f"/plant/related/{plant}/measurement.plant").status_code == 404


def test_t02_an_own_record_shows_no_foreign_rows_below_it(west: West) -> None:
    """The species are everybody's, their plants are not."""
    page = west.portal.browser("west").get(f"/species/show/{west.portal.ids['maple']}")
    assert page.status_code == 200
    assert CANARY not in page.text
    assert "丽水槭树" in page.text
    inner = west.portal.browser("west").get(
        f"/species/related/{west.portal.ids['maple']}/plant.species?size=100"
    )
    assert CANARY not in inner.text
