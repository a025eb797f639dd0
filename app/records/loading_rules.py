"""The rules that loaded rows must meet, as SQL over many rows at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, not_

from app.access.permissions import Access
from app.access.row_scope import row_scope
from app.kernel.messages import Message, _l
from app.language.definitions import Entity, Field, Rights
from app.language.expressions import Expression
from app.records.aparting import beside_another
from app.records.columns import bare_compiler, table_of
from app.records.runtime import Runtime
from app.records.validation import REQUIRED
from app.storage.columns import column_name
from app.storage.criteria import Compiler

OUTSIDE = _l("The record would then lie outside what you may work on.")
NOT_SHOWN = _l("This field is not shown here and must be empty.")


@dataclass(frozen=True)
class Rule:
    """``criterion`` holds for the rows that break the rule; ``say`` is told at field ``at``."""

    at: str
    say: Message
    criterion: ColumnElement[bool]


def broken_rules(runtime: Runtime, access: Access, entity: Entity) -> list[Rule]:
    """Every rule of an entity: the actor's scope, the schema's checks, what must and may be filled."""
    compiler = bare_compiler(runtime, access.actor, entity)
    rules = [
        Rule(
            check.at or "",
            Message("%(text)s", {"text": check.say}),
            _is_false(compiler, check.that),
        )
        for check in entity.checks
        if not check.warning
    ]
    rules += [
        Rule(apart.at, Message("%(text)s", {"text": apart.say}), beside_another(compiler, apart))
        for apart in entity.aparts
    ]
    scope = row_scope(access, runtime.models, runtime.moment(), entity.name, Rights.IMPORT)
    if scope is not None:
        rules.append(Rule("", OUTSIDE, scope.is_not(True)))
    for item in entity.settable_fields:
        column = table_of(runtime, entity).c.get(column_name(item))
        if column is not None and item.type != "yes_no":
            rules += _of_field(compiler, entity, item, column)
    return rules


def show_conditions(entity: Entity, item: Field) -> Iterator[Expression]:
    """What must hold for a form to show a field: its own condition and its section's."""
    if item.show_when is not None:
        yield item.show_when
    for tab in entity.form:
        for section in tab.sections:
            if item.name in section.fields and section.show_when is not None:
                yield section.show_when


# Private


def _of_field(compiler: Compiler, entity: Entity, item: Field, column: Any) -> Iterator[Rule]:
    shown = [
        compiler.value(condition.tree).is_(True) for condition in show_conditions(entity, item)
    ]
    if shown:
        yield Rule(item.name, NOT_SHOWN, and_(column.is_not(None), not_(and_(*shown))))
    if item.required or item.require_when is not None:
        said = item.messages.get("required")
        say = Message("%(text)s", {"text": said}) if said else REQUIRED
        if item.require_when is not None and not item.required:
            shown = [*shown, compiler.value(item.require_when.tree).is_(True)]
        yield Rule(item.name, say, and_(column.is_(None), *shown))
    if item.type in ("date", "month"):
        yield from _bounds(compiler, item, column)


def _bounds(compiler: Compiler, item: Field, column: Any) -> Iterator[Rule]:
    low, high = (item.options.get(key) for key in ("min", "max"))
    if low is not None:
        yield Rule(item.name, _l("Too early."), column < compiler.value(low.tree))
    if high is not None:
        yield Rule(item.name, _l("Too late."), column > compiler.value(high.tree))


def _is_false(compiler: Compiler, expression: Expression) -> ColumnElement[bool]:
    return compiler.value(expression.tree).is_(False)
