"""Reads rows inside the reader's scope and masks what he may not see."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    func,
    literal,
    select,
    true,
)
from sqlalchemy.orm import Session

from app.access.masking import mask_of, masked
from app.access.permissions import Access, Visibility
from app.access.row_scope import actor_values, covered, rows_seen
from app.kernel.errors import Invalid, NotFound
from app.kernel.messages import _l
from app.language.definitions import SYSTEM_FIELDS, Entity, Rights
from app.language.field_types import FIELD_TYPES
from app.records.filtering import filtered
from app.records.linking import linking_names, links_in
from app.records.queries import COUNT_CAP, MAX_PAGE, Page, Query, Row
from app.records.runtime import Runtime
from app.records.search import terms
from app.records.searching import holds, searchable
from app.records.showing import Watch, logged_fields, watch_of
from app.records.titles import Key, load_titles, sorts_by_key
from app.storage.criteria import Compiler

FAR_OFFSET = 500
LARGEST_ID = 2**63 - 1


@dataclass(frozen=True)
class Reader:
    """Reads for one actor in one session that is bound to his scope."""

    runtime: Runtime
    session: Session
    access: Access
    language: str
    # What the actor has made just now is not looked at.
    unwatched: bool = False

    def page(self, query: Query) -> Page:
        """A page of rows; raises NotFound without the right, Invalid for a filter that is not allowed."""
        entity = self._readable(query.entity)
        where = filtered(self.compiler(entity.name), self.access, query)
        _look_for(self, entity, query)
        order = self._order(entity, query.sort)
        columns = self._columns(entity, query.columns)
        if terms(query.search):
            rows, total = self._search(entity, query, columns, where, order)
        else:
            rows = self._rows(entity, query, columns, where, order)
            total = _capped(self._counted(entity, where)) if query.count else None
        shown = tuple(self._row(entity, columns, row) for row in rows)
        self._shown(entity, columns, shown)
        return Page(shown, total, self.titles_of(entity, shown) if query.titles else {})

    def ids(self, query: Query, limit: int) -> list[int]:
        """The ids of all rows that a query is about, in its order, at most ``limit``.

        Raises NotFound without the right, Invalid for a filter or an order that is not allowed.
        """
        entity = self._readable(query.entity)
        where = filtered(self.compiler(entity.name), self.access, query)
        _look_for(self, entity, query)
        model = self.runtime.models.classes[query.entity]
        if terms(query.search):
            where.append(holds(self.access, self.compiler(entity.name), query.search))
        order = self._order(entity, query.sort)
        return list(
            self.session.scalars(select(model.id).where(*where).order_by(*order).limit(limit))
        )

    def one(
        self,
        name: str,
        record_id: int,
        columns: Sequence[str],
        extra: Sequence[ColumnElement[Any]] = (),
    ) -> tuple[Row, tuple[Any, ...]]:
        """A row with further expressions' values; raises NotFound."""
        entity = self._readable(name)
        if not 0 < record_id <= LARGEST_ID:
            raise NotFound
        picked = self._columns(entity, columns)
        model = self.runtime.models.classes[name]
        statement = self._select(entity, picked).add_columns(*extra).where(model.id == record_id)
        found = self.session.execute(statement).first()
        if found is None:
            raise NotFound
        values = tuple(found)
        split = len(values) - len(extra)
        row = self._row(entity, picked, values[:split])
        self._shown(entity, picked, [row])
        return row, values[split:]

    def chosen(
        self, query: Query, where: Sequence[ColumnElement[bool]], extra: ColumnElement[Any]
    ) -> tuple[Page, list[Any]]:
        """A page of the rows that meet criteria, in the order of their ids, with a further value of each.

        The count is exact. Raises NotFound without the right to read.
        """
        entity = self._readable(query.entity)
        columns = self._columns(entity, query.columns)
        model = self.runtime.models.classes[query.entity]
        statement = self._select(entity, columns).add_columns(extra).where(*where)
        page = statement.order_by(model.id).limit(query.limit).offset(query.offset)
        found = [tuple(row) for row in self.session.execute(page)]
        rows = tuple(self._row(entity, columns, row[:-1]) for row in found)
        self._shown(entity, columns, rows)
        counted = select(func.count()).select_from(model).where(*where)
        total = int(self.session.scalar(counted) or 0)
        return Page(rows, total, self.titles_of(entity, rows)), [row[-1] for row in found]

    def count(self, name: str, where: ColumnElement[bool] | None = None) -> int:
        """How many rows the actor sees, up to COUNT_CAP + 1."""
        entity = self._readable(name)
        return self._counted(entity, [where] if where is not None else [])

    def compiler(self, name: str) -> Compiler:
        """A compiler of conditions over the entity's rows, inside the reader's scope."""
        values = actor_values(self.access.actor, self.access.actor.places)
        entity = self.runtime.entity(name)
        model = self.runtime.models.classes[name]
        return Compiler(
            self.runtime.schema, self.runtime.models, self.runtime.moment(), values, entity, model
        )

    def titles_of(self, entity: Entity, rows: Iterable[Row]) -> dict[Key, str]:
        """The titles of everything that the rows link to."""
        rows = list(rows)
        linking = linking_names(self.runtime.schema.entities, entity, rows)
        wanted = {
            key
            for row in rows
            for name in linking
            for key in self.links_in(entity, name, row.values.get(name))
        }
        return load_titles(self.session, self.runtime, wanted, self.language)

    def links_in(self, entity: Entity, name: str, value: Any) -> Iterable[Key]:
        """The records that a value of a field points to."""
        return links_in(self.runtime.schema.entities, entity, name, value)

    def shown(self, entity: Entity, ids: Sequence[int]) -> None:
        """Have it noted that records are about to be shown; raises what keeps them from the reader."""
        watch = _watch(self)
        if watch is not None and entity.viewing is not None and ids:
            watch.shown(entity, ids)

    # Private

    def _shown(self, entity: Entity, columns: Sequence[str], rows: Sequence[Row]) -> None:
        if len(columns) > 1:
            self.shown(entity, [row.id for row in rows])
        watch, logged = _watch(self), logged_fields(self.runtime, entity)
        names = [name for name in columns if name in logged]
        if watch is None or not names:
            return
        classes = {
            row.id: frozenset(logged[name] for name in names if _clear(row, name)) for row in rows
        }
        found = {number: said for number, said in classes.items() if said}
        if found:
            watch.read(entity, found)

    def _readable(self, name: str) -> Entity:
        entity = self.runtime.schema.entities.get(name)
        if entity is None or not self.access.entity(name).allows(Rights.READ):
            raise NotFound
        return entity

    def _columns(self, entity: Entity, names: Iterable[str]) -> tuple[str, ...]:
        access = self.access.entity(entity.name)
        wanted = dict.fromkeys(["id", *names])
        return tuple(
            name
            for name in wanted
            if (field := entity.field(name)) is not None
            and field.type not in ("children", "secret")
            and access.visibility(name) is not Visibility.HIDDEN
        )

    def _expression(self, entity: Entity, name: str, compiler: Compiler) -> ColumnElement[Any]:
        field = entity.field(name)
        assert field is not None
        if field.type == "links":
            table = self.runtime.models.links[entity.name, name]
            model = self.runtime.models.classes[entity.name]
            ids = select(func.array_agg(table.c.target_id)).where(table.c.record_id == model.id)
            return ids.scalar_subquery().label(name)
        return compiler.path((name,)).label(name)

    def _select(self, entity: Entity, columns: Sequence[str]) -> Select[Any]:
        key = "columns", entity.name, tuple(columns)
        made: Select[Any] = self.access.kept(
            self.runtime.moment(), key, lambda: self._made(entity, columns)
        )
        return made

    def _made(self, entity: Entity, columns: Sequence[str]) -> Select[Any]:
        access = self.access.entity(entity.name)
        flags: list[Any] = []
        if access.differs_by_row:
            for held in access.held:
                criterion = covered(self.access, self.runtime.models, self.runtime.moment(), held)
                flags.append(
                    (true() if criterion is None else criterion).label(f"held_{len(flags)}")
                )
        compiler = self.compiler(entity.name)
        wanted = (self._expression(entity, name, compiler) for name in columns)
        return select(*wanted, *flags).select_from(self.runtime.models.classes[entity.name])

    def _row(self, entity: Entity, columns: Sequence[str], found: Sequence[Any]) -> Row:
        access = self.access.entity(entity.name)
        flags = found[len(columns) : len(columns) + len(access.held)]
        covering = (
            tuple(h for h, held in zip(access.held, flags, strict=True) if held)
            if access.differs_by_row
            else access.held
        )
        values: dict[str, Any] = {}
        hidden: set[str] = set()
        for name, value in zip(columns, found, strict=False):
            seen = access.visibility(name, covering)
            if seen is Visibility.CLEAR:
                values[name] = value
            elif seen is Visibility.MASKED:
                field = entity.field(name)
                assert field is not None
                values[name] = masked(value, mask_of(self.runtime.schema, field))
                hidden.add(name)
        return Row(entity.name, int(found[0]), values, frozenset(hidden), covering)

    def _rows(
        self,
        entity: Entity,
        query: Query,
        columns: Sequence[str],
        where: list[Any],
        order: list[Any],
    ) -> Sequence[Any]:
        limit = min(query.limit, MAX_PAGE)
        statement = self._select(entity, columns)
        model = self.runtime.models.classes[entity.name]
        if query.offset < FAR_OFFSET:
            page = statement.where(*where).order_by(*order).limit(limit).offset(query.offset)
            return self.session.execute(page).all()
        ids = (
            select(model.id)
            .where(*where)
            .order_by(*order)
            .limit(limit)
            .offset(query.offset)
            .subquery()
        )
        return self.session.execute(
            statement.join(ids, ids.c.id == model.id).order_by(*order)
        ).all()

    def _search(
        self,
        entity: Entity,
        query: Query,
        columns: Sequence[str],
        where: list[Any],
        order: list[Any],
    ) -> tuple[Sequence[Any], int | None]:
        """Collects the hits once, then counts and sorts them; a word found everywhere is read in order instead."""
        model = self.runtime.models.classes[entity.name]
        if not searchable(self.access, entity):
            return [], 0
        found = holds(self.access, self.compiler(entity.name), query.search)
        hits = (
            select(model.id)
            .where(found, *where)
            .limit(COUNT_CAP + 1)
            .cte("hits")
            .prefix_with("MATERIALIZED", dialect="postgresql")
        )
        statement = self._select(entity, columns).where(model.id.in_(select(hits.c.id)))
        total = select(func.count()).select_from(hits).scalar_subquery().label("total")
        page = (
            statement.add_columns(total)
            .order_by(*order)
            .limit(min(query.limit, MAX_PAGE))
            .offset(query.offset)
        )
        rows = self.session.execute(page).all()
        count = int(rows[0].total) if rows else 0
        if count > COUNT_CAP:
            rows = self._rows(entity, query, columns, [found, *where], order)
            return rows, None
        return [tuple(row)[:-1] for row in rows], count

    def _counted(self, entity: Entity, where: list[Any]) -> int:
        if where or entity.external_table:
            model = self.runtime.models.classes[entity.name]
            rows = select(literal(1)).select_from(model).where(*where)
        else:
            moment, models, name = self.runtime.moment(), self.runtime.models, entity.name
            rows = self.access.kept(
                moment, ("count", name), lambda: rows_seen(self.access, models, moment, name)
            )
        some = rows.limit(COUNT_CAP + 1).subquery()
        return int(self.session.scalar(select(func.count()).select_from(some)) or 0)

    def _order(self, entity: Entity, sort: str) -> list[Any]:
        name = sort.removeprefix("-")
        model = self.runtime.models.classes[entity.name]
        field = entity.field(name)
        usable = field is not None and FIELD_TYPES.get(field.type).sortable and not field.encrypted
        if not usable or not self.access.entity(entity.name).clear_everywhere(name):
            if sort != entity.list.sort:
                raise Invalid({name: (_l("The list cannot be sorted by this."),)})
            name = "id"
        column = (
            model.sort_key
            if sorts_by_key(entity, name)
            else self.compiler(entity.name).path((name,))
        )
        if name == "id":
            return [column.desc() if sort.startswith("-") else column.asc()]
        if sort.startswith("-"):
            # Only a column that can be empty needs its gaps put last, which its index cannot do.
            filled = name in SYSTEM_FIELDS or (field is not None and field.required)
            return [column.desc() if filled else column.desc().nulls_last(), model.id.desc()]
        return [column.asc(), model.id.asc()]


def search_noted(reader: Reader, entity: str | None, *words: str) -> None:
    """Have it noted that something is about to be looked for, in one entity or in all."""
    watch, typed = _watch(reader), " ".join(part for word in words for part in word.lower().split())
    if watch is not None and typed:
        watch.searched(entity, typed)


# Private


def _watch(reader: Reader) -> Watch | None:
    return None if reader.unwatched else watch_of(reader.session)


def _look_for(reader: Reader, entity: Entity, query: Query) -> None:
    """Have a free search and what is typed into filters noted, before anything is looked for."""
    said = [query.search] if terms(query.search) else []
    for item in query.filters:
        field = entity.field(item.field)
        if field is not None and FIELD_TYPES.get(field.type).filter == "text":
            said += [f"{item.field}={value}" for value in item.values]
    search_noted(reader, entity.name, *said)


def _clear(row: Row, name: str) -> bool:
    """Whether the reader sees a value of the field."""
    return name not in row.masked and row.values.get(name) not in (None, "", [])


def _capped(count: int) -> int | None:
    return None if count > COUNT_CAP else count
