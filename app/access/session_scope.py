"""The row scope at the session: no statement over mapped records escapes it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import event, false
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria
from sqlalchemy.orm.scoping import scoped_session

from app.access.permissions import Access
from app.access.row_scope import row_scope
from app.kernel.errors import Forbidden
from app.kernel.messages import _l
from app.language.definitions import Deletion, Rights
from app.language.evaluation import Moment
from app.storage.models import Models, Record

OPTIONS = "row_scope_options"


def install(sessions: scoped_session[Session]) -> None:
    """Guard every session made by ``sessions``: unbound sessions see no record at all."""
    event.listen(sessions, "do_orm_execute", _restrict)
    event.listen(sessions, "before_flush", _refuse_flush)


def bind(session: Session, options: tuple[Any, ...]) -> None:
    """Let the session see what ``options`` allow, until it is bound anew or released."""
    session.info[OPTIONS] = options


def release(session: Session) -> None:
    """Let the session see no record."""
    session.info.pop(OPTIONS, None)


def scope_options(access: Access, models: Models, moment: Moment) -> tuple[Any, ...]:
    """The criteria of every class for one actor; worth keeping between requests."""
    options: list[Any] = []
    for name, model in models.classes.items():
        entity = access.schema.entities[name]
        if entity.external_table:
            continue
        criterion = row_scope(access, models, moment, name, Rights.READ)
        if entity.deletion is Deletion.SOFT:
            alive = models.metadata.tables[name].c.deleted_at.is_(None)
            criterion = alive if criterion is None else alive & criterion
        if criterion is not None:
            options.append(with_loader_criteria(model, criterion, include_aliases=True))
    return tuple(options)


# Private


def _restrict(state: ORMExecuteState) -> None:
    options = state.session.info.get(OPTIONS)
    if options is None:
        nothing = with_loader_criteria(Record, lambda model: false(), include_aliases=True)
        state.statement = state.statement.options(nothing)
    elif state.is_select:
        state.statement = state.statement.options(*options)
    elif any(issubclass(mapper.class_, Record) for mapper in state.all_mappers):
        raise Forbidden(_l("Records are written only through the records gateway."))


def _refuse_flush(session: Session, context: object, instances: object) -> None:
    changed = (*session.new, *session.dirty, *session.deleted)
    if any(isinstance(thing, Record) for thing in changed):
        raise Forbidden(_l("Records are written only through the records gateway."))
