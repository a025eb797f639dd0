"""When scheduled reports are made: month ends, working days, clock changes, what was missed."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.features.reminders.workdays import Workdays
from app.features.reports.rhythm import (
    Rhythm,
    newest_slot,
    next_slot,
    parse_rhythm,
    rhythm_label,
    rhythms,
)

SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")
CALENDAR = Workdays().worked


def local(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def days_of(rhythm: Rhythm, first: str, count: int, zone: ZoneInfo = SHANGHAI) -> list[str]:
    """The local days of the next moments."""
    now, found = local(first, zone), []
    for _ in range(count):
        following = next_slot(rhythm, now, zone, CALENDAR)
        assert following is not None
        now = following
        found.append(now.astimezone(zone).strftime("%m-%d %H:%M"))
    return found


def test_the_last_day_of_each_month() -> None:
    end = Rhythm("month", 0, time(18))
    assert days_of(end, "2027-12-31T18:00", 4) == [
        "01-31 18:00", "02-29 18:00", "03-31 18:00", "04-30 18:00",
    ]  # fmt: skip
    assert days_of(end, "2027-01-31T18:00", 1) == ["02-28 18:00"]


def test_a_day_that_a_month_lacks_is_its_last() -> None:
    assert days_of(Rhythm("month", 30, time(8)), "2027-01-01T00:00", 3) == [
        "01-30 08:00", "02-28 08:00", "03-30 08:00",
    ]  # fmt: skip
    assert days_of(Rhythm("month", 31, time(8)), "2027-03-31T09:00", 2) == [
        "04-30 08:00", "05-31 08:00",
    ]  # fmt: skip


def test_weeks_quarters_and_days() -> None:
    assert days_of(Rhythm("week", 0, time(8, 30)), "2026-06-15T08:30", 2) == [
        "06-22 08:30", "06-29 08:30",
    ]  # fmt: skip
    assert days_of(Rhythm("quarter", 0, time(7)), "2026-06-15T00:00", 3) == [
        "07-01 07:00", "10-01 07:00", "01-01 07:00",
    ]  # fmt: skip
    assert days_of(Rhythm("day", 0, time(0)), "2026-06-15T00:00", 1) == ["06-16 00:00"]


def test_working_days_follow_the_calendar_with_its_moved_days() -> None:
    """The National Day week of 2025 is off, and Sunday 28 September is worked in its place."""
    found = days_of(Rhythm("working_day", 0, time(9)), "2025-09-26T09:00", 4)
    assert found == ["09-28 09:00", "09-29 09:00", "09-30 09:00", "10-09 09:00"]


def test_the_portals_own_holidays_go_before_the_calendar() -> None:
    own = Workdays({date(2026, 6, 16): False}).worked
    rhythm = Rhythm("working_day", 0, time(9))
    assert next_slot(rhythm, local("2026-06-15T09:00"), SHANGHAI, own) == local("2026-06-17T09:00")
    assert newest_slot(rhythm, local("2026-06-16T12:00"), SHANGHAI, own) == local(
        "2026-06-15T09:00"
    )


def test_a_time_that_the_clock_skips_comes_later_on_that_day() -> None:
    found = days_of(Rhythm("day", 0, time(2, 30)), "2026-03-28T03:00", 2, BERLIN)
    assert found == ["03-29 03:30", "03-30 02:30"]


def test_a_time_that_the_clock_shows_twice_counts_once() -> None:
    rhythm = Rhythm("day", 0, time(2, 30))
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert next_slot(rhythm, local("2026-10-24T03:00", BERLIN), BERLIN, CALENDAR) == first
    again = next_slot(rhythm, first, BERLIN, CALENDAR)
    assert again == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


def test_of_missed_moments_the_newest_is_left() -> None:
    rhythm = Rhythm("day", 0, time(8))
    assert newest_slot(rhythm, local("2026-06-15T07:59"), SHANGHAI, CALENDAR) == local(
        "2026-06-14T08:00"
    )
    assert newest_slot(rhythm, local("2026-06-15T08:00"), SHANGHAI, CALENDAR) == local(
        "2026-06-15T08:00"
    )


@pytest.mark.parametrize("rhythm", list(rhythms(time(8))), ids=lambda one: one.text)
def test_each_rhythm_has_a_text_a_label_and_a_next_moment(rhythm: Rhythm) -> None:
    assert parse_rhythm(rhythm.text, rhythm.at) == rhythm
    assert str(rhythm_label(rhythm))
    now = local("2026-06-15T12:00")
    before, after = (look(rhythm, now, SHANGHAI, CALENDAR) for look in (newest_slot, next_slot))
    assert before is not None
    assert after is not None
    assert before <= now < after


@pytest.mark.parametrize("text", ["", "week", "week:7", "month:32", "month:-1", "hour", "day:0"])
def test_nothing_else_is_a_rhythm(text: str) -> None:
    assert parse_rhythm(text, time(8)) is None


@given(
    st.sampled_from(list(rhythms(time(2, 30)))),
    st.integers(0, 5 * 365 * 24 * 60).map(
        lambda minutes: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    ),
)
def test_the_next_moment_is_the_newest_once_it_has_come(rhythm: Rhythm, now: datetime) -> None:
    after = next_slot(rhythm, now, BERLIN, CALENDAR)
    assert after is not None
    assert newest_slot(rhythm, after, BERLIN, CALENDAR) == after
    earlier = newest_slot(rhythm, after - timedelta(seconds=1), BERLIN, CALENDAR)
    assert earlier is not None
    assert earlier <= now
