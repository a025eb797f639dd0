"""T27: entries at the end are cut off, or a whole older database stands in the place of the log."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.audit.checkpoints import open_log
from app.audit.shelf import give_up, shelved
from app.kernel.errors import Refused, Unavailable
from tests.support.servers import Servers
from tests.support.trail import HASHES, MORNING, Log, running_log

either = pytest.mark.parametrize("log", HASHES, indirect=True)


@pytest.fixture
def log(
    servers: Servers, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Log]:
    """Thirty entries and a checkpoint; hashed as the test says, or else with SHA-256."""
    audit_hash = getattr(request, "param", "sha256")
    with running_log(servers, tmp_path_factory.mktemp("home"), audit_hash) as made:
        made.write(29)
        made.checkpoint()
        yield made


def cut(log: Log, size: int) -> None:
    """Make the log what it was when it had ``size`` entries, head and kept checkpoints included."""
    log.attack(
        f"DELETE FROM portal_audit_entry WHERE id > {size}",
        f"DELETE FROM portal_audit_value WHERE id > {size}",
        f"DELETE FROM portal_audit_checkpoint WHERE size > {size}",
        f"UPDATE portal_audit_head SET size = {size},"
        f" leaf = (SELECT leaf FROM portal_audit_entry WHERE id = {size})",
    )


@either
def test_every_tail_that_is_cut_off_is_caught(log: Log) -> None:
    for size in range(29, 0, -1):
        cut(log, size)
        said = f"Log size {size} < checkpoint 30: entries at the end are missing."
        assert log.faults() == [(30, said)]


def test_a_tail_that_is_cut_without_the_head_is_named_entry_by_entry(log: Log) -> None:
    log.write(10)
    log.attack(
        "DELETE FROM portal_audit_entry WHERE id > 38",
        "DELETE FROM portal_audit_value WHERE id > 38",
    )
    assert (39, "Entries 39 to 40 are missing.") in log.faults()


def test_nothing_is_written_to_a_log_that_is_smaller_than_what_was_signed(log: Log) -> None:
    cut(log, 12)
    before = len(log.bodies())
    with pytest.raises(Unavailable, match="log size 12 < last checkpoint 30"):
        log.write(1)
    with pytest.raises(Refused, match="log size 12 < last checkpoint 30"):
        log.checkpoint()
    # A batch that would reach beyond the checkpoint is no way around it.
    with pytest.raises(Unavailable):
        log.write(20)
    assert len(log.bodies()) == before
    said = open_log(log.engines.app, log.home, MORNING, "test")
    assert "log size 12 < last checkpoint 30" in str(said)


def test_a_restore_that_was_meant_is_told_in_the_trail(log: Log) -> None:
    cut(log, 12)
    assert give_up(log.home, MORNING, "cli: ops", "disk was replaced") == 30
    assert open_log(log.engines.app, log.home, MORNING, "test") is None
    log.write(3)
    told = log.bodies()[12].decode()
    assert '"action":"audit:restored"' in told
    assert "disk was replaced" in told
    assert '"given_up":30' in told
    assert log.checkpoint().checkpoint.size == 16
    assert log.faults() == []
    assert len(shelved(log.home)) == 1
    assert open_log(log.engines.app, log.home, MORNING, "test") is None
    assert len(log.bodies()) == 16


@either
def test_a_log_that_grew_anew_after_a_cut_is_not_signed_and_not_whole(log: Log) -> None:
    signed = shelved(log.home)[0]
    cut(log, 12)
    give_up(log.home, MORNING, "nobody", "to hide it")
    log.write(40)
    found = log.faults(signed)
    assert (30, "Checkpoint 30: the entries up to there are not those that it signed.") in found


@either
def test_an_incremental_verification_finds_what_came_after_the_last_one(log: Log) -> None:
    assert log.faults() == []
    log.write(300)
    log.checkpoint()
    assert log.faults(since_last=True) == []
    log.write(10)
    log.attack("UPDATE portal_audit_entry SET account_name = 'x' WHERE id IN (3, 335)")
    assert [seq for seq, _ in log.faults(since_last=True)] == [335]
    assert [seq for seq, _ in log.faults()] == [3, 335]
    # A run with faults is not remembered.
    assert [seq for seq, _ in log.faults(since_last=True)] == [335]
