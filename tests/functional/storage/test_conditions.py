"""The two meanings of a condition, Python and SQL, are the same for any condition and any row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, insert, select
from sqlalchemy.schema import CreateTable

from app.language.compiler import compile_sources
from app.language.evaluation import Moment, evaluate
from app.language.expressions import Binary, Call, Listing, Literal, Name, Tree, Unary
from app.storage.criteria import ActorValues, Compiler
from app.storage.database import make_engine
from app.storage.models import Models, build_models
from tests.support.classes import PLAIN_CLASS
from tests.support.servers import running_servers

PORTAL = (
    "portal: p\nlabel: {zh: 一, en: P}\nmodules: {m: {label: {zh: 一, en: M}, entities: [thing]}}\n"
    + PLAIN_CLASS
)
THING = """
entity: thing
label: {zh: 物, en: Thing}
title: "{word}"
scope: none
delete: hard
fields:
  word: {type: text, label: {zh: 一, en: W}}
  other: {type: text, label: {zh: 一, en: O}}
  number: {type: integer, label: {zh: 一, en: N}}
  amount: {type: money, label: {zh: 一, en: A}}
  day: {type: date, label: {zh: 一, en: D}}
  later: {type: date, label: {zh: 一, en: L}}
  at: {type: datetime, label: {zh: 一, en: T}}
  good: {type: yes_no, label: {zh: 一, en: G}}
  labels: {type: tags, label: {zh: 一, en: S}}
"""
MOMENT = Moment(datetime(2026, 2, 28, 20, 30, tzinfo=UTC), ZoneInfo("Asia/Shanghai"))
WORDS = st.text("ab一二 ", max_size=4)
NUMBERS = st.integers(-50, 50)
DAYS = st.dates(date(2023, 12, 1), date(2026, 4, 1))
ROWS = st.fixed_dictionaries(
    {
        "word": st.none() | WORDS,
        "other": st.none() | WORDS,
        "number": st.none() | NUMBERS,
        "amount": st.none() | st.decimals(-99, 99, places=2),
        "day": st.none() | DAYS,
        "later": st.none() | DAYS,
        "at": st.none()
        | st.datetimes(datetime(2024, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
        "good": st.none() | st.booleans(),
        "labels": st.none() | st.lists(WORDS, max_size=3),
    }
)


def names(*fields: str) -> st.SearchStrategy[Tree]:
    """One of some fields."""
    return st.sampled_from([Name((field,)) for field in fields])


def literals(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Tree]:
    """A literal of some values."""
    return st.builds(Literal, values)


def spans() -> st.SearchStrategy[Tree]:
    """A length of time."""
    whole = literals(st.integers(0, 40))
    return st.builds(lambda name, n: Call(name, (n,)), st.sampled_from(["days", "months"]), whole)


NUMBER = st.recursive(
    names("number", "amount") | literals(NUMBERS),
    lambda inner: (
        st.builds(Binary, st.sampled_from(["+", "-", "*", "/"]), inner, inner)
        | st.builds(lambda a, b: Call("coalesce", (a, b)), inner, inner)
        | st.builds(
            lambda name, a, b: Call(name, (a, b)), st.sampled_from(["min", "max"]), inner, inner
        )
    ),
    max_leaves=3,
)
TEXT = (
    names("word", "other")
    | literals(WORDS)
    | names("word").map(lambda name: Call("lower", (name,)))
)
DAY = (
    names("day", "later")
    | st.just(Call("today", ()))
    | st.builds(Binary, st.sampled_from(["+", "-"]), names("day", "later"), spans())
)
MOMENTS = names("at") | st.builds(Binary, st.just("-"), st.just(Call("now", ())), spans())
COMPARE = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
ATOM: st.SearchStrategy[Tree] = st.one_of(
    names("good"),
    st.builds(Binary, COMPARE, NUMBER, NUMBER),
    st.builds(Binary, COMPARE, TEXT, TEXT),
    st.builds(Binary, COMPARE, DAY, DAY),
    st.builds(Binary, COMPARE, MOMENTS, MOMENTS),
    st.builds(
        Unary, st.sampled_from(["is null", "is not null"]), names("word", "number", "day", "labels")
    ),
    st.builds(lambda a, b: Binary("in", a, Listing(tuple(b))), TEXT, st.lists(TEXT, max_size=3)),
    st.builds(lambda a, b: Call("starts_with", (a, b)), TEXT, TEXT),
    st.builds(lambda a, b: Call("contains", (a, b)), TEXT | names("labels"), TEXT),
    st.builds(lambda a: Binary(">", Call("len", (a,)), Literal(1)), TEXT),
    st.builds(lambda a: Binary("=", Call("month", (a,)), Literal(2)), DAY),
    st.builds(lambda a: Binary("=", Call("day", (a,)), Call("today", ())), names("at")),
    st.builds(
        lambda a, b: Binary("<", Binary("-", a, b), Literal(30)), names("day"), names("later")
    ),
)
CONDITION = st.recursive(
    ATOM,
    lambda inner: (
        st.builds(Binary, st.sampled_from(["and", "or"]), inner, inner)
        | st.builds(Unary, st.just("not"), inner)
    ),
    max_leaves=5,
)


@dataclass(frozen=True)
class Bench:
    """A database with the thing, and its classes."""

    engine: Engine
    models: Models
    compiler: Compiler


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    """A database with one table."""
    schema = compile_sources({"portal.yaml": PORTAL, "thing.yaml": THING})
    models = build_models(schema)
    with running_servers() as servers, servers.database() as urls:
        engine = make_engine(urls.owner)
        table = models.metadata.tables["thing"]
        with engine.begin() as connection:
            connection.execute(CreateTable(table, include_foreign_key_constraints=[]))
        actor = ActorValues(None, None, None)
        compiler = Compiler(
            schema, models, MOMENT, actor, schema.entities["thing"], table, scoped=False
        )
        yield Bench(engine, models, compiler)
        engine.dispose()


def in_sql(connection: Connection, bench: Bench, tree: Tree, row: dict[str, Any]) -> Any:
    """The value that PostgreSQL gives for the row."""
    table = bench.models.metadata.tables["thing"]
    number = connection.execute(insert(table).values(row).returning(table.c.id)).scalar_one()
    return connection.scalar(select(bench.compiler.value(tree)).where(table.c.id == number))


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(tree=CONDITION, row=ROWS)
def test_python_and_sql_agree(bench: Bench, tree: Tree, row: dict[str, Any]) -> None:
    with bench.engine.connect() as connection:
        expected = in_sql(connection, bench, tree, row)
        connection.rollback()
    assert evaluate(tree, lambda path: row[path[0]], MOMENT) == expected


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2024, 1, 31), 1, date(2024, 2, 29)),
        (date(2026, 11, 30), 3, date(2027, 2, 28)),
    ],
)
def test_month_ends_are_clamped(bench: Bench, day: date, months: int, expected: date) -> None:
    tree = Binary("+", Name(("day",)), Call("months", (Literal(months),)))
    with bench.engine.connect() as connection:
        assert in_sql(connection, bench, tree, {"day": day}) == expected
        connection.rollback()
    assert evaluate(tree, lambda path: day, MOMENT) == expected


def test_division_by_zero_is_unknown(bench: Bench) -> None:
    tree = Binary("/", Name(("amount",)), Literal(0))
    with bench.engine.connect() as connection:
        assert in_sql(connection, bench, tree, {"amount": Decimal(3)}) is None
        connection.rollback()
    assert evaluate(tree, lambda path: Decimal(3), MOMENT) is None
