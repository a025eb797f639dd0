"""T28: the clock is moved. The trail says so, and its order does not depend on any clock."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from app.audit.actions import AuditAction
from app.audit.chain import Entry, append
from app.audit.checking import Verification
from tests.support.servers import Servers
from tests.support.trail import MORNING, Log, running_log


def noted(log: Log, days: float) -> None:
    """One entry of a process whose clock is off by so many days."""
    log.clock.moment = MORNING + timedelta(days=days)
    with log.engines.app.begin() as connection:
        append(connection, Entry(log.clock.now(), 7, "west", AuditAction.SIGNED_IN, 1))


def told(log: Log) -> list[tuple[int, str, bool]]:
    """Everything that the verification says."""
    with log.engines.app.connect() as connection:
        run = Verification(connection, log.home)
        return [(one.seq, str(one.says), one.note) for one in run.findings()]


def test_a_clock_set_back_is_marked_in_the_sealed_bytes_and_told(
    servers: Servers, tmp_path: Path
) -> None:
    with running_log(servers, tmp_path) as log:
        for days in (0, -3, -2.9999, 30):
            noted(log, days)
        assert [b"mark clock_back" in body for body in log.bodies()[1:]] == [
            False,
            True,
            False,
            False,
        ]
        assert told(log) == [
            (3, "Entry 3: the clock had been set back.", True),
            (5, "Entry 5: the clock had been set forward.", True),
        ]


def test_a_mark_cannot_be_taken_away(servers: Servers, tmp_path: Path) -> None:
    with running_log(servers, tmp_path) as log:
        noted(log, 0)
        noted(log, -3)
        bodies = log.bodies()
        log.rewrite([*bodies[:2], bodies[2].replace(b"mark clock_back\n", b"")])
        log.attack("UPDATE portal_audit_entry SET clock_back = false")
        assert (3, "Entry 3: whether the clock was set back is told wrongly.", False) in told(log)


def test_waiting_for_the_commit_is_not_a_clock_set_back(servers: Servers, tmp_path: Path) -> None:
    with running_log(servers, tmp_path) as log:
        log.clock.moment = MORNING + timedelta(minutes=1)
        with log.engines.app.begin() as early:
            append(early, Entry(MORNING, 7, "west", AuditAction.SIGNED_IN, 1))
            noted(log, 0)
        assert told(log) == []


def test_summer_time_is_no_matter(servers: Servers, tmp_path: Path) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    with running_log(servers, tmp_path) as log:
        for fold in (0, 1):
            log.clock.moment = datetime(2026, 10, 25, 2, 30, tzinfo=berlin, fold=fold)
            with log.engines.app.begin() as connection:
                append(connection, Entry(log.clock.now(), 7, "west", AuditAction.SIGNED_IN, 1))
        assert [one for one in told(log) if "back" in one[1]] == []
