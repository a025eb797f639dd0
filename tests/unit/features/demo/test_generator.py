"""The demo in the making, without a database: the same each time, and every number valid."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from random import Random
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.features.demo import numbers
from app.features.demo.chain import plan_areas
from app.features.demo.service import PARTS
from app.features.demo.stage import Stage, plus_months
from app.kernel.clock import FixedClock
from app.language import chinese
from app.language.compiler import compile_schema
from app.language.evaluation import Moment
from app.settings import ROOT

SCHEMA = compile_schema(ROOT / "schema")
MORNING = datetime(2026, 6, 15, 1, 0, tzinfo=UTC)


@dataclass
class Rehearsal(Stage):
    """A stage that keeps its rows to itself."""

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, name: str, rows: Iterable[Mapping[str, Any]]) -> list[int]:
        kept = self.rows.setdefault(name, [])
        first = len(kept) + 1
        kept += [dict(row) for row in rows]
        return list(range(first, len(kept) + 1))

    def watch(self, name: str, record_id: int) -> None:
        self.rows.setdefault("canary", []).append({"entity": name, "record_id": record_id})

    @cached_property
    def records(self) -> Any:
        return SimpleNamespace(change=lambda *given: 2)


def rehearsal(moment: datetime, scale: int = 1) -> Rehearsal:
    zone = ZoneInfo("Asia/Shanghai")
    clock = FixedClock(moment)
    runtime: Any = SimpleNamespace(
        clock=clock, zone=zone, moment=lambda: Moment(clock.now(), zone), schema=SCHEMA
    )
    session: Any = None
    return Rehearsal(runtime, session, scale, lambda message: None)


def played(moment: datetime) -> Rehearsal:
    stage = rehearsal(moment)
    for part in PARTS:
        part(stage)
    return stage


@pytest.fixture(scope="module")
def morning() -> Rehearsal:
    return played(MORNING)


def digest(stage: Rehearsal) -> str:
    return hashlib.sha256(repr(sorted(stage.rows.items())).encode()).hexdigest()


def test_the_same_all_day_and_another_the_next_day(morning: Rehearsal) -> None:
    assert digest(played(MORNING + timedelta(hours=9))) == digest(morning)
    assert digest(played(MORNING + timedelta(days=1))) != digest(morning)


def test_identity_numbers_tell_birth_and_gender(morning: Rehearsal) -> None:
    for row in morning.rows["staff"]:
        if row["id_kind"] == "resident_card":
            number = row["id_no"]
            assert chinese.identity_card(number) == number
            assert chinese.birth_date(number) == row["birth_date"]
            assert (int(number[16]) % 2 == 1) == (row["gender"] == "male")


@pytest.mark.parametrize("name", ["legal_entity", "store", "customer", "supplier"])
def test_credit_codes_are_valid_and_different(morning: Rehearsal, name: str) -> None:
    codes = [row["usci"] for row in morning.rows[name] if row.get("usci")]
    assert codes
    assert all(chinese.credit_code(code) == code for code in codes)
    assert len(set(codes)) == len(codes)


def test_nobody_shares_a_mobile_or_a_bank_card(morning: Rehearsal) -> None:
    for name, of in (("mobile", "customer"), ("mobile", "staff"), ("bank_account", "staff")):
        values = [row[name] for row in morning.rows[of]]
        assert len(set(values)) == len(values)
    assert not any(chinese.fails_luhn(row["bank_account"]) for row in morning.rows["staff"])


def test_nothing_lies_in_the_future(morning: Rehearsal) -> None:
    for rows in morning.rows.values():
        for row in rows:
            assert row.get("created_at") is None or row["created_at"] <= morning.now


@pytest.mark.parametrize(("scale", "stores"), [(1, 24), (20, 81), (170, 500)])
def test_stores_grow_with_the_scale(scale: int, stores: int) -> None:
    areas = plan_areas(rehearsal(MORNING, scale))
    assert abs(sum(len(area.stores) for area in areas) - stores) <= 3
    assert all(1 <= len(area.stores) <= 8 for area in areas)
    names = [store.name for area in areas for store in area.stores]
    assert len(set(names)) == len(names)


def test_permits_have_the_form_of_cards() -> None:
    number = numbers.permit_number(Random(1), date(1990, 2, 3), male=False)
    assert chinese.identity_card(number) == number


def test_months_end_where_they_end() -> None:
    assert plus_months(date(2026, 1, 31), 1) == date(2026, 2, 28)
    assert plus_months(date(2026, 3, 31), -1) == date(2026, 2, 28)
    assert plus_months(date(2024, 12, 30), 2) == date(2025, 2, 28)


def test_most_visitors_agreed_and_the_visits_of_the_others_carry_no_location(
    morning: Rehearsal,
) -> None:
    consents = [row for row in morning.rows["staff_consent"] if row["kind"] == "visit_location"]
    standing = {row["staff"] for row in consents if row["withdrawn_at"] is None}
    withdrawn = {row["staff"] for row in consents if row["withdrawn_at"] is not None}
    visits = morning.rows["store_visit"]
    visitors = {row["staff"] for row in visits}
    assert withdrawn & visitors
    assert visitors - standing - withdrawn
    assert len(standing & visitors) > len(visitors) / 2
    assert {row["staff"] for row in visits if row.get("point")} == standing & visitors
    assert {row["source"] for row in visits if row["staff"] not in standing} == {"scanned"}
