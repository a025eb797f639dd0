"""Large tables are filled without their indexes, which are then made in one go."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, Index, text

from app.storage.models import Models

LARGE = ("customer", "customer_owner_history", "contact_log", "customer_order", "order_line")


@contextmanager
def without_indexes(owner: Engine, models: Models) -> Iterator[None]:
    """Let the indexes of large tables go, and make them again, whatever happened inside.

    Unique ones stay, and so do primary keys: they are rules, not only a help.
    """
    indexes = [
        index
        for name in LARGE
        for index in sorted(models.metadata.tables[name].indexes, key=lambda one: str(one.name))
        if not index.unique
    ]
    with _alone(owner) as connection:
        for index in indexes:
            index.drop(connection, checkfirst=True)
    try:
        yield
    finally:
        make_indexes(owner, indexes)


def make_indexes(owner: Engine, indexes: list[Index]) -> None:
    """Make those indexes that are missing."""
    with _alone(owner) as connection:
        connection.execute(text("SET maintenance_work_mem = '256MB'"))
        for index in indexes:
            index.create(connection, checkfirst=True)
        connection.execute(text("RESET maintenance_work_mem"))


# Private


@contextmanager
def _alone(owner: Engine) -> Iterator[Connection]:
    """A connection on which each statement stands alone and takes its time."""
    with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        yield connection
        connection.execute(text("RESET statement_timeout"))
