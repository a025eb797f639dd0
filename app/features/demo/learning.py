"""What people have learnt and which policies they have acknowledged."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

from app.features.demo.assets import COURSES, POLICIES
from app.features.demo.stage import DAYS, Person, Stage

DUE_DAYS = 14


def build_learning(stage: Stage) -> None:
    """Load training records and acknowledgements of everybody who works here."""
    random = stage.random("learning")
    here = [one for one in stage.people if one.here]
    stage.add("training_record", (row for one in here for row in _training(stage, random, one)))
    rows = [row for one in here for row in _acks(stage, random, one)]
    acks = stage.add("policy_ack", rows)
    known = zip(rows, acks, strict=True)
    stage.known |= {
        f"ack:{row['staff']}": record_id
        for row, record_id in known
        if row["state"] == "acknowledged"
    }


# Private


def _training(stage: Stage, random: Random, one: Person) -> Iterator[dict[str, Any]]:
    for code, _, _, _, everybody in COURSES:
        if not everybody and one.post not in ("SM", "AM", "ADM"):
            continue
        assigned = max(one.hired, stage.day(random.randrange(120, DAYS)))
        row: dict[str, Any] = {
            "staff": one.id, "course": stage.known[f"course:{code}"], "assigned_on": assigned,
            "due_on": assigned + timedelta(days=DUE_DAYS), "created_at": stage.at(assigned, 600),
        }  # fmt: skip
        chance = random.random()
        age = (stage.today - assigned).days
        if age < DUE_DAYS and chance < 0.6:
            yield row | (
                {"state": "learning", "started_at": stage.at(assigned + timedelta(days=1), 900)}
                if chance < 0.3
                else {}
            )
            continue
        if chance > 0.985:
            yield row
            continue
        failed = chance > 0.955
        finished = stage.at(assigned + timedelta(days=random.randrange(1, DUE_DAYS)), 960)
        score = random.randrange(50, 78) if failed else random.randrange(80, 101)
        yield {**row, "started_at": finished - timedelta(minutes=50), "finished_at": finished, "score": Decimal(score),
               "feedback": random.randrange(3, 6), "state": "failed" if failed else "passed"}  # fmt: skip


def _acks(stage: Stage, random: Random, one: Person) -> Iterator[dict[str, Any]]:
    for code, *_, state in POLICIES:
        if state != "published":
            continue
        since = max(one.hired, stage.day(370))
        due = since + timedelta(days=7)
        row: dict[str, Any] = {
            "staff": one.id, "policy": stage.known[f"policy:{code}"], "edition": "1.0", "due_on": due,
            "created_at": stage.at(since, 600),
        }  # fmt: skip
        if random.random() < (0.99 if due < stage.today else 0.5):
            when = stage.at(since + timedelta(days=random.randrange(7)), 1170)
            yield {**row, "state": "acknowledged", "read_at": when, "acknowledged_at": when}
        else:
            yield {**row, "state": "waiting"}
