"""Presence: days at work, leave, overtime, and the visits of area managers to their stores."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from itertools import chain
from random import Random
from typing import Any

from app.features.demo.chain import POST
from app.features.demo.reference import FIXED, HOLIDAYS
from app.features.demo.signs import sign_leaves, sign_overtime, sign_visits
from app.features.demo.stage import DAYS, SMALL, AreaPlace, Person, Stage
from app.features.demo.visits import Visit, visit_row, weekdays

# shift → start, minutes planned
HOURS = {"A": (8 * 60, 420), "B": (11 * 60, 420), "C": (14 * 60, 420), "D": (9 * 60, 480)}
ATTENDANCE_DAYS, SHORT_ATTENDANCE_DAYS = 60, 14
LEAVES = (
    ("casual", "家中有事"),
    ("sick", "感冒发热，附门诊病历"),
    ("annual", "年休假"),
    ("time_off", "加班调休"),
    ("childcare", "照顾子女"),
)


def build_presence(stage: Stage) -> None:
    """Load leave, overtime, days at work and visits of everybody."""
    random = stage.random("presence")
    leaves = [*_leaves(stage, random), *sign_leaves(stage)]
    away = _add_leaves(stage, leaves)
    stage.add("overtime_record", chain(_overtime(stage, random), sign_overtime(stage)))
    days = ATTENDANCE_DAYS if stage.scale <= SMALL else SHORT_ATTENDANCE_DAYS
    stage.add("attendance_day", _attendance(stage, random, days, away))
    visits = chain.from_iterable(_visits(stage, random, area) for area in stage.areas)
    told = sign_visits(stage, stage.random("sign visits"))
    stage.add("store_visit", (visit_row(stage, random, one) for one in chain(visits, told)))


# Private


def _leaves(stage: Stage, random: Random) -> Iterator[tuple[Person, dict[str, Any]]]:
    for one in stage.people:
        if one.state in ("departed", "pending", "leaving"):
            continue
        for _ in range(random.choice((0, 1, 1, 2, 3))):
            first = max(one.hired + timedelta(days=5), stage.day(DAYS))
            span = (stage.today - first).days
            if span < 8:
                break
            start = first + timedelta(days=random.randrange(span))
            kind, reason = random.choice(LEAVES[: 2 if one.hired > stage.day(365) else None])
            days = random.choice((1, 1, 2, 3)) if kind != "annual" else random.choice((2, 3, 5))
            yield one, {
                "staff": one.id, "kind": kind, "reason": reason, "starts_on": start, "day_count": Decimal(days),
                "ends_on": start + timedelta(days=days - 1), "state": "approved", "decided_by": one.manager,
                "source": "wecom", "created_at": stage.at(start - timedelta(days=2), 700),
            }  # fmt: skip
    faces = {store.unit for store in stage.faces}
    asking = [
        one for one in stage.people if one.state == "regular" and one.post in ("TB", "CA", "GS")
    ]
    asking.sort(key=lambda one: (one.unit not in faces, one.number))
    for one in asking[:5]:
        yield one, {
            "staff": one.id, "kind": "casual", "reason": "回老家办事", "starts_on": stage.day(-4), "day_count": Decimal(2),
            "ends_on": stage.day(-5), "source": "portal", "created_at": stage.at(stage.day(1), 900),
        }  # fmt: skip


def _add_leaves(
    stage: Stage, leaves: list[tuple[Person, dict[str, Any]]]
) -> dict[tuple[int, date], int]:
    """Load leaves; returns which leave covers which day of a person."""
    ids = stage.add("leave_record", (row for _, row in leaves))
    away: dict[tuple[int, date], int] = {}
    for (one, row), record_id in zip(leaves, ids, strict=True):
        if "state" not in row:
            stage.known[f"leave:{one.id}"] = record_id
        if row.get("state") == "approved":
            for number in range((row["ends_on"] - row["starts_on"]).days + 1):
                away[one.id, row["starts_on"] + timedelta(days=number)] = record_id
    return away


def _overtime(stage: Stage, random: Random) -> Iterator[dict[str, Any]]:
    for one in stage.people:
        if not one.here or one.part_time or POST[one.post].level >= 12 or one.state == "leaving":
            continue
        for day in {stage.day(random.randrange(1, 90)) for _ in range(random.choice((0, 1, 2, 4)))}:
            if day <= one.hired:
                continue
            rest = day.weekday() >= 5
            hours = (
                Decimal(random.choice((4, 6, 8))) if rest else Decimal(random.choice((1, 2, 2, 3)))
            )
            recent = day > stage.day(4)
            yield {
                "staff": one.id, "worked_on": day, "hours": hours, "kind": "rest_day" if rest else "workday",
                "reason": random.choice(("周末高峰", "盘点", "同事请假顶班", "团购备货")), "source": "wecom",
                "compensated_by": random.choice(("pay", "time_off")) if rest else "pay",
                "state": "requested" if recent else "approved", "decided_by": None if recent else one.manager,
            }  # fmt: skip


def closed_days(stage: Stage) -> set[date]:
    """Public holidays, on which the office does not work."""
    found: set[date] = set()
    for year in (stage.today.year - 1, stage.today.year):
        for first, last, _, _ in HOLIDAYS.get(year, FIXED)[0]:
            day, end = (date.fromisoformat(f"{year}-{part}") for part in (first, last))
            while day <= end:
                found.add(day)
                day += timedelta(days=1)
    return found


def _attendance(
    stage: Stage, random: Random, days: int, away: dict[tuple[int, date], int]
) -> Iterator[dict[str, Any]]:
    holidays = closed_days(stage)
    for one in stage.people:
        if one.state in ("departed", "pending", "suspended"):
            continue
        office = POST[one.post].level >= 8 or one in stage.office
        for ago in range(days, 0, -1):
            day = stage.day(ago)
            off = (
                day in holidays or day.weekday() >= 5
                if office
                else (day.toordinal() + one.number) % 7 in (0, 3)
            )
            if off or day < one.hired:
                continue
            shift = "D" if office else "ABC"[(one.number + day.isocalendar().week) % 3]
            yield _day(stage, random, one, day, shift, away.get((one.id, day)))


def _day(
    stage: Stage, random: Random, one: Person, day: date, shift: str, leave: int | None
) -> dict[str, Any]:
    start, planned = HOURS[shift]
    row: dict[str, Any] = {
        "staff": one.id, "work_day": day, "work_shift": stage.known[f"work_shift:{shift}"],
        "planned": planned, "source": "wecom", "created_at": stage.at(day + timedelta(days=1), 10),
    }  # fmt: skip
    chance = random.random()
    if leave is not None:
        return {**row, "leave_record": leave}
    if chance < 0.004:
        return {**row, "absent": True}
    late = random.randrange(3, 35) if chance > 0.97 else 0
    row |= {
        "late": late,
        "clocked_in_at": stage.at(day, start + late - (0 if late else random.randrange(2, 20))),
    }
    if chance < 0.012:
        return {**row, "missing_punch": True}
    leaves = start + planned + 60 + random.randrange(20)
    return {**row, "clocked_out_at": stage.at(day, leaves)}


def _visits(stage: Stage, random: Random, area: AreaPlace) -> Iterator[Visit]:
    """Five a week by the manager and three by the deputy, each day another store."""
    stores = [store for store in area.stores if store.state == "open"]
    for person, duty in ((area.manager, range(5)), (area.deputy, (0, 2, 4))):
        if person is None or (person is stage.story.manager):
            continue
        for day in weekdays(stage, DAYS, 1):
            if day.weekday() in duty and day > person.hired and random.random() < 0.94:
                store = stores[(day.toordinal() + (person is area.deputy)) % len(stores)]
                yield Visit(
                    person, store, day, random.randrange(580, 1080), random.randrange(22, 44)
                )
