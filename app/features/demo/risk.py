"""Signals and warnings: the story's, and some that came to nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from app.features.demo.people import NOTICE_DAYS
from app.features.demo.stage import Person, Stage

EDITION = "2026.1"
WARNED_DAYS = 14  # ago the red warning was raised, before the notice


class Sign(NamedTuple):
    """A signal of the story: what was seen against what was to be expected."""

    family: str
    rule: str
    observed: float
    baseline: float
    expected: float
    statistic: float
    strength: float
    facts: dict[str, Any]
    customer: int | None = None


SIGNS = (
    Sign("visits", "V1", 4, 10, 9.6, 0.004, 0.9, {"weeks": [5, 5, 5, 2, 2], "unit": "次/周"}),
    Sign("visits", "V2", 10, 30, 30, -6.2, 1.0, {"median_minutes": 10, "before": 30}),
    Sign("attendance", "L1", 2, 0, 0, 0.01, 0.5, {"casual_days": [2, 2, 2]}),
    Sign("contacts", "C1", 60, 20, 20, 0.00001, 1.0, {"last_30_days": 60, "usual": 20}),
    Sign("contacts", "C2", 70, 30, 30, 0.00002, 0.9, {"share_percent": 70, "usual_percent": 30}),
    Sign("contacts", "C3", 30, 5, 5, 0.0001, 0.9, {"new_contacts_per_day": 30, "usual": 5}),
    Sign(
        "orders", "O1", 20_000, 100_000, 98_000, -5.4, 0.8, {"month": 20_000, "usual": 100_000}, 0
    ),
)
EXPLANATION = (
    "近 2 周巡店 4 次，按本人前 12 周水平应为 10 次；每店停留中位数 10 分钟（原 30）。近 30 天联系客户 60 次（平时 20），"
    "其中企业团购占 70%（平时 30%）。三家重点客户近 30 天订单由每月约 10 万元降至 2 万元。连续三周每周请假 2 天。"
    "可能的无害原因：家庭事务、区域调整；请由人复核后判断。"
)
# level, score, state, days ago, explanation
OTHERS = (
    ("amber", 63.5, "assigned", 4, "近 2 周巡店次数低于本人水平，同期有门店装修。"),
    ("amber", 66.0, "false_alarm", 40, "联系次数上升，核实为中秋团购季。"),
    ("note", 38.0, "raised", 2, "本月加班时长明显下降。"),
    ("amber", 61.2, "lapsed", 75, "停留时长缩短，未在期限内处理。"),
    ("red", 84.0, "closed", 130, "巡店与订单双下降，谈话后确认有离职意向，已提前交接。"),
    ("amber", 70.4, "unclear", 55, "客户订单下降与竞品开店时间重合，无法判断。"),
)
OUTCOMES = {
    "confirmed": "confirmed",
    "closed": "confirmed",
    "false_alarm": "false_alarm",
    "unclear": "unclear",
}
PIAS = (
    ("巡店信号用于离职预警", "visits", "approved", 2), ("联系信号用于离职预警", "contacts", "approved", 3),
    ("订单信号用于离职预警", "orders", "approved", 1), ("巡店打卡定位", "location", "approved", 3),
    ("出勤信号用于离职预警", "attendance", "draft", 2), ("旧版预警模型（2024）", "other", "outdated", 3),
)  # fmt: skip


def build_risk(stage: Stage) -> None:
    """Load signals, warnings, what was done to keep people, and the assessments behind them."""
    manager = stage.story.lead
    signals = stage.add("risk_signal", _signals(stage, manager))
    red = stage.add("risk_warning", [_red(stage, manager, signals)])[0]
    watched = [area.lead for area in stage.areas if area.manager is not manager]
    watched += [area.deputy for area in stage.areas if area.deputy]
    rows = [_other(stage, one, *other) for one, other in zip(watched, OTHERS, strict=False)]
    ids = stage.add("risk_warning", rows)
    stage.known["warning:story"] = red
    stage.add("risk_signal", _weak(stage, watched))
    stage.add("retention_action", _kept(stage, watched, ids))
    stage.add("pia", (_pia(stage, *one) for one in PIAS))


# Private


def _signals(stage: Stage, manager: Person) -> Iterator[dict[str, Any]]:
    for sign in SIGNS:
        end = stage.day(WARNED_DAYS - 1 if sign.rule != "O1" else 2)
        yield {
            "staff": manager.id, "customer": stage.known["story:0"] if sign.customer is not None else None,
            "family": sign.family, "rule": sign.rule, "window_from": end - timedelta(days=28), "window_to": end,
            "observed": _number(sign.observed), "baseline": _number(sign.baseline), "expected": _number(sign.expected),
            "statistic": _number(sign.statistic), "strength": _number(sign.strength), "facts": sign.facts,
            "model_edition": EDITION, "created_at": stage.at(end, 180),
        }  # fmt: skip


def _number(value: float) -> Decimal:
    return Decimal(str(value))


def _red(stage: Stage, manager: Person, signals: list[int]) -> dict[str, Any]:
    return {
        "staff": manager.id, "level": "red", "score": Decimal("93.6"), "signals": signals, "model_edition": EDITION,
        "contributions": {"visits": 34.1, "attendance": 9.2, "contacts": 33.0, "orders": 17.3},
        "explanation": EXPLANATION, "assignee": stage.one("HRD").id, "visible_to": ["hr", "owner"],
        "talked_on": stage.day(NOTICE_DAYS + 1), "outcome": "confirmed", "actions": ["early_handover", "stand_in", "access_review"],
        "talk_record": "<p>谈话中承认已收到同行邀请。同意先由副经理陪同拜访重点客户。</p>", "state": "confirmed",
        "created_at": stage.at(stage.day(WARNED_DAYS), 180),
    }  # fmt: skip


def _other(stage: Stage, one: Person, level: str, score: float, *rest: Any) -> dict[str, Any]:
    state, ago, text = rest
    talked = state in ("false_alarm", "closed", "unclear")
    return {
        "staff": one.id, "level": level, "score": _number(score), "explanation": text, "model_edition": EDITION,
        "contributions": {"visits": round(score * 0.6, 1), "contacts": round(score * 0.4, 1)},
        "assignee": stage.one("HRS").id if state not in ("raised", "lapsed") else None, "visible_to": ["hr"],
        "talked_on": stage.day(ago - 3) if talked else None, "outcome": OUTCOMES.get(state), "state": state,
        "actions": ["retain"] if talked else None, "created_at": stage.at(stage.day(ago), 180),
    }  # fmt: skip


def _weak(stage: Stage, watched: list[Person]) -> Iterator[dict[str, Any]]:
    for number, one in enumerate(watched[:6]):
        end = stage.day(2 + number)
        yield {
            "staff": one.id, "family": "visits", "rule": "V1", "mode": "literal" if number % 2 else "robust",
            "window_from": end - timedelta(days=14), "window_to": end, "observed": Decimal(6), "baseline": Decimal(10),
            "expected": Decimal(9), "statistic": _number(0.03), "strength": _number(0.5), "facts": {"weeks": [5, 3, 3]},
            "model_edition": EDITION, "created_at": stage.at(end, 180),
        }  # fmt: skip


def _kept(stage: Stage, watched: list[Person], warnings: list[int]) -> Iterator[dict[str, Any]]:
    kinds = (
        ("talk", 0, "stayed"),
        ("pay", 18_000, "stayed"),
        ("training", 4_000, None),
        ("promotion", 12_000, "departed"),
    )
    for number, (kind, cost, result) in enumerate(kinds):
        ago = 35 if result is None else 120
        yield {
            "staff": watched[number].id, "risk_warning": warnings[number], "kind": kind, "agreed_on": stage.day(ago),
            "cost": Decimal(cost), "note": "与直接上级共同确认", "result": result, "created_at": stage.at(stage.day(ago), 900),
        }  # fmt: skip


def _pia(stage: Stage, name: str, subject: str, state: str, risk: int) -> dict[str, Any]:
    since = stage.day(500 if state == "outdated" else 200)
    return {
        "name": name, "subject": subject, "risk": risk, "state": state,
        "purpose": "预防客户资源随人员流失，仅对有巡店或客户职责的岗位使用，不用于考核。",
        "impact": "可能影响员工对被评价的感受；误报会带来不必要的谈话。",
        "measures": "由人复核、限定可见范围、十三个月后删除、本人可查阅并提出异议。",
        "assessor": stage.one("LEG").id, "approver": stage.one("CEO").id if state != "draft" else None,
        "assessed_on": since, "valid_until": since + timedelta(days=365), "created_at": stage.at(since, 600),
    }  # fmt: skip
