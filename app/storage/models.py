"""Builds SQLAlchemy classes from a Schema: an own registry each time, nothing kept at import."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnClause,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    TableClause,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.orm import aliased, registry

from app.language.definitions import ACCOUNT, Deletion, Entity, Field, Schema
from app.language.paths import link_target
from app.storage.columns import column_name, column_type
from app.storage.encryption import MARK, EncryptedText, blind_index
from app.storage.tables import NAMING
from app.storage.walls import PATHS

SEARCH_TEXT, SORT_KEY, PLACE, DELETED_AT = "search_text", "sort_key", "place_id", "deleted_at"
# Set of a record that bears a value which another has already, out of sight of whoever gave it.
HELD_TWICE = "held_twice"
ON_DELETE = {"restrict": None, "cascade": "CASCADE", "clear": "SET NULL"}


class Record:
    """The base of every generated class; attributes carry the names of fields."""

    id: Any
    uuid: Any
    created_at: Any
    created_by: Any
    updated_at: Any
    updated_by: Any
    version: Any
    place_id: Any
    deleted_at: Any
    search_text: Any
    sort_key: Any


@dataclass(frozen=True)
class Models:
    """The classes of one schema. ``links`` holds the tables of several-links fields."""

    registry: registry
    metadata: MetaData
    classes: Mapping[str, type[Record]]
    links: Mapping[tuple[str, str], Table]
    aliases: dict[tuple[str, int], Any] = field(default_factory=dict, compare=False)

    def alias(self, name: str, depth: int) -> Any:
        """An alias of a class, the same one for every statement: making one costs a millisecond.

        Queries inside one another ask with different depths, so that their rows stay apart.
        """
        if (name, depth) not in self.aliases:
            self.aliases.setdefault((name, depth), aliased(self.classes[name]))
        return self.aliases[name, depth]

    def bare_alias(self, name: str, depth: int) -> Any:
        """As ``alias``, of an entity's bare table."""
        key = f"{name} table", depth
        if key not in self.aliases:
            self.aliases.setdefault(key, self.metadata.tables[name].alias())
        return self.aliases[key]

    def path(self, name: str) -> Any:
        """The view through which row scopes lead; it has only the columns that they name."""
        key = f"{name} path", -1
        if key not in self.aliases:
            columns = (ColumnClause(c.name, c.type) for c in self.metadata.tables[name].columns)
            self.aliases.setdefault(key, TableClause(name, *columns, schema=PATHS))
        return self.aliases[key]

    def path_alias(self, name: str, depth: int) -> Any:
        """As ``alias``, of that view."""
        key = f"{name} path", depth
        if key not in self.aliases:
            self.aliases.setdefault(key, self.path(name).alias())
        return self.aliases[key]

    def dispose(self) -> None:
        """Let the classes be collected once nobody uses them."""
        self.aliases.clear()
        self.registry.dispose()


def build_models(schema: Schema) -> Models:
    """Classes and tables for every entity; each call makes new ones."""
    metadata = MetaData(naming_convention=NAMING)
    mapper_registry = registry(metadata=metadata, class_registry={})
    classes: dict[str, type[Record]] = {}
    links: dict[tuple[str, str], Table] = {}
    for entity in schema.entities.values():
        table = (
            _external(entity, metadata)
            if entity.external_table
            else _table(schema, entity, metadata)
        )
        classes[entity.name] = _class(entity, table, mapper_registry)
        for item in entity.fields.values():
            if item.type == "links":
                links[entity.name, item.name] = _links_table(schema, entity, item, metadata)
    mapper_registry.configure()
    return Models(mapper_registry, metadata, classes, links)


def has_search(entity: Entity) -> bool:
    """Whether the entity keeps a text for free search."""
    return bool(entity.search_fields) and entity.external_table is None


def has_sort_key(entity: Entity) -> bool:
    """Whether the entity keeps a pinyin key, by which its names are sorted."""
    return entity.external_table is None and sort_key_field(entity) is not None


def sort_key_field(entity: Entity) -> Field | None:
    """The field whose pinyin is the sort key: the first of the title, if it is a text."""
    names = entity.title_fields
    field = entity.fields.get(names[0]) if names else None
    return field if field is not None and field.type in ("text", "long_text") else None


# Private


def _class(entity: Entity, table: Table, mapper_registry: registry) -> type[Record]:
    name = "".join(part.capitalize() for part in entity.name.split("_"))
    created: type[Record] = type(name, (Record,), {"__module__": "app.storage.generated"})
    properties = {
        field.name: table.c[column_name(field)]
        for field in entity.fields.values()
        if column_name(field) in table.c and column_name(field) != field.name
    }
    options: dict[str, Any] = {} if entity.external_table else {"version_id_col": table.c.version}
    mapper_registry.map_imperatively(created, table, properties=properties, **options)
    return created


def _external(entity: Entity, metadata: MetaData) -> Table:
    columns = [Column("id", Integer, primary_key=True)]
    columns += [Column(field.name, column_type(field)) for field in entity.fields.values()]
    return Table(str(entity.external_table), metadata, *columns, info={"external": True})


def _table(schema: Schema, entity: Entity, metadata: MetaData) -> Table:
    table = Table(
        entity.name, metadata, *_system_columns(schema, entity), info={"entity": entity.name}
    )
    for item in entity.fields.values():
        kind = column_type(item)
        if kind is not None:
            table.append_column(_column(schema, entity, item, kind))
    _indexes(entity, table)
    return table


