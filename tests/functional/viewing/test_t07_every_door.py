"""No door shows a buyer that is not counted, and none shows one more when the budget is used up (T07)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from app.web.state import EXTENSION
from tests.functional.attacks.doors import addresses
from tests.functional.viewing.test_t07_page_scraping import HOUR, seen, walk
from tests.support.portals import NOON, Browser, Portal

# Names that stand nowhere but in the records; each tells its own number.
BUYERS, MARK = 100, re.compile(r"qz(\d+)q")
LEFT_ALONE = ("/logout/", "/lang/", "/login/")
# Every way to a buyer that nobody has seen today; {} is its number, and {name} what it is called.
DOORS = (
    "/buyer/show/{id}", "/buyer/edit/{id}", "/buyer/history/{id}", "/buyer/related/{id}/sale.buyer",
    "/buyer/list/?q={name}", "/search/?q={name}", "/sale/lookup/buyer?q={name}",
    "/api/v1/buyer/{id}", "/api/v1/buyer/?q=(search:{name})",
)  # fmt: skip
# Pages of other records that name the buyer: they stay open, without the name.
LINKS = ("/sale/list/?buyer={id}", "/sale/show/{sale}", "/sale/edit/{sale}", "/api/v1/sale/{sale}")


@pytest.fixture(scope="module")
def sales(nursery: Portal) -> dict[int, int]:
    """A sale to each of many buyers of the west bed, by buyer."""
    found = {}
    with nursery.records() as records:
        for number in range(BUYERS):
            values = {"name": f"qz{number}q", "bed": nursery.ids["west"]}
            buyer = records.create("buyer", values)
            found[buyer] = records.create("sale", {"buyer": buyer})
    return found


@pytest.fixture(autouse=True)
def at_noon(nursery: Portal) -> Iterator[None]:
    """A day on which nobody has looked at anything yet."""
    nursery.clock.moment += timedelta(days=1)
    yield
    nursery.clock.moment = nursery.clock.moment.replace(hour=NOON.hour, minute=0)


def counted(nursery: Portal) -> set[int]:
    """The buyers that count as looked at."""
    return set(nursery.column("SELECT record_id FROM portal_viewed WHERE entity = 'buyer'"))


def forget(nursery: Portal) -> None:
    """As if nobody had looked at anything, also as far as the process knows."""
    with nursery.engines.owner.begin() as connection:
        connection.exec_driver_sql("DELETE FROM portal_viewed")
    application: Any = nursery.door.application()
    application.extensions[EXTENSION].actors.clear()


def test_whoever_is_named_by_any_address_is_counted(nursery: Portal, sales: dict[int, int]) -> None:
    browser, names = nursery.browser("boss"), list(sales)
    missed: dict[str, set[int]] = {}
    named = 0
    for path in addresses(nursery, "GET", (names[3], sales[names[7]]), {}, LEFT_ALONE):
        searches = path.endswith(("/list/", "/search/")) or "/lookup/" in path
        for asked in (path, f"{path}?q=qz1") if searches else (path,):
            forget(nursery)
            shown = {names[int(number)] for number in MARK.findall(browser.get(asked).text)}
            named += bool(shown)
            if shown - counted(nursery):
                missed[asked] = shown
    assert missed == {}
    # Enough of them did name somebody: lists, records, forms, histories, searches, look-ups, and their API.
    assert named > 20


@pytest.mark.parametrize("door", DOORS)
def test_no_door_is_open_beyond_the_budget(
    nursery: Portal, sales: dict[int, int], door: str
) -> None:
    browser, buyer = used_up(nursery), next(iter(sales))
    answer = browser.get(door.format(id=buyer, name="qz0q"))
    assert answer.status_code == 429
    assert "qz0q" not in answer.text
    assert seen(nursery, "west") == HOUR


@pytest.mark.parametrize("page", LINKS)
def test_a_page_that_links_beyond_the_budget_stays_open_without_the_name(
    nursery: Portal, sales: dict[int, int], page: str
) -> None:
    browser = used_up(nursery)
    (first, sale), (last, seen_sale) = next(iter(sales.items())), list(sales.items())[-1]
    answer = browser.get(page.format(id=first, sale=sale))
    assert answer.status_code == 200
    assert "qz0q" not in answer.text
    again = browser.get(page.format(id=last, sale=seen_sale))
    assert f"qz{BUYERS - 1}q" in again.text
    assert seen(nursery, "west") == HOUR


def used_up(nursery: Portal) -> Browser:
    """A browser of somebody who has looked at the last sixty buyers."""
    assert walk(nursery.api("west"), 6) == [200] * 6
    assert seen(nursery, "west") == HOUR
    return nursery.browser("west")
