"""The SQL meaning of conditions; ``language.evaluation`` holds the Python meaning, equal by test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Date,
    Integer,
    Numeric,
    Select,
    and_,
    any_,
    cast,
    false,
    func,
    literal,
    not_,
    null,
    or_,
    select,
)

from app.language import kinds
from app.language.definitions import Entity, Field, Schema
from app.language.expressions import Binary, Call, Listing, Literal, Name, Tree, Unary, walk
from app.language.kinds import kind_of
from app.language.paths import link_target, path_kind
from app.storage.columns import column_name, column_type
from app.storage.models import Models

DIVISION_PLACES = 6


class Times(Protocol):
    """What ``today()`` and ``now()`` stand for, as values or as SQL, and the zone of days."""

    @property
    def today(self) -> Any:
        """The local calendar day."""

    @property
    def now(self) -> Any:
        """The moment."""

    @property
    def zone(self) -> ZoneInfo:
        """The zone whose calendar days count."""


class ActorTerms(Protocol):
    """What ``actor.…`` stands for, as SQL."""

    def term(self, name: str) -> ColumnElement[Any]:
        """The person, the account, or the list of places."""

    def stands_at(self, place: ColumnElement[Any]) -> ColumnElement[bool]:
        """Whether ``place`` is one of the actor's places."""


@dataclass(frozen=True, slots=True)
class ActorValues:
    """A known actor. ``places`` None stands for the whole tree."""

    person: int | None
    account: int | None
    places: tuple[int, ...] | None

    def term(self, name: str) -> ColumnElement[Any]:
        """The value, bound."""
        if name == "places":
            return literal(list(self.places or ()))
        return literal(self.person if name == "person" else self.account, Integer)

    def stands_at(self, place: ColumnElement[Any]) -> ColumnElement[bool]:
        """Everywhere in the whole tree, else at one of the places."""
        if self.places is None:
            return place.is_not(None)
        if len(self.places) == 1:  # The rows of one place can be read in the order of an index.
            return place == literal(self.places[0], BigInteger)
        wanted = literal(list(self.places), ARRAY(BigInteger))
        return place.op("=", is_comparison=True)(any_(wanted))


