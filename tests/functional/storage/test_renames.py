"""A rename takes along what is kept under the old name: links, numbers, files, views, holds, references."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, func, select, text
from sqlalchemy.orm import Session

from app.audit.actions import AuditAction
from app.audit.bundles import of_record_is
from app.audit.chain import Entry, append, fields_changed_since, of_record
from app.audit.erasing import erase
from app.factory import Engines, apply, compiled_revision, make_runtime, prepare_database
from app.features.exports.extract import seen_by
from app.features.trail import service
from app.features.trail.service import Search
from app.features.viewing.looking_back import Period, looked_at
from app.kernel.clock import FixedClock
from app.language.compiler import compile_sources
from app.records.runtime import Runtime
from app.settings import read_settings
from app.storage.audit_tables import AUDIT_ENTRY
from app.storage.database import make_engine
from tests.support.classes import PLAIN_CLASS
from tests.support.servers import running_servers

ZONE = ZoneInfo("Asia/Shanghai")
PORTAL = (
    """
portal: p
label: {zh: 一, en: P}
modules: {m: {label: {zh: 一, en: M}, entities: [plant, bed]}}
"""
    + PLAIN_CLASS
)
BED = """
entity: bed
label: {zh: 畦, en: Bed}
title: "{name}"
scope: none
fields:
  name: {type: text, label: {zh: 名称, en: Name}}
  about: {type: reference, to: [plant], label: {zh: 关于, en: About}}
"""
PLANT = """
entity: plant
label: {zh: 植物, en: Plant}
title: "{name}"
scope: none
fields:
  name: {type: text, label: {zh: 名称, en: Name}}
  number: {type: code, pattern: "P{seq:4}", label: {zh: 号, en: Number}}
  shot: {type: file, label: {zh: 照片, en: Shot}}
  bed: {type: link, to: bed, label: {zh: 畦, en: Bed}}
  near: {type: links, to: bed, label: {zh: 近, en: Near}}
