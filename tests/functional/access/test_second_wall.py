"""PostgreSQL itself holds the row scope: each wall is looked at with the other taken down."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from app.access.permissions import Access
from app.access.second_wall import wall_of, walls
from app.access.session_scope import bind, install, scope_options
from app.storage.columns import column_name
from app.storage.database import make_sessions
from app.storage.walls import PATHS, set_actor
from tests.support.nursery import CANARY
from tests.support.portals import Portal
from tests.support.walls import actor_of, bare, kept, second_wall_alone, through_the_session

ACCOUNTS = ("account_west", "account_helper", "account_boss")


def test_whoever_does_not_say_who_he_is_sees_nothing(nursery: Portal) -> None:
    assert not any(second_wall_alone(nursery, None).values())


@pytest.mark.parametrize("account", ACCOUNTS)
def test_both_walls_let_the_same_rows_through(nursery: Portal, account: str) -> None:
    actor = actor_of(nursery, nursery.ids[account])
    through = through_the_session(nursery, actor, second_wall=False)
    assert through_the_session(nursery, actor, second_wall=True) == through
    found = second_wall_alone(nursery, actor)
    assert {name: found[name] for name in through} == through
    assert not any(rows for name, rows in found.items() if name not in through)
    assert any(through.values())
    boss = actor_of(nursery, nursery.ids["account_boss"])
    whole = through_the_session(nursery, boss, second_wall=True)
    assert (through == whole) is (account == "account_boss")


def test_raw_sql_neither_changes_nor_adds_nor_removes_what_is_foreign(nursery: Portal) -> None:
    keeper = actor_of(nursery, nursery.ids["account_west"])
    far = {"id": nursery.ids["far"]}
    with bare(nursery, keeper) as connection:
        for statement in (
            "UPDATE gardener SET name = 'mine' WHERE id = :id",
            "DELETE FROM gardener WHERE id = :id",
        ):
            assert connection.execute(text(statement), far).rowcount == 0
        taken = text("UPDATE gardener SET place_id = :east WHERE place_id = :west")
        with pytest.raises(ProgrammingError, match="row-level security"):
            connection.execute(taken, {"east": nursery.ids["east"], "west": nursery.ids["west"]})
        connection.rollback()
        set_actor(connection, wall_of(keeper, nursery.runtime.moment()))
        added = text("INSERT INTO gardener (name, bed_id, place_id) VALUES ('x', :east, :east)")
        with pytest.raises(ProgrammingError, match="row-level security"):
            connection.execute(added, {"east": nursery.ids["east"]})
    assert nursery.scalar("SELECT name FROM gardener WHERE id = :id", **far) == CANARY


def test_the_wall_stands_again_with_every_transaction(nursery: Portal) -> None:
    runtime = nursery.runtime
    sessions = make_sessions(nursery.engines.app)
    install(sessions)
    session: Session = sessions()
    access = Access(nursery.schema, actor_of(nursery, nursery.ids["account_west"]))
    count = text("SELECT count(*) FROM gardener WHERE name = :name")
    assert session.scalar(count, {"name": CANARY}) == 1
    bind(session, scope_options(access, runtime.models, runtime.moment()))
    assert session.scalar(count, {"name": CANARY}) == 0
    session.rollback()
    assert session.scalar(count, {"name": CANARY}) == 0
    sessions.remove()


def test_no_table_of_records_is_without_its_policy(nursery: Portal) -> None:
    models = nursery.runtime.models
    ours = {entity.name for entity in kept(nursery)} | {t.name for t in models.links.values()}
    with nursery.engines.owner.connect() as connection:
        found = connection.execute(
            text("SELECT relname FROM pg_class WHERE relrowsecurity AND relkind = 'r'")
        )
        assert set(found.scalars()) >= ours


def test_a_rule_leads_on_where_its_reader_may_not_look(nursery: Portal) -> None:
    """What a rule asks of other tables are keys and states, never a name."""
    views, _ = walls(nursery.schema, nursery.runtime.models)
    assert views
    for view in views:
        entity = nursery.schema.entities[view.table]
        named = [field for field in entity.fields.values() if column_name(field) in view.columns]
        assert not [field.name for field in named if field.sensitivity or field.type == "text"]
    with bare(nursery, None) as connection, pytest.raises(ProgrammingError, match="denied"):
        connection.execute(text(f"DELETE FROM {PATHS}.{views[0].table}"))