@dataclass(frozen=True)
class Compiler:
    """Compiles conditions over one source of rows.

    With ``scoped`` linked tables are mapped classes, so that the reader's row scope holds
    inside as well; without, they are bare tables (for the schema's own rules), or with ``paths``
    what a row scope may see on its way (for the scope itself).
    """

    schema: Schema
    models: Models
    moment: Times
    actor: ActorTerms
    entity: Entity
    source: Any
    scoped: bool = True
    paths: bool = False
    record: Mapping[str, Any] = field(default_factory=dict)
    record_entity: Entity | None = None
    depth: int = 0

    def criterion(self, tree: Tree) -> ColumnElement[bool]:
        """The condition for a WHERE clause, where unknown counts as no."""
        return self._condition(tree, positive=True)

    def value(self, tree: Tree) -> ColumnElement[Any]:
        """The expression's value, with nulls as SQL has them."""
        return self._condition(tree, positive=False)

    def path(self, path: tuple[str, ...]) -> ColumnElement[Any]:
        """The value of a path from the source."""
        if path[0] == "actor":
            return self.actor.term(path[1])
        if path[0] == "record" and self.record_entity is not None:
            return self._of_record(self.record_entity, path[1])
        found = self.field_of(path[0])
        if len(path) == 1:
            return self.own(found)
        inner = self.linked(found)
        statement = select(inner.path(path[1:])).where(inner.identity() == self.own(found))
        return inner.from_source(statement).scalar_subquery()

    def identity(self) -> ColumnElement[int]:
        """The id of the source's rows."""
        column: ColumnElement[int] = self.source.id if self.scoped else self.source.c.id
        return column

    def from_source(self, statement: Select[Any]) -> Select[Any]:
        """``statement`` reading from the source, leaving out what is deleted."""
        return statement.select_from(self.source)

    # Private

    def _of_record(self, entity: Entity, name: str) -> ColumnElement[Any]:
        """A value of the form's record; an empty one is typed, as nothing beside it may tell its type."""
        value, field = self.record.get(name), entity.field(name)
        kind = column_type(field) if field is not None else None
        return literal(value) if value is not None or kind is None else cast(null(), kind)

    def field_of(self, name: str) -> Field:
        found = self.entity.field(name)
        if found is None:
            raise LookupError(f"{self.entity.name}.{name}")
        return found

    def own(self, found: Field) -> ColumnElement[Any]:
        if found.type == "computed":
            return self.value(found.options["value"].tree)
        if found.type == "lookup":
            return self.path(tuple(found.options["path"]))
        if found.type == "summary":
            return self._summary(found)
        column: ColumnElement[Any] = (
            getattr(self.source, found.name) if self.scoped else self.source.c[column_name(found)]
        )
        return column

    def _summary(self, found: Field) -> ColumnElement[Any]:
        parts = found.options.get("count") or found.options["sum"]
        inner = self.over(parts[0])
        by = inner.own(inner.field_of(parts[1]))
        wanted = (
            func.count(inner.identity())
            if len(parts) == 2
            else func.coalesce(func.sum(inner.own(inner.field_of(parts[2]))), 0)
        )
        conditions = [by == self.identity(), *inner.not_deleted()]
        if "where" in found.options:
            conditions.append(inner.criterion(found.options["where"].tree))
        return inner.from_source(select(wanted)).where(*conditions).scalar_subquery()

    def over(self, name: str) -> Compiler:
        """A compiler over all rows of another entity."""
        external = self.schema.entities[name].external_table
        if self.scoped:
            source = self.models.alias(name, self.depth)
        elif self.paths and not external:
            source = self.models.path_alias(name, self.depth)
        else:
            source = self.models.bare_alias(external or name, self.depth)
        return replace(self, entity=self.schema.entities[name], source=source, depth=self.depth + 1)

    def not_deleted(self) -> list[ColumnElement[bool]]:
        """What leaves deleted rows out, where the entity keeps them."""
        columns = self.source if self.scoped else self.source.c
        column = getattr(columns, "deleted_at", None)
        return [] if column is None else [column.is_(None)]

    def linked(self, found: Field) -> Compiler:
        """A compiler over the rows that a link leads to."""
        return self.over(str(link_target(found, self.entity)))

    def _condition(self, tree: Tree, *, positive: bool) -> ColumnElement[Any]:
        match tree:
            case Literal(value):
                return null() if value is None else literal(value)
            case Name(path):
                return self.path(path)
            case Unary(operator, operand):
                return self._unary(operator, operand)
            case Binary("and" | "or" as operator, left, right):
                sides = [self._condition(side, positive=positive) for side in (left, right)]
                return and_(*sides) if operator == "and" else or_(*sides)
            case Binary():
                return (
                    self._through_link(tree)
                    if positive and _link_of(self, tree)
                    else self._binary(tree)
                )
            case Call():
                return self._call(tree)
        raise TypeError("a list stands only behind 'in'")

    def _through_link(self, tree: Tree) -> ColumnElement[bool]:
        found = self.field_of(_link_of(self, tree))
        inner = self.linked(found)
        condition = inner.criterion(_stripped(tree))
        return self.own(found).in_(inner.from_source(select(inner.identity())).where(condition))

    def _unary(self, operator: str, operand: Tree) -> ColumnElement[Any]:
        value = self._condition(operand, positive=False)
        if operator == "is null":
            return value.is_(None)
        if operator == "is not null":
            return value.is_not(None)
        return not_(value) if operator == "not" else -value

    def _binary(self, tree: Binary) -> ColumnElement[Any]:
        if tree.operator == "in":
            return self._member(tree)
        left, right = (self._condition(side, positive=False) for side in (tree.left, tree.right))
        if tree.operator == "/":
            return func.round(
                cast(left, Numeric) / func.nullif(cast(right, Numeric), 0), DIVISION_PLACES
            )
        if tree.operator not in ("+", "-", "*"):
            sign = "<>" if tree.operator == "!=" else tree.operator
            return left.op(sign, is_comparison=True)(right)
        if tree.operator == "*":
            return left * right
        return self._sum(tree, left, right)

    def _sum(
        self, tree: Binary, left: ColumnElement[Any], right: ColumnElement[Any]
    ) -> ColumnElement[Any]:
        kind = self._kind(tree)
        moved: ColumnElement[Any] = left.op(tree.operator)(right)
        if kind == kinds.TEXT:
            return left.op("||")(right)
        if kind == kinds.DATE:
            return cast(moved, Date)
        if kind == kinds.NUMBER and self._kind(tree.left) == kinds.DATE:
            return cast(moved, Integer)
        return moved

    def _kind(self, tree: Tree) -> str:
        return kind_of(
            tree,
            lambda path: path_kind(
                self.schema.entities, self.schema.portal, self.entity, path, form=self.record_entity
            ),
        )

    def _member(self, tree: Binary) -> ColumnElement[bool]:
        value = self._condition(tree.left, positive=False)
        if isinstance(tree.right, Name):
            if tree.right.path[0] == "actor":
                return self.actor.stands_at(value)
            return value.op("=", is_comparison=True)(any_(self.path(tree.right.path)))
        assert isinstance(tree.right, Listing)
        if not tree.right.items:
            return false()
        same = [self._condition(item, positive=False) for item in tree.right.items]
        return or_(*(value.op("=", is_comparison=True)(item) for item in same))

    def _call(self, call: Call) -> ColumnElement[Any]:
        if call.name in ("today", "now"):
            moment = self.moment.today if call.name == "today" else self.moment.now
            return moment if isinstance(moment, ColumnElement) else literal(moment)
        if call.name == "date":
            assert isinstance(call.arguments[0], Literal)
            return cast(literal(str(call.arguments[0].value)), Date)
        values = [self._condition(argument, positive=False) for argument in call.arguments]
        if call.name == "day":
            return cast(func.timezone(self.moment.zone.key, values[0]), Date)
        if call.name == "contains" and self._kind(call.arguments[0]).startswith(kinds.LIST):
            return values[1].op("=", is_comparison=True)(any_(values[0]))
        return _FUNCTIONS[call.name](*values)


