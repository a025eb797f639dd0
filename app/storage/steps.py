"""The steps of a plan: what each does to the database, and which rows stand against it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from app.kernel.messages import Message

ALTERED = re.compile(r'ALTER TABLE "?(\w+)"? (?:ALTER COLUMN \S+ TYPE|DROP COLUMN)')


@dataclass(frozen=True)
class Step:
    """One change of the database.

    ``grade`` is safe, checked (rows were looked at) or loss (values would be put aside);
    ``rows`` are ids of rows that stand against it.
    """

    grade: str
    says: Message
    sql: tuple[str, ...]
    operation: Any = None
    rows: tuple[int, ...] = ()
    renames: bool = False

    @property
    def tables(self) -> set[str]:
        """The tables of which a column changes its type or goes."""
        return {name for sql in self.sql for name in ALTERED.findall(sql)}


@dataclass(frozen=True)
class Plan:
    """All steps to the new schema, from revision ``base``."""

    base: int
    steps: tuple[Step, ...]
    reindex: tuple[str, ...]

    @property
    def blocked(self) -> tuple[Step, ...]:
        """Steps that rows stand against."""
        return tuple(step for step in self.steps if step.rows)

    @property
    def losses(self) -> tuple[Step, ...]:
        """Steps that put values aside."""
        return tuple(step for step in self.steps if step.grade == "loss")
