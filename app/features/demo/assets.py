"""What is handed out and must come back: policies, access items and profiles, courses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from app.features.demo.stage import Stage

# code, name, Chinese text, English text, touches staff, state
POLICIES = (
    ("HR-01", "员工手册", "<p>考勤、休假、奖惩和离职流程。辞职须提前三十日书面通知，试用期内提前三日。</p>",
     "<p>Attendance, leave, discipline and leaving. Notice is thirty days, three during probation.</p>", True, "published"),
    ("HR-02", "离职交接管理办法",
     "<p>提交离职后，客户库转为只读，企业微信停止新增客户，钥匙和设备在最后工作日归还。交接不影响工资结清和离职证明。</p>",
     "<p>After notice the customer library becomes read-only; keys and devices come back on the last day.</p>", True, "published"),
    ("SEC-01", "客户信息保密制度",
     "<p>客户是公司资产。联系记录须当日录入，不得将客户资料转存个人设备或发送给第三方。</p>",
     "<p>Customers belong to the company. Contacts are noted the same day and never kept privately.</p>", True, "published"),
    ("SEC-02", "数据权限复核制度", "<p>每季度由上级复核一次权限；到期未复核的，由信息部收回。</p>",
     "<p>Rights are reviewed each quarter; what is not confirmed is taken back.</p>", False, "published"),
    ("PI-01", "员工个人信息处理告知", "<p>说明处理的个人信息种类、目的、保存期限，以及离职预警的规则和申诉办法。</p>",
     "<p>Which personal data is handled and why, how long, and how to object to a warning.</p>", True, "published"),
    ("OPS-03", "门店闭店操作规范（修订稿）", "<p>征求意见中。</p>", "<p>Open for comments.</p>", True, "consulting"),
)  # fmt: skip
# code, name, kind, needs, when leaving, risk, connector, role, comes back
ITEMS = (
    ("LIB-GROUP", "团购客户库", "customer_library", ("non_compete_signed", "policy_acknowledged"), "read_only", 3, None, "hr", False),
    ("LIB-MEMBER", "会员客户库", "customer_library", ("policy_acknowledged",), "read_only", 2, None, "store_manager", False),
    ("WECOM", "企业微信成员账号", "wecom_account", (), "freeze", 2, "WECOM", "admin", False),
    ("POS-OP", "收银系统操作员", "system", ("training_passed",), "freeze", 1, "POS", "store_manager", False),
    ("POS-ADM", "收银系统管理员", "system", ("training_passed",), "freeze", 3, "POS", "admin", False),
    ("ERP-ORDER", "团购订单录入", "system", ("training_passed",), "freeze", 2, "ERP", "admin", False),
    ("ERP-PRICE", "团购价格政策", "system", ("secrecy_signed",), "freeze", 3, "ERP", "area_manager", False),
    ("ERP-FIN", "财务结算", "system", ("secrecy_signed",), "freeze", 3, "ERP", "finance", False),
    ("KEY-STORE", "门店钥匙", "key", (), "keep", 1, None, "store_manager", True),
    ("DOOR-HQ", "总部门禁", "door", (), "keep", 1, None, "admin", True),
    ("SEAL-GZ", "广州公司合同章", "seal", ("secrecy_signed",), "freeze", 3, None, "finance", True),
    ("PHONE", "工作手机", "device", (), "keep", 2, None, "admin", True),
    ("LAPTOP", "笔记本电脑", "device", (), "keep", 2, None, "admin", True),
    ("PAY", "门店收款账户", "payment_account", ("secrecy_signed",), "freeze", 3, None, "finance", False),
)  # fmt: skip
PROFILES = (
    ("OFFICE", "职能岗位", ("WECOM", "DOOR-HQ", "LAPTOP")),
    ("STORE", "门店岗位", ("WECOM", "POS-OP", "LIB-MEMBER")),
    ("SM", "店长", ("WECOM", "POS-OP", "POS-ADM", "LIB-MEMBER", "LIB-GROUP", "ERP-ORDER", "KEY-STORE")),
    ("DM", "副店长", ("WECOM", "POS-OP", "LIB-MEMBER", "LIB-GROUP", "KEY-STORE")),
    ("GS", "团购专员", ("WECOM", "LIB-GROUP", "ERP-ORDER", "PHONE")),
    ("AM", "区域经理", ("WECOM", "LIB-GROUP", "LIB-MEMBER", "ERP-ORDER", "ERP-PRICE", "PHONE", "LAPTOP")),
    ("ADM", "区域副经理", ("WECOM", "LIB-GROUP", "ERP-ORDER", "PHONE")),
    ("ITM", "信息主管", ("WECOM", "DOOR-HQ", "LAPTOP", "POS-ADM")),
    ("CFO", "财务总监", ("WECOM", "DOOR-HQ", "LAPTOP", "ERP-FIN", "PAY", "SEAL-GZ")),
)  # fmt: skip
# code, name, kind, minutes, for new people
COURSES = (
    ("T01", "客户资料录入与保密", "rules", 40, True),
    ("T02", "收银与订单系统操作", "system_use", 60, True),
    ("T03", "客户属于公司：理念与案例", "values", 30, True),
    ("T04", "食品安全与健康管理", "safety", 45, True),
    ("T05", "店长：交接与权限复核", "administrator", 50, False),
)


def build_assets(stage: Stage) -> None:
    """Load policies, items, profiles and courses."""
    stage.add_named("policy", "code", (_policy(stage, *one) for one in POLICIES))
    stage.add_named("access_item", "code", (_item(stage, one) for one in ITEMS))
    stage.add_named("access_profile", "code", (
        {"code": code, "name": name, "items": [stage.known[f"access_item:{item}"] for item in items]}
        for code, name, items in PROFILES
    ))  # fmt: skip
    stage.add_named("course", "code", _courses())


# Private


def _policy(
    stage: Stage, code: str, name: str, zh: str, en: str, *rest: bool | str
) -> dict[str, Any]:
    touches, state = rest
    open_ = state == "published"
    return {
        "code": code, "name": name, "content_zh": zh, "content_en": en, "touches_staff": touches, "state": state,
        "consulted_on": stage.day(400) if open_ else stage.day(6), "announced_on": stage.day(380) if open_ else None,
        "effective_from": stage.day(370) if open_ else None, "created_at": stage.at(stage.day(430), 600),
    }  # fmt: skip


def _item(stage: Stage, item: tuple[Any, ...]) -> dict[str, Any]:
    code, name, kind, needs, mode, risk, connector, role, returnable = item
    return {
        "code": code, "name": name, "kind": kind, "requirements": list(needs), "freeze_mode": mode, "risk": risk,
        "legal_basis": None if mode == "keep" else stage.known["policy:HR-02"],
        "connector": stage.known[f"connector:{connector}"] if connector else None,
        "owner_role": role, "returnable": returnable,
    }  # fmt: skip


def _courses() -> Iterator[dict[str, Any]]:
    for code, name, kind, minutes, onboarding in COURSES:
        yield {"code": code, "edition": "2.0", "name": name, "kind": kind, "lasts": minutes,
               "onboarding": onboarding, "state": "published",
               "content": f"<p>{name}。学完后完成十道选择题，八十分通过。</p>"}  # fmt: skip
    yield {"code": "T06", "edition": "0.1", "name": "外卖高峰排班", "kind": "system_use", "lasts": 35,
           "state": "draft"}  # fmt: skip