# Private


def _link_of(compiler: Compiler, tree: Tree) -> str:
    """The one link through which all names of a comparison go, if there is one."""
    names: list[tuple[str, ...]] = []
    walk(tree, lambda node: names.append(node.path) if isinstance(node, Name) else None)
    own = [path for path in names if path[0] not in ("actor", "record")]
    firsts = {path[0] for path in own}
    if len(firsts) != 1 or not all(len(path) > 1 for path in own):
        return ""
    first = firsts.pop()
    return first if link_target(compiler.field_of(first), compiler.entity) else ""


def _stripped(tree: Tree) -> Tree:
    """The tree with the first step of every path of the record taken off."""
    match tree:
        case Name(path):
            return tree if path[0] in ("actor", "record") else Name(path[1:])
        case Unary(operator, operand):
            return Unary(operator, _stripped(operand))
        case Binary(operator, left, right):
            return Binary(operator, _stripped(left), _stripped(right))
        case Call(name, arguments):
            return Call(name, tuple(_stripped(argument) for argument in arguments))
        case Listing(items):
            return Listing(tuple(_stripped(item) for item in items))
    return tree


def _interval(months: Any = 0, days: Any = 0, hours: Any = 0) -> ColumnElement[Any]:
    parts = [cast(part, Integer) for part in (0, months, 0, days, hours)]
    return func.make_interval(*parts)


_FUNCTIONS: dict[str, Callable[..., ColumnElement[Any]]] = {
    "days": lambda value: _interval(days=value),
    "hours": lambda value: _interval(hours=value),
    "months": lambda value: _interval(months=value),
    "len": func.char_length,
    "lower": func.lower,
    "year": lambda value: cast(func.date_part("year", value), Integer),
    "month": lambda value: cast(func.date_part("month", value), Integer),
    "starts_with": func.starts_with,
    "contains": lambda value, part: func.strpos(value, part) > 0,
    "coalesce": func.coalesce,
    "min": func.least,
    "max": func.greatest,
}
