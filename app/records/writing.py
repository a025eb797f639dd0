"""Writes rows: decide → scope → guard → validate → write → check → audit, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from sqlalchemy import delete, insert, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.access.permissions import Access, Visibility
from app.access.session_scope import given_over
from app.audit.actions import AuditAction
from app.kernel.errors import (
    Forbidden,
    Invalid,
    NotFound,
    Refused,
    StaleRevision,
    ToBeDecided,
)
from app.kernel.messages import Label, _l
from app.language.definitions import STATE_FIELD, Decided, Deletion, Entity, Rights
from app.language.evaluation import evaluate
from app.language.steps import Move
from app.records import validation
from app.records.accounts import rights_changed
from app.records.auditing import Trail
from app.records.before import CHANGED, CREATED, REMOVED, keep_before
from app.records.checking import Checker, may_edit_now, may_move_now, same_version
from app.records.children import remove_children, write_children
from app.records.columns import derived_columns, read_whole, table_of, to_columns, touched
from app.records.consenting import check_consent
from app.records.constraints import explain
from app.records.effects import follow_up
from app.records.giving import refuse_giving
from app.records.guarding import count_deed, kept_values, reaches, sensitive
from app.records.histories import keep_histories
from app.records.placing import move_dependents, place_of
from app.records.preparing import Prepared, Preparer
from app.records.queries import Row
from app.records.reading import Reader
from app.records.runtime import Runtime
from app.records.series import next_code
from app.records.tombstones import NO_CAUSE, Cause, StepTaken, bury
from app.records.twice import held_column, held_values, keep_twice
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
    cause: Cause = NO_CAUSE
    # How deep in another record's form or step: what is written there is part of one deed.
    inside: int = 0

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
        return self._made(entity, self.preparer.prepared(entity, {**defaults, **values}, {}))

    def made(self, entity: Entity, values: Mapping[str, Any]) -> int:
        """Add a record that comes with a step, whoever may fill in its fields; raises Invalid."""
        whole = {**self.preparer.defaults(entity), **values}
        return self._made(entity, self.preparer.prepared(entity, whole, {}))

    def _made(self, entity: Entity, ready: Prepared) -> int:
        check_consent(self.session, self.runtime, entity, {}, ready.stored, ready.problems)
        columns = self._new_columns(entity, ready)
        held = held_values(self, entity, {}, ready.stored)
        table = table_of(self.runtime, entity)
        statement = insert(table).values(columns | held_column(held)).returning(table.c.id)
        record_id = self._run(entity, statement)
        keep_twice(self, entity, record_id, held)
        self._associate(entity, record_id, ready.stored)
        keep_before(self, entity, record_id, CREATED, 1)
        write_children(self, entity, record_id, ready.rows)
        self.checker.look_twice(entity, ready.stored)
        self.checker.after_write(entity, record_id, Rights.CREATE)
        refuse_giving(self, entity, record_id)
        rights_changed(self.session, self.runtime, entity.name, (record_id,))
        after = ready.stored | {"version": 1}
        self.trail.note(AuditAction.RECORD_CREATED, entity, record_id, {}, after, self.cause.facts)
        keep_histories(self, entity, record_id, {}, ready.stored)
        follow_up(self, entity, "create", entity.effects, after | {"id": record_id})
        return record_id

    def change(
        self, name: str, record_id: int, values: Mapping[str, Any], version: int | None
    ) -> int:
        """Change a record and return its new version.

        Raises NotFound, Forbidden, Conflict, Refused, Invalid.
        """
        entity = self._open(name, Rights.EDIT)
        row, before = self._held(entity, record_id, Rights.EDIT)
        same_version(self.session, entity, before, version)
        access = self.access.entity(name)
        # What is not seen in clear counts as changed: else a guess that is right would be told apart.
        changed = {
            key: value
            for key, value in values.items()
            if key not in before
            or value != before[key]
            or access.visibility(key, row.covering) is not Visibility.CLEAR
        }
        self.preparer.may_set(entity, changed, Rights.EDIT, row)
        ready = self.preparer.prepared(entity, changed, before)
        check_consent(self.session, self.runtime, entity, before, ready.stored, ready.problems)
        kept = {"values": kept_values(self.session, changed)}
        if not ready.problems and any(access.may_only_ask(key, row.covering) for key in changed):
            records = {"records": [[record_id, before["version"]]]}
            raise ToBeDecided(Decided.CHANGE, name, {**records, **kept})
        self._count(entity, before, ready, kept)
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
        same_version(self.session, entity, before, version)
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
        check_consent(self.session, self.runtime, entity, before, ready.stored, ready.problems)
        ready.stored[STATE_FIELD] = move.target
        kept = {"values": kept_values(self.session, values), "move": step}
        self._count(entity, before, ready, kept, move)
        version = self._save(entity, before, ready, AuditAction.RECORD_MOVED)
        whole = {**before, **ready.stored, "version": version}
        follow_up(self, entity, move.name, move.effects, whole)
        return version

    def put(self, entity: Entity, record_id: int, values: Mapping[str, Any]) -> int:
        """Change a record along with a step, and return its new version; raises Invalid."""
        before = read_whole(self.session, self.runtime, entity, record_id, lock=True)
        if before is None:
            raise NotFound
        ready = self.preparer.prepared(entity, {}, {**before, **values})
        ready.stored.update(values)
        check_consent(self.session, self.runtime, entity, before, ready.stored, ready.problems)
        return self._save(entity, before, ready, AuditAction.RECORD_CHANGED)

    def acting(self, access: Access, step: StepTaken) -> Writer:
        """The same writer with other rights, for what comes with a step."""
        reader = replace(self.reader, access=access, unwatched=True)
        cause = replace(self.cause, step=step)
        return replace(self, access=access, reader=reader, cause=cause, inside=self.inside + 1)

    def removable(self, name: str, record_id: int, version: int | None) -> Row:
        """The record, locked, if nothing but a second person may stand against deleting it.

        Raises NotFound, Forbidden, Conflict, Refused.
        """
        entity = self._open(name, Rights.DELETE)
        if entity.deletion is Deletion.NEVER:
            raise Refused(_l("%(entity)s are never deleted.", entity=entity.label))
        row, before = self._held(entity, record_id, Rights.DELETE)
        same_version(self.session, entity, before, version)
        self.checker.nothing_hangs_on(entity, record_id)
        return replace(row, values=before)

    def remove(self, name: str, record_id: int, version: int | None) -> None:
        """Delete a record as its entity says, leaving a tombstone.

        Raises NotFound, Forbidden, Conflict, Refused, and ToBeDecided where the actor may only ask.
        """
        row = self.removable(name, record_id, version)
        entity, before = self.runtime.entity(name), row.values
        records = {"records": [[record_id, before["version"]]]}
        if self.access.entity(name).asks(Rights.DELETE, row.covering):
            raise ToBeDecided(Decided.DELETE, name, records)
        if not self.inside:
            count_deed(self, Decided.DELETE, entity, record_id, records)
        table = table_of(self.runtime, entity)
        bury(self, entity, before)
        keep_before(self, entity, record_id, REMOVED, int(before["version"]) + 1)
        if entity.deletion is Deletion.SOFT:
            columns = touched(self.runtime, self.access.actor) | {
                "deleted_at": self.runtime.clock.now(),
                "version": table.c.version + 1,
            }
            statement: Any = update(table).where(table.c.id == record_id).values(columns)
            remove_children(self, entity, record_id)
        else:
            statement = delete(table).where(table.c.id == record_id)
        self._run(entity, statement.returning(table.c.id))
        refuse_giving(self, entity, record_id, before, gone=True)
        rights_changed(self.session, self.runtime, entity.name, (record_id,), before)
        self.trail.note(AuditAction.RECORD_REMOVED, entity, record_id, before, {}, self.cause.facts)

    # The way in

    def _open(self, name: str, right: Rights) -> Entity:
        entity = self.runtime.schema.entities.get(name)
        if entity is None or not self.access.entity(name).allows(Rights.READ):
            raise NotFound
        decision = self.access.decide(name, right)
        if not decision.allowed and not self.access.entity(name).asks(right):
            raise Forbidden(decision.reason)
        if share_revision(self.session) != self.runtime.revision:
            raise StaleRevision
        given_over(self.session)
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
        access = self.access.entity(entity.name)
        if not access.allows(right, row.covering) and not access.asks(right, row.covering):
            raise Forbidden(_l("You may see this record, but not change it."))
        before = read_whole(self.session, self.runtime, entity, record_id, lock=True)
        if before is None:
            raise NotFound
        if moving is not None:
            may_move_now(moving, before, holds)
        else:
            may_edit_now(entity, before, holds)
        return row, before

    def _count(
        self, entity: Entity, before: Mapping[str, Any], ready: Prepared, deed: Mapping[str, Any],
        move: Move | None = None,
    ) -> None:  # fmt: skip
        """Let the guard count a change of what is sensitive; values that are refused count nothing."""
        if self.inside or ready.problems:
            return
        changed = [name for name, value in ready.stored.items() if before.get(name) != value]
        record_id = int(before["id"])
        payload = {"records": [[record_id, before["version"]]], **deed}
        if move is not None and move.deletes:
            held_as = Decided.CHANGE
            count_deed(self, Decided.DELETE, entity, record_id, payload, held_as=held_as)
        elif sensitive(entity, changed) or (
            move is not None and reaches(self.runtime.schema, entity, move.effects)
        ):
            count_deed(self, Decided.CHANGE, entity, record_id, payload)

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
        now = touched(self.runtime, self.access.actor)
        created = {
            "created_at": now["updated_at"],
            "created_by": now["updated_by"],
        }
        columns = to_columns(self.runtime, entity, ready.stored)
        return columns | system | created | now | derived_columns(entity, ready.stored)

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
        columns |= system | touched(self.runtime, self.access.actor) | {"version": version}
        held = held_values(self, entity, before, ready.stored)
        columns |= held_column(held)
        keep_before(self, entity, record_id, CHANGED, version)
        statement = update(table).where(table.c.id == record_id).values(columns)
        self._run(entity, statement.returning(table.c.id))
        keep_twice(self, entity, record_id, held)
        self._associate(entity, record_id, ready.stored)
        write_children(self, entity, record_id, ready.rows)
        self.checker.look_twice(entity, ready.stored)
        if "place_id" in system:
            place = system["place_id"]
            move_dependents(self.session, self.runtime, entity.name, [record_id], place)
        moved = action is AuditAction.RECORD_MOVED
        self.checker.after_write(entity, record_id, Rights.MOVE if moved else Rights.EDIT)
        refuse_giving(self, entity, record_id, before)
        rights_changed(self.session, self.runtime, entity.name, (record_id,), before)
        after = ready.stored | {"version": version}
        self.trail.note(action, entity, record_id, before, after, self.cause.facts)
        keep_histories(self, entity, record_id, before, ready.stored)
        return version

    def _place(
        self, entity: Entity, values: Mapping[str, Any], problems: validation.Problems
    ) -> int | None:
        place = place_of(self.session, self.runtime, entity, values)
        if place is None and entity.scope:
            problems.setdefault(entity.scope[0], (validation.REQUIRED,))
        return place

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
