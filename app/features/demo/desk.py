"""The desk: approvals, signatures, tickets, imports, calls, evidence."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from random import Random
from typing import Any

from app.features.demo.accounts import plan_accounts
from app.features.demo.stage import Person, Stage
from app.features.demo.story import story_customers

SIGNED = 60
# subject, description, urgency, state, days ago
TICKETS = (
    ("收银机打印小票乱码", "早班开机后小票中文显示为方块。", "high", "in_work", 0.02),
    ("企业微信无法查看客户库", "新入职团购专员提示无权限。", "normal", "raised", 0.05),
    ("考勤机时间慢 6 分钟", "与手机时间相差 6 分钟。", "normal", "solved", 2),
    ("盘点表导入失败", "提示第 37 行数量不是数字。", "low", "closed", 9),
    ("申请更换工作手机", "屏幕碎裂，影响扫码。", "normal", "closed", 16),
    ("离职员工账号仍能登录收银", "请尽快停用。", "high", "solved", 4),
)
# entity, rows, created, changed, bad, state, days ago, connector
IMPORTS = (
    ("customer_order", 1240, 1236, 0, 0, "applied", 1, "POS"), ("customer_order", 1188, 1188, 0, 0, "applied", 2, "POS"),
    ("attendance_day", 346, 346, 0, 0, "applied", 1, "WECOM"), ("customer", 212, 0, 0, 7, "checked", 3, None),
    ("staff", 18, 18, 0, 0, "undone", 40, None), ("customer_order", 96, 0, 0, 96, "failed", 12, "ERP"),
)  # fmt: skip
CALLS = (
    ("WECOM", "externalcontact/list"),
    ("WECOM", "user/get"),
    ("POS", "orders/daily"),
    ("ERP", "orders/group"),
    ("ESIGN", "sign/flow"),
)


def build_desk(stage: Stage) -> None:
    """Load what waits on desks and what was sent around."""
    random = stage.random("desk")
    stage.add("approval", _approvals(stage))
    stage.add("signature", _signatures(stage, random))
    stage.add("ticket", (_ticket(stage, number, *one) for number, one in enumerate(TICKETS)))
    stage.add("import_batch", (_import(stage, one) for one in IMPORTS))
    stage.add("connector_call", _calls(stage, random))
    stage.add("evidence_pack", _packs(stage))


# Private


def _approvals(stage: Stage) -> Iterator[dict[str, Any]]:
    case, manager = stage.known["case:story"], stage.story.lead
    hr = stage.one("HRD")
    asked: tuple[tuple[str, str, Person, Person, int, str], ...] = (
        (f"offboarding_case:{case}", f"{manager.name}离职：竞业限制执行或放弃", hr, stage.one("CEO"), 1, "waiting"),
        (f"offboarding_case:{case}", f"{manager.name}离职：交接方案", stage.one("HRS"), hr, 2, "approved"),
        (f"customer:{story_customers(stage)[0].id}", "重点客户额外九折", stage.story.deputy or hr, stage.one("OPD"), 1, "waiting"),
        (f"customer:{story_customers(stage)[1].id}", "重点客户账期延长至 45 天", stage.story.deputy or hr, stage.one("CFO"), 2, "waiting"),
    )  # fmt: skip
    for one in stage.people:
        leave = stage.known.get(f"leave:{one.id}")
        boss = (
            next((other for other in stage.people if other.id == one.manager), None)
            if leave
            else None
        )
        if leave and boss:
            asked += (
                (f"leave_record:{leave}", f"{one.name}申请事假 2 天", one, boss, 1, "waiting"),
            )
    for number, area in enumerate(stage.areas):
        sample = stage.samples_of(area, "company_purchase")[0]
        state = ("approved", "rejected", "escalated", "waiting", "cancelled", "approved")[
            number % 6
        ]
        asked += (
            (
                f"customer:{sample.id}",
                f"{sample.name}：申请调整价格",
                area.lead,
                stage.one("OPD"),
                3 + number,
                state,
            ),
        )
    for subject, summary, applicant, approver, ago, state in asked:
        decided = state in ("approved", "rejected")
        yield {
            "org_unit": applicant.unit, "subject": subject, "summary": summary, "applicant": applicant.id,
            "approver": approver.id, "due_at": stage.now + timedelta(days=2 - ago), "state": state,
            "decided_at": stage.at(stage.day(ago - 1), 800) if decided else None,
            "decided_by": approver.id if decided else None, "created_at": stage.at(stage.day(ago), 640),
            "comment": "价格低于底线，请先与财务确认" if state == "rejected" else None,
        }  # fmt: skip


def _signatures(stage: Stage, random: Random) -> Iterator[dict[str, Any]]:
    here = [one for one in stage.people if one.here and one.contract]
    known = [one for _, one, *_ in plan_accounts(stage)]
    spread = here[:: max(1, len(here) // SIGNED)]
    for number, one in enumerate([*known, *(one for one in spread if one not in known)]):
        ack = stage.known.get(f"ack:{one.id}")
        subject = f"policy_ack:{ack}" if ack and number % 3 == 0 else f"contract:{one.contract}"
        certified = number % 2 == 0
        moment = stage.at(max(one.hired, stage.day(300)), 640)
        row: dict[str, Any] = {
            "subject": subject, "signer": one.id, "signer_role": "employee", "method": "certified" if certified else "internal",
            "hash_sha256": sha256(subject.encode()).hexdigest(), "ip_address": f"198.51.100.{random.randrange(1, 250)}",
            "signed_at": moment, "created_at": moment, "state": "valid" if number % 9 else "unverified",
            "verified_at": moment if number % 9 else None,
        }  # fmt: skip
        if certified:
            row |= {
                "provider": "演示电子签",
                "certificate_no": f"CN{random.randrange(10**12):012d}",
            }
        yield row


def _ticket(stage: Stage, number: int, subject: str, text: str, *rest: Any) -> dict[str, Any]:
    urgency, state, ago = rest
    store = (stage.faces + stage.stores)[number]
    reporter = store.sellers[-1] if number < 2 else store.manager
    reported = stage.now - timedelta(days=ago)
    row: dict[str, Any] = {
        "org_unit": store.unit, "subject": subject, "description": text, "urgency": urgency, "reporter": reporter.id,
        "reported_at": reported, "state": state, "created_at": reported,
    }  # fmt: skip
    if state != "raised":
        row |= {"assignee": stage.one("ITS").id, "contacted_at": reported + timedelta(minutes=20)}
    if state in ("solved", "closed"):
        row |= {
            "solved_at": reported + timedelta(minutes=95),
            "solution": "已远程处理并回访确认。",
            "satisfaction": 5,
        }
    return row


def _import(stage: Stage, one: tuple[Any, ...]) -> dict[str, Any]:
    entity, rows, created, changed, bad, state, ago, connector = one
    moment = stage.at(stage.day(ago), 190)
    return {
        "org_unit": stage.units["QH"], "entity_name": entity, "row_count": rows, "created_count": created,
        "changed_count": changed, "bad_count": bad, "state": state, "finished_at": moment, "created_at": moment,
        "connector": stage.known[f"connector:{connector}"] if connector else None,
        "problems": [{"row": 37, "field": "mobile", "say": "手机号应为 11 位"}] if bad else None,
        "file_digest": sha256(f"{entity}{ago}".encode()).hexdigest(),
    }  # fmt: skip


def _calls(stage: Stage, random: Random) -> Iterator[dict[str, Any]]:
    for number in range(80):
        code, operation = CALLS[number % len(CALLS)]
        moment = stage.now - timedelta(minutes=37 * number + 5)
        good = code != "ESIGN" and random.random() < 0.96
        yield {
            "connector": stage.known[f"connector:{code}"], "called_at": moment, "operation": operation,
            "idempotency_key": f"{code}-{number:05d}", "status_code": 200 if good else 503, "succeeded": good,
            "duration_ms": random.randrange(60, 900), "error": None if good else "服务暂不可用，将重试", "created_at": moment,
        }  # fmt: skip


def _packs(stage: Stage) -> Iterator[dict[str, Any]]:
    manager = stage.story.lead
    hr, boss = stage.one("HRD"), stage.one("CEO")
    case = stage.known["case:story"]
    for purpose, state, ago in (
        ("handover", "approved", 5),
        ("secrecy_measures", "requested", 1),
        ("arbitration", "refused", 30),
    ):
        yield {
            "staff": manager.id, "offboarding_case": case if ago < 10 else None, "purpose": purpose,
            "window_from": stage.day(ago + 90), "window_to": stage.day(ago), "state": state, "requested_by": hr.id,
            "approved_by": boss.id if state == "approved" else None, "reason": "留存离职前三个月的客户沟通与交接记录",
            "created_at": stage.at(stage.day(ago), 600),
        }  # fmt: skip
