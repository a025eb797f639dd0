"""Canaries: in each region three customers whom nobody serves, with phones of the company itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from app.features.demo.names import person_name
from app.features.demo.numbers import company_mobile
from app.features.demo.stage import Stage, StorePlace

EACH = 3
# Old and quiet, so that no list of recent, unowned or neglected customers leads to them.
CAME, SPOKEN_TO = 900, 240


def build_canaries(stage: Stage) -> None:
    """Load them and mark them; whoever opens one or takes it along is told of."""
    for number in stage.add("customer", _rows(stage)):
        stage.watch("customer", number)


# Private


def _rows(stage: Stage) -> Iterator[dict[str, Any]]:
    random = stage.random("canaries")
    for number, store in enumerate(_stores(stage)):
        came = stage.at(stage.day(CAME + 11 * number), 700)
        yield {
            "kind": "member", "name": person_name(random, male=number % 2 == 0), "grade": "c",
            "mobile": company_mobile(number), "store": store.id, "source": "walk_in", "secrecy_mark": "internal",
            "owner": store.manager.id, "owner_state": "effective", "state": "active",
            "created_at": came, "first_visit_at": came,
            "last_contact_at": stage.at(stage.day(SPOKEN_TO + number), 800),
        }  # fmt: skip


def _stores(stage: Stage) -> Iterator[StorePlace]:
    """Three open stores of each region, or the same ones again where there are fewer."""
    regions: dict[str, list[StorePlace]] = {}
    for area in stage.areas:
        regions.setdefault(area.region, []).extend(
            one for one in area.stores if one.state == "open"
        )
    for stores in regions.values():
        for number in range(EACH if stores else 0):
            yield stores[number * len(stores) // EACH]
