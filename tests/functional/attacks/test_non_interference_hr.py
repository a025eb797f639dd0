"""Non-interference over the schema that ships: two chains of stores that differ only in what somebody may not see."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest

from app.settings import ROOT
from tests.functional.attacks.cast import Reach
from tests.functional.attacks.comparing import answer_alike
from tests.functional.attacks.guessing import Guesser
from tests.support.chain_strangers import FAR, NEAR, build_chain_with_strangers
from tests.support.portals import running_portal
from tests.support.servers import Servers

EACH = 100
INSIDERS = ("sales", "store", "area", "east_hr", "clerk")
SECRET = "0123456789abcdef" * 4
TYPED = ("水", "丽水", "CANARY", "lishui", "wang", "王店长", "客户", "kehu", "900", "6", "138", "139", "8000", "广州",
         "13811112222", "13911112222", "a@b", "3", "%", "'", "")  # fmt: skip
PATHS = ("owner.name", "staff.home_address", "customer.mobile", "store.name", "staff.id_no")
Values = Mapping[str, Any]
ADDRESSES = ({"home_address": "广州天河路一号"}, {"home_address": "上海丽水路九号"})
MAILS = ({"email": "a@b.example"}, {"email": "wang.d@c.example"})
# What the reader may not see of rows nearby, by entity and short name, in one portal and in the other.
HIDDEN: Mapping[str, tuple[tuple[str, str, Values, Values], ...]] = {
    "sales": (
        ("customer", "customer 1", {"name": "甲方"}, {"name": "丽水 CANARY"}),
        ("customer", NEAR, {"preference_note": "喜欢红茶"}, {"preference_note": "丽水绿茶"}),
        ("staff", "李试用", *ADDRESSES),
        ("staff", "王店长", *MAILS),
    ),
    "store": (
        ("staff", "李试用", *ADDRESSES),
        ("staff", "赵兼职", *MAILS),
        ("contract", "open contract", {"wage_month": Decimal(6000)}, {"wage_month": Decimal(9000)}),
        ("customer", "customer 5", {"name": "乙店的"}, {"name": "丽水 CANARY"}),
    ),
    "area": (
        ("staff", "李试用", *ADDRESSES),
        ("staff", "孙店长", {"emergency_name": "孙大"}, {"emergency_name": "王店长"}),
        ("contract", "open contract", {"wage_month": Decimal(6000)}, {"wage_month": Decimal(9000)}),
    ),
    "east_hr": (
        ("customer", "customer 1", {"preference_note": "喜欢红茶"}, {"preference_note": "丽水绿茶"}),
        ("staff", "何人事", *ADDRESSES),
    ),
    "clerk": (
        ("customer", "customer 1", {"name": "甲方"}, {"name": "丽水 CANARY"}),
        ("staff", "王店长", {"name": "王大店长"}, {"name": "丽水 CANARY"}),
        ("contract", "open contract", {"wage_month": Decimal(6000)}, {"wage_month": Decimal(9000)}),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def pair(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sequence[Reach]]:
    """Two chains with the same rows, whose south differs in all it says."""
    homes = [tmp_path_factory.mktemp(f"home{number}") for number in range(2)]
    with (
        running_portal(servers, ROOT / "schema", homes[0], PORTAL_SECRET_KEY=SECRET) as one,
        running_portal(servers, ROOT / "schema", homes[1], PORTAL_SECRET_KEY=SECRET) as other,
    ):
        found = []
        for number, portal in enumerate((one, other)):
            planted = build_chain_with_strangers(portal, number)
            portal.ids[NEAR] = planted[NEAR]["customer"]
            found.append(Reach(portal, planted[FAR], canaries=(FAR,)))
        yield found


@pytest.mark.parametrize("username", INSIDERS)
def test_answers_and_writes_do_not_depend_on_what_is_out_of_sight(
    pair: Sequence[Reach], username: str
) -> None:
    for number, reach in enumerate(pair):
        hide(reach, username, number)
    try:
        kept = frozenset(
            (entity, pair[0].portal.ids[short]) for entity, short, *_ in HIDDEN[username]
        )
        chance = random.Random(f"{username} of the chain asks")
        answer_alike(pair, username, Guesser(pair[0], chance, TYPED, PATHS, kept), EACH)
    finally:  # The next reader may see some of it.
        for reach in pair:
            hide(reach, username, 0)


def test_the_two_differ_in_what_the_owner_sees(pair: Sequence[Reach]) -> None:
    one, other = (
        reach.portal.browser("owner").get("/customer/list/?size=100").text for reach in pair
    )
    assert f"{FAR}-name" in one
    assert f"{FAR}-name" not in other


def hide(reach: Reach, username: str, number: int) -> None:
    """Give rows nearby the values of this portal that the reader may not see."""
    for entity, short, *values in HIDDEN[username]:
        with reach.portal.records() as records:
            key = reach.portal.ids[short]
            version = records.get(entity, key, ("version",)).values["version"]
            records.change(entity, key, values[number], version)
