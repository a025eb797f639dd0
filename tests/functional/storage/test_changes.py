"""Changing a schema over a live database: added, renamed, retyped, dropped; refused; killed half way."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Connection, text

from app.factory import Engines, apply, prepare_database
from app.kernel.errors import Refused, Unavailable
from app.language.compiler import compile_sources
from app.language.definitions import Schema
from app.storage.applying import Order, apply_schema, plan_schema, purge, revisions
from app.storage.database import make_engine, own_revision
from app.storage.models import build_models
from app.storage.steps import Plan
from tests.support.classes import PLAIN_CLASS
from tests.support.servers import Servers, running_servers

PORTAL = (
    "portal: p\nlabel: {zh: 一, en: P}\nmodules: {m: {label: {zh: 一, en: M}, entities: [plant]}}\n"
    + PLAIN_CLASS
)
PLANT = """
entity: plant
label: {zh: 植物, en: Plant}
title: "{name}"
scope: none
fields:
  name: {type: text, max: 40, label: {zh: 名称, en: Name}, required: true, search: true}
  height: {type: text, label: {zh: 高度, en: Height}}
  note: {type: text, label: {zh: 备注, en: Note}}
  kind: {type: choice, label: {zh: 种类, en: Kind}, choices: {tree: {zh: 树, en: Tree}, herb: {zh: 草, en: Herb}}}
"""


def schema_of(plant: str) -> Schema:
    """A portal with one entity."""
    return compile_sources({"portal.yaml": PORTAL, "plant.yaml": plant})


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with running_servers() as started:
        yield started


@pytest.fixture
def engines(servers: Servers) -> Iterator[Engines]:
    """A database that holds the first schema and two plants."""
    with servers.database() as urls:
        made = Engines(make_engine(urls.owner), make_engine(urls.app))
        prepare_database(made)
        apply(made, schema_of(PLANT), by="test")
        with made.owner.begin() as connection:
            connection.execute(
                text(
                    "INSERT INTO plant (name, height, note, kind) VALUES"
                    " ('梅', '12', 'old', 'tree'), ('兰', '34', NULL, 'herb')"
                )
            )
        yield made
        made.dispose()


def rows(engines: Engines, columns: str) -> list[tuple[object, ...]]:
    """Some columns of all plants, as the application's role reads them."""
    with engines.app.connect() as connection:
        return [
            tuple(row)
            for row in connection.execute(text("SELECT " + columns + " FROM plant ORDER BY id"))
        ]


def change(engines: Engines, old: str, new: str, *, allow_loss: bool = False) -> Plan:
    """Apply the schema with one text replaced."""
    assert old in PLANT
    return apply(engines, schema_of(PLANT.replace(old, new)), by="test", allow_loss=allow_loss)


def test_applying_the_same_again_does_nothing(engines: Engines) -> None:
    assert plan_schema(engines.owner, schema_of(PLANT), build_models(schema_of(PLANT))).steps == ()
    apply(engines, schema_of(PLANT), by="test")
    with engines.owner.connect() as connection:
        assert [item.number for item in revisions(connection)] == [1]


def test_an_added_field_takes_its_default(engines: Engines) -> None:
    added = "  colour: {type: text, required: true, default: \"'green'\", label: {zh: 色, en: C}}\n  note:"
    change(engines, "  note:", added)
    assert rows(engines, "name, colour") == [("梅", "green"), ("兰", "green")]


def test_a_required_field_without_default_is_refused_while_there_are_rows(engines: Engines) -> None:
    with pytest.raises(Refused) as caught:
        change(
            engines,
            "  note:",
            "  colour: {type: text, required: true, label: {zh: 色, en: C}}\n  note:",
        )
    assert "1, 2" in str(caught.value.message)


def test_a_rename_keeps_the_values(engines: Engines) -> None:
    change(engines, "  note: {type: text,", "  remark: {type: text, was: note,")
    assert rows(engines, "remark") == [("old",), (None,)]


