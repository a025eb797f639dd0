"""Non-competes of those whose post asks for one, with compensation and a broken promise."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from app.features.demo.chain import POST
from app.features.demo.reference import MINIMUM_WAGES
from app.features.demo.stage import Person, Stage, plus_months

BUSINESS = ["现制茶饮", "咖啡", "烘焙", "企业下午茶团购"]
CITIES = {"华东": ["上海", "杭州", "南京"], "华南": ["广州", "佛山", "深圳", "东莞"],
          "华北": ["北京", "天津"], "西南": ["成都", "重庆"]}  # fmt: skip
BANNED = ["same_business", "own_business", "poach_customers", "poach_suppliers", "poach_staff"]
MONTHS = 12
PAY_DAY = 15


def build_non_competes(stage: Stage) -> None:
    """Load agreements, payments and one case; the story's is known as ``non_compete:<staff>``."""
    random = stage.random("non_competes")
    regions = _regions(stage)
    bound = [one for one in stage.people if _bound(one)]
    rows = [_agreement(stage, random, one, regions.get(one.unit, "华东")) for one in bound]
    ids = stage.add("non_compete", rows)
    for one, record_id in zip(bound, ids, strict=True):
        stage.known[f"non_compete:{one.id}"] = record_id
    former = [one for one in stage.people if one.post == "GS" and one.state == "departed"]
    former += [one for one in stage.people if one.post in ("TB", "CA") and one.state == "departed"]
    former.sort(key=lambda one: (one.left or stage.today, one.number))
    _enforced(stage, random, former[:6], regions)


# Private


def _regions(stage: Stage) -> dict[int, str]:
    found = {area.unit: area.region for area in stage.areas}
    return found | {store.unit: store.area.region for store in stage.stores}


def _bound(one: Person) -> bool:
    return POST[one.post].non_compete_policy == "required" and one.state not in (
        "departed",
        "pending",
    )


def _agreement(stage: Stage, random: Random, one: Person, region: str) -> dict[str, Any]:
    due = one.hired + timedelta(days=3)
    signed = one.hired + timedelta(days=random.randrange(1, 4))
    row: dict[str, Any] = {
        "staff": one.id, "position_basis": "senior_manager" if POST[one.post].level >= 12 else "secrecy_duty",
        "secret_basis": POST[one.post].secret_basis, "reason_notice_on": one.hired, "due_on": due,
        "signed_on": signed, "scope_business": BUSINESS, "scope_region": CITIES[region], "banned_acts": BANNED,
        "term_months": MONTHS, "rate": Decimal(30), "minimum_wage": Decimal(MINIMUM_WAGES["440100"][1][0]),
        "penalty_kind": "multiple", "penalty_value": Decimal(2), "state": "signed",
        "created_at": stage.at(one.hired, 620),
    }  # fmt: skip
    if one.hired > stage.day(60) or one.number % 37 == 0:
        row |= {"state": "to_sign", "signed_on": None}
    return row


def _enforced(stage: Stage, random: Random, former: list[Person], regions: dict[int, str]) -> None:
    """Agreements of those who left: in force, waived, broken, lapsed."""
    states = ("enforced", "enforced", "breached", "waived", "lapsed", "enforced")
    rows = []
    for one, state in zip(former, states, strict=False):
        assert one.left is not None
        mean = Decimal(one.wage + 400)
        start = one.left + timedelta(days=1)
        decided = "waive" if state == "waived" else "enforce"
        rows.append({
            **_agreement(stage, random, one, regions.get(one.unit, "华南")), "state": state,
            "secret_basis": "掌握企业团购客户名单、联系人和价格政策。", "signed_on": one.hired + timedelta(days=2),
            "mean_wage": mean, "compensation_month": max(mean * Decimal("0.3"), Decimal(2740)).quantize(Decimal("0.01")),
            "starts_on": start, "ends_on": plus_months(start, MONTHS), "decision": decided, "decided_on": one.left,
            "decided_by": stage.one("HRD").id,
        })  # fmt: skip
    ids = stage.add("non_compete", rows)
    stage.add("compensation_payment", (
        payment for row, record_id in zip(rows, ids, strict=True) if row["state"] != "waived"
        for payment in _payments(stage, row, record_id)
    ))  # fmt: skip
    broken = [
        (one, row, key)
        for one, row, key in zip(former, rows, ids, strict=False)
        if row["state"] == "breached"
    ]
    stage.add("breach_case", (_case(stage, one, row, key) for one, row, key in broken))


def _payments(stage: Stage, row: dict[str, Any], agreement: int) -> Iterator[dict[str, Any]]:
    first: date = row["starts_on"].replace(day=1)
    for number in range(MONTHS):
        period = plus_months(first, number)
        due = plus_months(period, 1).replace(day=PAY_DAY)
        payment = {
            "non_compete": agreement,
            "period": period,
            "due_on": due,
            "amount": row["compensation_month"],
        }
        if due >= stage.today:
            ready = "to_pay" if due <= stage.day(-20) else "planned"
            yield {**payment, "state": ready}
        elif row["state"] == "lapsed" or (row["state"] == "enforced" and due > stage.day(12)):
            yield {**payment, "state": "overdue"}
        else:
            paid = due - timedelta(days=1)
            yield {**payment, "state": "paid", "paid_on": paid, "voucher_no": f"PZ{paid:%Y%m}{agreement:04d}",
                   "bank_reference": f"{paid:%Y%m%d}{agreement * 7919 % 10**8:08d}"}  # fmt: skip


def _case(stage: Stage, one: Person, row: dict[str, Any], agreement: int) -> dict[str, Any]:
    found = max(row["starts_on"] + timedelta(days=20), stage.day(70))
    found = min(found, stage.day(1))
    return {
        "staff": one.id, "non_compete": agreement, "kind": "poaching_customers", "found_on": found,
        "facts": "离职后入职同商圈竞品门店，联系原团购客户三家，以更优惠的合作条件要求转单。",
        "evidence_from": found - timedelta(days=90), "evidence_to": found, "loss_sales": Decimal(86_400),
        "claimed": Decimal(120_000), "lawyer": "演示律师事务所", "state": "arbitration", "created_at": stage.at(found, 600),
    }  # fmt: skip
