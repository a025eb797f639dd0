"""Two portals that differ only in what a reader may not see answer everything alike, byte by byte.

Catches what no list of attacks names: a filter, an order, a count, a title, a search, a lookup, an
error or a report that depends on a hidden value or a foreign row (Goguen and Meseguer, 1982).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import pytest

from app.features.demo.numbers import credit_code
from tests.functional.attacks.cast import INSIDERS, West, west_of
from tests.functional.attacks.comparing import answer_alike
from tests.functional.attacks.doors import plain
from tests.functional.attacks.guessing import Guesser
from tests.support.nursery import planted
from tests.support.portals import SCHEMAS, Portal, running_portal
from tests.support.servers import Servers

EACH = 120
TYPED = ("水", "丽水", "CANARY", "lishui", "wang", "赵", "王小明", "KEPT", "900", "9", "6222", "010", "021",
         "a@b", credit_code(7), "13800138000", "李帮工", "3", "333", "%", "'", "")  # fmt: skip
SECRET = "0123456789abcdef" * 4
Values = Mapping[str, Any]
# What the reader may not see of own rows, by entity and short name, in one portal and in the other.
HIDDEN: Mapping[str, tuple[tuple[str, str, Values, Values], ...]] = {
    "west": (
        ("gardener", "wang", {"hourly_pay": Decimal(20), "bank_card": "6222020200112233440"},
         {"hourly_pay": Decimal(90), "bank_card": "6228480402564890018"}),
        ("gardener", "helper", {"hourly_pay": Decimal(30)}, {"hourly_pay": Decimal(10)}),
    ),
    "helper": (
        ("plant", "plant1", {"price": Decimal(5), "label_text": "甲"}, {"price": Decimal(7), "label_text": "丽水"}),
        ("task", "task", {"name": "浇水一"}, {"name": "李帮工的"}),
    ),
    "inspector": (
        ("gardener", "wang", {"hourly_pay": Decimal(20), "phone": "010-61112222", "email": "a@b.example"},
         {"hourly_pay": Decimal(90), "phone": "021-51112222", "email": "wang.xm@c.example"}),
        ("plant", "plant7", {"price": Decimal(5), "note": "很久以前"}, {"price": Decimal(900), "note": "KEPT"}),
    ),
    "clerk": (
        ("gardener", "wang", {"name": "王小明", "mobile": "13800138000"}, {"name": "赵大力", "mobile": "13511138000"}),
        ("sale_line", "sale_line", {"count": 3}, {"count": 77}),
        ("task_step", "task_step", {"minutes": 5}, {"minutes": 55}),
        ("plant", "plant3", {"price": Decimal(5)}, {"price": Decimal(900)}),
    ),
    "bare": (),
}  # fmt: skip


@pytest.fixture(scope="module")
def pair(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[West, West]]:
    """Two nurseries with the same rows, whose strangers differ in all they say."""
    homes = [tmp_path_factory.mktemp(f"home{number}") for number in range(2)]
    folder = SCHEMAS / "nursery"
    with (
        running_portal(servers, folder, homes[0], PORTAL_SECRET_KEY=SECRET) as one,
        running_portal(servers, folder, homes[1], PORTAL_SECRET_KEY=SECRET) as other,
    ):
        found = []
        for portal in (one, other):
            planted(portal)
            found.append(west_of(portal))
        for number, west in enumerate(found):
            disguise(west, number)
        yield found[0], found[1]


def disguise(west: West, number: int) -> None:
    """Give every row of the east other values, kept alike in nothing but their number."""
    with west.portal.records() as records:
        for name, key in west.foreign.items():
            entity, version = records.runtime.entity(name), records.get(name, key, ("version",))
            values: dict[str, Any] = {
                field.name: (f"水{field.name}", f"丽水槭树 {field.name} CANARY")[number]
                for field in entity.settable_fields
                if field.type in ("text", "long_text") and not field.show_when
            }
            values |= {
                field.name: (Decimal(3), Decimal(333))[number]
                for field in entity.settable_fields
                if field.type in ("decimal", "money")
            }
            if values:
                records.change(name, key, values, version.values["version"])


def own_key(west: West, short: str) -> int:
    """The key of an own row by its short name."""
    return {**west.portal.ids, **west.crossing, "task_step": 1}[short]


def hide(west: West, username: str, number: int) -> None:
    """Give own rows the values of this portal that the reader may not see."""
    with west.portal.records() as records:
        for entity, short, *values in HIDDEN[username]:
            key = own_key(west, short)
            version = records.get(entity, key, ("version",)).values["version"]
            records.change(entity, key, values[number], version)


@pytest.mark.parametrize("username", INSIDERS)
def test_answers_do_not_depend_on_what_is_out_of_sight(
    pair: tuple[West, West], username: str
) -> None:
    for number, west in enumerate(pair):
        hide(west, username, number)
    try:
        ask(pair, username)
    finally:  # The next reader may see some of it.
        for west in pair:
            hide(west, username, 0)


def ask(pair: tuple[West, West], username: str) -> None:
    """Ask both the same questions, and compare what they say."""
    kept = {(entity, own_key(pair[0], short)) for entity, short, *_ in HIDDEN[username]}
    chance = random.Random(f"{username} asks")
    guesser = Guesser(
        pair[0],
        chance,
        TYPED,
        ("species.name", "doer.hourly_pay", "buyer.turnover"),
        frozenset(kept),
    )
    answer_alike(pair, username, guesser, EACH, bare=username == "bare")


def test_the_owner_sees_the_difference(pair: tuple[West, West]) -> None:
    one, other = (plain(w.portal.browser("boss").get("/gardener/list/")) for w in pair)
    assert one != other


def same_rows(portal: Portal, name: str) -> list[Any]:
    """The keys of a table's rows, which both portals share."""
    return portal.column(f'SELECT id FROM "{name}" ORDER BY id')


def test_the_two_differ_in_values_alone(pair: tuple[West, West]) -> None:
    for entity in pair[0].portal.schema.enabled_entities():
        one, other = (same_rows(west.portal, entity.name) for west in pair)
        assert one == other, entity.name
