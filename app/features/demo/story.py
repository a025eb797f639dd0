"""The customers of the manager who is about to leave, and what happened with them lately."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import cycle
from random import Random
from typing import Any

from app.features.demo.contacts import contact_row
from app.features.demo.customers import Made, customer_row
from app.features.demo.orders import load_orders, order_row
from app.features.demo.stage import DAYS, Sample, Stage

MONTH = 30
USUAL, USUAL_GROUP, LATELY, LATELY_GROUP = 20, 6, 60, 42  # contacts in thirty days
KEY_MONTH, KEY_LATELY = 100_000, 20_000  # what each key customer buys in thirty days
ORDER_EVERY = 5  # days
# Name, purpose, sum a month; the first three are the key customers.
GROUP = (
    ("广州云帆信息技术股份有限公司", "研发园区 600 人，每周二、五下午茶", KEY_MONTH),
    ("广州市第一人民医院天河院区", "值班医护夜间饮品与节日慰问", KEY_MONTH),
    ("佛山嘉禾电子有限公司", "两班倒工厂，高温季每日供应", KEY_MONTH),
    ("天河区启明实验小学", "教职工周五下午茶", 14_000),
    ("越秀区明德中学", "运动会与教师节", 11_000),
    ("广州恒信律师事务所", "会议茶歇", 9_500),
    ("广州远景设计有限公司", "月度生日会", 6_000),
    ("海珠区政务服务中心", "会议茶歇", 7_500),
    ("广州锐思广告有限公司", "项目加班夜宵饮品", 8_000),
    ("番禺区滨江社区卫生服务中心", "义诊与节日慰问", 5_000),
    ("佛山智联家居用品有限公司", "员工福利", 12_000),
    ("佛山市顺德区新华职业技术学院", "迎新与毕业季", 10_000),
    ("广州海纳国际物流有限公司", "客户来访茶歇", 6_500),
    ("广州九章软件有限公司", "每周五全员下午茶", 13_000),
    ("白云区青年消防救援站", "高温慰问", 4_000),
)
HINTS = (
    ("介绍更优惠的合作条件，约下周单独见面", ("更优惠的合作条件",)),
    ("沟通合作变更的可能，对方询问新报价", ("合作变更",)),
    ("推荐另一家供应商的茶歇方案，发送价目表", ("推荐另一家",)),
    ("告知近期可能有变动，请对方加个人微信", ("以后找我个人微信",)),
)
CALLS = (
    "微信沟通下月安排，对方说要再考虑", "电话约见负责人，讨论明年合作", "上门拜访行政主管", "晚间微信联系采购负责人", "约采购负责人午餐",
    "询问现有合同到期时间", "了解对方对价格的底线", "整理对方历次订单与偏好",
)  # fmt: skip
RIVAL = "悦茶里"


def build_story(stage: Stage) -> None:
    """Load the manager's customers, contacts and orders; they join the samples of their store."""
    random = stage.random("story")
    made = [_customer(stage, random, number) for number in range(len(GROUP))]
    others = _others(stage, random)
    talks = list(_talks(stage, made, others))
    for one in (*made, *others):
        one.row["last_contact_at"] = max(
            (at for customer, at, _ in talks if customer is one), default=None
        )
    _load(stage, made, others)
    stage.add("contact_log", (_talk(stage, random, *talk) for talk in talks))
    orders = list(_orders(stage, random, made))
    load_orders(stage, orders)


def story_customers(stage: Stage) -> list[Sample]:
    """The manager's group customers, the key ones first."""
    wanted = {stage.known[f"story:{number}"]: number for number in range(len(GROUP))}
    found = [one for one in stage.samples_of(stage.story) if one.id in wanted]
    return sorted(found, key=lambda one: wanted[one.id])


# Private


