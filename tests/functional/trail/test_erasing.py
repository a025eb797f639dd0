"""Erasing what the trail tells of a person leaves the log as it is; taking it away in silence does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from app.audit.actions import AuditAction
from app.audit.bundles import make_bundle, of_record_is
from app.audit.entries import Entry
from app.audit.erasing import erase
from tests.support.servers import Servers
from tests.support.trail import HASHES, MORNING, running_log


@pytest.mark.parametrize("audit_hash", HASHES)
def test_erased_values_are_gone_and_everything_verifies(
    servers: Servers, tmp_path: Path, audit_hash: str
) -> None:
    with running_log(servers, tmp_path, audit_hash) as log:
        log.write(20)
        log.checkpoint()
        bodies = log.bodies()
        with log.engines.app.begin() as connection:
            entry = Entry(
                MORNING, 1, "hr", AuditAction.RECORD_REMOVED, 1, entity="buyer", record_id=12
            )
            assert erase(connection, entry) == 1
        assert log.bodies()[:21] == bodies
        assert log.faults() == []
        with log.engines.app.connect() as connection:
            told = connection.execute(
                text(
                    "SELECT action, record_title, changes FROM portal_audit WHERE record_id = 12 ORDER BY id"
                )
            ).all()
            files = make_bundle(connection, of_record_is(connection, "buyer", 11)).files
            left = connection.scalar(text("SELECT string_agg(told, '') FROM portal_audit_value"))
        assert [tuple(row) for row in told] == [
            ("record:changed", None, {}),
            ("audit:erased", None, {}),
        ]
        assert any(name.startswith("values/") for name in files)
        assert "顾客12" not in left
        assert "顾客11" in left


def test_values_of_another_record_may_not_be_taken_under_its_name(
    servers: Servers, tmp_path: Path
) -> None:
    with running_log(servers, tmp_path) as log:
        log.write(20)
        with log.engines.app.begin() as connection:
            entry = Entry(
                MORNING, 1, "hr", AuditAction.RECORD_REMOVED, 1, entity="buyer", record_id=12
            )
            erase(connection, entry)
        log.attack("DELETE FROM portal_audit_value WHERE id = 5")
        assert [seq for seq, says in log.faults() if "values are gone" in says] == [5]
        # What was noted after the erasure is not covered by it.
        log.write(13)
        log.attack("DELETE FROM portal_audit_value WHERE id = 35")
        assert [seq for seq, _ in log.faults()] == [5, 35]


def test_it_is_about_one_record(servers: Servers, tmp_path: Path) -> None:
    entry = Entry(MORNING, 1, "hr", AuditAction.RECORD_REMOVED, 1, entity="buyer")
    with (
        running_log(servers, tmp_path) as log,
        log.engines.app.begin() as connection,
        pytest.raises(ValueError, match="one record"),
    ):
        erase(connection, entry)
