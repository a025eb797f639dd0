"""Orders: what was bought, how much, and when in the year."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, Protocol

from app.features.demo.stage import Person, Stage, StorePlace

DRINKS = (
    ("茉莉轻乳茶", 16),
    ("四季春青茶", 12),
    ("杨枝甘露", 19),
    ("手打柠檬茶", 15),
    ("桂花乌龙奶茶", 17),
    ("满杯橙橙", 18),
    ("陈皮普洱", 14),
    ("燕麦拿铁", 20),
    ("葡萄冰冰", 21),
    ("白桃乌龙", 15),
    ("姜撞奶", 16),
    ("茶点拼盘", 38),
    ("会议茶歇套餐", 680),
    ("员工下午茶卡（20 杯）", 320),
    ("节日礼盒", 168),
)
CUPS, PARCELS = range(11), (12, 13, 14)
# Drinks sell in summer; the gift season is autumn.
SEASON = (0.62, 0.55, 0.72, 0.8, 0.9, 0.98, 1.0, 1.0, 0.95, 0.85, 0.7, 0.66)


class Buyer(Protocol):
    """A customer with an id, as orders need it."""

    row: dict[str, Any]
    store: StorePlace
    owner: Person | None
    id: int


def season(day: date) -> float:
    """The share of the best month that is sold on a day of this month."""
    return SEASON[day.month - 1]


def order_row(
    stage: Stage, random: Random, buyer: Buyer, moment: datetime, total: int | None = None
) -> dict[str, Any]:
    """An order of a buyer; ``made`` holds its lines, which make up the amount (about ``total``)."""
    items = _items(random, group=buyer.row["kind"] != "member", total=total)
    amount = sum((DRINKS[item][1] * quantity for item, quantity in items), Decimal(0))
    number = stage.known["orders"] = stage.known.get("orders", 0) + 1
    status = _status(stage, random, moment) if total is None else "completed"
    settled = (
        amount if status == "completed" else amount / 2 if status == "defaulted" else Decimal(0)
    )
    return {
        "external_no": f"{moment:%Y%m%d}{number:07d}", "source": "pos" if buyer.row["kind"] == "member" else "erp",
        "store": buyer.store.id, "customer": buyer.id, "staff": buyer.owner.id if buyer.owner else None,
        "ordered_at": moment, "amount": amount, "settled_amount": settled.quantize(Decimal("0.01")),
        "status": status, "created_at": moment, "made": items,
    }  # fmt: skip


def load_orders(stage: Stage, rows: list[dict[str, Any]]) -> None:
    """Load orders made by ``order_row``, with their lines."""
    lines = [row.pop("made") for row in rows]
    ids = stage.add("customer_order", rows)
    stage.add("order_line", (
        {"customer_order": record_id, "item": DRINKS[item][0], "quantity": quantity,
         "unit_price": Decimal(DRINKS[item][1]), "created_at": row["ordered_at"]}
        for record_id, row, items in zip(ids, rows, lines, strict=True) for item, quantity in items
    ))  # fmt: skip


# Private


def _items(random: Random, *, group: bool, total: int | None) -> list[tuple[int, Decimal]]:
    if total is not None:
        return [(12, Decimal(max(1, round(total / 680))))]
    if not group:
        return [(random.choice(CUPS), Decimal(random.choice((1, 1, 2, 3))))]
    if random.random() < 0.3:
        return [(random.choice(PARCELS), Decimal(random.randrange(1, 9)))]
    return [(item, Decimal(random.randrange(8, 60))) for item in random.sample(CUPS, 2)]


def _status(stage: Stage, random: Random, moment: datetime) -> str:
    if moment > stage.now - timedelta(days=4):
        return random.choice(("open", "open", "completed"))
    return random.choices(("completed", "cancelled", "defaulted"), (965, 28, 7))[0]