def test_an_entity_is_renamed_with_its_rows(engines: Engines) -> None:
    portal = PORTAL.replace("plant", "growth")
    plant = PLANT.replace("entity: plant", "entity: growth\nwas: plant")
    apply(engines, compile_sources({"portal.yaml": portal, "plant.yaml": plant}), by="test")
    with engines.app.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM growth")) == 2


def test_texts_become_numbers_when_all_of_them_are(engines: Engines) -> None:
    change(engines, "height: {type: text,", "height: {type: integer,")
    assert rows(engines, "height") == [(12,), (34,)]


def test_a_text_that_is_no_number_stands_against_it(engines: Engines) -> None:
    with engines.owner.begin() as connection:
        connection.execute(text("UPDATE plant SET height = 'tall' WHERE name = '兰'"))
    with pytest.raises(Refused) as caught:
        change(engines, "height: {type: text,", "height: {type: integer,")
    assert "rows prevent it: 2" in str(caught.value.message)
    assert rows(engines, "height") == [("12",), ("tall",)]


def test_narrowing_looks_at_the_rows(engines: Engines) -> None:
    change(engines, "max: 40", "max: 20")
    with pytest.raises(Refused):
        change(engines, "height: {type: text,", "height: {type: text, max: 1,")


def test_a_dropped_field_is_put_aside_only_when_told(engines: Engines) -> None:
    note = "  note: {type: text, label: {zh: 备注, en: Note}}\n"
    with pytest.raises(Refused):
        change(engines, note, "")
    assert change(engines, note, "", allow_loss=True).losses
    assert rows(engines, "aside_2_note") == [("old",), (None,)]
    with engines.owner.begin() as connection:
        connection.execute(text("UPDATE portal_set_aside SET purge_on = current_date"))
    assert purge(engines.owner) == ["plant.note"]


def with_second(first: str, second: str = "") -> Schema:
    """The portal with one entity in its module and perhaps another one."""
    names = [
        line.removeprefix("entity: ")
        for line in (first + second).splitlines()
        if line.startswith("entity: ")
    ]
    portal = PORTAL.replace("[plant]", "[" + ", ".join(names) + "]")
    files = {"portal.yaml": portal, "first.yaml": first}
    return compile_sources(files | ({"second.yaml": second} if second else {}))


def said(plan: Plan) -> list[str]:
    """What a plan says."""
    return [str(step.says) for step in plan.steps]


OTHER = PLANT.replace("entity: plant", "entity: tool")


def test_a_dropped_entity_comes_back_empty_while_it_is_set_aside(engines: Engines) -> None:
    apply(engines, with_second(PLANT, OTHER), by="test")
    apply(engines, with_second(OTHER), by="test", allow_loss=True)
    done = apply(engines, with_second(PLANT, OTHER), by="test")
    empty = "Create table plant, empty: what it held stays set aside as aside_3_plant until"
    assert any(line.startswith(empty) for line in said(done))
    assert rows(engines, "name") == []
    with engines.owner.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM aside_3_plant")) == 2
    apply(engines, with_second(OTHER), by="test", allow_loss=True)
    apply(engines, with_second(PLANT, OTHER), by="test")
    assert apply(engines, with_second(PLANT, OTHER), by="test").steps == ()


def test_a_dropped_field_comes_back_empty_while_it_is_set_aside(engines: Engines) -> None:
    note = "  note: {type: text, label: {zh: 备注, en: Note}}\n"
    unique = note.replace("text,", "text, unique: true,")
    change(engines, note, unique)
    change(engines, note, "", allow_loss=True)
    done = change(engines, note, unique)
    assert any(line.startswith("Add plant.note, empty: ") for line in said(done))
    assert rows(engines, "note, aside_3_note") == [(None, "old"), (None, None)]