"""
ROWS = (
    "INSERT INTO bed (name, about) VALUES ('one', 'plant:1'), ('two', 'planter:1')",
    "INSERT INTO plant (name, bed_id) VALUES ('a', 1)",
    "INSERT INTO plant__near VALUES (1, 2)",
    "INSERT INTO portal_series (name, last) VALUES ('plant.number:P{seq:4}', 7)",
    (
        "INSERT INTO portal_file (sha256, name, kind, size, entity, field, record_id)"
        " VALUES ('x', 'x', 'pdf', 1, 'plant', 'shot', 1)"
    ),
    "INSERT INTO portal_saved_view (account_id, entity, name, query) VALUES (1, 'plant', 'mine', '')",
    "INSERT INTO portal_saved_view (account_id, entity, name, query) VALUES (1, 'growth', 'mine', '')",
)
RENAMED = (
    ("entity: plant", "entity: growth\nwas: plant"),
    ("  number: {", "  code: {was: number, "),
    ("  shot: {", "  picture: {was: shot, "),
    ("  bed: {type: link,", "  plot: {was: bed, type: link,"),
    ("  near: {", "  beside: {was: near, "),
)


def tell(
    connection: Connection, revision: int, entity: str, changes: dict[str, list[object]],
    action: AuditAction = AuditAction.RECORD_CHANGED,
) -> None:  # fmt: skip
    """A deed of the trail, done by account 7 to record 1 under a revision."""
    at = datetime(2026, 5, 1, tzinfo=UTC)
    append(connection, Entry(at, 7, "test", action, revision,
                             entity=entity, record_id=1, changes=changes))  # fmt: skip


def runtime_of(engines: Engines, home: Path) -> Runtime:
    """The newest revision of a database."""
    schema, number = compiled_revision(engines)
    settings = read_settings({"PORTAL_HOME": str(home), "PORTAL_SECRET_KEY": "k" * 43})
    return make_runtime(settings, schema, number, FixedClock(datetime(2026, 5, 31, 4, tzinfo=UTC)))


@pytest.fixture(scope="module")
def renamed() -> Iterator[Engines]:
    """A database whose plants became growths, with all of their fields, and whose old name is in use again."""
    with running_servers() as servers, servers.database() as urls:
        engines = Engines(make_engine(urls.owner), make_engine(urls.app))
        prepare_database(engines)
        apply(
            engines,
            compile_sources({"portal.yaml": PORTAL, "bed.yaml": BED, "plant.yaml": PLANT}),
            by="test",
        )
        with engines.owner.begin() as connection:
            for statement in ROWS:
                connection.exec_driver_sql(statement)
            tell(connection, 1, "plant", {"number": [None, "P0001"], "version": [None, 1]})
        growth = PLANT
        for old, new in RENAMED:
            assert old in growth
            growth = growth.replace(old, new)
        files = {
            "portal.yaml": PORTAL.replace("[plant,", "[growth, plant,"),
            "bed.yaml": BED.replace("[plant]", "[growth, plant]"),
            "growth.yaml": growth,
            "plant.yaml": PLANT,
        }
        done = apply(engines, compile_sources(files), by="test")
        assert not done.losses
        assert apply(engines, compile_sources(files), by="test").steps == ()
        with engines.owner.begin() as connection:
            tell(connection, 2, "growth", {"code": ["P0001", "P0002"], "version": [1, 2]})
            tell(connection, 2, "plant", {"number": [None, "P0001"], "version": [None, 1]})
            for revision, entity in ((1, "plant"), (2, "growth"), (2, "plant"), (2, "plant")):
                tell(connection, revision, entity, {}, AuditAction.VALUES_READ)
        yield engines
        engines.dispose()


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("SELECT name || plot_id FROM growth", ["a1"]),
        ("SELECT record_id || '-' || target_id FROM growth__beside", ["1-2"]),
        ("SELECT record_id FROM plant__near", []),
        ("SELECT name || '=' || last FROM portal_series", ["growth.code:P{seq:4}=7"]),
        ("SELECT entity || '.' || field FROM portal_file", ["growth.picture"]),
        ("SELECT entity FROM portal_saved_view", ["growth"]),
        ("SELECT about FROM bed ORDER BY id", ["growth:1", "planter:1"]),
    ],
)
def test_what_is_kept_under_the_old_name_follows(
    renamed: Engines, question: str, answer: list[object]
) -> None:
    with renamed.owner.connect() as connection:
        assert connection.scalars(text(question.replace(":", r"\:"))).all() == answer


def test_the_trail_is_read_under_former_names(renamed: Engines) -> None:
    with Session(renamed.app) as session:
        told = [
            entry for entry in of_record(session, "growth", 1, before=None, limit=9)
            if entry["action"] == AuditAction.RECORD_CHANGED
        ]  # fmt: skip
        assert [entry["changes"].get("code") for entry in told] == [
            ["P0001", "P0002"],
            [None, "P0001"],
        ]
        assert fields_changed_since(session, "growth", 1, 0) == {"code"}
        # Another entity that bears the old name has but its own.
        assert {
            entry["revision"] for entry in of_record(session, "plant", 1, before=None, limit=9)
        } == {2}


@pytest.mark.parametrize(
    ("entity", "changed", "read"), [("growth", 2, 2), ("plant", 1, 2), ("bed", 0, 0)]
)
def test_the_page_of_the_trail_bundles_and_copies_find_what_was_renamed(
    renamed: Engines, tmp_path: Path, entity: str, changed: int, read: int
) -> None:
    """One change and one read as plant before, the same as growth since; as the new plant one and two."""
    with Session(renamed.app) as session:
        found = service.find(session, Search(entity=entity), ZONE, before=None, limit=99)
        deeds = [entry["action"] for entry in found]
        assert deeds.count(AuditAction.RECORD_CHANGED) == changed
        assert deeds.count(AuditAction.VALUES_READ) == read
        assert {entry["entity"] for entry in found} <= {entity}
        wanted = of_record_is(session.connection(), entity, 1)
        counted = select(func.count()).select_from(AUDIT_ENTRY).where(wanted)
        assert session.scalar(counted) == changed + read
        assert len(seen_by(session, entity, 1)) == read


def test_entries_are_told_under_the_names_of_today(renamed: Engines) -> None:
    with Session(renamed.app) as session:
        found = service.find(session, Search(action="record:changed"), ZONE, before=None, limit=99)
    told = [(entry["revision"], entry["entity"], sorted(entry["changes"])) for entry in found]
    assert told == [
        (2, "plant", ["number", "version"]),
        (2, "growth", ["code", "version"]),
        (1, "growth", ["code", "version"]),
    ]


def test_the_look_back_counts_what_was_done_under_former_names(
    renamed: Engines, tmp_path: Path
) -> None:
    """Account 7 read record 1 of the growths, once under each name; it counts as one record."""
    with Session(renamed.app) as session:
        runtime = runtime_of(renamed, tmp_path)
        period = Period("growth", 31, date(2026, 5, 31))
        (one,) = looked_at(session, runtime, period)
        assert (one.account_id, one.values) == (7, 1)
        with renamed.app.begin() as connection:
            tell(connection, 1, "plant", {}, AuditAction.SEARCHED)
            tell(connection, 2, "growth", {}, AuditAction.SEARCHED)
            tell(connection, 2, "plant", {}, AuditAction.SEARCHED)
        (one,) = looked_at(session, runtime, period)
        assert one.searches == 2


def test_the_second_wall_goes_by_the_names_of_today(renamed: Engines) -> None:
    """Revision 1 called growths plants; the plants of revision 2 are others."""
    named = text("SELECT portal_wall_named(:name, :revision)")
    with renamed.app.connect() as connection:
        found = [
            connection.scalar(named, {"name": name, "revision": revision})
            for name, revision in (("plant", 1), ("plant", 2), ("growth", 2), ("bed", 1))
        ]
    assert found == ["growth", "plant", "growth", "bed"]


def test_what_was_told_under_a_former_name_is_erased_with_the_rest(renamed: Engines) -> None:
    """Growth 1 was plant 1 in the first revision; the plant 1 of the second is another, and keeps its values."""
    told = text(
        "SELECT e.revision || e.entity || count(v.id) FROM portal_audit_entry e LEFT JOIN portal_audit_value v"
        " ON v.id = e.id WHERE e.action = 'record:changed' GROUP BY e.revision, e.entity ORDER BY 1"
    )
    with renamed.app.begin() as connection:
        assert connection.scalars(told).all() == ["1plant1", "2growth1", "2plant1"]
        at = datetime(2026, 5, 2, tzinfo=UTC)
        entry = Entry(at, 7, "test", AuditAction.RECORD_ERASED, 2, entity="growth", record_id=1)
        erase(connection, entry)
        assert connection.scalars(told).all() == ["1plant0", "2growth0", "2plant1"]
        erasures = text(
            "SELECT entity FROM portal_audit_entry WHERE action = 'audit:erased' ORDER BY id"
        )
        assert connection.scalars(erasures).all() == ["growth", "plant"]
