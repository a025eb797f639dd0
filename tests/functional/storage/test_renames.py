"""A rename takes along what is kept under the old name: links, numbers, files, views, holds, references."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from app.audit.actions import AuditAction
from app.audit.chain import Entry, append, fields_changed_since, of_record
from app.factory import Engines, apply, prepare_database
from app.language.compiler import compile_sources
from app.storage.database import make_engine
from tests.support.servers import running_servers

PORTAL = """
portal: p
label: {zh: 一, en: P}
modules: {m: {label: {zh: 一, en: M}, entities: [plant, bed]}}
"""
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
    connection: Connection, revision: int, entity: str, changes: dict[str, list[object]]
) -> None:
    """A deed of the trail, done to record 1 under a revision."""
    at = datetime(2026, 5, 1, tzinfo=UTC)
    append(connection, Entry(at, None, "test", AuditAction.RECORD_CHANGED, revision,
                             entity=entity, record_id=1, changes=changes))  # fmt: skip


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
        told = of_record(session, "growth", 1, before=None, limit=9)
        assert [entry["changes"].get("code") for entry in told] == [
            ["P0001", "P0002"],
            [None, "P0001"],
        ]
        assert fields_changed_since(session, "growth", 1, 0) == {"code"}
        # Another entity that bears the old name has but its own.
        assert [
            entry["revision"] for entry in of_record(session, "plant", 1, before=None, limit=9)
        ] == [2]
