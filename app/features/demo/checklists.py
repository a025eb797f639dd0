"""Checklist templates with their items."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from app.features.demo.stage import Stage


class Item(NamedTuple):
    """An item of a template: who does it, who looks at it, until when, from what rows."""

    group: str
    title: str
    title_en: str
    doer: str
    approver: str
    days: int
    generator: str = "single"
    gate: bool = False
    evidence: bool = False


OFF_AREA = (
    Item("customers", "逐户交接团购客户", "Hand over group customers one by one", "subject", "supervisor", -7, "per_customer", gate=True),
    Item("customers", "陪同接手人回访 A 级客户", "Visit A customers with the successor", "successor", "supervisor", -3, evidence=True),
    Item("orders", "未完成订单与承诺事项", "Open orders and promises", "subject", "supervisor", -5, "per_order"),
    Item("receivables", "核对应收账款", "Check receivables", "finance", "finance", -3, evidence=True),
    Item("suppliers", "供应商联系人与在谈条件", "Supplier contacts and terms", "subject", "supervisor", -5, "per_supplier"),
    Item("projects", "在办项目与选址资料", "Projects and site files", "subject", "area_manager", -5, "per_project", gate=True),
    Item("access", "收回系统权限与客户库", "Take back systems and the customer library", "it", "admin", 0, "per_grant", gate=True),
    Item("assets", "归还手机、电脑、钥匙", "Return phone, laptop, keys", "subject", "admin", 0, "per_grant", evidence=True),
    Item("documents", "移交巡店记录与经营资料", "Hand over visit notes and files", "subject", "supervisor", -2),
    Item("legal", "竞业限制决定与告知", "Decide on the non-compete and say so", "hr", "hr", -3),
    Item("legal", "开具离职证明", "Issue the certificate of leaving", "hr", "hr", 0),
    Item("legal", "社保与档案转移", "Transfer insurance and file", "hr", "hr", 15),
)  # fmt: skip
OFF_STORE = (
    Item("customers", "交接名下会员与团购客户", "Hand over customers", "subject", "store_manager", -3, "per_customer", gate=True),
    Item("orders", "未取与未结订单", "Open orders", "subject", "store_manager", -1, "per_order"),
    Item("access", "停用收银与企业微信账号", "Close till and WeCom accounts", "it", "admin", 0, "per_grant", gate=True),
    Item("assets", "归还工牌、钥匙、工服", "Return badge, keys, uniform", "subject", "store_manager", 0),
    Item("legal", "工资结清与离职证明", "Final pay and certificate", "hr", "hr", 0),
    Item("legal", "社保与档案转移", "Transfer insurance and file", "hr", "hr", 15),
)  # fmt: skip
ONBOARDING = (
    Item("legal", "签订劳动合同", "Sign the contract", "hr", "hr", 30),
    Item("legal", "签订竞业与保密协议", "Sign non-compete and secrecy", "hr", "hr", 3),
    Item(
        "documents",
        "核验身份证与健康证",
        "Check identity and health certificate",
        "hr",
        "hr",
        1,
        evidence=True,
    ),
    Item("access", "开通系统账号", "Open accounts", "it", "admin", 1),
    Item("documents", "签收制度与告知书", "Acknowledge policies", "subject", "supervisor", 7),
    Item(
        "documents", "完成新员工课程", "Finish the onboarding courses", "subject", "supervisor", 14
    ),
)
CLOSING = (
    Item("customers", "客户改挂邻近门店", "Move customers to the next store", "role_holder", "area_manager", -14, "per_customer", gate=True),
    Item("suppliers", "通知供应商停供", "Tell suppliers", "supervisor", "area_manager", -10),
    Item("assets", "设备清点与搬迁", "Count and move equipment", "supervisor", "admin", 0, evidence=True),
)  # fmt: skip
# code, name, kind, edition, state, categories, fallback, items, from
TEMPLATES = (
    ("OFF-AREA", "离职交接（区域管理）", "offboarding", 2, "published", ("area_management", "executive"), 10, OFF_AREA, "last_day"),
    ("OFF-STORE", "离职交接（门店）", "offboarding", 3, "published", ("store_management", "sales", "store_staff"), 20, OFF_STORE, "last_day"),
    ("ONB", "入职办理", "onboarding", 1, "published", (), 100, ONBOARDING, "start_day"),
    ("CLOSE", "闭店清单", "store_closing", 1, "draft", (), 100, CLOSING, "last_day"),
)  # fmt: skip


def build_checklists(stage: Stage) -> None:
    """Load templates and items; items are known as ``item:<template>:<number>``."""
    stage.add_named("checklist_template", "code", (
        {"code": code, "name": name, "kind": kind, "edition": edition, "state": state,
         "position_categories": list(categories), "industry": "catering", "fallback_rank": rank}
        for code, name, kind, edition, state, categories, rank, _, _ in TEMPLATES
    ))  # fmt: skip
    rows = list(_items(stage))
    for row, record_id in zip(rows, stage.add("checklist_item", rows), strict=True):
        stage.known[f"item:{row['checklist_template']}:{row['seq']}"] = record_id


# Private


def _items(stage: Stage) -> Iterator[dict[str, Any]]:
    for code, *_, items, start in TEMPLATES:
        template = stage.known[f"checklist_template:{code}"]
        for number, item in enumerate(items, 1):
            yield {
                "checklist_template": template, "seq": number * 10, "item_group": item.group,
                "title_zh": item.title, "title_en": item.title_en, "doer": item.doer,
                "doer_role": "store_manager" if item.doer == "role_holder" else None,
                "approver_role": item.approver, "due_from": start, "due_offset_days": item.days,
                "evidence_required": item.evidence, "generator": item.generator, "gate": item.gate,
            }  # fmt: skip
