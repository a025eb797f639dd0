"""Reference data: holidays, city parameters, rates, rules, keywords, connectors."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from app.features.demo.places import AREAS
from app.features.demo.stage import Stage

# City → minimum wage a month and an hour, before and after the latest rise, and who publishes it.
MINIMUM_WAGES = {
    "310100": ((2690, 24), (2740, 25), (2025, 7, 1), "https://rsj.sh.gov.cn/"),
    "330100": ((2280, 22), (2490, 24), (2024, 1, 1), "https://hrss.hangzhou.gov.cn/"),
    "320100": ((2280, 22), (2490, 24), (2024, 1, 1), "https://jshrss.jiangsu.gov.cn/"),
    "440100": ((2300, 22), (2500, 23), (2025, 3, 1), "https://hrss.gd.gov.cn/"),
    "440600": ((1900, 18), (2080, 19), (2025, 3, 1), "https://hrss.gd.gov.cn/"),
    "440300": ((2360, 22), (2520, 23), (2025, 3, 1), "https://hrss.sz.gov.cn/"),
    "441900": ((1900, 18), (2080, 19), (2025, 3, 1), "https://hrss.gd.gov.cn/"),
    "110100": ((2420, 26), (2540, 27), (2025, 9, 1), "https://rsj.beijing.gov.cn/"),
    "120100": ((2320, 24), (2510, 26), (2025, 11, 1), "https://hrss.tj.gov.cn/"),
    "510100": ((2100, 22), (2330, 23), (2025, 1, 1), "https://rst.sc.gov.cn/"),
    "500100": ((2100, 21), (2330, 23), (2025, 1, 1), "https://rlsbj.cq.gov.cn/"),
}
WAGE_NOTE = "演示数据，使用前请按当地最新公告核对。"

# Year → (first day, last day, name, statutory days among them); then the working weekends.
HOLIDAYS: dict[int, tuple[tuple[tuple[str, str, str, tuple[str, ...]], ...], tuple[str, ...]]] = {
    2025: (
        (
            ("01-01", "01-01", "元旦", ("01-01",)),
            ("01-28", "02-04", "春节", ("01-28", "01-29", "01-30", "01-31")),
            ("04-04", "04-06", "清明节", ("04-04",)),
            ("05-01", "05-05", "劳动节", ("05-01", "05-02")),
            ("05-31", "06-02", "端午节", ("05-31",)),
            ("10-01", "10-08", "国庆节、中秋节", ("10-01", "10-02", "10-03", "10-06")),
        ),
        ("01-26", "02-08", "04-27", "09-28", "10-11"),
    ),
    2026: (
        (
            ("01-01", "01-03", "元旦", ("01-01",)),
            ("02-15", "02-23", "春节", ("02-16", "02-17", "02-18", "02-19")),
            ("04-04", "04-06", "清明节", ("04-05",)),
            ("05-01", "05-05", "劳动节", ("05-01", "05-02")),
            ("06-19", "06-21", "端午节", ("06-19",)),
            ("09-25", "09-27", "中秋节", ("09-25",)),
            ("10-01", "10-07", "国庆节", ("10-01", "10-02", "10-03")),
        ),
        ("01-04", "02-14", "02-28", "05-09", "09-20", "10-10"),
    ),
}
# Where the year's arrangement is not known yet, only what has a fixed date.
FIXED = (
    (
        ("01-01", "01-01", "元旦", ("01-01",)),
        ("05-01", "05-02", "劳动节", ("05-01", "05-02")),
        ("10-01", "10-03", "国庆节", ("10-01", "10-02", "10-03")),
    ),
    (),
)
RATES = (("HKD", "0.921500"), ("SGD", "5.512000"), ("JPY", "0.047300"), ("USD", "7.118600"))
KEYWORDS = {
    "competitor": ("悦茶里", "山野鲜茶", "半亩茶铺", "竞品"),
    "change_of_partner": ("合作变更", "换供应商", "转单", "重新签约"),
    "recommendation": ("那边价格更好", "推荐另一家", "更优惠的合作条件"),
    "leaving_hint": ("我要走了", "新公司", "离职后继续服务", "以后找我个人微信"),
}
# name, entity, clock, condition, months, action, basis
KEEPING = (
    ("离职员工档案", "staff", "leave_date", "state = 'departed'", 24, "archive", "劳动合同法第五十条：文本保存二年备查"),
    ("未录用人员信息", "staff", "created_at", "state = 'pending'", 6, "erase", "个人信息保护法第四十七条"),
    ("巡店定位", "store_visit", "checked_in_at", None, 13, "anonymise", "个人信息保护法第十九条：最短必要期限"),
    ("联系记录", "contact_log", "contacted_at", None, 36, "archive", "民法典第一百八十八条：诉讼时效三年"),
    ("风险信号", "risk_signal", "window_to", None, 13, "erase", "内部规则：输入数据保存 13 个月"),
    ("工资记录", "staff_wage", "wage_month", None, 24, "archive", "工资支付暂行规定第六条：保存二年以上"),
)  # fmt: skip
# code, name, kind, address, state, timeout
CONNECTORS = (
    ("WECOM", "企业微信", "wecom", "https://qyapi.weixin.qq.com/", "live", 10),
    ("POS", "门店收银", "pos", "https://pos.qihe.example/api/", "live", 20),
    ("ERP", "订货与团购 ERP", "erp", "https://erp.qihe.example/api/", "live", 20),
    ("ESIGN", "电子签", "electronic_signature", "https://esign.qihe.example/v3/", "testing", 15),
    ("SMS", "短信", "text_message", "https://sms.qihe.example/", "off", 10),
)
LABOUR_RULES = {
    "probation": [{"term_from": 3, "max": 1}, {"term_from": 12, "max": 2}, {"term_from": 36, "max": 6}],
    "probation_wage_percent": 80, "written_contract_within_days": 30, "double_wage_from_month": 2,
    "open_ended_after_years": 10, "notice_days": 30, "notice_days_in_probation": 3,
}  # fmt: skip


def build_reference(stage: Stage) -> None:
    """Load what nobody's name stands on."""
    stage.add("holiday", _holidays(stage))
    stage.add("city_parameter", _city_parameters())
    stage.add("exchange_rate", (
        {"from_currency": code, "rate": Decimal(rate), "source": "演示数据",
         "valid_from": stage.day(90 - 30 * month)}
        for code, rate in RATES for month in range(3)
    ))  # fmt: skip
    stage.add("contact_keyword", (
        {"word": word, "topic": topic} for topic, words in KEYWORDS.items() for word in words
    ))  # fmt: skip
    stage.add("retention_rule", (_keeping(*rule) for rule in KEEPING))
    stage.add("rule_pack", _rule_packs(stage))
    stage.add_named("connector", "code", (_connector(stage, one) for one in CONNECTORS))


