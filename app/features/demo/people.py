"""The people of the chain: who they are, where they stand, and their papers at work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from random import Random
from typing import Any

from app.features.demo.chain import POST
from app.features.demo.names import ETHNICITIES, person_name
from app.features.demo.numbers import bank_card, identity_number, permit_number, staff_mobile
from app.features.demo.places import STORY_AREA
from app.features.demo.stage import BASE_STAFF, Person, Stage, StorePlace, plus_months

# The office: post, department, how many.
OFFICE = (
    ("CEO", "QH", 1), ("OPD", "HQ-OPS", 1), ("HRD", "HQ-HR", 1), ("HRS", "HQ-HR", 4), ("CFO", "HQ-FIN", 1),
    ("ACC", "HQ-FIN", 4), ("ITM", "HQ-IT", 1), ("ITS", "HQ-IT", 2), ("AUD", "HQ-AUD", 1), ("LEG", "HQ-AUD", 1),
    ("MKT", "HQ-MKT", 3), ("CRM", "HQ-MKT", 4), ("BUY", "HQ-SCM", 3),
    ("RD", "华东", 1), ("RD", "华南", 1), ("RD", "华北", 1), ("RD", "西南", 1),
)  # fmt: skip
# Who is known by name in the demo.
NAMED = {
    ("CEO", 0): ("周明远", True), ("HRD", 0): ("林静怡", False), ("CFO", 0): ("何志强", True),
    ("ITM", 0): ("郑凯", True), ("AUD", 0): ("方晓雯", False), ("HRS", 0): ("苏婷", False),
}  # fmt: skip
NOTICE_DAYS = 9  # ago the manager of the story handed in notice
STORY_MANAGER, STORY_DEPUTY = ("李建国", True), ("陈思源", False)
FIXED_IN_STORE = ("SM", "DM", "GS")
CREW = ("TB", "TB", "CA", "TB", "CA", "PT")
GONE = 0.16
SCHOOLS = {True: ("bachelor", "master"), False: ("secondary", "college", "college", "bachelor")}
HOMES = (
    "湖南省衡阳市",
    "江西省赣州市",
    "四川省南充市",
    "河南省周口市",
    "广东省梅州市",
    "安徽省阜阳市",
)
STREETS = (
    "人民路",
    "建设路",
    "解放路",
    "中山路",
    "文化路",
    "新华街",
    "和平里",
    "朝阳路",
    "光明街",
    "东风路",
)
KIN = (
    "王秀英",
    "李国栋",
    "张丽华",
    "陈志明",
    "刘桂芳",
    "黄文彬",
    "赵春梅",
    "吴建平",
    "周玉珍",
    "徐海生",
)


def build_people(stage: Stage) -> None:
    """Load everybody, superiors first, and say who leads which unit."""
    random = stage.random("people")
    _plan_office(stage, random)
    _plan_areas(stage, random)
    _plan_stores(stage, random)
    _turns(stage)
    _load(stage, [stage.one("CEO")], None)
    chief = stage.one("CEO").id
    _load(stage, stage.office[1:], chief)
    directors = {unit.unit: unit.id for unit in stage.office if unit.post == "RD"}
    for area in stage.areas:
        _load(stage, [area.lead], directors[stage.units[area.region]])
    deputies = [one.deputy for one in stage.areas if one.deputy]
    for area in stage.areas:
        if area.deputy:
            area.deputy.manager = area.lead.id
        for store in area.stores:
            store.manager.manager = area.lead.id
    _load(stage, [*deputies, *(store.manager for store in stage.stores)], None)
    for store in stage.stores:
        for one in store.people[1:]:
            one.manager = store.manager.id
    _load(stage, [one for store in stage.stores for one in store.people[1:]], None)
    _lead_units(stage)


def wage_of(random: Random, post: str) -> int:
    """A believable monthly wage."""
    return round(POST[post].wage * random.uniform(0.92, 1.15) / 50) * 50


# Private


def _person(
    stage: Stage, random: Random, post: str, unit: int, named: tuple[str, bool] | None = None
) -> Person:
    male = named[1] if named else random.random() < 0.42
    name = named[0] if named else person_name(random, male=male)
    years = 6 if POST[post].level >= 6 else 3
    hired = stage.day(random.randrange(100, 365 * years))
    return Person(name, male, post, unit, hired, wage_of(random, post), part_time=post == "PT")


def _plan_office(stage: Stage, random: Random) -> None:
    for post, unit, count in OFFICE:
        for number in range(count):
            named = NAMED.get((post, number))
            stage.office.append(_person(stage, random, post, stage.units[unit], named))
    for one in stage.office[:6]:
        one.hired = stage.day(365 * 7 + random.randrange(300))


def _plan_areas(stage: Stage, random: Random) -> None:
    for area in stage.areas:
        story = area.name == STORY_AREA
        manager, deputy = (STORY_MANAGER, STORY_DEPUTY) if story else (None, None)
        area.manager = _person(stage, random, "AM", area.unit, manager)
        area.deputy = _person(stage, random, "ADM", area.unit, deputy)
        if story:
            area.manager.hired, area.manager.state = stage.day(365 * 4 + 61), "leaving"
            area.manager.left = stage.day(NOTICE_DAYS - 30)
            area.manager.wage, area.deputy.hired = 21_000, stage.day(365 * 2 + 150)


def _plan_stores(stage: Stage, random: Random) -> None:
    planned = len(stage.office) + 2 * len(stage.areas)
    wanted = BASE_STAFF + round(116 * (stage.scale - 1)) - planned
    stores = stage.stores
    for number, store in enumerate(stores):
        crew = wanted * (number + 1) // len(stores) - wanted * number // len(stores)
        sellers = max(1, (crew - 2) // 14)
        posts = ["SM", "DM", *["GS"] * sellers]
        posts += [CREW[place % len(CREW)] for place in range(crew - len(posts))]
        for place, post in enumerate(posts):
            one = _person(stage, random, post, store.unit)
            one.hired = _hired(stage, random, store, one)
            if place > 2 and random.random() < GONE:
                _depart(stage, random, one)
            store.people.append(one)


def _hired(stage: Stage, random: Random, store: StorePlace, one: Person) -> date:
    """Never before the store began to look for people; some are new."""
    if POST[one.post].level <= 3 and random.random() < 0.14:
        return stage.day(random.randrange(5, 80))
    first = min(store.opened, stage.today) - timedelta(days=45)
    return max(one.hired, first)


def _depart(stage: Stage, random: Random, one: Person) -> None:
    stayed = min((stage.today - one.hired).days - 1, random.randrange(40, 900))
    one.left = max(one.hired + timedelta(days=max(stayed, 20)), stage.day(420))
    one.state = "departed"
    if one.left >= stage.today:
        one.left, one.state = None, "regular"


def _turns(stage: Stage) -> None:
    """States: new people are on probation, and a few cases make the lists worth looking at."""
    crew = [one for store in stage.stores for one in store.people[3:] if one.state == "regular"]
    full = [one for one in crew if not one.part_time]
    for one in crew:
        if one.hired > stage.day(30 * POST[one.post].probation) and not one.part_time:
            one.state = "probation"
    regular = [one for one in full if one.state == "regular"]
    for one, ago in zip(regular[3::17], (3, 12, 24, 30), strict=False):
        one.hired = plus_months(stage.day(-ago), -36) + timedelta(days=1)
    for one in regular[5::101][:2]:
        one.state = "suspended"
    for one in crew[7::150][:3]:
        one.state, one.hired = "pending", stage.day(-9)
    leavers = [regular[10]]
    for store in stage.faces:
        first, *_, last = [one for one in store.people if one in regular]
        leavers.append(first)
        last.hired, last.state = stage.day(12), "probation"
    for number, one in enumerate(leavers):
        one.state, one.left = "leaving", stage.day(-6 - 7 * number)


def _load(stage: Stage, people: list[Person], manager: int | None) -> None:
    random = stage.random(f"papers:{people[0].name}:{len(people)}")
    for one in people:
        one.manager = one.manager or manager
        stage.known["people"] = one.number = stage.known.get("people", 0) + 1
    ids = stage.add("staff", (_row(stage, random, one) for one in people))
    for one, record_id in zip(people, ids, strict=True):
        one.id = record_id


def _row(stage: Stage, random: Random, one: Person) -> dict[str, Any]:
    born = _born(random, one)
    probation = POST[one.post].probation
    ends = plus_months(one.hired, probation) if probation and not one.part_time else None
    city = random.choice(
        (
            "湖南省衡阳市",
            "江西省赣州市",
            "四川省南充市",
            "河南省周口市",
            "广东省梅州市",
            "安徽省阜阳市",
        )
    )
    office = POST[one.post].level >= 5
    insured = one.state != "pending"
    return {
        "staff_no": f"QH{one.number:05d}", "name": one.name, "gender": "male" if one.male else "female",
        **_identity(stage, random, one, born), "birth_date": born, "ethnicity": random.choice(ETHNICITIES),
        "education": random.choice(SCHOOLS[POST[one.post].level > 8]),
        "mobile": staff_mobile(one.number * 7919 % 10_000_000),
        "email": f"qh{one.number:05d}@qihe.example" if office else None, "wecom_userid": f"qh{one.number:05d}",
        "attendance_no": f"{100000 + one.number}",
        "hukou_address": f"{city}{random.choice(STREETS)} {random.randrange(1, 300)} 号",
        "home_address": f"{random.choice(STREETS)} {random.randrange(1, 900)} 号 {random.randrange(101, 2900)} 室",
        "emergency_name": random.choice(KIN), "emergency_phone": staff_mobile(5_000_000 + one.number),
        "bank_account": bank_card(one.number * 104729 % 10**12),
        "employ_kind": "part_time" if one.part_time else "full_time",
        "org_unit": one.unit, "position": stage.known[f"position:{one.post}"], "line_manager": one.manager,
        "hire_date": one.hired, "use_from": None if one.state == "pending" else one.hired,
        "probation_ends_on": ends,
        "regular_date": None if _early(one, ends) else ends or one.hired,
        "leave_date": one.left, "social_insurance_on": one.hired + timedelta(days=10) if insured else None,
        "state": one.state, "created_at": stage.at(one.hired - timedelta(days=3), 560),
    }  # fmt: skip


def _early(one: Person, ends: date | None) -> bool:
    """Whether somebody is not a regular member of staff yet, or left before that."""
    return one.state in ("probation", "pending") or bool(one.left and ends and one.left < ends)


def _born(random: Random, one: Person) -> date:
    level = POST[one.post].level
    low, high = (34, 50) if level >= 12 else (26, 42) if level >= 6 else (18, 36)
    if one.number == 77:
        low, high = 16, 17  # one young worker, whom the law protects
    return one.hired - timedelta(days=random.randrange(low * 366, high * 365))


def _identity(stage: Stage, random: Random, one: Person, born: date) -> dict[str, Any]:
    if one.number == 61:
        return {"id_kind": "passport", "passport_no": "E12908837", "name_en": "Daniel Morgan"}
    if one.number == 83:
        return {"id_kind": "hmt_permit", "id_no": permit_number(random, born, male=one.male)}
    number = identity_number(random, born, male=one.male)
    while number in stage.identities:
        number = identity_number(random, born, male=one.male)
    stage.identities.add(number)
    return {"id_kind": "resident_card", "id_no": number}


def _lead_units(stage: Stage) -> None:
    for unit, leader in _leaders(stage):
        if leader.state in ("regular", "probation", "leaving"):
            stage.records.change("org_unit", unit, {"manager": leader.id}, 1)


def _leaders(stage: Stage) -> Iterator[tuple[int, Person]]:
    heads = {
        "QH": "CEO", "HQ-OPS": "OPD", "HQ-HR": "HRD", "HQ-FIN": "CFO", "HQ-IT": "ITM", "HQ-AUD": "AUD",
        "HQ-MKT": "CRM", "HQ-SCM": "BUY",
    }  # fmt: skip
    for code, post in heads.items():
        yield stage.units[code], stage.one(post)
    for one in stage.office:
        if one.post == "RD":
            yield one.unit, one
    for area in stage.areas:
        yield area.unit, area.lead
    for store in stage.stores:
        yield store.unit, store.manager


def employed_between(people: Iterable[Person], start: date, end: date) -> list[Person]:
    """Those who worked here on some day of a span."""
    return [
        one
        for one in people
        if one.state != "pending" and one.hired <= end and (one.left is None or one.left >= start)
    ]
