"""What must hold of a row once it is written, and what keeps it from going."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, literal, not_, select
from sqlalchemy.orm import Session

from app.access.permissions import Access
from app.access.row_scope import row_scope
from app.audit.chain import fields_changed_since
from app.kernel.errors import Conflict, Forbidden, Invalid, Refused
from app.kernel.messages import Label, Message, _l
from app.language.aparts import Apart
from app.language.chinese import fails_luhn
from app.language.definitions import STATE_FIELD, Check, Entity, Field, Rights
from app.language.steps import Move
from app.records.aparting import beside_another, wait_in_turn
from app.records.columns import bare_compiler, table_of
from app.records.runtime import Runtime
from app.records.validation import Problems
from app.storage.columns import column_name

UNUSUAL_CARD = Label(
    "银行卡号校验位不符，请核对一遍。",
    "The bank card number fails its check digit; please compare it.",
)


@dataclass(frozen=True)
class Checker:
    """Checks rows that one actor writes; what is only a warning is added to ``warnings``."""

    runtime: Runtime
    session: Session
    access: Access
    warnings: list[Label]

    def after_write(self, entity: Entity, record_id: int, right: Rights) -> None:
        """The schema's checks and the actor's scope on the row as it now is; raises Forbidden, Invalid."""
        compiler = bare_compiler(self.runtime, self.access.actor, entity)
        wanted = [self._inside(entity, right)]
        wanted += [compiler.value(check.that.tree) for check in entity.checks]
        wait_in_turn(self.session, compiler, [record_id])
        wanted += [not_(beside_another(compiler, apart)) for apart in entity.aparts]
        statement = select(*wanted).select_from(compiler.source)
        found = self.session.execute(statement.where(compiler.identity() == record_id)).one()
        if found[0] is not True:
            raise Forbidden(_l("The record would then lie outside what you may work on."))
        problems: Problems = {}
        rules: tuple[Check | Apart, ...] = (*entity.checks, *entity.aparts)
        for rule, holds in zip(rules, found[1:], strict=True):
            if holds is False and isinstance(rule, Check) and rule.warning:
                self.warnings.append(rule.say)
            elif holds is False:
                at = rule.at or ""
                problems[at] = (*problems.get(at, ()), Message("%(text)s", {"text": rule.say}))
        if problems:
            raise Invalid(problems)
        if entity.name == self.runtime.schema.portal.tree:
            self._no_cycle(entity, record_id)

    def look_twice(self, entity: Entity, stored: Mapping[str, Any]) -> None:
        """Say what is probably a slip, though it can be saved."""
        for name, value in stored.items():
            if entity.fields[name].type == "bank_card" and value and fails_luhn(value):
                self.warnings.append(UNUSUAL_CARD)

    def nothing_hangs_on(self, entity: Entity, record_id: int) -> None:
        """A record that others need stays; raises Refused."""
        own = {str(item.target) for item in entity.fields.values() if item.type == "children"}
        for other in self.runtime.schema.entities.values():
            if other.name in own or other.external_table:
                continue
            for item in other.fields.values():
                if _needs(other, item, entity) and self._points(other, item, record_id):
                    text = _l(
                        "It cannot be deleted: %(entity)s still refer to it.", entity=other.label
                    )
                    raise Refused(text)

    # Private

    def _inside(self, entity: Entity, right: Rights) -> ColumnElement[Any]:
        """Whether the row lies where the actor may work; a step may lead out of it."""
        scope = None
        if right is not Rights.MOVE:
            moment = self.runtime.moment()
            scope = row_scope(self.access, self.runtime.models, moment, entity.name, right)
        return literal(True) if scope is None else scope

    def _points(self, other: Entity, item: Field, record_id: int) -> bool:
        table = table_of(self.runtime, other)
        statement = select(table.c.id).where(table.c[column_name(item)] == record_id)
        if "deleted_at" in table.c:
            statement = statement.where(table.c.deleted_at.is_(None))
        return self.session.scalar(statement.limit(1)) is not None

    def _no_cycle(self, entity: Entity, record_id: int) -> None:
        parent = entity.tree_parent
        assert parent is not None
        table = table_of(self.runtime, entity)
        seen: set[int] = set()
        here: int | None = record_id
        while here is not None:
            if here in seen:
                raise Invalid({parent.name: (_l("A place cannot lie below itself."),)})
            seen.add(here)
            up = select(table.c[column_name(parent)]).where(table.c.id == here)
            here = self.session.scalar(up)


def may_move_now(move: Move, before: Mapping[str, Any], holds: Sequence[Any]) -> None:
    """Raises Refused where the state or the guard of a step, the last of ``holds``, forbids it."""
    if before[STATE_FIELD] not in move.sources:
        raise Refused(_l("“%(move)s” is not possible in the present state.", move=move.label))
    if move.guard and holds[-1] is not True:
        say = Message("%(text)s", {"text": move.say}) if move.say else None
        raise Refused(say or _l("This step is not possible now."))


def may_edit_now(entity: Entity, before: Mapping[str, Any], holds: Sequence[Any]) -> None:
    """Raises Refused for a record that is locked, as ``holds`` tells, or closed."""
    for lock, locked in zip(entity.locks, holds, strict=True):
        if locked is True:
            raise Refused(Message("%(text)s", {"text": lock.say}))
    if entity.states and before[STATE_FIELD] in entity.states.final:
        name = before[STATE_FIELD]
        state = next(item for item in entity.states.values if item.name == name)
        text = _l("The record is closed (%(state)s) and can only be read.", state=state.label)
        raise Refused(text)


def same_version(
    session: Session, entity: Entity, before: Mapping[str, Any], version: int | None
) -> None:
    """Raises Conflict with what has changed when ``version`` is not the record's, Invalid without one."""
    if version is None:
        text = _l("Say which version of the record you have changed.")
        raise Invalid({"version": (text,)})
    if version != before["version"]:
        changed = fields_changed_since(session, entity.name, int(before["id"]), version)
        raise Conflict(tuple(sorted(changed)))


# Private


def _needs(other: Entity, item: Field, entity: Entity) -> bool:
    if item.options.get("on_delete", "restrict") != "restrict":
        return False
    below = item.type == "parent" and other.name == entity.name
    return below or (item.type == "link" and item.target == entity.name)
