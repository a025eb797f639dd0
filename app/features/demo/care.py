"""Care for customers: who should own them, campaigns, and how much is talked each day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import Any

from app.features.demo.stage import SMALL, AreaPlace, Person, Sample, Stage
from app.features.demo.story import story_customers

STAT_DAYS, SHORT_STAT_DAYS = 60, 14
TALKERS = ("AM", "ADM", "SM", "GS")
NEW_USUAL, NEW_LATELY, LATELY = (3, 8), (26, 36), 14
# kind, state, days ago, reason
REQUESTS = (
    ("transfer", "with_supervisor", 1, "客户办公室搬到本店商圈，申请转由本店团购专员跟进"),
    ("dispute", "with_supervisor", 2, "两家门店都有拜访记录，请裁定归属"),
    ("addition", "with_supervisor", 1, "新开发企业客户，已完成首单"),
    ("transfer", "with_area_manager", 4, "原归属人调店，申请随岗转移"),
    ("merge", "with_area_manager", 5, "同一公司重复建档，申请合并"),
    ("transfer", "approved", 20, "原归属人离职，由接手人继续跟进"),
    ("transfer", "approved", 34, "片区调整，客户随门店划转"),
    ("dispute", "rejected", 41, "主张首次联系在先，请裁定"),
    ("addition", "withdrawn", 50, "客户重复建档，撤回申请"),
    ("transfer", "draft", 0, "准备转给备份归属人"),
)


def build_care(stage: Stage) -> None:
    """Load ownership requests, campaigns with tasks and daily statistics."""
    random = stage.random("care")
    stage.add("ownership_request", [*_story_requests(stage), *_requests(stage)])
    _campaigns(stage, random)
    stage.add("contact_stat", _stats(stage, random))


# Private


def _story_requests(stage: Stage) -> Iterator[dict[str, Any]]:
    """Handing over in two lots: the first is decided, the second waits."""
    manager, deputy = stage.story.lead, stage.story.deputy
    assert deputy is not None
    hr = stage.one("HRS")
    customers = story_customers(stage)
    for number, (lot, state) in enumerate(
        ((customers[:6], "approved"), (customers[6:], "with_area_manager"))
    ):
        row: dict[str, Any] = {
            "kind": "transfer", "customer": lot[0].id, "other_customers": [one.id for one in lot[1:]],
            "batch_no": f"LZ-{stage.today.year}-{number + 1}", "applicant": hr.id, "from_staff": manager.id,
            "to_staff": deputy.id, "reason": "区域经理提出离职，名下团购客户由区域副经理接手", "state": state,
            "created_at": stage.at(stage.day(7 - 3 * number), 660),
        }  # fmt: skip
        if state == "approved":
            row |= {
                "approver": manager.manager,
                "decided_at": stage.at(stage.day(6), 700),
                "decision_note": "同意，先以临时跟进人介入",
            }
        yield row


def _requests(stage: Stage) -> Iterator[dict[str, Any]]:
    for number, (kind, state, ago, reason) in enumerate(REQUESTS):
        one, applicant, area = _asked(stage, number, kind)
        target = area.deputy or area.lead
        row: dict[str, Any] = {
            "kind": kind, "customer": one.id, "applicant": applicant.id, "reason": reason, "state": state,
            "from_staff": one.owner.id if one.owner else None, "to_staff": target.id if kind != "merge" else None,
            "created_at": stage.at(stage.day(ago), 680),
        }  # fmt: skip
        if state in ("approved", "rejected"):
            row |= {"approver": area.lead.id, "decided_at": stage.at(stage.day(ago - 1), 900),
                    "decision_note": "同意" if state == "approved" else "归属以首次有效联系为准"}  # fmt: skip
        yield row


def _asked(stage: Stage, number: int, kind: str) -> tuple[Sample, Person, AreaPlace]:
    """The customer of the nth request, who asks, and where; sellers with an account ask for additions."""
    if kind == "addition":
        store = stage.faces[number // 4 % 2]
        seller = next(one for one in store.sellers if one.post == "GS")
        own = [one for one in stage.samples[store.id] if one.owner is store.manager]
        return own[0], seller, store.area
    area = stage.areas[number % len(stage.areas)]
    found = stage.samples_of(area, "company_purchase", "wholesale")
    own = [one for one in found if one.owner and one.owner.here and one.owner is not area.manager]
    one = own[number % len(own)]
    return one, one.store.manager, area


def _campaigns(stage: Stage, random: Random) -> None:
    story = stage.story
    deputy = story.deputy or story.lead
    rows: list[dict[str, Any]] = [
        {"name": "广佛区负责人变更通知", "org_unit": story.unit, "purpose": "manager_change", "state": "running",
         "offboarding_case": stage.known["case:story"], "starts_on": stage.day(6), "ends_on": stage.day(-14),
         "message_zh": "您好，栖禾广佛区由陈思源继续为您服务，现有安排与价格不变。",
         "message_en": "Chen Siyuan now looks after you at Qihe; your terms stay as they are."},
        {"name": "重点客户专属优惠", "org_unit": story.unit, "purpose": "retention", "state": "running",
         "offboarding_case": stage.known["case:story"], "starts_on": stage.day(4), "ends_on": stage.day(-26),
         "message_zh": "感谢长期支持，本月团购额外九折。", "message_en": "Thank you: ten percent off group orders this month."},
        {"name": "中秋企业客户问候", "org_unit": stage.units["QH"], "purpose": "greeting", "state": "finished",
         "starts_on": stage.day(75), "ends_on": stage.day(58), "message_zh": "中秋快乐，礼盒预订享早鸟价。"},
        {"name": "年末会员回馈券", "org_unit": stage.units["QH"], "purpose": "coupon", "state": "planned",
         "starts_on": stage.day(-12), "ends_on": stage.day(-40), "message_zh": "老友回馈，满 60 减 15。"},
    ]  # fmt: skip
    change, keep, greeting, _ = stage.add("campaign", rows)
    own = story_customers(stage)
    others = [one for area in stage.areas for one in stage.samples_of(area, "company_purchase")[:6]]
    stage.add("campaign_task", [
        *(_task(stage, random, change, one, deputy, ago) for ago, one in enumerate(own)),
        *(_task(stage, random, keep, one, deputy, 1) for one in own[:3]),
        *(_task(stage, random, greeting, one, one.owner, 60) for one in others if one.owner and one.owner.here),
    ])  # fmt: skip


def _task(
    stage: Stage, random: Random, campaign: int, one: Sample, doer: Person, ago: int
) -> dict[str, Any]:
    row: dict[str, Any] = {"campaign": campaign, "customer": one.id, "doer": doer.id}
    if ago >= 40:
        outcome = random.choices(("kept", "undecided", "lost"), (88, 8, 4))[0]
        return {**row, "due_on": stage.day(58), "sent_at": stage.at(stage.day(66), 640), "outcome": outcome,
                "outcome_on": stage.day(58), "state": "finished"}  # fmt: skip
    row["due_on"] = stage.day(ago - 8)
    if ago < 5:
        outcome = ("undecided", "kept", "undecided", "kept", "kept")[ago]
        return {**row, "sent_at": stage.at(stage.day(4), 640), "outcome": outcome, "outcome_on": stage.day(2),
                "state": "finished"}  # fmt: skip
    if ago < 9:
        return {**row, "sent_at": stage.at(stage.day(1), 640), "state": "contacted"}
    return row


def _stats(stage: Stage, random: Random) -> Iterator[dict[str, Any]]:
    days = STAT_DAYS if stage.scale <= SMALL else SHORT_STAT_DAYS
    for one in stage.people:
        if one.post not in TALKERS or not one.here:
            continue
        for ago in range(days, 0, -1):
            day = stage.day(ago)
            if day.weekday() == 6 or day < one.hired:
                continue
            lately = one is stage.story.manager and ago <= LATELY
            chats = random.randrange(40, 70) if lately else random.randrange(8, 26)
            yield {
                "staff": one.id, "stat_day": day, "chat_count": chats, "message_count": chats * random.randrange(4, 9),
                "new_contact_count": random.randrange(*(NEW_LATELY if lately else NEW_USUAL)),
                "new_apply_count": random.randrange(0, 5), "reply_rate": random.randrange(86, 100),
                "average_reply": random.randrange(2, 25), "negative_count": 1 if random.random() < 0.05 else 0,
                "created_at": stage.at(day + timedelta(days=1), 60),
            }  # fmt: skip
