"""The row scope at the session: no statement over mapped records escapes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import FromClause, Join, Table, event, false
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria
from sqlalchemy.orm.scoping import scoped_session
from sqlalchemy.sql import visitors

from app.access.permissions import Access
from app.access.row_scope import row_scope
from app.kernel.errors import Forbidden
from app.kernel.messages import _l
from app.language.definitions import Deletion, Rights
from app.language.evaluation import Moment
from app.storage.models import Models, Record

OPTIONS = "row_scope_options"
# The criteria of an actor by the name of the table that they hold back.
Options = Mapping[str, Any]


def install(sessions: scoped_session[Session]) -> None:
    """Guard every session made by ``sessions``: unbound sessions see no record at all."""
    event.listen(sessions, "do_orm_execute", _restrict)
    event.listen(sessions, "before_flush", _refuse_flush)


def bind(session: Session, options: Options) -> None:
    """Let the session see what ``options`` allow, until it is bound anew or released."""
    session.info[OPTIONS] = options


def release(session: Session) -> None:
    """Let the session see no record."""
    session.info.pop(OPTIONS, None)


def scope_options(access: Access, models: Models, moment: Moment) -> Options:
    """The criteria of every class for one actor; worth keeping between requests."""
    options: dict[str, Any] = {}
    for name, model in models.classes.items():
        entity = access.schema.entities[name]
        if entity.external_table:
            continue
        criterion = row_scope(access, models, moment, name, Rights.READ)
        if entity.deletion is Deletion.SOFT:
            alive = models.metadata.tables[name].c.deleted_at.is_(None)
            criterion = alive if criterion is None else alive & criterion
        if criterion is not None:
            options[name] = with_loader_criteria(model, criterion, include_aliases=True)
    return options


# Private


def _restrict(state: ORMExecuteState) -> None:
    options = state.session.info.get(OPTIONS)
    if options is None:
        nothing = with_loader_criteria(Record, lambda model: false(), include_aliases=True)
        state.statement = state.statement.options(nothing)
    elif state.is_select:
        read = _tables(state.statement)
        state.statement = state.statement.options(
            *(option for name, option in options.items() if name in read)
        )
    elif any(issubclass(mapper.class_, Record) for mapper in state.all_mappers):
        raise Forbidden(_l("Records are written only through the records gateway."))


def _tables(statement: Any) -> set[str]:
    """The tables that a statement reads, however deep and under whatever name.

    Criteria of other tables would change nothing, but each costs time in every statement.
    """
    found: set[str] = set()
    for element in visitors.iterate(statement):
        _refuse_joined_alias(element)
        source = element if isinstance(element, FromClause) else getattr(element, "table", None)
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
