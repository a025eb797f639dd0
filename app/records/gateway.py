"""The door itself: everything that reads or writes business rows goes through a Records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from app.access.actor import Actor
from app.access.permissions import Access
from app.access.session_scope import Options, bind, scope_options
from app.audit.chain import of_record
from app.kernel.messages import Label
from app.language.definitions import Entity
from app.records.queries import Page, Query, Row
from app.records.reading import Reader
from app.records.restoring import Rows, restore
from app.records.runtime import Runtime
from app.records.tombstones import Cause
from app.records.validation import Values
from app.records.writing import Writer


class Records:
    """The door for one actor in one session; it flushes and never commits."""

    def __init__(
        self, runtime: Runtime, session: Session, access: Access, language: str, *,
        options: Options | None = None, address: str | None = None,
    ) -> None:  # fmt: skip
        self.runtime = runtime
        self.access = access
        bind(
            session,
            scope_options(access, runtime.models, runtime.moment()) if options is None else options,
        )
        self.session = session
        self.reader = Reader(runtime, session, access, language)
        self._writer = Writer(runtime, session, access, self.reader, address)

    @property
    def warnings(self) -> list[Label]:
        """What was said about the writes so far, but did not stop them."""
        return self._writer.warnings

    def find(self, query: Query) -> Page:
        """A page of records; raises NotFound without the right to read, Invalid for a bad filter."""
        return self.reader.page(query)

    def get(self, name: str, record_id: int, columns: Sequence[str] | None = None) -> Row:
        """One record with the wanted fields (all when not said); raises NotFound."""
        entity = self.runtime.schema.entities.get(name)
        wanted = columns if columns is not None else readable_fields(entity) if entity else ()
        return self.reader.one(name, record_id, wanted)[0]

    def opened(self, name: str, record_id: int) -> None:
        """Have it count that something of a record is shown that is none of its fields; raises NotFound."""
        self.reader.one(name, record_id, ())
        self.reader.shown(self.runtime.entity(name), [record_id])

    def own(self, name: str, record_id: int) -> Row:
        """A record that the actor has made just now, which does not count as looked at; raises NotFound."""
        reader, entity = replace(self.reader, unwatched=True), self.runtime.entity(name)
        return reader.one(name, record_id, readable_fields(entity))[0]

    def create(self, name: str, values: Mapping[str, Any]) -> int:
        """Add a record and return its id; raises NotFound, Forbidden, Invalid."""
        return self._writer.create(name, values)

    def change(
        self, name: str, record_id: int, values: Mapping[str, Any], version: int | None
    ) -> int:
        """Change a record and return its new version; raises NotFound, Forbidden, Conflict, Refused, Invalid."""
        return self._writer.change(name, record_id, values, version)

    def move(
        self,
        name: str,
        record_id: int,
        move: str,
        version: int | None,
        values: Mapping[str, Any] | None = None,
    ) -> int:
        """Take a step with a record and return its new version; raises as ``change`` does."""
        return self._writer.move(name, record_id, move, version, values or {})

    def removable(self, name: str, record_id: int, version: int | None) -> Row:
        """The record, if nothing but a second person may stand against deleting it.

        Raises NotFound, Forbidden, Conflict, Refused.
        """
        return self._writer.removable(name, record_id, version)

    def because(self, cause: Cause) -> None:
        """Say on whose request and why the following deeds are done."""
        self._writer.cause = cause

    def remove(self, name: str, record_id: int, version: int | None) -> None:
        """Delete a record; raises NotFound, Forbidden, Conflict, Refused, ToBeDecided."""
        self._writer.remove(name, record_id, version)

    def restore(self, name: str, record_id: int, rows: Rows, version: int | None) -> int:
        """Put a record back as it was, and return its new version; raises Forbidden, Conflict, Invalid."""
        return restore(self._writer, self.runtime.entity(name), record_id, rows, version)

    def history(
        self, name: str, record_id: int, *, before: int | None = None, limit: int = 20
    ) -> list[dict[str, Any]]:
        """What was done to a record that the actor may see, newest first; raises NotFound."""
        self.opened(name, record_id)
        return of_record(self.session, name, record_id, before=before, limit=limit)

    def values(self, entity: Entity, values: Mapping[str, Any]) -> Values:
        """The values of a record in the making, as conditions read them."""
        return self._writer.preparer.values(entity, values)

    def defaults(self, entity: Entity) -> dict[str, Any]:
        """The values with which a new record begins."""
        return self._writer.preparer.defaults(entity)


def records_for(runtime: Runtime, session: Session, actor: Actor, language: str = "zh") -> Records:
    """The door for an actor outside of a web request."""
    return Records(runtime, session, Access(runtime.schema, actor), language)


def readable_fields(entity: Entity) -> tuple[str, ...]:
    """The names of all fields of an entity, the system's own included."""
    return (
        "uuid",
        "created_at",
        "created_by",
        "updated_at",
        "updated_by",
        "version",
        *entity.fields,
    )
