"""Reports tell of records as well: they draw on the same budget, by every page that shows their lines (T07)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from app.features.viewing.canaries import clear_canary, set_canary
from app.storage.database import make_sessions, unit_of_work
from tests.functional.reports.building import Builder
from tests.functional.reports.telling import FIGURES, grouped, listed, own_report
from tests.support.portals import NOON, Browser, Portal

HOUR, PAGE = 60, 50
SEEN = (
    "SELECT count(*) FROM portal_viewed WHERE account_id = :id AND entity = 'buyer' AND day = :day"
)
STOPPED = "SELECT count(*) FROM portal_audit_entry WHERE action = 'viewing:stopped' AND account_name = 'west'"


@pytest.fixture(scope="module")
def sold(nursery: Portal) -> list[int]:
    """More buyers of the west bed than anybody needs in an hour, each with a sale."""
    with nursery.records() as records:
        buyers = [
            records.create("buyer", {"name": f"顾客{n:03}", "bed": nursery.ids["west"]})
            for n in range(120)
        ]
        for one in buyers:
            records.create("sale", {"buyer": one, "total": 5})
    return buyers


@pytest.fixture(autouse=True)
def at_noon(nursery: Portal) -> Iterator[None]:
    """A day on which nobody has looked at anything yet."""
    nursery.clock.moment += timedelta(days=1)
    yield
    nursery.clock.moment = nursery.clock.moment.replace(hour=NOON.hour, minute=0)


def seen(nursery: Portal) -> int:
    """How many buyers the keeper has looked at today."""
    values = {"id": nursery.ids["account_west"], "day": nursery.clock.now().date()}
    return int(nursery.scalar(SEEN, **values))


# Which pages of lines each of them has.
TELLING = {
    "list": listed("buyer", "name"),
    "list of sales with names": listed("sale", "buyer.name", "total"),
    "list of sales with buyers": listed("sale", "buyer", "total"),
    "by name": grouped("buyer", "name"),
    "by buyer": grouped("sale", "buyer"),
    "sales by name": grouped("sale", "buyer.name"),
}


@pytest.mark.parametrize("what", TELLING)
def test_walking_through_a_report_is_stopped(nursery: Portal, sold: list[int], what: str) -> None:
    name, browser = own_report(nursery, "west", TELLING[what]), nursery.browser("west")
    stopped = nursery.scalar(STOPPED)
    first = browser.get(f"/reports/{name}")
    assert first.status_code == 200
    assert "顾客" in first.text
    assert seen(nursery) == PAGE
    # Whoever looks, and when, on the screen; and nothing comes out of the printer.
    assert first.text.count("west 2026-0") >= 10
    assert " unprintable" in first.text
    second = browser.get(f"/reports/{name}?page=2")
    assert second.status_code == 429
    assert "顾客" not in second.text
    assert seen(nursery) == PAGE
    assert nursery.scalar(STOPPED) == stopped + 1


def drill(browser: Browser, name: str) -> Any:
    """The rows behind the first figure."""
    page = browser.get(f"/reports/{name}").text
    found = re.search(rf'href="(/reports/{name}/rows\?[^"]+)"', page)
    assert found
    return browser.get(found[1].replace("&amp;", "&"))


def preview(browser: Browser, source: str) -> Any:
    """What the builder shows of a text."""
    return Builder(browser).write(source).page


@pytest.mark.parametrize(
    ("look", "expected"),
    [
        (lambda b, p: drill(b, own_report(p, "west", FIGURES["buyers by bed"])), PAGE),
        (lambda b, p: drill(b, own_report(p, "west", FIGURES["sales by bed"])), PAGE),
        (lambda b, p: preview(b, TELLING["list"]), 20),
        (lambda b, p: preview(b, TELLING["sales by name"]), 20),
        (lambda b, p: preview(b, TELLING["by buyer"]), 20),
    ],
    ids=[
        "drill",
        "drill to what links to them",
        "preview of a list",
        "preview by name",
        "preview by link",
    ],
)
def test_other_pages_of_reports_draw_on_it_too(
    nursery: Portal, sold: list[int], look: Callable[[Browser, Portal], Any], expected: int
) -> None:
    page = look(nursery.browser("west"), nursery)
    assert page.status_code == 200
    assert seen(nursery) == expected
    assert 'class="watermark"' in page.text
    assert "unprintable" in page.text


def test_a_preview_beyond_the_budget_shows_nothing(nursery: Portal, sold: list[int]) -> None:
    browser = nursery.browser("west")
    for page in range(6):
        assert (
            nursery.api("west").call("GET", f"buyer/?q=(page:{page},page_size:10)").status_code
            == 200
        )
    assert seen(nursery) == HOUR
    for what in ("list", "by name"):
        page = preview(browser, TELLING[what])
        shown = page.text[page.text.index("builder-preview") :]
        assert "顾客" not in shown
        assert "60" in shown


def test_figures_of_many_cost_nothing_and_are_printed(nursery: Portal, sold: list[int]) -> None:
    browser = nursery.browser("west")
    for what, source in FIGURES.items():
        page = browser.get(f"/reports/{own_report(nursery, 'west', source)}")
        assert page.status_code == 200, what
        assert 'class="watermark"' not in page.text
        assert " unprintable" not in page.text
    assert seen(nursery) == 0


def test_what_a_chosen_record_is_called_is_looked_at(nursery: Portal, sold: list[int]) -> None:
    source = (
        grouped("sale", "buyer.bed")
        .replace(
            "groups:", "params: {who: {type: link, to: buyer, label: {zh: 谁, en: Who}}}\ngroups:"
        )
        .replace("by: {g: buyer.bed}", "by: {g: buyer.bed}, filters: {who: buyer}")
    )
    name, browser = own_report(nursery, "west", source), nursery.browser("west")
    answers = [browser.get(f"/reports/{name}?who={one}").status_code for one in sold[: HOUR + 3]]
    assert answers == [200] * HOUR + [429] * 3


def test_a_canary_in_a_report_is_told_of(nursery: Portal, sold: list[int]) -> None:
    noted = "SELECT count(*) FROM portal_audit_entry WHERE action = 'viewing:canary' AND account_name = 'west'"
    before, sessions = nursery.scalar(noted), make_sessions(nursery.engines.app)
    with unit_of_work(sessions()) as session:
        set_canary(session, nursery.runtime, "buyer", sold[3], "test")
    name = own_report(nursery, "west", TELLING["by name"])
    assert "顾客003" in nursery.browser("west").get(f"/reports/{name}").text
    with unit_of_work(sessions()) as session:
        clear_canary(session, "buyer", sold[3])
    assert nursery.scalar(noted) == before + 1
