"""Rows that stand against a change are found by the plan, and what only the database finds is said in a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from app.factory import Engines, apply, prepare_database
from app.kernel.errors import Refused
from app.language.compiler import compile_sources
from app.language.definitions import Schema
from app.storage.applying import plan_schema
from app.storage.database import make_engine
from app.storage.encryption import FILE, KeyRing
from app.storage.models import build_models
from tests.support.classes import PLAIN, WHY
from tests.support.servers import running_servers

PORTAL = """
portal: p
label: {zh: 一, en: P}
classes: {secret: {label: {zh: 密, en: Secret}, WHY, mask: all, encrypt: true}, PLAIN}
modules: {m: {label: {zh: 一, en: M}, entities: [bed, pot, plant]}}
class: plain
""".replace("WHY", WHY).replace("PLAIN", PLAIN)
PLACE = """
entity: %s
label: {zh: 处, en: Place}
title: "{name}"
scope: none
fields:
  name: {type: text, label: {zh: 名称, en: Name}}
"""
PLANT = """
entity: plant
label: {zh: 植物, en: Plant}
title: "{name}"
scope: none
fields:
  name: {type: text, label: {zh: 名称, en: Name}}
  at: {type: link, to: bed, label: {zh: 处, en: Place}}
  near: {type: links, to: bed, label: {zh: 近, en: Near}}
  mark: {type: text, class: secret, label: {zh: 记号, en: Mark}}
  sown: {type: datetime, label: {zh: 播种, en: Sown}}
  uses: {type: choices, label: {zh: 用途, en: Uses}, choices: {tea: {zh: 茶, en: Tea}, dye: {zh: 染, en: Dye}}}
  story: {type: long_text, label: {zh: 故事, en: Story}}
  price: {type: decimal, label: {zh: 价, en: Price}}
"""
ROWS = (
    "INSERT INTO bed (name) VALUES ('one'), ('two')",
    "INSERT INTO pot (name) VALUES ('one'), ('two')",
    (
        "INSERT INTO plant (name, at_id, mark, sown, uses, story, price) VALUES"
        " ('a', 1, 'v1.same.1.x', '2026-05-01 00:00Z', '{tea}', 'abc', 12.00),"
        " ('b', NULL, 'v1.same.1.y', '2026-05-01 08:30Z', '{tea,dye}', 'abcdef', 12.50),"
        " ('c', 2, 'v1.other.1.z', NULL, NULL, NULL, NULL)"
    ),
    "INSERT INTO plant__near (record_id, target_id) VALUES (3, 1)",
)


def schema_of(old: str = "", new: str = "") -> Schema:
    """The portal with one text of the plant replaced."""
    assert old in PLANT
    plant = PLANT.replace(old, new) if old else PLANT
    files = {"portal.yaml": PORTAL, "plant.yaml": plant}
    return compile_sources(files | {f"{name}.yaml": PLACE % name for name in ("bed", "pot")})


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    """A database with three plants; whatever is refused leaves them as they are."""
    place: Path = tmp_path_factory.mktemp("keys") / FILE
    with running_servers() as servers, servers.database() as urls:
        made = Engines(make_engine(urls.owner, keys=KeyRing(place)), make_engine(urls.app))
        prepare_database(made)
        apply(made, schema_of(), by="test")
        with made.owner.begin() as connection:
            for statement in ROWS:
                connection.execute(text(statement))
        yield made
        made.dispose()


@pytest.mark.parametrize(
    ("old", "new", "rows"),
    [
        # The numbers 1 and 2 are those of pots as well, and of others than were meant.
        ("type: link, to: bed", "type: link, to: pot", (1, 3)),
        ("type: links, to: bed", "type: links, to: pot", (3,)),
        ("class: secret", "class: secret, unique: true", (1, 2)),
        ("type: datetime", "type: date", (2,)),
        (", dye: {zh: 染, en: Dye}", "", (2,)),
        ("type: long_text", "type: long_text, max: 5", (2,)),
        ("type: decimal", "type: integer", (2,)),
    ],
)
def test_the_plan_lists_the_rows_and_apply_refuses(
    engines: Engines, old: str, new: str, rows: tuple[int, ...]
) -> None:
    schema = schema_of(old, new)
    found = plan_schema(engines.owner, schema, build_models(schema))
    assert [step.rows for step in found.blocked] == [rows]
    with pytest.raises(Refused) as caught:
        apply(engines, schema, by="test", allow_loss=True)
    assert "These rows prevent it: " + ", ".join(map(str, rows)) in str(caught.value.message)


def test_what_only_the_database_finds_is_one_sentence(engines: Engines) -> None:
    with engines.owner.begin() as connection:
        connection.execute(text("ALTER TABLE plant ADD CONSTRAINT odd CHECK (price::text <> '13')"))
        connection.execute(text("INSERT INTO plant (name, price) VALUES ('d', 13.00)"))
        connection.execute(text("UPDATE plant SET price = 12.00 WHERE id = 2"))
    with pytest.raises(Refused) as caught:
        apply(engines, schema_of("type: decimal", "type: integer"), by="test")
    said = str(caught.value.message)
    assert said.startswith(
        "plant.price: from NUMERIC(20, 2) to BIGINT. The database refuses it at table plant"
    )
    assert said.endswith("(Reference: 23514 odd)")
    assert "ALTER" not in said


def test_whole_decimals_become_integers(engines: Engines) -> None:
    with engines.owner.begin() as connection:
        connection.execute(text("ALTER TABLE plant DROP CONSTRAINT odd"))
    apply(engines, schema_of("type: decimal", "type: integer"), by="test")
    with engines.app.connect() as connection:
        prices = connection.scalars(text("SELECT price FROM plant ORDER BY id")).all()
    assert prices == [12, 12, None, 13]
