"""Compilers for the rows of reports: with names for some values, and with links followed as joins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import ColumnElement, inspect, select
from sqlalchemy.orm import outerjoin

from app.language import kinds
from app.language.definitions import Field
from app.language.expressions import Tree
from app.language.kinds import kind_of
from app.language.paths import link_target, path_kind
from app.language.report_definitions import LINE
from app.storage.columns import column_name
from app.storage.criteria import Compiler

# Far from the depths that conditions and trees use, so that joined rows stay apart from theirs.
JOIN_DEPTH = 60


@dataclass
class Joins:
    """The links that a statement follows as joins: rows are then matched in bulk, not one by one.

    ``found`` maps a path of links to the rows it leads to and to what joins them.
    """

    found: dict[tuple[str, ...], tuple[Any, ColumnElement[bool]]] = field(default_factory=dict)

    def around(self, source: Any) -> Any:
        """``source`` with all that was followed, in the order in which it was."""
        for rows, condition in self.found.values():
            source = outerjoin(source, rows, condition)
        return source


@dataclass(frozen=True)
class Naming(Compiler):
    """Compiles conditions in which some names stand for values that are worked out elsewhere.

    ``line`` is the row outside of a subquery, which ``line.…`` reads. With ``joins``, paths are
    joined to the rows; ``before`` is the path of links that led to this compiler's own.
    """

    found: Mapping[str, ColumnElement[Any]] = field(default_factory=dict)
    line: Compiler | None = None
    joins: Joins | None = None
    before: tuple[str, ...] = ()

    def path(self, path: tuple[str, ...]) -> ColumnElement[Any]:
        """The value of that name, else the field."""
        if path[0] == LINE and self.line is not None:
            return self.line.path(path[1:])
        if path[0] == "actor" or (len(path) == 1 and path[0] not in self.found):
            return Compiler.path(self, path)
        if len(path) == 1:
            return self.found[path[0]]
        if self.joins is None:
            return Compiler.path(self, path)
        return self._joined(self.field_of(path[0]), self.joins).path(path[1:])

    def identity(self) -> ColumnElement[int]:
        """The id of the rows."""
        column: ColumnElement[int] = self.source.c.id if self.before else self.source.id
        return column

    def own(self, found: Field) -> ColumnElement[Any]:
        """The value of a field of the rows themselves."""
        if not self.before or found.type in ("computed", "lookup", "summary"):
            return Compiler.own(self, found)
        column: ColumnElement[Any] = self.source.c[column_name(found)]
        return column

    def over(self, name: str) -> Compiler:
        """A plain compiler over another entity: the names belong to these rows alone."""
        plain = Compiler(self.schema, self.models, self.moment, self.actor, self.entity, self.source,
                         depth=self.depth)  # fmt: skip
        return plain.over(name)

    def _joined(self, link: Field, joins: Joins) -> Naming:
        """A compiler over the rows that a link leads to, joined to its own."""
        path = (*self.before, link.name)
        name = str(link_target(link, self.entity))
        if path not in joins.found:
            alias = self.models.alias(name, JOIN_DEPTH + len(joins.found))
            attributes = inspect(self.models.classes[name]).column_attrs
            columns = [getattr(alias, one.key).label(one.columns[0].name) for one in attributes]
            # A subquery, because the reader's scope holds inside of it and not in a join itself.
            rows = select(*columns).subquery()
            joins.found[path] = rows, rows.c.id == self.own(link)
        entity = self.schema.entities[name]
        rows = joins.found[path][0]
        return replace(self, entity=entity, source=rows, found={}, line=None, before=path)

    def _kind(self, tree: Tree) -> str:
        def kind(path: tuple[str, ...]) -> str:
            schema = self.schema
            if path[0] == LINE and self.line is not None:
                return path_kind(schema.entities, schema.portal, self.line.entity, path[1:])
            if path[0] in self.found:
                return kinds.NUMBER
            return path_kind(schema.entities, schema.portal, self.entity, path)

        return kind_of(tree, kind)


def naming(
    plain: Compiler, found: Mapping[str, ColumnElement[Any]], joins: Joins | None = None
) -> Naming:
    """The compiler with names for some values."""
    return Naming(plain.schema, plain.models, plain.moment, plain.actor, plain.entity, plain.source,
                  depth=plain.depth, found=found, joins=joins)  # fmt: skip
