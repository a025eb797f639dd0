"""A unit closes when nobody and nothing is left in it or below it."""

from __future__ import annotations

from datetime import date

from tests.functional.customers.asking import step
from tests.support.chain import Chain


def test_a_unit_closes_last_and_says_what_is_left(chain: Chain) -> None:
    boss = chain.portal.api("boss")
    units: dict[str, int] = {}
    for code, kind, above in (
        ("A9", "area", "EAST"),
        ("S9", "store", "A9"),
        ("D9", "department", "S9"),
    ):
        units[code] = chain.add(
            "org_unit", code=code, name=f"单元{code}", kind=kind, effective_from=date(2020, 1, 1),
            parent=units.get(above) or chain.units[above], state="active",
        )  # fmt: skip
    store = chain.add(
        "store", org_unit=units["S9"], name="门店S9", legal_entity=chain.known["legal_entity"], city="310100",
        timezone="Asia/Shanghai", currency="cny", state="open",
    )  # fmt: skip
    chain.units["D9"] = units["D9"]
    person = chain.person("孔最后", at="D9", above="boss")
    customer = chain.customer(store=store)

    def refused(unit: str) -> str:
        answer = step(boss, "org_unit", units[unit], "close")
        assert answer.status_code == 409, answer.text
        return str(answer.json["message"])

    assert "孔最后" in refused("A9")
    assert "孔最后" in refused("D9")
    chain.change("staff", person, state="departed")
    code = chain.portal.scalar("SELECT code FROM customer WHERE id = :id", id=customer)
    assert f"客户{code}（门店S9）" in refused("A9")
    chain.change("customer", customer, state="merged")
    assert "单元S9" in refused("A9")
    for name in ("D9", "S9", "A9"):
        assert step(boss, "org_unit", units[name], "close").status_code == 200
