"""Due moments: each day once, whatever the clock does, in the portal's own zone."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.tasks.kinds import Schedule
from app.tasks.slots import due

SHANGHAI = ZoneInfo("Asia/Shanghai")
MORNING = Schedule("morning", "x", at=time(8, 30))
EACH = Schedule("morning", "x", at=time(8, 30), catch_up="all")
SKIPPED = Schedule("morning", "x", at=time(8, 30), catch_up="skip")
HOURLY = Schedule("hourly", "x", every=timedelta(hours=1))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_the_local_morning_is_the_utc_night() -> None:
    found = due(MORNING, utc("2026-03-01T00:30"), utc("2026-03-02T00:31"), SHANGHAI)
    assert found == [utc("2026-03-02T00:30")]
    assert due(MORNING, utc("2026-03-02T00:30"), utc("2026-03-02T23:00"), SHANGHAI) == []


def test_missed_days_are_caught_up_as_the_schedule_says() -> None:
    last, now = utc("2026-03-01T00:30"), utc("2026-03-05T09:00")
    assert due(MORNING, last, now, SHANGHAI) == [utc("2026-03-05T00:30")]
    assert due(SKIPPED, last, utc("2026-03-05T00:29"), SHANGHAI) == [utc("2026-03-04T00:30")]
    assert due(EACH, last, now, SHANGHAI) == [utc(f"2026-03-0{day}T00:30") for day in (2, 3, 4, 5)]


def test_a_clock_set_back_serves_nothing_twice() -> None:
    assert due(EACH, utc("2026-03-05T00:30"), utc("2026-03-02T09:00"), SHANGHAI) == []


def test_an_hourly_schedule_serves_whole_hours() -> None:
    assert due(HOURLY, utc("2026-03-01T04:00"), utc("2026-03-01T05:10"), SHANGHAI) == [
        utc("2026-03-01T05:00")
    ]
    assert due(HOURLY, None, utc("2026-03-01T05:10"), SHANGHAI) == [utc("2026-03-01T05:00")]


@pytest.mark.parametrize(
    ("zone", "first", "days"),
    [
        ("America/New_York", "2026-10-30T12:00", 5),
        ("Europe/London", "2026-03-27T12:00", 5),
        ("Asia/Shanghai", "1986-05-01T12:00", 8),
        ("Asia/Shanghai", "1991-09-12T12:00", 8),
    ],
)
@pytest.mark.parametrize("hour", [1, 2, 8])
def test_a_day_with_a_clock_change_has_one_morning(
    zone: str, first: str, days: int, hour: int
) -> None:
    schedule = Schedule("daily", "x", at=time(hour, 30), catch_up="all")
    begin = utc(first)
    found = due(schedule, begin, begin + timedelta(days=days), ZoneInfo(zone))
    assert len(found) == days
    assert len({one.astimezone(ZoneInfo(zone)).date() for one in found}) == days


@given(st.lists(st.integers(-7200, 90_000), min_size=1, max_size=40))
def test_looking_at_any_times_serves_each_moment_at_most_once(steps: list[int]) -> None:
    served: list[datetime] = []
    now = utc("2026-01-01T00:00")
    for step in steps:
        now += timedelta(seconds=step)
        served += due(EACH, max(served, default=None), now, SHANGHAI)
    assert len(served) == len(set(served))
    assert served == sorted(served)
