"""Keeps records apart that may not stand beside each other, whoever writes them and at the same time as whom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Date, and_, cast, exists, func, literal, select
from sqlalchemy.orm import Session

from app.language.aparts import Apart
from app.language.definitions import Entity
from app.storage.criteria import Compiler

LOCK = 7_201_131


def beside_another(compiler: Compiler, apart: Apart) -> ColumnElement[bool]:
    """The rows of the compiler's source that stand beside another one, against the rule."""
    other = compiler.over(compiler.entity.name)
    wanted = [other.identity() != compiler.identity(), *other.not_deleted()]
    wanted += [_own(other, name) == _own(compiler, name) for name in apart.by]
    if apart.since is not None and apart.until is not None:
        for one, two in ((compiler, other), (other, compiler)):
            last = func.coalesce(_own(two, apart.until), cast(literal("infinity"), Date))
            wanted.append(_own(one, apart.since) <= last)
    if apart.where is not None:
        wanted.append(other.criterion(apart.where.tree))
    found: ColumnElement[bool] = exists(
        other.from_source(select(literal(1))).where(*wanted).correlate(compiler.source)
    )
    return and_(found, *_concerned(compiler, apart))


def wait_in_turn(session: Session, compiler: Compiler, ids: Sequence[int]) -> None:
    """Let whoever writes such rows of this entity go one after another until the transaction ends.

    Of two at the same time the second then sees what the first wrote.
    """
    entity: Entity = compiler.entity
    if not entity.aparts:
        return
    concerned: list[Any] = [
        and_(*_concerned(compiler, apart), literal(True)) for apart in entity.aparts
    ]
    asked = compiler.from_source(select(*concerned)).where(compiler.identity().in_(ids))
    if any(True in row for row in session.execute(asked)):
        turn = func.pg_advisory_xact_lock(LOCK, func.hashtext(entity.name))
        session.execute(select(turn))


# Private


def _own(compiler: Compiler, name: str) -> ColumnElement[Any]:
    return compiler.own(compiler.field_of(name))


def _concerned(compiler: Compiler, apart: Apart) -> list[ColumnElement[bool]]:
    return [] if apart.where is None else [compiler.criterion(apart.where.tree)]
