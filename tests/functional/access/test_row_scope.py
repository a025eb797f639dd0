"""The scope at the session holds in whatever shape a statement asks, and counts each row once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Select, exists, func, literal, select, true, union_all
from sqlalchemy.orm import Session, aliased, outerjoin

from app.access.accounts import load_actor
from app.access.permissions import Access
from app.access.row_scope import rows_seen
from app.access.session_scope import bind, install, scope_options
from app.records.runtime import Runtime
from app.storage.database import make_sessions
from app.storage.walls import ENGINE, set_actor
from tests.support.nursery import CANARY
from tests.support.portals import Portal


@pytest.fixture
def keeper(nursery: Portal) -> Iterator[tuple[Session, Any, Runtime, Access]]:
    """A session of the keeper of the west bed, the classes, and what he may do."""
    sessions = make_sessions(nursery.engines.app)
    install(sessions)
    session: Session = sessions()
    runtime = nursery.runtime
    moment = runtime.moment()
    account = nursery.ids["account_west"]
    actor = load_actor(session, nursery.schema, runtime.models, account, moment.today)
    access = Access(nursery.schema, actor)
    bind(session, scope_options(access, runtime.models, moment))
    set_actor(session, ENGINE)  # The second wall is down: what holds here is the first alone.
    yield session, runtime.models.classes, runtime, access
    sessions.remove()


def shapes(classes: Any) -> dict[str, Select[Any]]:
    """Statements that would all find the gardener of the east if nothing held them back."""
    person, task = classes["gardener"], classes["task"]
    other, inner = aliased(person), select(person.name).subquery()
    far = select(person.name).where(person.name == CANARY)
    named, beside = far.cte("named"), far.lateral("beside")
    return {
        "the class": select(person),
        "a column": select(person.name),
        "an expression": select(func.upper(person.name)),
        "an aggregate": select(func.string_agg(person.name, literal(","))),
        "an alias": select(other.name),
        "a subquery": select(inner.c.name),
        "a common table expression": select(named.c.name),
        "a materialized one": select(far.cte("kept").prefix_with("MATERIALIZED").c.name),
        "a union": select(union_all(far, select(task.name)).subquery().c.name),
        "a scalar subquery": select(far.limit(1).scalar_subquery()),
        "a lateral": select(beside.c.name).select_from(classes["bed"]).join(beside, true()),
        "a condition": select(literal(CANARY)).where(exists().where(person.name == CANARY)),
        "an outer join": select(person.name).select_from(classes["bed"]).outerjoin(
            person, person.place_id == classes["bed"].id
        ),
        "other columns": select(task.id).with_only_columns(person.name),
    }  # fmt: skip


def told(session: Session, statement: Select[Any]) -> str:
    """What a statement answers, as text."""
    rows = session.execute(statement).all()
    return " ".join(str(getattr(row[0], "name", row[0])) for row in rows).lower()


def test_no_shape_of_a_statement_escapes(
    keeper: tuple[Session, Any, Runtime, Access], nursery: Portal
) -> None:
    session, classes, _, _ = keeper
    with nursery.records() as everybody:
        for shape, statement in shapes(classes).items():
            assert CANARY.lower() in told(everybody.session, statement), shape
            assert CANARY.lower() not in told(session, statement), shape
        assert everybody.session.get(classes["gardener"], nursery.ids["far"]) is not None
    assert session.get(classes["gardener"], nursery.ids["far"]) is None


def test_an_alias_is_not_joined(keeper: tuple[Session, Any, Runtime, Access]) -> None:
    session, classes, _, _ = keeper
    person = classes["gardener"]
    other = aliased(person)
    for statement in (
        select(other.name).select_from(person).join(other, other.id != person.id),
        select(other.name).join_from(person, other, other.id != person.id),
        select(other.name).select_from(outerjoin(person, other, other.id != person.id)),
        select(select(person.id).join(other, other.id != person.id).subquery().c.id),
    ):
        with pytest.raises(TypeError, match="alias"):
            session.execute(statement)


def test_each_row_in_scope_is_counted_once(nursery: Portal) -> None:
    runtime, moment = nursery.runtime, nursery.runtime.moment()
    sessions = make_sessions(nursery.engines.app)
    install(sessions)
    session: Session = sessions()
    split = 0
    known = [
        load_actor(session, nursery.schema, runtime.models, nursery.ids[name], moment.today)
        for name in ("account_west", "account_helper", "account_boss")
    ]
    both = replace(known[0], grants=(*known[0].grants, *known[1].grants))
    for actor in (*known, both):
        access = Access(nursery.schema, actor)
        bind(session, scope_options(access, runtime.models, moment))
        for name, model in runtime.models.classes.items():
            if nursery.schema.entities[name].external_table:
                continue
            rows = rows_seen(access, runtime.models, moment, name)
            counted = session.scalar(select(func.count()).select_from(rows.subquery()))
            assert counted == session.scalar(select(func.count()).select_from(model)), name
            split += "UNION ALL" in str(rows)
    sessions.remove()
    assert split
