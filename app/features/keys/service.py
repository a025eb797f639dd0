"""Encrypts with the newest key what older ones hold, a few rows at a time, and tells which keys are used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from sqlalchemy import (
    Column,
    Engine,
    Integer,
    String,
    bindparam,
    cast,
    func,
    literal_column,
    select,
    text,
    type_coerce,
    update,
)
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.types import Text

from app.records.runtime import Runtime
from app.storage.database import unit_of_work
from app.storage.deed_tables import BEFORE
from app.storage.encryption import EncryptedText, ring_of
from app.storage.privacy_tables import PUT_AWAY
from app.storage.request_tables import REQUEST

BATCH = 500
# The number of the key inside of a kept value, wherever that stands in a longer text.
NUMBERS = r"e1\.[A-Za-z0-9_-]{22}\.(\d+)\."
Seen = Callable[[int, int], None]


def encrypt_anew(engine: Engine, runtime: Runtime, seen: Seen) -> int:
    """Give every value that an older key holds to the newest; returns how many.

    Each batch is a transaction of its own, so that it can be ended and begun anew at any time, and
    nobody waits for it for long. Versions stay, for nothing has changed for readers. ``seen``
    hears how many are done, and of how many.
    """
    ring = ring_of(engine.dialect)
    newest, done = ring.keys().newest.number, 0
    left = {column: _count(engine, column, newest) for column in columns(runtime)}
    total = sum(left.values())
    for column in (column for column, count in left.items() if count):
        # First what nobody else holds, then row by row whatever was held.
        for limit, skip in ((BATCH, True), (1, False)):
            while changed := _batch(engine, column, newest, limit, skip=skip):
                done += changed
                seen(done, total)
    return done


def usage(session: Session, runtime: Runtime) -> Counter[int]:
    """How many values each key holds: in records, in what is kept for undoing, in requests, in archives."""
    found: Counter[int] = Counter()
    for column in columns(runtime):
        number = _number(column).label("number")
        counted = select(number, func.count()).where(type_coerce(column, Text).is_not(None))
        for key, count in session.execute(counted.group_by(number)):
            found[int(key)] += count
    for beside in (BEFORE.c.rows, REQUEST.c.payload):
        matches = func.regexp_matches(cast(beside, Text), NUMBERS, "g").table_valued(name="m")
        inside = cast(literal_column("m[1]", String), Integer)
        source = select(inside, func.count()).select_from(beside.table.join(matches, text("true")))
        for key, count in session.execute(source.group_by(inside)):
            found[int(key)] += count
    needed = func.unnest(PUT_AWAY.c.field_keys).label("number")
    lying = select(needed).where(PUT_AWAY.c.name.is_not(None), PUT_AWAY.c.restored_at.is_(None))
    found.update(session.scalars(lying))
    return found


def columns(runtime: Runtime) -> Iterator[Column[str]]:
    """Every encrypted column."""
    for table in runtime.models.metadata.tables.values():
        yield from (column for column in table.columns if isinstance(column.type, EncryptedText))


# Private


def _number(column: Column[str]) -> ColumnElement[int]:
    return cast(func.split_part(type_coerce(column, Text), ".", 3), Integer)


def _count(engine: Engine, column: Column[str], newest: int) -> int:
    with engine.connect() as connection:
        old = select(func.count()).where(_number(column) != newest)
        return int(connection.scalar(old) or 0)


def _batch(engine: Engine, column: Column[str], newest: int, limit: int, *, skip: bool) -> int:
    table = column.table
    old = (
        select(table.c.id, column)
        .where(_number(column) != newest)
        .order_by(table.c.id)
        .limit(limit)
        .with_for_update(skip_locked=skip)
    )
    changed = (
        update(table)
        .where(table.c.id == bindparam("row"))
        .values({column: bindparam("value", type_=column.type)})
    )
    with Session(engine) as session, unit_of_work(session):
        rows = session.execute(old).all()
        if rows:
            sent = [{"row": number, "value": value} for number, value in rows]
            session.connection().execute(changed, sent)
    return len(rows)
