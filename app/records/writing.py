"""Writes rows: decide → scope → guard → validate → write → check → audit, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sqlalchemy import delete, insert, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.access.permissions import Access
from app.audit.actions import AuditAction
from app.audit.chain import fields_changed_since
from app.kernel.errors import Conflict, Forbidden, Invalid, NotFound, Refused, StaleRevision
from app.kernel.messages import Label, Message, _l
from app.language.definitions import STATE_FIELD, Deletion, Entity, Move, Rights
from app.language.evaluation import evaluate
from app.records import validation
from app.records.accounts import rights_changed
from app.records.auditing import Trail
from app.records.checking import Checker
from app.records.children import remove_children, write_children
from app.records.columns import derived_columns, read_whole, table_of, to_columns
from app.records.constraints import explain
from app.records.placing import move_dependents, place_of
from app.records.preparing import Prepared, Preparer
from app.records.queries import Row
from app.records.reading import Reader
from app.records.runtime import Runtime
from app.records.series import next_code
from app.storage.database import share_revision


@dataclass
class Writer:
    """Writes for one actor in one session. ``warnings`` collects what was said but not refused."""

    runtime: Runtime
    session: Session
    access: Access
    reader: Reader
    address: str | None = None
    warnings: list[Label] = field(default_factory=list)

    @cached_property
    def preparer(self) -> Preparer:
        """Makes values ready to be stored."""
        return Preparer(self.runtime, self.session, self.access, self.reader)

    @cached_property
    def checker(self) -> Checker:
        """Looks at rows once they are written."""
        return Checker(self.runtime, self.session, self.access, self.warnings)

    @cached_property
    def trail(self) -> Trail:
        """Notes what is done."""
        return Trail(self.runtime, self.session, self.access.actor, self.address)

    def create(self, name: str, values: Mapping[str, Any]) -> int:
        """Add a record and return its id; raises NotFound, Forbidden, Invalid."""
        entity = self._open(name, Rights.CREATE)
        self.preparer.may_set(entity, values, Rights.CREATE, None)
        defaults = self.preparer.defaults(entity)
        ready = self.preparer.prepared(entity, {**defaults, **values}, {})
        columns = self._new_columns(entity, ready)
        table = table_of(self.runtime, entity)
        record_id = self._run(entity, insert(table).values(columns).returning(table.c.id))
        self._associate(entity, record_id, ready.stored)
        write_children(self, entity, record_id, ready.rows)
        self.checker.look_twice(entity, ready.stored)
        self.checker.after_write(entity, record_id, Rights.CREATE)
        rights_changed(self.session, self.runtime, entity.name)
        after = ready.stored | {"version": 1}
        self.trail.note(AuditAction.RECORD_CREATED, entity, record_id, {}, after)
        return record_id

    def change(
        self, name: str, record_id: int, values: Mapping[str, Any], version: int | None
    ) -> int:
        """Change a record and return its new version.

        Raises NotFound, Forbidden, Conflict, Refused, Invalid.
        """
        entity = self._open(name, Rights.EDIT)
        row, before = self._held(entity, record_id, Rights.EDIT)
        self._same_version(entity, record_id, before, version)
        changed = {
            key: value for key, value in values.items() if key not in before or value != before[key]
        }
        self.preparer.may_set(entity, changed, Rights.EDIT, row)
        ready = self.preparer.prepared(entity, changed, before)
        return self._save(entity, before, ready, AuditAction.RECORD_CHANGED)

    def move(
        self, name: str, record_id: int, step: str, version: int | None, values: Mapping[str, Any]
    ) -> int:
        """Take a step with a record and return its new version; raises as ``change`` does."""
        entity = self._open(name, Rights.MOVE)
        move = entity.states.move(step) if entity.states else None
        if move is None:
            raise NotFound
        row, before = self._held(entity, record_id, Rights.MOVE, moving=move)
        if not self.access.entity(name).may_move(step, row.covering):
            raise Forbidden(_l("None of your roles may do “%(move)s” here.", move=move.label))
        self._same_version(entity, record_id, before, version)
        unknown = [key for key in values if key not in (*move.asks, *move.offers)]
        if unknown:
            raise Invalid({key: (_l("This step does not ask for this field."),) for key in unknown})
        maker = self.preparer.values(entity, {**before, **values})
        moment = self.runtime.moment()
        effects = {
            key: evaluate(expression.tree, maker.read, moment)
            for key, expression in move.sets.items()
        }
        # What the step sets is in force when conditions of the asked fields are looked at.
        ready = self.preparer.prepared(entity, values, {**before, **effects})
        whole = {**before, **effects, **ready.stored}
        for key in move.asks:
            if whole.get(key) is None and not ready.rows.get(key):
                ready.problems.setdefault(key, (validation.REQUIRED,))
        ready.stored.update(effects)
        ready.stored[STATE_FIELD] = move.target
        return self._save(entity, before, ready, AuditAction.RECORD_MOVED)

    def remove(self, name: str, record_id: int, version: int | None) -> None:
        """Delete a record as its entity says; raises NotFound, Forbidden, Conflict, Refused."""
        entity = self._open(name, Rights.DELETE)
        if entity.deletion is Deletion.NEVER:
            raise Refused(_l("%(entity)s are never deleted.", entity=entity.label))
        _, before = self._held(entity, record_id, Rights.DELETE)
        self._same_version(entity, record_id, before, version)
        self.checker.nothing_hangs_on(entity, record_id)
        table = table_of(self.runtime, entity)
        if entity.deletion is Deletion.SOFT:
            columns = self._touched() | {
                "deleted_at": self.runtime.clock.now(),
                "version": table.c.version + 1,
            }
            statement: Any = update(table).where(table.c.id == record_id).values(columns)
            remove_children(self, entity, record_id)
        else:
            statement = delete(table).where(table.c.id == record_id)
        self._run(entity, statement.returning(table.c.id))
        rights_changed(self.session, self.runtime, entity.name)
        self.trail.note(AuditAction.RECORD_REMOVED, entity, record_id, before, {})

    # The way in

    def _open(self, name: str, right: Rights) -> Entity:
        entity = self.runtime.schema.entities.get(name)
        if entity is None or not self.access.entity(name).allows(Rights.READ):
            raise NotFound
        decision = self.access.decide(name, right)
        if not decision.allowed:
            raise Forbidden(decision.reason)
        if share_revision(self.session) != self.runtime.revision:
            raise StaleRevision
        return entity

    def _held(
        self, entity: Entity, record_id: int, right: Rights, moving: Move | None = None
    ) -> tuple[Row, dict[str, Any]]:
        """The row as the actor sees it and as it is, locked; refuses what its state forbids."""
        compiler = self.reader.compiler(entity.name)
        said = [compiler.value(lock.when.tree) for lock in entity.locks]
        if moving and moving.guard:
            said.append(compiler.value(moving.guard.tree))
        row, holds = self.reader.one(entity.name, record_id, (), said)
        if not self.access.entity(entity.name).allows(right, row.covering):
            raise Forbidden(_l("You may see this record, but not change it."))
        before = read_whole(self.session, self.runtime, entity, record_id, lock=True)
        if before is None:
            raise NotFound
        if moving is not None:
            self._may_move_now(moving, before, holds)
        else:
            self._may_edit_now(entity, before, holds)
        return row, before

    def _may_move_now(self, move: Move, before: Mapping[str, Any], holds: tuple[Any, ...]) -> None:
        if before[STATE_FIELD] not in move.sources:
            raise Refused(_l("“%(move)s” is not possible in the present state.", move=move.label))
        if move.guard and holds[-1] is not True:
            say = Message("%(text)s", {"text": move.say}) if move.say else None
            raise Refused(say or _l("This step is not possible now."))

    def _may_edit_now(
        self, entity: Entity, before: Mapping[str, Any], holds: Iterable[Any]
    ) -> None:
        for lock, locked in zip(entity.locks, holds, strict=True):
            if locked is True:
                raise Refused(Message("%(text)s", {"text": lock.say}))
        if entity.states and before[STATE_FIELD] in entity.states.final:
            name = before[STATE_FIELD]
            state = next(item for item in entity.states.values if item.name == name)
            text = _l("The record is closed (%(state)s) and can only be read.", state=state.label)
            raise Refused(text)

    def _same_version(
        self, entity: Entity, record_id: int, before: Mapping[str, Any], version: int | None
    ) -> None:
        if version is None:
            text = _l("Say which version of the record you have changed.")
            raise Invalid({"version": (text,)})
        if version != before["version"]:
            changed = fields_changed_since(self.session, entity.name, record_id, version)
            raise Conflict(tuple(sorted(changed)))

    # The row itself

    def _new_columns(self, entity: Entity, ready: Prepared) -> dict[str, Any]:
        system: dict[str, Any] = {}
        if entity.has_place:
            system["place_id"] = self._place(entity, ready.stored, ready.problems)
        if ready.problems:
            raise Invalid(ready.problems)
        today = self.runtime.moment().today
        for item in entity.fields.values():
            if item.type == "code":
                ready.stored[item.name] = next_code(self.session, entity, item, today)
        if entity.states:
            ready.stored[STATE_FIELD] = entity.states.start
        touched = self._touched()
        created = {
            "created_at": touched["updated_at"],
            "created_by": touched["updated_by"],
        }
        columns = to_columns(self.runtime, entity, ready.stored)
        return columns | system | created | touched | derived_columns(entity, ready.stored)

    def _save(
        self, entity: Entity, before: dict[str, Any], ready: Prepared, action: AuditAction
    ) -> int:
        whole = {**before, **ready.stored}
        record_id, version = int(before["id"]), int(before["version"]) + 1
        system: dict[str, Any] = {}
        if entity.has_place and entity.scope and entity.scope[0] in ready.stored:
            system["place_id"] = self._place(entity, whole, ready.problems)
        if ready.problems:
            raise Invalid(ready.problems)
        table = table_of(self.runtime, entity)
        columns = to_columns(self.runtime, entity, ready.stored) | derived_columns(entity, whole)
        columns |= system | self._touched() | {"version": version}
        statement = update(table).where(table.c.id == record_id).values(columns)
        self._run(entity, statement.returning(table.c.id))
        self._associate(entity, record_id, ready.stored)
        write_children(self, entity, record_id, ready.rows)
        self.checker.look_twice(entity, ready.stored)
        if "place_id" in system:
            place = system["place_id"]
            move_dependents(self.session, self.runtime, entity.name, [record_id], place)
        moved = action is AuditAction.RECORD_MOVED
        self.checker.after_write(entity, record_id, Rights.MOVE if moved else Rights.EDIT)
        rights_changed(self.session, self.runtime, entity.name)
        self.trail.note(action, entity, record_id, before, ready.stored | {"version": version})
        return version

    def _place(
        self, entity: Entity, values: Mapping[str, Any], problems: validation.Problems
    ) -> int | None:
        place = place_of(self.session, self.runtime, entity, values)
        if place is None and entity.scope:
            problems.setdefault(entity.scope[0], (validation.REQUIRED,))
        return place

    def _touched(self) -> dict[str, Any]:
        actor = self.access.actor.account_id
        return {"updated_at": self.runtime.clock.now(), "updated_by": actor}

    def _run(self, entity: Entity, statement: Any) -> int:
        try:
            return int(self.session.execute(statement).scalar_one())
        except IntegrityError as error:
            raise explain(self.runtime, entity, error) from error

    def _associate(self, entity: Entity, record_id: int, stored: Mapping[str, Any]) -> None:
        for name, value in stored.items():
            if entity.fields[name].type != "links":
                continue
            table = self.runtime.models.links[entity.name, name]
            self.session.execute(delete(table).where(table.c.record_id == record_id))
            if value:
                rows = [{"record_id": record_id, "target_id": target} for target in value]
                self.session.execute(insert(table), rows)
