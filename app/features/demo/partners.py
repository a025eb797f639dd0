"""Suppliers with their contacts, and projects."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

from app.features.demo.names import person_name
from app.features.demo.numbers import credit_code, customer_mobile
from app.features.demo.stage import AreaPlace, Person, Stage
from app.features.demo.story import story_customers

# Name, category, terms, state; the first two are looked after by the manager of the story.
SUPPLIERS = (
    ("广州鲜果源供应链有限公司", "ingredients", "周结", "active"),
    ("佛山冷链快运有限公司", "logistics", "月结 15 天", "active"),
    ("福建云雾山茶业有限公司", "ingredients", "月结 45 天", "active"),
    ("上海牧场乳品有限公司", "ingredients", "月结 30 天", "active"),
    ("东莞优杯包装制品有限公司", "packaging", "月结 30 天", "active"),
    ("苏州制冰设备有限公司", "equipment", "验收付款", "active"),
    ("杭州净水科技有限公司", "equipment", "季度结算", "active"),
    ("成都果葡糖浆有限公司", "ingredients", "预付", "paused"),
    ("北京同城速配有限公司", "logistics", "周结", "active"),
    ("深圳数智票据服务有限公司", "services", "年付", "active"),
    ("重庆山城小料食品有限公司", "ingredients", "月结 30 天", "prospective"),
    ("南京门店装饰工程有限公司", "services", "按进度", "ended"),
)
JOBS = ("销售经理", "客服主管", "大客户总监", "调度", "财务对账")
# Name, kind, sum, likelihood, state; the first two belong to the manager of the story.
PROJECTS = (
    ("广州琶洲会展商场入驻", "site", 480_000, 70, "negotiation"),
    ("佛山千灯湖商场入驻", "site", 360_000, 60, "negotiation"),
    ("云帆科技年度下午茶框架", "group_purchase", 1_200_000, 80, "signed"),
    ("深圳科技园联合办公茶饮站", "cooperation", 220_000, 50, "lead"),
    ("杭州亚运场馆店", "site", 650_000, 40, "lead"),
    ("上海地铁站内小店", "site", 300_000, 65, "running"),
    ("成都高校加盟试点", "franchise", 180_000, 30, "lead"),
    ("北京写字楼自提柜", "cooperation", 260_000, 55, "running"),
    ("华南中秋礼盒团购", "group_purchase", 540_000, 100, "closed"),
)


def build_partners(stage: Stage) -> None:
    """Load suppliers and projects; the story's are known as ``supplier:<n>``, ``project:<n>``."""
    random = stage.random("partners")
    suppliers = [_supplier(stage, random, number) for number in range(len(SUPPLIERS))]
    ids = stage.add("supplier", suppliers)
    stage.known |= {f"supplier:{number}": record_id for number, record_id in enumerate(ids)}
    stage.add("supplier_contact", _contacts(random, ids))
    projects = stage.add("project", (_project(stage, number) for number in range(len(PROJECTS))))
    stage.known |= {f"project:{number}": record_id for number, record_id in enumerate(projects)}


# Private


def _home(stage: Stage, number: int) -> tuple[AreaPlace, Person, Person]:
    """The area of the nth record, who owns it and who stands behind."""
    area = stage.story if number < 2 else stage.areas[number % len(stage.areas)]
    buyer = stage.post("BUY")[number % 3]
    deputy = area.deputy or buyer
    return (area, area.lead, deputy) if number < 2 else (area, buyer, stage.one("OPD"))


def _supplier(stage: Stage, random: Random, number: int) -> dict[str, Any]:
    name, category, terms, state = SUPPLIERS[number]
    area, owner, backup = _home(stage, number)
    start = stage.day(330 - 20 * number)
    return {
        "name": name, "usci": credit_code(9_000_000 + number), "category": category, "org_unit": area.unit,
        "owner": owner.id, "backup_owner": backup.id, "stores": [store.id for store in area.stores],
        "website": f"https://supplier{number + 1}.example/", "rating": random.randrange(3, 6),
        "contract_from": start, "contract_to": start + timedelta(days=365), "payment_terms": terms,
        "payable": Decimal(random.randrange(2, 90) * 1000), "last_contact_at": stage.at(stage.day(random.randrange(1, 30)), 640),
        "next_step": "谈明年价格" if number % 3 == 0 else None, "state": state, "created_at": stage.at(start, 600),
    }  # fmt: skip


def _contacts(random: Random, suppliers: list[int]) -> Iterator[dict[str, Any]]:
    for number, supplier in enumerate(suppliers):
        for place in range(1 + number % 3):
            yield {
                "supplier": supplier, "name": person_name(random, male=random.random() < 0.6),
                "job_title": JOBS[(number + place) % len(JOBS)], "main_contact": place == 0,
                "mobile": customer_mobile(95_000_000 + number * 10 + place),
                "email": f"contact{place + 1}@supplier{number + 1}.example",
            }  # fmt: skip


def _project(stage: Stage, number: int) -> dict[str, Any]:
    name, kind, amount, likelihood, state = PROJECTS[number]
    area, owner, _ = _home(stage, number)
    if number >= 2:
        owner = area.deputy or owner
    customers = story_customers(stage)
    start = stage.day(120 - 9 * number)
    closed = state == "closed"
    return {
        "name": name, "kind": kind, "org_unit": area.unit, "owner": owner.id,
        "customer": customers[0].id if number == 2 else None, "members": [store.manager.id for store in area.stores[:2]],
        "amount": Decimal(amount), "likelihood": Decimal(likelihood), "starts_on": start,
        "due_on": stage.day(20) if closed else stage.day(-30 - 12 * number), "state": state,
        "next_step": None if closed else "与业主确认租金与扣点", "next_at": None if closed else stage.day(-4 - number),
        "progress_note": "<p>已完成两轮报价，等待对方内部评审。</p>", "close_reason": "按期交付" if closed else None,
        "created_at": stage.at(start, 600),
    }  # fmt: skip
