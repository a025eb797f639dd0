"""The signs in the days of the manager who is about to leave: visits, leave, overtime."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from random import Random
from typing import Any

from app.features.demo.stage import DAYS, Person, Stage
from app.features.demo.visits import Visit, weekdays

QUIET_DAYS = 28  # for how long visits have been few and short
AWAY_WEEKS = 3
VISIT_DAYS, QUIET_VISIT_DAYS, AWAY_DAYS = range(5), (1, 4), (0, 3)
OVERTIME_HOURS = Decimal(2)


def sign_visits(stage: Stage, random: Random) -> Iterator[Visit]:
    """Five visits a week of half an hour; in the last four weeks two, of ten minutes."""
    manager = stage.story.lead
    stores = [store for store in stage.story.stores if store.state == "open"]
    for day in weekdays(stage, DAYS, 1):
        quiet = day >= stage.day(QUIET_DAYS)
        if day.weekday() in (QUIET_VISIT_DAYS if quiet else VISIT_DAYS):
            minutes = random.randrange(9, 12) if quiet else random.randrange(27, 34)
            store = stores[day.toordinal() % len(stores)]
            yield Visit(manager, store, day, random.randrange(600, 1020), minutes)


def sign_leaves(stage: Stage) -> Iterator[tuple[Person, dict[str, Any]]]:
    """Two days of casual leave a week, three weeks running."""
    manager = stage.story.lead
    for day in weekdays(stage, 7 * AWAY_WEEKS, 1):
        if day.weekday() in AWAY_DAYS:
            yield manager, {
                "staff": manager.id, "kind": "casual", "reason": "个人事务", "starts_on": day, "ends_on": day,
                "day_count": Decimal(1), "state": "approved", "decided_by": manager.manager, "source": "wecom",
                "created_at": stage.at(day, 480),
            }  # fmt: skip


def sign_overtime(stage: Stage) -> Iterator[dict[str, Any]]:
    """Ten hours in each thirty days; two in the last."""
    manager = stage.story.lead
    for month in range(7):
        for number in range(5 if month else 1):
            ago = 30 * month + 4 + 6 * number
            yield {
                "staff": manager.id, "worked_on": stage.day(ago), "hours": OVERTIME_HOURS, "kind": "workday",
                "reason": "门店开业与团购备货", "compensated_by": "pay", "state": "approved",
                "decided_by": manager.manager, "source": "wecom",
            }  # fmt: skip
