"""The chain of the audit trail: dense, sealed as the last step of a transaction, and closed to the application."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, ProgrammingError
from sqlalchemy.orm import Session

from app.audit.actions import AuditAction
from app.audit.chain import Entry, append, of_record
from app.factory import prepare_database
from app.kernel.clock import FixedClock, SystemClock
from app.kernel.errors import Unavailable
from app.storage.audit_tables import AUDIT, AUDIT_ENTRY, AUDIT_VALUE
from app.storage.database import make_engine, unit_of_work
from tests.support.portals import NOON, Portal

COUNT = "SELECT count(*) FROM portal_audit_entry"


def deed(name: str = "west", **more: Any) -> Entry:
    """An entry."""
    return Entry(NOON, 7, name, AuditAction.RECORD_CHANGED, 1, **more)


def rows(portal: Portal) -> list[dict[str, Any]]:
    """Every sealed entry, oldest first."""
    with portal.engines.owner.connect() as connection:
        found = connection.execute(AUDIT_ENTRY.select().order_by(AUDIT_ENTRY.c.id))
        return [dict(row) for row in found.mappings()]


def parts(body: bytes) -> tuple[list[str], dict[str, Any]]:
    """The lines of the header, and what follows them."""
    lines = body.decode().split("\n")
    return lines[:-1], json.loads(lines[-1])


def test_every_entry_carries_its_number_and_its_predecessor_in_the_sealed_bytes(
    nursery: Portal,
) -> None:
    found = rows(nursery)
    assert len(found) > 40
    previous = bytes(32)
    for number, row in enumerate(found, 1):
        header, said = parts(row["body"])
        assert row["id"] == number
        assert header[1:3] == [f"seq {number}", f"prev {previous.hex()}"]
        assert row["prev"] == previous
        assert row["leaf"] == hashlib.sha256(b"\0" + row["body"]).digest()
        assert said["action"] == row["action"]
        previous = row["leaf"]


def test_sealed_bytes_hold_no_personal_value_but_its_digest(nursery: Portal) -> None:
    with nursery.engines.app.begin() as connection:
        append(connection, deed(entity="buyer", record_id=9, record_title="王小明",
                                changes={"note": ["旧话", "新话"]}))  # fmt: skip
    row = rows(nursery)[-1]
    _, said = parts(row["body"])
    assert "王小明" not in row["body"].decode()
    assert said["fields"] == ["note"]
    with nursery.engines.owner.connect() as connection:
        kept = connection.execute(AUDIT_VALUE.select().where(AUDIT_VALUE.c.id == row["id"])).one()
        seen = connection.execute(AUDIT.select().where(AUDIT.c.id == row["id"])).one()
    assert said["values"] == hashlib.sha256(kept.salt + kept.told.encode()).hexdigest()
    assert (seen.record_title, seen.changes) == ("王小明", {"note": ["旧话", "新话"]})


def test_entries_wait_for_the_commit_so_that_work_does_not_hold_the_head(nursery: Portal) -> None:
    with Session(nursery.engines.app) as slow, Session(nursery.engines.app) as quick:
        with unit_of_work(slow):
            append(slow, deed("slow"))
            with unit_of_work(quick):
                append(quick, deed("quick"))
        assert [row["account_name"] for row in rows(nursery)[-2:]] == ["quick", "slow"]


def test_whoever_reads_the_trail_in_the_same_transaction_misses_nothing(nursery: Portal) -> None:
    with Session(nursery.engines.app) as session, unit_of_work(session):
        append(session, deed(entity="buyer", record_id=4711))
        found = of_record(session, "buyer", 4711, before=None, limit=5)
        append(session, deed(entity="buyer", record_id=4711))
        again = session.scalar(text("SELECT count(*) FROM portal_audit WHERE record_id = 4711"))
    assert (len(found), again) == (1, 2)
    assert nursery.scalar("SELECT count(*) FROM portal_audit WHERE record_id = 4711") == 2


def test_what_is_rolled_back_leaves_no_entry(nursery: Portal) -> None:
    before = nursery.scalar(COUNT)
    with Session(nursery.engines.app) as session:
        append(session, deed())
        session.rollback()
        session.execute(text("SELECT 1"))
        session.commit()
    with nursery.engines.app.connect() as connection:
        append(connection, deed())
    assert nursery.scalar(COUNT) == before


def test_a_savepoint_takes_back_its_own_entries_alone(nursery: Portal) -> None:
    with Session(nursery.engines.app) as session, unit_of_work(session):
        inner = session.begin_nested()
        append(session, deed("lost before anything"))
        inner.rollback()
        append(session, deed("kept 1"))
        inner = session.begin_nested()
        append(session, deed("lost"))
        inner.rollback()
        with session.begin_nested():
            append(session, deed("kept 2"))
    names = [row["account_name"] for row in rows(nursery)]
    assert names[-2:] == ["kept 1", "kept 2"]
    assert not [name for name in names if name.startswith("lost")]


def test_one_connection_serves_many_transactions(nursery: Portal) -> None:
    before = nursery.scalar(COUNT)
    with nursery.engines.app.connect() as connection:
        for number in range(3):
            with connection.begin():
                append(connection, deed(str(number)))
    assert [row["account_name"] for row in rows(nursery)[before:]] == ["0", "1", "2"]


def test_a_busy_head_is_a_clear_sentence_and_nothing_is_saved(nursery: Portal) -> None:
    before = nursery.scalar(COUNT)
    with nursery.engines.owner.begin() as holder:
        holder.execute(text("SELECT 1 FROM portal_audit_head FOR UPDATE"))
        with (
            Session(nursery.engines.app) as session,
            pytest.raises(Unavailable) as caught,
            unit_of_work(session),
        ):
            append(session, deed())
    assert "nothing was saved" in str(caught.value)
    assert nursery.scalar(COUNT) == before


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE portal_audit_entry SET account_name = 'x'",
        "DELETE FROM portal_audit_entry",
        "TRUNCATE portal_audit_entry",
        "INSERT INTO portal_audit_entry SELECT * FROM portal_audit_entry LIMIT 1",
        "UPDATE portal_audit_value SET told = '{}'",
        "DELETE FROM portal_audit_value",
        "UPDATE portal_audit_head SET size = 1",
        "ALTER TABLE portal_audit_entry DISABLE TRIGGER ALL",
    ],
)
def test_the_application_has_no_other_way_in(nursery: Portal, statement: str) -> None:
    refused = pytest.raises(ProgrammingError, match=r"permission denied|must be owner")
    with nursery.engines.app.connect() as connection, refused:
        connection.execute(text(statement))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE portal_audit_entry SET account_name = 'x' WHERE id = 1",
        "DELETE FROM portal_audit_entry WHERE id = 1",
        "TRUNCATE portal_audit_entry",
        "UPDATE portal_audit_value SET told = '{}'",
        "TRUNCATE portal_audit_value",
        "DELETE FROM portal_audit_head",
    ],
)
def test_the_owner_is_stopped_by_triggers(nursery: Portal, statement: str) -> None:
    refused = pytest.raises(DBAPIError, match="the audit trail is never changed")
    with nursery.engines.owner.connect() as connection, refused:
        connection.execute(text(statement))


def test_fifty_writers_leave_a_dense_chain(nursery: Portal) -> None:
    before = nursery.scalar(COUNT)

    def write(number: int) -> None:
        for turn in range(20):
            with Session(nursery.engines.app) as session, unit_of_work(session):
                session.execute(text("SELECT 1"))
                append(session, deed(f"writer {number}", record_title=f"{turn}"))

    with ThreadPoolExecutor(50) as pool:
        list(pool.map(write, range(50)))
    found = rows(nursery)
    assert len(found) == before + 1000
    assert [row["id"] for row in found] == list(range(1, len(found) + 1))
    assert all(one["leaf"] == two["prev"] for one, two in pairwise(found))


def test_a_clock_that_was_set_back_is_marked(nursery: Portal) -> None:
    url = nursery.engines.app.url
    for days in (1, -2, -2):
        clock = FixedClock(SystemClock().now() + timedelta(days=days))
        engine = make_engine(url.render_as_string(hide_password=False), clock=clock)
        with engine.begin() as connection:
            append(connection, deed())
        engine.dispose()
    found = rows(nursery)[-3:]
    assert [row["clock_back"] for row in found] == [False, True, False]
    assert "mark clock_back" in parts(found[1]["body"])[0]


def test_odd_texts_have_one_spelling(nursery: Portal) -> None:
    with nursery.engines.app.begin() as connection:
        append(
            connection, deed("a\0b", changes={"e\u0301": [1.5, 2**60], "half": ["\ud800", None]})
        )
    row = rows(nursery)[-1]
    assert row["account_name"] == "a\ufffdb"
    changes = nursery.scalar("SELECT changes FROM portal_audit WHERE id = :id", id=row["id"])
    assert changes == {"\u00e9": ["1.5", "1152921504606846976"], "half": ["?", None]}


OLD_TABLE = """
CREATE TABLE portal_audit (id bigint GENERATED BY DEFAULT AS IDENTITY CONSTRAINT pk_portal_audit PRIMARY KEY,
    at timestamptz NOT NULL, account_id integer, account_name varchar(80) NOT NULL, action varchar(40) NOT NULL,
    entity varchar(63), record_id bigint, record_title text, revision integer NOT NULL,
    changes jsonb NOT NULL DEFAULT '{}', address varchar(45))
