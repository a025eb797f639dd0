"""Who hears what a request is about to show, and may keep it: kept at the session, so that no page can forget it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from sqlalchemy.orm import Session

from app.access.permissions import sources_of, summed_fields
from app.kernel.errors import ErrorCode, PortalError
from app.kernel.messages import _l
from app.language.definitions import Entity, Field
from app.language.paths import holder_of, walk_path
from app.language.viewing import Pace
from app.records.runtime import Runtime

WATCH = "showing_watch"
DEEPEST = 6


class TooManySeen(PortalError):
    """So many different records are not looked at in the course of ordinary work; ``withheld`` are those kept."""

    code = ErrorCode.TOO_MANY
    status = 429

    def __init__(self, entity: Entity, pace: Pace, withheld: Collection[int] = ()) -> None:
        self.withheld = frozenset(withheld)
        super().__init__(
            _l(
                "You have looked at as many different %(what)s as your role provides for:"
                " %(hour)s an hour, %(day)s a day. Go on later, or ask those who decide exports.",
                what=entity.label, hour=pace.hour, day=pace.day,
            )
        )  # fmt: skip


class Watch(Protocol):
    """Notes what one reader is shown, before it is shown; what it raises keeps it from him."""

    def shown(self, entity: Entity, ids: Sequence[int]) -> None:
        """Records of an entity with a budget are about to be shown; raises TooManySeen."""

    def read(self, entity: Entity, classes: Mapping[int, frozenset[str]]) -> None:
        """Values of logged classes are about to be shown in clear, by record."""

    def searched(self, entity: str | None, words: str) -> None:
        """Something is about to be looked for, in one entity or in all."""


def watch(session: Session, watcher: Watch) -> None:
    """Have everything that is read in the session for showing heard by ``watcher``, as long as it is open."""
    session.info[WATCH] = watcher


def watch_of(session: Session) -> Watch | None:
    """Who hears what is shown; None outside of requests."""
    found: Watch | None = session.info.get(WATCH)
    return found


def nameable(session: Session, entity: Entity, ids: Collection[int]) -> Collection[int]:
    """Those of ``ids`` whose titles may be shown beside other records: the others are beyond the budget.

    The page that links to them is ordinary work and stays open, without their names.
    """
    watcher = watch_of(session)
    if watcher is None or entity.viewing is None or not ids:
        return ids
    try:
        watcher.shown(entity, sorted(ids))
    except TooManySeen as fault:
        return set(ids) - fault.withheld
    return ids


def logged_fields(runtime: Runtime, entity: Entity) -> Mapping[str, str]:
    """The fields that show values of classes whose reads are logged, with the class."""
    key = "logged fields", entity.name
    found: Mapping[str, str] | None = runtime.memory.get(key)
    if found is None:
        classes = ((name, _class(runtime, entity, field)) for name, field in entity.fields.items())
        found = runtime.memory[key] = {name: said for name, said in classes if said is not None}
    return found


# Private


def _class(runtime: Runtime, entity: Entity, field: Field, depth: int = 0) -> str | None:
    """The logged class of a field, or of what it is computed, looked up or added up from."""
    schema = runtime.schema
    known = schema.portal.classes.get(field.sensitivity or "")
    if known is not None:
        return known.name if known.log_reads else None
    if depth > DEEPEST:
        return None
    for path in sources_of(field):
        if path[0] != "actor":
            holder = holder_of(schema.entities, entity, path)
            last = walk_path(schema.entities, entity, path)[-1]
            found = _class(runtime, holder, last, depth + 1)
            if found is not None:
                return found
    for name, summed in summed_fields(field):
        other = schema.entities[name].field(summed)
        found = _class(runtime, schema.entities[name], other, depth + 1) if other else None
        if found is not None:
            return found
    return None