def test_a_new_entity_takes_the_former_name_of_a_renamed_one(engines: Engines) -> None:
    growth = PLANT.replace("entity: plant", "entity: growth\nwas: plant")
    done = apply(engines, with_second(growth, PLANT), by="test")
    assert "Index ix_growth_list." not in said(done)
    assert rows(engines, "name") == []
    with engines.app.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM growth")) == 2
        keys = connection.scalars(
            text(
                "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = 'growth'::regclass"
            )
        ).all()
    assert set(keys) >= {"pk_growth", "ix_growth_list"}
    assert apply(engines, with_second(growth, PLANT), by="test").steps == ()


def test_a_purge_finds_a_column_after_its_entity_was_renamed(engines: Engines) -> None:
    note = "  note: {type: text, label: {zh: 备注, en: Note}}\n"
    change(engines, note, "", allow_loss=True)
    growth = PLANT.replace("entity: plant", "entity: growth\nwas: plant").replace(note, "")
    apply(engines, with_second(growth), by="test")
    with engines.owner.begin() as connection:
        # As an older portal left the note.
        connection.execute(
            text("UPDATE portal_set_aside SET purge_on = current_date, table_name = 'plant'")
        )
    purge(engines.owner)
    with engines.owner.connect() as connection:
        assert not connection.scalar(
            text(
                "SELECT count(*) FROM information_schema.columns WHERE column_name = 'aside_2_note'"
            )
        )


def test_a_new_unique_rule_names_the_rows_that_are_alike(engines: Engines) -> None:
    with engines.owner.begin() as connection:
        connection.execute(text("UPDATE plant SET note = 'same'"))
    with pytest.raises(Refused) as caught:
        change(engines, "note: {type: text,", "note: {type: text, unique: true,")
    assert "1, 2" in str(caught.value.message)


def test_a_choice_that_rows_hold_cannot_go(engines: Engines) -> None:
    with pytest.raises(Refused) as caught:
        change(engines, ", herb: {zh: 草, en: Herb}", "")
    assert "rows prevent it: 2" in str(caught.value.message)


def test_the_application_cannot_change_tables_or_the_trail(engines: Engines) -> None:
    for statement in (
        "DROP TABLE plant",
        "DELETE FROM portal_audit_entry",
        "UPDATE portal_revision SET number = 9",
    ):
        with (
            engines.app.connect() as connection,
            pytest.raises(Exception, match=r"permission denied|must be owner"),
        ):
            connection.execute(text(statement))


def test_two_who_apply_at_once_wait_a_moment_and_then_say_so(engines: Engines) -> None:
    with engines.owner.begin() as connection:
        own_revision(connection)
        with pytest.raises(Unavailable):
            change(engines, "max: 40", "max: 60")


def die_half_way(owner: str, app: str) -> None:
    """Apply a change and be killed inside the transaction, after the tables were changed."""
    engines = Engines(make_engine(owner), make_engine(app))
    schema = schema_of(
        PLANT.replace("  note:", "  colour: {type: text, label: {zh: 色, en: C}}\n  note:")
    )

    def kill(connection: Connection, number: int, done: Plan) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    apply_schema(engines.owner, schema, build_models(schema), Order("test", "portal_app"), kill)


def test_a_change_killed_half_way_leaves_the_old_revision(
    servers: Servers, engines: Engines
) -> None:
    urls = [
        engine.url.render_as_string(hide_password=False) for engine in (engines.owner, engines.app)
    ]
    process = multiprocessing.get_context("spawn").Process(target=die_half_way, args=urls)
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    with engines.owner.connect() as connection:
        assert [item.number for item in revisions(connection)] == [1]
    assert rows(engines, "name, note") == [("梅", "old"), ("兰", None)]
    change(engines, "  note:", "  colour: {type: text, label: {zh: 色, en: C}}\n  note:")
    assert rows(engines, "colour") == [(None,), (None,)]


def test_a_plan_changes_nothing(engines: Engines) -> None:
    schema = replace(
        schema_of(PLANT.replace("  note: {type: text,", "  remark: {type: text, was: note,"))
    )
    plan = plan_schema(engines.owner, schema, build_models(schema))
    assert [str(step.says) for step in plan.steps] == ["Rename plant.note to remark."]
    assert rows(engines, "note") == [("old",), (None,)]