def _system_columns(schema: Schema, entity: Entity) -> list[Column[Any]]:
    account = str(schema.entities[ACCOUNT].external_table)
    columns: list[Column[Any]] = [
        Column("id", BigInteger, Identity(), primary_key=True),
        Column("uuid", Uuid, server_default=text("uuidv7()"), nullable=False),
        Column("created_at", DateTime(timezone=True), server_default=func.now(), nullable=False),
        Column("created_by", Integer, ForeignKey(f"{account}.id")),
        Column("updated_at", DateTime(timezone=True), server_default=func.now(), nullable=False),
        Column("updated_by", Integer, ForeignKey(f"{account}.id")),
        Column("version", Integer, server_default=text("1"), nullable=False),
    ]
    if entity.scope not in (None, ("self",)):
        columns.append(
            Column(PLACE, BigInteger, ForeignKey(f"{schema.portal.tree}.id"), nullable=False)
        )
    if entity.deletion is Deletion.SOFT:
        columns.append(Column(DELETED_AT, DateTime(timezone=True)))
    if entity.held_groups:
        columns.append(Column(HELD_TWICE, Boolean, server_default=text("false"), nullable=False))
    if has_search(entity):
        columns.append(Column(SEARCH_TEXT, Text, server_default=text("''"), nullable=False))
    if has_sort_key(entity):
        columns.append(Column(SORT_KEY, String(200), server_default=text("''"), nullable=False))
    return columns


def _column(schema: Schema, entity: Entity, field: Field, kind: Any) -> Column[Any]:
    parts: list[Any] = []
    target = link_target(field, entity)
    if target is not None:
        table = schema.entities[target].external_table or target
        parts.append(
            ForeignKey(
                f"{table}.id", ondelete=ON_DELETE[field.options.get("on_delete", "restrict")]
            )
        )
    nullable = not field.required or bool(field.show_when)
    comment = MARK if field.encrypted else None
    return Column(column_name(field), kind, *parts, nullable=nullable, comment=comment)


def _indexes(entity: Entity, table: Table) -> None:
    live = text(f"{DELETED_AT} IS NULL") if entity.deletion is Deletion.SOFT else None
    named = {
        field.name: table.c[column_name(field)]
        for field in entity.fields.values()
        if column_name(field) in table.c
    }
    named |= {name: table.c[name] for name in ("created_at", "updated_at", "id")}
    groups, told = entity.unique_groups, entity.held_groups
    for group in groups:
        columns = [_indexed(named[name]) for name in group]
        held = group in told
        # The name tells it apart, as conditions of indexes are not compared.
        name = _name("uq", entity, (*group, "seen") if held else group)
        where = text(
            " AND ".join((*([live.text] if live is not None else []), f"NOT {HELD_TWICE}"))
        )
        Index(name, *columns, unique=True, postgresql_where=where if held else live)
    indexed = set(entity.indexes)
    indexed |= {
        (f.name,) for f in entity.fields.values() if f.type in ("link", "parent") or f.index
    }
    for group in sorted(indexed - {group for group in groups if len(group) == 1}):
        Index(_name("ix", entity, group), *[_indexed(named[name]) for name in group])
    # Lists walk these from end to end without looking at the rows, however far the page is.
    order = tuple(dict.fromkeys((named[_sort_column(entity, named)], table.c.id)))
    Index(_name("ix", entity, ("list",)), *order, postgresql_where=live)
    if PLACE in table.c:
        Index(_name("ix", entity, (PLACE, "list")), table.c[PLACE], *order, postgresql_where=live)
    if SEARCH_TEXT in table.c:
        Index(
            _name("ix", entity, ("grams",)),
            func.portal_grams(table.c[SEARCH_TEXT]),
            postgresql_using="gin",
        )
    if SORT_KEY in table.c:
        Index(_name("ix", entity, (SORT_KEY,)), table.c[SORT_KEY])


def _indexed(column: Column[Any]) -> Any:
    """What stands in an index for a column: equal values are found by it."""
    return blind_index(column) if isinstance(column.type, EncryptedText) else column


def _sort_column(entity: Entity, named: Mapping[str, Any]) -> str:
    name = entity.list.sort.removeprefix("-")
    return name if name in named else "id"


def _name(prefix: str, entity: Entity, parts: tuple[str, ...]) -> str:
    name = f"{prefix}_{entity.name}_{'_'.join(parts)}"
    if len(name) <= 60:
        return name
    return (
        f"{name[:50]}_{sum(ord(char) * position for position, char in enumerate(name)) % 10**9:09d}"
    )


def _links_table(schema: Schema, entity: Entity, field: Field, metadata: MetaData) -> Table:
    target = schema.entities[str(field.target)].external_table or field.target
    name = f"{entity.name}__{field.name}"
    return Table(
        name,
        metadata,
        Column("record_id", ForeignKey(f"{entity.name}.id", ondelete="CASCADE"), primary_key=True),
        Column(
            "target_id",
            ForeignKey(f"{target}.id", ondelete="CASCADE"),
            primary_key=True,
            index=True,
        ),
        info={"entity": entity.name, "links": field.name},
    )
