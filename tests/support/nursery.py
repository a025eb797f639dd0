"""What grows in the nursery of the tests: two beds that must not see each other."""

from __future__ import annotations

from decimal import Decimal

from tests.support.portals import NOON, Portal

CANARY = "CANARY-of-the-east"


def planted(portal: Portal) -> None:
    """Fill the nursery; ids are kept in ``portal.ids`` by short names."""
    ids = portal.ids
    with portal.records() as records:
        ids["all"] = records.create("bed", {"name": "全园"})
        ids["west"] = records.create("bed", {"name": "西床", "upper": ids["all"]})
        ids["east"] = records.create("bed", {"name": "东床", "upper": ids["all"]})
        ids["maple"] = records.create("species", {"name": "鸡爪槭", "sun": "half"})
        ids["fern"] = records.create("species", {"name": "蕨", "sun": "shade"})
        ids["spade"] = records.create("tool", {"name": "铁锹"})
        ids["group"] = records.create("tag_group", {"name": "一组"})
    ids["account_west"] = portal.account("west", "keeper", ids["west"])
    ids["account_boss"] = portal.account("boss", "owner", None)
    ids["account_helper"] = portal.account("helper", "helper", ids["west"])
    with portal.records() as records:
        ids["wang"] = records.create(
            "gardener",
            {"name": "王小明", "bed": ids["west"], "account": ids["account_west"], "mobile": "13800138000",
             "hourly_pay": Decimal("35.50"), "id_card": "11010519491231002X"},
        )  # fmt: skip
        ids["helper"] = records.create(
            "gardener", {"name": "李帮工", "bed": ids["west"], "account": ids["account_helper"]}
        )
        ids["far"] = records.create(
            "gardener", {"name": CANARY, "bed": ids["east"], "mobile": "13900139000"}
        )
        for number in range(30):
            ids[f"plant{number}"] = records.create(
                "plant",
                {"label_text": f"丽水槭树{number:02d}", "species": ids["maple"], "bed": ids["west"],
                 "price": Decimal(number * 10), "labels": ["红", "矮"] if number % 2 else ["红"]},
            )  # fmt: skip
        ids["far_plant"] = records.create(
            "plant", {"label_text": f"{CANARY}-plant", "species": ids["maple"], "bed": ids["east"]}
        )
        ids["far_buyer"] = records.create("buyer", {"name": f"{CANARY}-buyer", "bed": ids["east"]})
        ids["buyer"] = records.create(
            "buyer", {"name": "西边花店", "bed": ids["west"], "mobile": "13700137000"}
        )
        ids["task"] = records.create(
            "task",
            {
                "name": "浇水",
                "bed": ids["west"],
                "doer": ids["wang"],
                "steps": [{"what": "接水", "minutes": 5}],
            },
        )
        ids["own_task"] = records.create(
            "task", {"name": "拔草", "bed": ids["west"], "doer": ids["helper"]}
        )
        ids["far_task"] = records.create(
            "task", {"name": f"{CANARY}-task", "bed": ids["east"], "doer": ids["far"]}
        )
        ids["measurement"] = records.create(
            "measurement", {"plant": ids["plant0"], "at": NOON, "height": Decimal("12.5")}
        )
        ids["far_measurement"] = records.create(
            "measurement", {"plant": ids["far_plant"], "at": NOON, "height": Decimal("99.5")}
        )
