"""Old entries go to archives: the chain stays verifiable, and no clock that jumped is believed."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.audit.archives import FOLDER, archive, read_archive
from app.audit.bundles import between, make_bundle
from app.audit.checking import Verification
from app.audit.checkpoints import announcements, rotate_key
from app.kernel.clock import SystemClock
from app.kernel.errors import SettingsError
from app.settings import read_settings
from tests.support.servers import Servers
from tests.support.trail import HASHES, MORNING, Log, running_log

OLD = 600


def aged(log: Log, years: int = 4) -> None:
    """Let the first entries have been sealed years ago, a minute after each other, as the log would hold them."""
    begin = SystemClock().now().replace(microsecond=0) - timedelta(days=365 * years)
    bodies = log.bodies()
    for number in range(OLD):
        at = (
            (begin + timedelta(minutes=number))
            .isoformat(timespec="microseconds")
            .replace("+00:00", "Z")
        )
        bodies[number] = re.sub(rb"\nnoted \S+\n", f"\nnoted {at}\n".encode(), bodies[number])
    log.rewrite(bodies)
    log.attack("UPDATE portal_audit_entry SET noted_at = cast(:begin AS timestamptz) + (id - 1) * interval '1 minute'"
               f" WHERE id <= {OLD}", begin=begin)  # fmt: skip


def faults(log: Log, *, archives: bool = True) -> list[str]:
    """What the verification says."""
    with log.engines.app.connect() as connection:
        return [
            str(one.says)
            for one in Verification(connection, log.home, archives=archives).findings()
            if not one.note
        ]


@pytest.mark.parametrize("audit_hash", HASHES)
def test_whole_old_blocks_leave_and_everything_still_verifies(
    servers: Servers, tmp_path: Path, audit_hash: str
) -> None:
    with running_log(servers, tmp_path, audit_hash) as log:
        log.write(699)
        aged(log)
        before = log.bodies()
        assert str(archive(log.engines.app, log.home, SystemClock().now(), 1095).reason).startswith(
            "No block"
        )
        log.checkpoint()
        done = archive(log.engines.app, log.home, SystemClock().now(), 1095)
        assert (done.first, done.last, done.reason) == (1, 512, None)
        assert len(log.bodies()) == len(before) - 512
        header, bodies = read_archive(next((log.home / FOLDER).iterdir()))
        assert bodies == before[:512]
        assert header["checkpoint"].startswith("storewarden/")
        assert faults(log) == []
        assert archive(log.engines.app, log.home, SystemClock().now(), 1095).last == 0
        # Life goes on: keys, checkpoints, rotation and evidence need nothing of what left.
        log.write(300)
        log.checkpoint()
        rotate_key(log.engines.app, log.home, MORNING, "test")
        log.write(10)
        log.checkpoint()
        with log.engines.app.connect() as connection:
            assert [one.seq for one in announcements(connection)] == [1, 1001]
            assert make_bundle(connection, between(513, 520)).count == 8
        assert faults(log) == []
        log.attack("UPDATE portal_audit_entry SET account_name = 'x' WHERE id = 600")
        assert len(faults(log)) == 1


def test_an_archive_that_was_changed_or_is_missing_is_told(
    servers: Servers, tmp_path: Path
) -> None:
    with running_log(servers, tmp_path) as log:
        log.write(699)
        aged(log)
        log.checkpoint()
        archive(log.engines.app, log.home, SystemClock().now(), 1095)
        place = next((log.home / FOLDER).iterdir())
        content = place.read_bytes()
        place.chmod(0o600)
        place.write_bytes(content[:-1])
        assert faults(log) == [f"The archive {place.name} was changed."]
        assert faults(log, archives=False) == []
        place.unlink()
        assert faults(log) == [f"The archive {place.name} is missing."]


def test_nothing_leaves_by_a_clock_that_jumped(servers: Servers, tmp_path: Path) -> None:
    now = SystemClock().now()
    with running_log(servers, tmp_path) as log:
        log.write(699)
        aged(log)
        log.checkpoint()
        for moved in (now + timedelta(days=400), now - timedelta(days=400)):
            done = archive(log.engines.app, log.home, moved, 180)
            assert "two days" in str(done.reason)
        log.attack("UPDATE portal_audit_entry SET clock_back = true WHERE id = 650")
        assert "within the last week" in str(archive(log.engines.app, log.home, now, 1095).reason)
        assert len(log.bodies()) == 700


def test_half_a_year_is_the_least_whatever_is_asked(servers: Servers, tmp_path: Path) -> None:
    with running_log(servers, tmp_path) as log:
        log.write(699)
        log.checkpoint()
        with (
            log.engines.app.begin() as connection,
            pytest.raises(DBAPIError, match="never changed"),
        ):
            connection.execute(text("SELECT portal_audit_archive(512, 'x', 'y')"))
        with (
            log.engines.app.begin() as connection,
            pytest.raises(DBAPIError, match="only whole blocks"),
        ):
            connection.execute(text("SELECT portal_audit_archive(100, 'x', 'y')"))
        assert len(log.bodies()) == 700


def test_a_shorter_time_is_refused_at_the_start_with_one_sentence(tmp_path: Path) -> None:
    given = {"PORTAL_HOME": str(tmp_path), "PORTAL_AUDIT_DAYS": "179"}
    with pytest.raises(SettingsError, match="PORTAL_AUDIT_DAYS must be a whole number from 180"):
        read_settings(given)
    assert read_settings(given | {"PORTAL_AUDIT_DAYS": "180"}).audit_days == 180
    assert read_settings({"PORTAL_HOME": str(tmp_path)}).audit_days == 1095
