"""Records offered to a link as one types: whatever is typed, and whatever they are called by."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.records.finding import find_titled
from app.settings import ROOT
from tests.support.portals import Portal, running_portal
from tests.support.servers import Servers

TYPED = ("ab", "12", "2026-06-15", "o'brien", '"', "100%", "\\")


@pytest.fixture(scope="module")
def chain(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """The shipped portal, still empty."""
    home: Path = tmp_path_factory.mktemp("chain")
    with running_portal(servers, ROOT / "schema", home) as portal:
        yield portal


@pytest.mark.parametrize("typed", TYPED)
def test_every_kind_of_record_can_be_looked_for(nursery: Portal, chain: Portal, typed: str) -> None:
    for portal in (nursery, chain):
        with portal.records() as records:
            for entity in portal.schema.entities.values():
                find_titled(records.reader, entity, typed, (), 20)


def test_a_record_called_by_its_date_is_found_by_it(nursery: Portal) -> None:
    with nursery.records() as records:
        ids = {"bed": nursery.ids["west"], "gardener": nursery.ids["wang"]}
        number = records.create("round", {**ids, "on_day": nursery.runtime.moment().today})
        entity = nursery.schema.entities["round"]
        found = [hit.id for hit in find_titled(records.reader, entity, "2026-06", (), 20)]
        assert number in found
        assert find_titled(records.reader, entity, "2026_06", (), 20) == []


def test_what_is_offered_goes_by_what_is_typed_so_far(nursery: Portal) -> None:
    browser, ids = nursery.browser("boss"), nursery.ids
    page = browser.get("/round/add").text
    assert re.search(
        r'name="gardener"[^>]*data-lookup="/round/lookup/gardener"[^>]*data-form', page
    )

    def offered(**typed: object) -> set[int]:
        answer: Any = browser.post(
            f"/round/lookup/gardener{typed.pop('at', '')}", {"q": "", **typed}
        )
        return {int(row["id"]) for row in answer.json["results"]}

    everybody = {ids["wang"], ids["helper"], ids["far"]}
    assert offered(bed=ids["east"]) == {ids["far"]}
    assert offered(bed=ids["west"]) == everybody - {ids["far"]}
    assert offered(bed="") == everybody, "null meets the second half of the condition"
    assert offered(bed="x") == everybody, "what cannot be read restricts nothing"
    assert offered() == everybody
    with nursery.records() as records:
        values = {"bed": ids["west"], "gardener": ids["wang"]}
        number = records.create("round", {**values, "on_day": nursery.runtime.moment().today})
    assert offered(at=f"?id={number}") == everybody - {ids["far"]}, "the saved bed counts"
    assert offered(at=f"?id={number}", bed=ids["east"]) == {ids["far"]}


def test_a_record_out_of_sight_tells_nothing_through_the_form(nursery: Portal) -> None:
    with nursery.records() as records:
        values = {"bed": nursery.ids["east"], "gardener": nursery.ids["far"]}
        number = records.create("round", {**values, "on_day": nursery.runtime.moment().today})
    west = nursery.browser("west")
    assert west.post(f"/round/lookup/gardener?id={number}", {"q": ""}).status_code == 404
