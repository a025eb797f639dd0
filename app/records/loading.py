"""Loads many rows at once through the same rules as single writes: import, migration, demo."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from functools import cached_property
from itertools import islice
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import BigInteger, Table, literal, or_, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.access.actor import Actor
from app.access.permissions import Access
from app.access.session_scope import given_over
from app.audit.actions import AuditAction
from app.audit.chain import Entry, append
from app.kernel.errors import Forbidden, Invalid, NotFound, StaleRevision
from app.kernel.messages import Message, _l
from app.language.definitions import Entity, Rights
from app.language.paths import link_target
from app.records.accounts import rights_changed
from app.records.aparting import wait_in_turn
from app.records.columns import bare_compiler, derived_columns, table_of
from app.records.consenting import refuse_unconsented
from app.records.constraints import explain
from app.records.loading_links import unseen_links
from app.records.loading_rules import Rule, broken_rules
from app.records.loading_values import REPORTED, LoadedValues, Rows
from app.records.runtime import Runtime
from app.records.series import dated, take_codes
from app.records.validation import Problems
from app.storage.columns import column_name
from app.storage.database import share_revision
from app.storage.encryption import encrypted_columns, ring_of
from app.storage.models import HELD_TWICE, PLACE

BATCH = 2000


def load(
    runtime: Runtime, session: Session, actor: Actor, name: str, rows: Iterable[Mapping[str, Any]]
) -> list[int]:
    """Add many records and return their ids, in the order of ``rows``; nothing is committed.

    ``rows`` may be a generator; it is read in batches. The portal itself may also give ``state``,
    ``created_at``, ``created_by`` and fields that forms only show. Children are loaded as rows of
    their own entity. Raises NotFound, Forbidden without the right to import, StaleRevision, and
    Invalid whose problems are ``row.field``, or sentences that name the ids.
    """
    return Loader(runtime, session, actor, name).load(rows)


@dataclass(frozen=True)
class Loader:
    """Loads rows of one entity for one actor; keep it when loading in several goes."""

    runtime: Runtime
    session: Session
    actor: Actor
    name: str

    def load(self, rows: Iterable[Mapping[str, Any]]) -> list[int]:
        """See the function ``load``."""
        self._open()
        ids: list[int] = []
        waiting = iter(rows)
        while batch := list(islice(waiting, BATCH)):
            ids += self._load_batch(batch, len(ids))
        rights_changed(self.session, self.runtime, self.name, ids)
        return ids

    # Private

    @property
    def _portal(self) -> Any:
        return self.runtime.schema.portal

    @cached_property
    def _access(self) -> Access:
        return Access(self.runtime.schema, self.actor)

    @cached_property
    def _entity(self) -> Entity:
        return self.runtime.schema.entities[self.name]

    @cached_property
    def _table(self) -> Table:
        return table_of(self.runtime, self._entity)

    @cached_property
    def _values(self) -> LoadedValues:
        return LoadedValues(self.runtime, self._access, self._entity, self.session)

    @cached_property
    def _filled(self) -> tuple[str, ...]:
        """The columns that are filled; the others have a default in the database."""
        made = ("uuid", "version", "deleted_at", HELD_TWICE)
        return tuple(column.name for column in self._table.columns if column.name not in made)

    def _open(self) -> None:
        if self.name not in self.runtime.schema.entities or self._entity.external_table:
            raise NotFound
        for right in (Rights.READ, Rights.CREATE, Rights.IMPORT):
            decision = self._access.decide(self.name, right)
            if not decision.allowed:
                raise NotFound if right is Rights.READ else Forbidden(decision.reason)
        if share_revision(self.session) != self.runtime.revision:
            raise StaleRevision
        given_over(self.session)

    def _load_batch(self, batch: Sequence[Mapping[str, Any]], offset: int) -> list[int]:
        rows = self._values.normalised(batch, offset)
        refuse_unconsented(self.session, self.runtime, self._entity, rows, offset)
        self._give_codes(rows)
        places = self._places(rows, offset)
        ids = self._take_ids(len(rows))
        columns = self._columns(rows, ids, places)
        self._insert(self._table, self._filled, columns)
        self._associate(rows, ids)
        self._verify(ids)
        self._note(ids)
        return ids

    # Places, numbers, rows

    def _give_codes(self, rows: Rows) -> None:
        for item in self._entity.fields.values():
            if item.type != "code":
                continue
            series: dict[str, tuple[date, Rows]] = {}
            for row in rows:
                day = self._day(row)
                series.setdefault(dated(str(item.options["pattern"]), day), (day, []))[1].append(
                    row
                )
            for day, members in series.values():
                codes = take_codes(self.session, self._entity, item, day, len(members))
                for row, code in zip(members, codes, strict=True):
                    row[item.name] = code

    def _day(self, row: Mapping[str, Any]) -> date:
        created = row.get("created_at")
        if created is None:
            return self.runtime.moment().today
        day: date = created.astimezone(self.runtime.zone).date()
        return day

    def _places(self, rows: Rows, offset: int) -> list[int | None]:
        if not self._entity.has_place or self._entity.scope is None:
            return [None] * len(rows)
        name = self._entity.scope[0]
        field = self._entity.field(name)
        target = link_target(field, self._entity) if field else None
        linked = [row.get(name) for row in rows]
        if target != self._portal.tree and target is not None:
            table = self.runtime.models.metadata.tables[target]
            wanted = {one for one in linked if one is not None}
            found = self.session.execute(
                select(table.c.id, table.c.place_id).where(table.c.id == _any(wanted))
            )
            known = {row.id: row.place_id for row in found}
            linked = [known.get(one) for one in linked]
        missing = [number for number, place in enumerate(linked, offset) if place is None]
        if missing:
            text_ = _l("There is no such record, or you may not see it.")
            raise Invalid({f"{number}.{name}": (text_,) for number in missing[:REPORTED]})
        return linked

    def _take_ids(self, count: int) -> list[int]:
        statement = text(
            "SELECT nextval(pg_get_serial_sequence(:name, 'id')) FROM generate_series(1, :count)"
        )
        found = self.session.scalars(statement, {"name": self._table.name, "count": count})
        return list(found)

    @cached_property
    def _sources(self) -> tuple[str, ...]:
        """For each filled column, under which name a row holds its value."""
        fields = {column_name(item): item.name for item in self._entity.fields.values()}
        return tuple(fields.get(column, column) for column in self._filled)

    def _columns(
        self, rows: Rows, ids: Sequence[int], places: Sequence[int | None]
    ) -> Iterable[list[Any]]:
        now = self.runtime.clock.now()
        for row, record_id, place in zip(rows, ids, places, strict=True):
            values = {**row, **derived_columns(self._entity, row), "id": record_id, PLACE: place}
            values["created_at"] = values["updated_at"] = row.get("created_at") or now
            by = row.get("created_by", self.actor.account_id)
            values["created_by"] = values["updated_by"] = by
            yield list(map(values.get, self._sources))

    def _insert(self, table: Table, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """All rows in one statement; COPY is quicker, but not where row-level security stands."""
        driver: Any = self.session.connection().connection.driver_connection
        quote = self.session.connection().dialect.identifier_preparer.quote_identifier
        into, columns = quote(table.name), ", ".join(map(quote, names))
        ring, kept = ring_of(self.session.connection().dialect), encrypted_columns(table, names)
        statement = (
            f"INSERT INTO {into} ({columns})"  # noqa: S608 - names of the schema, quoted
            f" SELECT {columns} FROM json_populate_recordset(NULL::{into}, %s)"
        )
        sent = [dict(zip(names, row, strict=True)) for row in rows]
        for row in sent:
            row.update({n: ring.encrypted(row[n]) for n in kept if row[n] is not None})
        try:
            driver.execute(statement, [json.dumps(sent, default=_as_json, ensure_ascii=False)])
        except psycopg.IntegrityError as error:
            wrapped = IntegrityError(statement, None, error)
            raise explain(self.runtime, self._entity, wrapped) from error

    def _associate(self, rows: Rows, ids: Sequence[int]) -> None:
        for item in self._entity.fields.values():
            if item.type == "links":
                pairs = [
                    (record_id, target)
                    for row, record_id in zip(rows, ids, strict=True)
                    for target in row.get(item.name) or ()
                ]
                table = self.runtime.models.links[self.name, item.name]
                self._insert(table, ("record_id", "target_id"), pairs)

    # Afterwards

    @cached_property
    def _rules(self) -> list[Rule]:
        about = (self.runtime, self._access, self._entity)
        return [*broken_rules(*about), *unseen_links(*about)]

    def _verify(self, ids: Sequence[int]) -> None:
        criteria = [rule.criterion for rule in self._rules]
        if not criteria:
            return
        wait_in_turn(self.session, bare_compiler(self.runtime, self.actor, self._entity), ids)
        statement = select(self._table.c.id, *criteria)
        found = self.session.execute(
            statement.where(self._table.c.id == _any(ids), or_(*criteria)).limit(REPORTED)
        )
        culprits: dict[int, list[int]] = {}
        for row in found:
            for number, broken in enumerate(row[1:]):
                if broken:
                    culprits.setdefault(number, []).append(row[0])
        problems: Problems = {}
        for number, listed in culprits.items():
            rule = self._rules[number]
            named = {"say": rule.say, "ids": ", ".join(map(str, listed))}
            said = Message("%(say)s (%(ids)s)", named)
            problems[rule.at] = (*problems.get(rule.at, ()), said)
        if problems:
            raise Invalid(problems)

    def _note(self, ids: Sequence[int]) -> None:
        append(
            self.session,
            Entry(
                at=self.runtime.clock.now(),
                account_id=self.actor.account_id,
                account_name=self.actor.username,
                action=AuditAction.RECORDS_LOADED,
                revision=self.runtime.revision,
                entity=self.name,
                changes={
                    "count": [None, len(ids)],
                    "first_id": [None, min(ids)],
                    "last_id": [None, max(ids)],
                },
            ),
        )


def _as_json(value: Any) -> str:
    """Exact numbers, days and moments, in words that PostgreSQL reads back as they were."""
    if isinstance(value, Decimal | UUID):
        return str(value)
    if isinstance(value, date | time):
        return value.isoformat()
    raise TypeError(type(value))


def _any(ids: Iterable[int]) -> Any:
    return literal(list(ids), ARRAY(BigInteger)).any_()
