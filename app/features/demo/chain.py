"""The chain: legal entities, the tree, stores, posts and shifts."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Any, NamedTuple

from app.features.demo.numbers import credit_code, phone
from app.features.demo.places import AREAS, REGIONS, AreaPlan, City
from app.features.demo.stage import BASE_STORES, MOST_STORES, AreaPlace, Stage, StorePlace

BRAND = "栖禾茶事"
COMPANY = "栖禾餐饮管理有限公司"
FOUNDED = 11  # years ago
STORES_PER_AREA = 8
ENTITIES = (
    ("上海栖禾餐饮管理有限公司", "310100", "周明远", "上海市徐汇区漕溪北路 88 号"),
    ("广州栖禾餐饮有限公司", "440100", "周明远", "广州市天河区体育西路 191 号"),
    ("北京栖禾餐饮有限公司", "110100", "沈玉兰", "北京市朝阳区建国路 93 号"),
    ("成都栖禾餐饮有限公司", "510100", "沈玉兰", "成都市锦江区红星路三段 1 号"),
)
DEPARTMENTS = (
    ("HQ-OPS", "营运中心", "Operations"), ("HQ-HR", "人力资源部", "Human resources"),
    ("HQ-FIN", "财务部", "Finance"), ("HQ-IT", "信息部", "IT"), ("HQ-AUD", "审计法务部", "Audit and legal"),
    ("HQ-MKT", "市场与客户部", "Marketing and customers"), ("HQ-SCM", "供应链部", "Supply chain"),
)  # fmt: skip
KNOWS_SALES = "掌握所辖门店企业团购客户名单、联系人、采购周期和价格政策。"
KNOWS_SYSTEMS = "掌握系统管理员账号和全部客户库。"
KNOWS_ALL = "掌握公司经营数据、选址计划、供应商价格和客户名单。"


class Post(NamedTuple):
    """A position: its codes and names, secrecy, duties, and months of probation."""

    code: str
    name: str
    name_en: str
    category: str
    level: int
    non_compete_policy: str
    secret_basis: str | None
    customer_facing: bool
    visit_target: int
    probation: int
    wage: int


POSTS = (
    Post("CEO", "总经理", "Chief executive", "executive", 15, "required", KNOWS_ALL, False, 0, 6, 60000),
    Post("OPD", "营运总监", "Operations director", "executive", 13, "required", KNOWS_ALL, True, 0, 6, 42000),
    Post("RD", "大区总经理", "Regional director", "executive", 12, "required", KNOWS_ALL, True, 0, 6, 32000),
    Post("HRD", "人力资源总监", "HR director", "executive", 12, "optional", KNOWS_ALL, False, 0, 6, 30000),
    Post("HRS", "人事专员", "HR clerk", "office", 5, "not_needed", None, False, 0, 3, 9000),
    Post("CFO", "财务总监", "Finance director", "executive", 12, "required", KNOWS_ALL, False, 0, 6, 35000),
    Post("ACC", "会计", "Accountant", "office", 6, "not_needed", None, False, 0, 3, 10000),
    Post("ITM", "信息主管", "IT manager", "technical", 9, "optional", KNOWS_SYSTEMS, False, 0, 3, 18000),
    Post("ITS", "系统工程师", "Systems engineer", "technical", 7, "not_needed", None, False, 0, 3, 14000),
    Post("AUD", "内审主管", "Internal auditor", "office", 9, "not_needed", None, False, 0, 3, 16000),
    Post("LEG", "法务专员", "Legal officer", "office", 8, "not_needed", None, False, 0, 3, 15000),
    Post("MKT", "市场专员", "Marketing officer", "office", 6, "not_needed", None, True, 0, 3, 10000),
    Post("CRM", "客户运营专员", "Customer operations", "office", 6, "optional", KNOWS_SALES, True, 0, 3, 9500),
    Post("BUY", "采购专员", "Buyer", "office", 7, "optional", "掌握原料配方用量和供应商价格。", False, 0, 3, 11000),
    Post("AM", "区域经理", "Area manager", "area_management", 9, "required", KNOWS_SALES, True, 5, 3, 18000),
    Post("ADM", "区域副经理", "Deputy area manager", "area_management", 8, "required", KNOWS_SALES, True, 3, 3, 14000),
    Post("SM", "店长", "Store manager", "store_management", 7, "required", KNOWS_SALES, True, 0, 3, 10500),
    Post("DM", "副店长", "Deputy store manager", "store_management", 6, "optional", KNOWS_SALES, True, 0, 3, 8200),
    Post("GS", "团购专员", "Group sales", "sales", 5, "required", KNOWS_SALES, True, 0, 3, 7800),
    Post("TB", "饮品师", "Tea maker", "store_staff", 3, "not_needed", None, True, 0, 2, 5800),
    Post("CA", "前厅店员", "Front of house", "store_staff", 2, "not_needed", None, True, 0, 1, 5200),
    Post("PT", "兼职店员", "Part-timer", "store_staff", 1, "not_needed", None, True, 0, 0, 2600),
)  # fmt: skip
POST = {post.code: post for post in POSTS}
STORE_POSTS = ("SM", "DM", "GS", "TB", "CA", "PT")
SHIFTS = (
    ("A", "早班", time(8), time(16), "#2fb344"), ("B", "中班", time(11), time(19), "#4299e1"),
    ("C", "晚班", time(14), time(22), "#ae3ec9"), ("D", "行政班", time(9), time(18), "#667382"),
)  # fmt: skip


def build_chain(stage: Stage) -> None:
    """Load legal entities, units, stores, posts and shifts; fills ``areas``, ``units``, ``known``."""
    stage.add_named("legal_entity", "name", _legal_entities())
    _company(stage)
    stage.areas = plan_areas(stage)
    _area_units(stage)
    _stores(stage)
    stage.add_named("position", "code", (_post(stage, post) for post in POSTS))
    stage.add_named("work_shift", "code", (
        {"code": code, "name": name, "starts_at": start, "ends_at": end, "tint": tint}
        for code, name, start, end, tint in SHIFTS
    ))  # fmt: skip


def plan_areas(stage: Stage) -> list[AreaPlace]:
    """The areas with their stores for the scale of the stage, not loaded yet."""
    wanted = min(MOST_STORES, BASE_STORES + 3 * (stage.scale - 1))
    base = sum(count for plan in AREAS for _, count in plan.cities)
    areas: list[AreaPlace] = []
    for plan in AREAS:
        own = sum(count for _, count in plan.cities)
        areas += _split(stage, plan, max(own, round(wanted * own / base)))
    return areas


# Private


def _legal_entities() -> Any:
    for number, (name, city, boss, address) in enumerate(ENTITIES, 1):
        yield {
            "name": name, "usci": credit_code(number, city), "legal_representative": boss,
            "registered_address": address, "city": city,
        }  # fmt: skip


def _unit(stage: Stage, code: str, names: tuple[str, str], kind: str, parent: int | None) -> Any:
    since = stage.day(365 * FOUNDED)
    return {
        "code": code, "name": names[0], "name_en": names[1], "kind": kind, "parent": parent,
        "effective_from": since, "state": "active", "created_at": stage.at(since, 600),
        "cost_center": f"CC-{code}",
    }  # fmt: skip


def _add_unit(
    stage: Stage, code: str, names: tuple[str, str], kind: str, parent: int | None
) -> int:
    stage.units[code] = stage.add("org_unit", [_unit(stage, code, names, kind, parent)])[0]
    return stage.units[code]


def _company(stage: Stage) -> None:
    root = _add_unit(stage, "QH", (f"{BRAND}（集团）", "Qihe Tea"), "company", None)
    for code, name, english in DEPARTMENTS:
        _add_unit(stage, code, (name, english), "department", root)
    for number, (name, english) in enumerate(REGIONS, 1):
        _add_unit(stage, f"R{number}", (f"{name}大区", english), "region", root)
        stage.units[name] = stage.units[f"R{number}"]


def _split(stage: Stage, plan: AreaPlan, count: int) -> list[AreaPlace]:
    """The stores of a plan in areas of a size that one manager can visit."""
    parts = -(-count // STORES_PER_AREA)
    areas = [
        AreaPlace(plan.name if not number else f"{plan.name}{number + 1}部",
                  plan.name_en if not number else f"{plan.name_en} {number + 1}",
                  plan.region, plan.entity)
        for number in range(parts)
    ]  # fmt: skip
    cities = [city for city, own in plan.cities for _ in range(own)]
    used: dict[str, int] = {}
    for number in range(count):
        city = cities[number % len(cities)]
        order = used[city.name] = used.get(city.name, -1) + 1
        area = areas[number * parts // count]
        area.stores.append(_store(stage, area, city, order))
    return areas


def _store(stage: Stage, area: AreaPlace, city: City, order: int) -> StorePlace:
    mall, again = city.malls[order % len(city.malls)], order // len(city.malls)
    name = f"{city.name}{mall}{'' if not again else f'{again + 1}号'}店"
    district = city.districts[order % len(city.districts)]
    years = 8 - order % 7
    opened = stage.day(365 * years + 37 * (order % 9))
    return StorePlace(name, city, district, area, opened)


def _area_units(stage: Stage) -> None:
    rows = [
        _unit(stage, f"A{number:03d}", (area.name, area.name_en), "area", stage.units[area.region])
        for number, area in enumerate(stage.areas, 1)
    ]
    for area, unit in zip(stage.areas, stage.add("org_unit", rows), strict=True):
        area.unit = unit


def _stores(stage: Stage) -> None:
    stores = stage.stores
    if len(stores) >= BASE_STORES:
        stores[-1].state, stores[-1].opened = "preparing", stage.day(-40)
        stores[3].state = "paused"
    units = (
        {**_unit(stage, f"S{number:03d}", (store.name, f"Store {number}"), "store", store.area.unit),
         "effective_from": min(store.opened, stage.today)}
        for number, store in enumerate(stores, 1)
    )  # fmt: skip
    for store, unit in zip(stores, stage.add("org_unit", units), strict=True):
        store.unit = unit
    rows = (_store_row(stage, number, store) for number, store in enumerate(stores, 1))
    for store, record_id in zip(stores, stage.add("store", rows), strict=True):
        store.id = record_id


def _store_row(stage: Stage, number: int, store: StorePlace) -> dict[str, Any]:
    shift_north, shift_east = (number * 37 % 90 - 45) / 1000, (number * 53 % 90 - 45) / 1000
    entity = ENTITIES[store.area.entity][0]
    mall = store.name.removeprefix(store.city.name)[:-1]
    born: date = min(store.opened, stage.today) - timedelta(days=60)
    return {
        "org_unit": store.unit, "name": store.name, "pos_code": f"POS{number:04d}", "brand": BRAND,
        "legal_entity": stage.known[f"legal_entity:{entity}"], "usci": credit_code(500 + number, store.city.code),
        "city": store.city.code,
        "address": f"{store.city.name}市{store.district}{mall}商圈 {number % 9 + 1} 层",
        "point": f"{store.city.latitude + shift_north:.6f},{store.city.longitude + shift_east:.6f}",
        "phone": phone(store.city.dial, number * 7919), "opens_at": time(9, 30), "closes_at": time(22),
        "headcount_plan": 16, "opened_on": None if store.state == "preparing" else store.opened,
        "state": store.state, "created_at": stage.at(born, 600),
    }  # fmt: skip


def _post(stage: Stage, post: Post) -> dict[str, Any]:
    known, code = stage.known, post.code
    kind = "STORE" if code in STORE_POSTS else "OFFICE"
    leaving = "AREA" if post.category == "area_management" else "STORE"
    return {
        "code": code, "name": post.name, "name_en": post.name_en, "category": post.category, "level": post.level,
        "non_compete_policy": post.non_compete_policy, "secret_basis": post.secret_basis,
        "customer_facing": post.customer_facing, "visit_duty": post.visit_target > 0,
        "visit_target_per_week": post.visit_target or None,
        "health_certificate_required": code in STORE_POSTS, "probation_months_default": post.probation,
        "onboarding_checklist": known.get("checklist_template:ONB"),
        "offboarding_checklist": known.get(f"checklist_template:OFF-{leaving}"),
        "access_profile": known.get(f"access_profile:{code}", known.get(f"access_profile:{kind}")),
    }  # fmt: skip