"""
OLD_ROWS = """
INSERT INTO portal_audit (id, at, account_name, action, revision, record_title, changes, entity, record_id)
SELECT n * 2, '2026-01-01'::timestamptz + n * interval '1 hour', 'old', 'record:changed', 1, '旧' || n,
    jsonb_build_object('version', jsonb_build_array(n, n + 1)), 'bed', n FROM generate_series(1, 1234) AS n
"""


def without_trail(connection: Connection) -> None:
    """Put the database back to before the trail was sealed."""
    connection.execute(text("DROP VIEW portal_audit"))
    connection.execute(text("DROP TABLE portal_audit_entry, portal_audit_value, portal_audit_head"))
    connection.execute(text(OLD_TABLE))
    connection.execute(
        text("CREATE INDEX ix_portal_audit_entity_record_id ON portal_audit (entity, record_id)")
    )
    connection.execute(text(OLD_ROWS.replace(":", r"\:")))


def test_an_older_home_is_sealed_once_and_in_order(nursery: Portal) -> None:
    with nursery.engines.owner.begin() as connection:
        without_trail(connection)
    for _ in range(2):
        prepare_database(nursery.engines)
        found = rows(nursery)
        assert [row["id"] for row in found] == list(range(1, 1235))
        header, said = parts(found[-1]["body"])
        assert said["facts"] == {"unsealed_until_upgrade": 2468}
        assert header[1] == "seq 1234"
        assert not any(row["clock_back"] for row in found)
    assert found[0]["at"] == datetime(2026, 1, 1, 1, tzinfo=UTC)
    assert nursery.scalar("SELECT record_title FROM portal_audit WHERE id = 7") == "旧7"
    assert nursery.scalar("SELECT to_regclass('portal_audit_unsealed')") is None
    with nursery.engines.app.begin() as connection:
        append(connection, deed())
    assert rows(nursery)[-1]["id"] == 1235