def _customer(stage: Stage, random: Random, number: int) -> Made:
    manager, deputy = stage.story.lead, stage.story.deputy
    assert deputy is not None
    name, scene, _ = GROUP[number]
    stores = [
        store
        for store in stage.story.stores
        if store.city.name == ("佛山" if "佛山" in name else "广州")
    ]
    store = stores[number % len(stores)]
    row = customer_row(stage, random, 90_000_000 + number, "company_purchase", store)
    born = max(stage.day(1100 - 31 * number), manager.hired + timedelta(days=30))
    key = number < 3
    handed = number % 3 == 0
    row |= {
        "name": name, "need_scene": scene, "owner": manager.id, "owner_state": "effective", "state": "active",
        "grade": "a" if key else "b", "secrecy_mark": "secret" if key else "internal", "source": "visit",
        "backup_owner": None if key else store.manager.id, "credit_terms": "月结 30 天",
        "stand_in": deputy.id if handed else None, "stand_in_until": stage.day(-30) if handed else None,
        "contract_from": stage.day(350 - 9 * number), "contract_to": stage.day(-15 - 9 * number),
        "receivable": Decimal(GROUP[number][2]) * Decimal("0.6"), "next_contact_at": stage.now + timedelta(days=3, hours=10),
        "created_at": stage.at(born, 640), "first_visit_at": stage.at(born, 640),
    }  # fmt: skip
    return Made(row, store, manager)


def _others(stage: Stage, random: Random) -> list[Made]:
    """Members with whom the manager speaks as everybody does; they belong to the stores."""
    made = []
    for number, store in enumerate(stage.story.stores * 2):
        row = customer_row(stage, random, 90_001_000 + number, "member", store)
        owner = store.manager
        born = stage.at(max(store.opened, stage.day(500)), 700)
        row |= {"owner": owner.id, "owner_state": "effective", "state": "active", "grade": "b", "created_at": born,
                "first_visit_at": born}  # fmt: skip
        made.append(Made(row, store, owner))
    return made


def _talks(
    stage: Stage, made: list[Made], others: list[Made]
) -> Iterator[tuple[Made, datetime, bool]]:
    """Who was spoken to and when; the flag marks the last thirty days."""
    group, rest = cycle(made), cycle(others)
    for month in range(DAYS // MONTH):
        total, own = (LATELY, LATELY_GROUP) if month == 0 else (USUAL, USUAL_GROUP)
        for number in range(total):
            ago = MONTH * month + 1 + number * MONTH // total
            moment = stage.at(stage.day(ago), 570 + (number * 97) % 640)
            with_group = (number + 1) * own // total > number * own // total
            yield next(group if with_group else rest), moment, month == 0


def _talk(
    stage: Stage, random: Random, one: Made, moment: datetime, lately: bool
) -> dict[str, Any]:
    row = contact_row(random, one.id, one.row["kind"], stage.story.lead, moment)
    if lately and one.row["kind"] != "member":
        row |= {"way": random.choice(("wechat", "wechat", "phone_call", "home_visit")),
                "summary": random.choice(CALLS), "competitor_mentioned": False, "competitor_name": None}  # fmt: skip
        if random.random() < 0.22:
            summary, words = random.choice(HINTS)
            row |= {"summary": summary, "keywords_hit": list(words), "competitor_mentioned": True,
                    "competitor_name": RIVAL}  # fmt: skip
    return row


def _load(stage: Stage, made: list[Made], others: list[Made]) -> None:
    rows = [*made, *others]
    for one, record_id in zip(rows, stage.add("customer", (one.row for one in rows)), strict=True):
        one.id = record_id
    stage.add("customer_owner_history", (
        {"customer": one.id, "to_staff": one.row["owner"], "valid_from": one.row["created_at"],
         "created_at": one.row["created_at"]} for one in rows
    ))  # fmt: skip
    for number, one in enumerate(made):
        sample = Sample(one.id, one.row["name"], one.row["kind"], one.store, one.owner)
        stage.samples.setdefault(one.store.id, []).insert(0, sample)
        stage.known[f"story:{number}"] = one.id


def _orders(stage: Stage, random: Random, made: list[Made]) -> Iterator[dict[str, Any]]:
    """Even orders, so that every month is alike until the last thirty days."""
    for number, one in enumerate(made):
        month = GROUP[number][2]
        every = ORDER_EVERY if number < 3 else 15
        for ago in range(1 + number % 3, DAYS, every):
            lately = number < 3 and ago <= MONTH
            total = (KEY_LATELY if lately else month) * every // MONTH
            yield order_row(stage, random, one, stage.at(stage.day(ago), 620), total=total)
