"""The row scope at the session: no statement over mapped records escapes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnClause,
    Connection,
    FromClause,
    Join,
    Table,
    event,
    false,
)
from sqlalchemy.orm import ORMExecuteState, Session, SessionTransaction, with_loader_criteria
from sqlalchemy.orm.scoping import scoped_session

from app.access.permissions import Access
from app.access.row_scope import row_scope
from app.access.second_wall import wall_of
from app.kernel.errors import Forbidden
from app.kernel.messages import _l
from app.language.definitions import Deletion, Rights
from app.language.evaluation import Moment
from app.storage.models import Models, Record
from app.storage.walls import ENGINE, set_actor

OPTIONS = "row_scope_options"
RAISED, LOWERED, GIVEN = "row_scope_raised", "row_scope_lowered", "row_scope_given"


@dataclass(frozen=True)
class Options:
    """What holds an actor back: criteria by table for the session, and himself for the database."""

    criteria: Mapping[str, Any]
    wall: str


def install(sessions: scoped_session[Session]) -> None:
    """Guard every session made by ``sessions``: unbound sessions see no record at all."""
    event.listen(sessions, "do_orm_execute", _restrict)
    event.listen(sessions, "before_flush", _refuse_flush)
    event.listen(sessions, "after_begin", _raise_wall)
    event.listen(sessions, "after_soft_rollback", _raised_again)


def bind(session: Session, options: Options) -> None:
    """Let the session see what ``options`` allow, until it is bound anew or released."""
    session.info[OPTIONS] = options
    if session.in_transaction() and session.info.get(RAISED) != options.wall:
        session.info[RAISED] = options.wall
        session.info.pop(GIVEN, None)
        set_actor(session, options.wall)


def release(session: Session) -> None:
    """Let the session see no record; the portal's own statements see what they must."""
    session.info.pop(OPTIONS, None)
    if session.info.pop(RAISED, None) and session.in_transaction():
        set_actor(session, ENGINE)


@contextmanager
def lowered(session: Session) -> Iterator[None]:
    """For the portal's own questions, such as who holds a role: they look at all rows."""
    if session.info.get(GIVEN):
        yield
        return
    before, session.info[LOWERED] = session.info.get(LOWERED, False), True
    raised = session.info.pop(RAISED, None)
    if raised and session.in_transaction():
        set_actor(session, ENGINE)
    try:
        yield
    finally:
        session.info[LOWERED] = before
    options = session.info.get(OPTIONS)
    if options is not None and not before and session.in_transaction():
        session.info[RAISED] = options.wall
        set_actor(session, options.wall)


def given_over(session: Session) -> None:
    """The transaction is the portal's own from here on: it was given over along with the revision."""
    session.info[GIVEN] = True


def scope_options(access: Access, models: Models, moment: Moment) -> Options:
    """The criteria of every class for one actor; worth keeping between requests."""
    criteria: dict[str, Any] = {}
    for name, model in models.classes.items():
        entity = access.schema.entities[name]
        if entity.external_table:
            continue
        criterion = row_scope(access, models, moment, name, Rights.READ)
        if entity.deletion is Deletion.SOFT:
            alive = models.metadata.tables[name].c.deleted_at.is_(None)
            criterion = alive if criterion is None else alive & criterion
        if criterion is not None:
            criteria[name] = with_loader_criteria(model, criterion, include_aliases=True)
    return Options(criteria, wall_of(access.actor, moment))


# Private


def _raise_wall(session: Session, transaction: SessionTransaction, connection: Connection) -> None:
    """The second wall stands from the first statement of a transaction on."""
    if transaction.nested:
        return
    session.info.pop(GIVEN, None)
    options = None if session.info.get(LOWERED) else session.info.get(OPTIONS)
    session.info[RAISED] = options.wall if options is not None else None
    if options is not None:
        set_actor(connection, options.wall)


def _raised_again(session: Session, previous: SessionTransaction) -> None:
    """With a savepoint goes what was set since: that the transaction is the portal's own is not counted on."""
    if previous.nested:
        session.info.pop(GIVEN, None)


def _restrict(state: ORMExecuteState) -> None:
    options = state.session.info.get(OPTIONS)
    if options is None:
        nothing = with_loader_criteria(Record, lambda model: false(), include_aliases=True)
        state.statement = state.statement.options(nothing)
    elif state.is_select:
        read = _tables(state.statement)
        state.statement = state.statement.options(
            *(option for name, option in options.criteria.items() if name in read)
        )
    elif any(issubclass(mapper.class_, Record) for mapper in state.all_mappers):
        raise Forbidden(_l("Records are written only through the records gateway."))


def _tables(statement: Any) -> set[str]:
    """The tables that a statement reads, however deep and under whatever name.

    Criteria of other tables would change nothing, but each costs time in every statement.
    """
    found: set[str] = set()
    # What was looked at is held, so that no other object can come to have its identity.
    known: dict[int, Any] = {}
    waiting: list[Any] = [statement]
    while waiting:
        element = waiting.pop()
        if isinstance(element, BindParameter):
            continue
        if isinstance(element, ColumnClause):
            source = element.table
        else:
            _refuse_joined_alias(element)
            waiting.extend(element.get_children())
            source = element if isinstance(element, FromClause) else getattr(element, "table", None)
        if source is None or id(source) in known:
            continue
        known[id(source)] = source
        while source is not None and not isinstance(source, Table):
            source = getattr(source, "element", None)
        if source is not None:
            found.add(source.name)
    return found


def _refuse_joined_alias(element: Any) -> None:
    """Raises TypeError for a join to an alias of a class: its criterion would name the bare table.

    SQLAlchemy adapts criteria to aliases in FROM and in subqueries, but not in the ON of a join.
    """
    joined = [target for target, *_ in getattr(element, "_setup_joins", ())]
    if isinstance(element, Join):
        joined.append(element.right)
    for target in joined:
        entity = target._annotations.get("parententity")  # noqa: SLF001 - said nowhere else
        if entity is not None and entity.is_aliased_class:
            raise TypeError("Records are not joined under an alias; use a subquery or a condition.")


def _refuse_flush(session: Session, context: object, instances: object) -> None:
    changed = (*session.new, *session.dirty, *session.deleted)
    if any(isinstance(thing, Record) for thing in changed):
        raise Forbidden(_l("Records are written only through the records gateway."))
