"""Visits of managers to their stores, as they are kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any

from app.features.demo.stage import Person, Stage, StorePlace

VISIT_NOTES = (
    "卫生与陈列达标", "原料效期抽查合格", "高峰出杯偏慢，已与店长排班调整", "新品培训到位", "设备保养记录完整", "客诉两起已复盘",
    "团购备货充足", "早班迟到一人，已提醒",
)  # fmt: skip


@dataclass(frozen=True)
class Visit:
    """A visit in the making."""

    person: Person
    store: StorePlace
    day: date
    minute: int
    minutes: int


def visit_row(stage: Stage, random: Random, visit: Visit) -> dict[str, Any]:
    """A visit as it is kept: a point near the store with consent, scanned without one."""
    start = stage.at(visit.day, visit.minute)
    distance = random.randrange(4, 120)
    store = visit.store
    consent = stage.known.get(f"consent:{visit.person.id}")
    located = {
        "distance_m": distance, "in_fence": True, "source": "wecom", "consent": consent,
        "point": f"{store.city.latitude + distance / 111_000:.6f},{store.city.longitude:.6f}",
    }  # fmt: skip
    return {
        "staff": visit.person.id, "store": store.id, "checked_in_at": start,
        "checked_out_at": start + timedelta(minutes=visit.minutes), "dwell": visit.minutes,
        **(located if consent is not None else {"source": "scanned"}),
        "note": random.choice(VISIT_NOTES) if random.random() < 0.5 else None, "created_at": start,
    }  # fmt: skip


def weekdays(stage: Stage, first: int, last: int) -> Iterator[date]:
    """Mondays to Fridays from ``first`` to ``last`` days ago."""
    for ago in range(first, last - 1, -1):
        day = stage.day(ago)
        if day.weekday() < 5:
            yield day