# Private


def _holidays(stage: Stage) -> Iterator[dict[str, Any]]:
    for year in (stage.today.year - 1, stage.today.year, stage.today.year + 1):
        spans, weekends = HOLIDAYS.get(year, FIXED)
        for first, last, name, statutory in spans:
            day, end = (date.fromisoformat(f"{year}-{part}") for part in (first, last))
            while day <= end:
                kind = "statutory" if f"{day:%m-%d}" in statutory else "rest_day"
                yield {"holiday_on": day, "name": name, "kind": kind}
                day += timedelta(days=1)
        for weekend in weekends:
            day = date.fromisoformat(f"{year}-{weekend}")
            yield {"holiday_on": day, "name": "调休上班", "kind": "working_day"}


def _city_parameters() -> Iterator[dict[str, Any]]:
    cities = {city.code for plan in AREAS for city, _ in plan.cities}
    for city in sorted(cities):
        old, new, since, url = MINIMUM_WAGES[city]
        begin = date(*since)
        for value, start, end in (
            (old, date(begin.year - 2, 1, 1), begin - timedelta(days=1)),
            (new, begin, None),
        ):
            for key, number in zip(("minimum_wage_month", "minimum_wage_hour"), value, strict=True):
                yield {"city": city, "key": key, "value": Decimal(number), "valid_from": start,
                       "valid_to": end, "source_url": url, "note": WAGE_NOTE}  # fmt: skip
        yield {"city": city, "key": "insurance_cut_off_day", "value": Decimal(15),
               "valid_from": date(begin.year - 2, 1, 1), "source_url": url, "note": WAGE_NOTE}  # fmt: skip


def _keeping(
    name: str, entity: str, clock: str, condition: str | None, months: int, *rest: str
) -> dict[str, Any]:
    return {"name": name, "entity_name": entity, "clock_field": clock, "condition": condition,
            "keep_months": months, "action": rest[0], "legal_basis": rest[1]}  # fmt: skip


def _rule_packs(stage: Stage) -> Iterator[dict[str, Any]]:
    shared = {"code": "CN-LABOUR", "name": "劳动合同规则（中国）", "rules": LABOUR_RULES,
              "sources": "劳动合同法第十、十四、十九、二十、三十七、五十、八十二条"}  # fmt: skip
    yield {**shared, "edition": 1, "valid_from": date(2020, 1, 1), "valid_to": date(2024, 12, 31),
           "state": "withdrawn"}  # fmt: skip
    yield {**shared, "edition": 2, "valid_from": date(2025, 1, 1), "state": "published",
           "reviewer": "演示律师", "licence_no": "14401000000000000", "reviewed_on": stage.day(120),
           "review_scope": "试用期、书面合同、无固定期限、离职通知"}  # fmt: skip
    yield {
        "code": "CN-NON-COMPETE", "name": "竞业限制规则（中国）", "edition": 1, "state": "published",
        "valid_from": date(2025, 9, 4), "sources": "劳动合同法第二十三、二十四条；企业实施竞业限制合规指引",
        "rules": {"max_months": 24, "floor_percent": 30, "recommended_percent_over_12_months": 50,
                  "lapse_after_unpaid_months": 3, "waive_extra_months": 3},
    }  # fmt: skip


def _connector(stage: Stage, connector: tuple[str, str, str, str, str, int]) -> dict[str, Any]:
    code, name, kind, url, state, timeout = connector
    live = state == "live"
    return {
        "code": code, "name": name, "kind": kind, "base_url": url, "state": state, "timeout": timeout,
        "client_id": f"qihe-{code.lower()}", "last_success_at": stage.now - timedelta(minutes=40) if live else None,
        "last_error": None if live else "尚未联通",
    }  # fmt: skip
