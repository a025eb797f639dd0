"""Writes rows: decide → scope → guard → validate → write → check → audit, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Table, delete, insert, literal, null, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.access.accounts import ACCESS_COUNTER
from app.access.permissions import Access, Visibility
from app.access.row_scope import actor_values, row_scope
from app.audit.actions import AuditAction
from app.audit.chain import fields_changed_since
from app.kernel.errors import Conflict, Forbidden, Invalid, NotFound, Refused, StaleRevision
from app.kernel.messages import Label, Message, _l
from app.language.definitions import STATE_FIELD, Deletion, Entity, Field, Move, Rights
from app.language.evaluation import evaluate
from app.records import validation
from app.records.auditing import audit
from app.records.constraints import explain
from app.records.placing import move_dependents, place_of
from app.records.queries import Row
from app.records.reading import Reader
from app.records.runtime import Runtime
from app.records.search import search_text, sort_key
from app.records.series import next_code
from app.storage.columns import column_name
from app.storage.criteria import Compiler
from app.storage.database import bump, share_revision
from app.storage.models import SEARCH_TEXT, SORT_KEY, has_search, sort_key_field


@dataclass
class Writer:
    """Writes for one actor in one session. ``warnings`` collects what was said but not refused."""

    runtime: Runtime
    session: Session
    access: Access
    reader: Reader
    address: str | None = None
    warnings: list[Label] = field(default_factory=list)
    _shared: bool = False

    def create(self, name: str, values: Mapping[str, Any]) -> int:
        """Add a record and return its id; raises Forbidden, Invalid."""
        entity = self._open(name, Rights.CREATE)
        self._may_set(entity, values, Rights.CREATE, None)
        given = {**self.defaults(entity), **values}
        stored, rows, problems = self._prepared(entity, given, {})
        system = self._system_values(entity, stored, problems)
        stored_columns = self._columns(entity, stored) | system
        now = self.runtime.clock.now()
        actor = self.access.actor.account_id
        stored_columns |= {"created_at": now, "updated_at": now, "created_by": actor, "updated_by": actor}
        table = self._table(entity)
        record_id = self._run(entity, insert(table).values(stored_columns).returning(table.c.id))
        self._associate(entity, record_id, stored)
        self._children(entity, record_id, rows)
        self._check(entity, record_id, Rights.CREATE)
        self._after(entity, record_id, {})
        audit(self, AuditAction.RECORD_CREATED, entity, record_id, {}, stored | {"version": 1})
        return record_id

    def change(self, name: str, record_id: int, values: Mapping[str, Any], version: int | None) -> int:
        """Change a record and return its new version; raises NotFound, Forbidden, Conflict, Refused, Invalid."""
        entity = self._open(name, Rights.EDIT)
        row, before = self._held(entity, record_id, Rights.EDIT)
        self._same_version(entity, record_id, before, version)
        changed = {key: value for key, value in values.items() if value != before.get(key, ...) or key not in before}
        self._may_set(entity, changed, Rights.EDIT, row)
        stored, rows, problems = self._prepared(entity, changed, before)
        return self._save(entity, record_id, before, stored, rows, problems, AuditAction.RECORD_CHANGED)

    def move(self, name: str, record_id: int, move_name: str, version: int | None, values: Mapping[str, Any]) -> int:
        """Take a step with a record; raises NotFound, Forbidden, Conflict, Refused, Invalid."""
        entity = self._open(name, Rights.MOVE)
        move = entity.states.move(move_name) if entity.states else None
        if move is None:
            raise NotFound
        row, before = self._held(entity, record_id, Rights.MOVE, moving=move)
        if not self.access.entity(name).may_move(move_name, row.covering):
            raise Forbidden(_l("None of your roles may do “%(move)s” here.", move=move.label))
        self._same_version(entity, record_id, before, version)
        asked = {key: value for key, value in values.items() if key in move.asks}
        stored, rows, problems = self._prepared(entity, asked, before)
        problems |= {key: (validation.REQUIRED,) for key in move.asks if stored.get(key, before.get(key)) is None}
        maker = self._values(entity, {**before, **stored})
        moment = self.runtime.moment()
        stored |= {key: evaluate(value.tree, maker.read, moment) for key, value in move.sets.items()}
        stored[STATE_FIELD] = move.target
        return self._save(entity, record_id, before, stored, rows, problems, AuditAction.RECORD_MOVED)

    def remove(self, name: str, record_id: int, version: int | None) -> None:
        """Delete a record as its entity says; raises NotFound, Forbidden, Conflict, Refused."""
        entity = self._open(name, Rights.DELETE)
        if entity.deletion is Deletion.NEVER:
            raise Refused(_l("%(entity)s are never deleted.", entity=entity.label))
        _, before = self._held(entity, record_id, Rights.DELETE)
        self._same_version(entity, record_id, before, version)
        self._nothing_hangs_on(entity, record_id)
        table = self._table(entity)
        if entity.deletion is Deletion.SOFT:
            now, actor = self.runtime.clock.now(), self.access.actor.account_id
            values = {"deleted_at": now, "updated_at": now, "updated_by": actor, "version": table.c.version + 1}
            self._run(entity, update(table).where(table.c.id == record_id).values(values).returning(table.c.id))
            self._remove_children(entity, record_id)
        else:
            self._run(entity, delete(table).where(table.c.id == record_id).returning(table.c.id))
        self._after(entity, record_id, before)
        audit(self, AuditAction.RECORD_REMOVED, entity, record_id, before, {})

    # Private: the way in

    def _open(self, name: str, right: Rights) -> Entity:
        entity = self.runtime.schema.entities.get(name)
        if entity is None or not self.access.entity(name).allows(Rights.READ):
            raise NotFound
        decision = self.access.decide(name, right)
        if not decision.allowed:
            raise Forbidden(decision.reason)
        if not self._shared:
            if share_revision(self.session) != self.runtime.revision:
                raise StaleRevision
            self._shared = True
        return entity

    def _held(self, entity: Entity, record_id: int, right: Rights, moving: Move | None = None) -> tuple[Row, dict[str, Any]]:
        """The row as the actor sees it and as it is, locked; refuses what its state forbids."""
        compiler = self.reader.compiler(entity.name)
        locks = [compiler.value(lock.when.tree) for lock in entity.locks]
        guard = [compiler.value(moving.guard.tree)] if moving and moving.guard else []
        row, said = self.reader.one(entity.name, record_id, (), [*locks, *guard])
        if not self.access.entity(entity.name).allows(right, row.covering):
            raise Forbidden(_l("You may see this record, but not change it."))
        table = self._table(entity)
        found = self.session.execute(select(table).where(table.c.id == record_id).with_for_update()).one()
        before = self._from_columns(entity, dict(found._mapping))
        self._allowed_now(entity, before, said[: len(locks)], moving)
        if guard and said[-1] is not True:
            say = moving.say if moving and moving.say else None
            raise Refused(Message("%(text)s", {"text": say}) if say else _l("This step is not possible now."))
        return row, before

    def _allowed_now(self, entity: Entity, before: Mapping[str, Any], locked: Iterable[Any], moving: Move | None) -> None:
        if moving is not None:
            if before[STATE_FIELD] not in moving.sources:
                raise Refused(_l("“%(move)s” is not possible in the present state.", move=moving.label))
            return
        for lock, holds in zip(entity.locks, locked, strict=True):
            if holds is True:
                raise Refused(Message("%(text)s", {"text": lock.say}))
        if entity.states and before[STATE_FIELD] in entity.states.final:
            state = next(item for item in entity.states.values if item.name == before[STATE_FIELD])
            raise Refused(_l("The record is closed (%(state)s) and can only be read.", state=state.label))

    def _same_version(self, entity: Entity, record_id: int, before: Mapping[str, Any], version: int | None) -> None:
        if version is None:
            raise Invalid({"version": (_l("Say which version of the record you have changed."),)})
        if version != before["version"]:
            changed = fields_changed_since(self.session, entity.name, record_id, version)
            raise Conflict(tuple(sorted(changed)))

    def _may_set(self, entity: Entity, values: Mapping[str, Any], right: Rights, row: Row | None) -> None:
        access = self.access.entity(entity.name)
        known = {item.name for item in entity.settable_fields}
        problems: validation.Problems = {}
        for name in values:
            field = entity.field(name)
            if name not in known or field is None or field.readonly:
                problems[name] = (_l("There is no such field to fill in."),)
            elif not access.may_set(name, right, row.covering if row else None):
                hidden = access.visibility(name) is Visibility.HIDDEN
                text = _l("There is no such field to fill in.") if hidden else _l("You may not fill in this field.")
                problems[name] = (text,)
        if problems:
            raise Invalid(problems)

    # Private: values

    def _values(self, entity: Entity, values: Mapping[str, Any]) -> validation.Values:
        actor = self.access.actor
        places = actor_values(actor, self.reader._places()).places  # noqa: SLF001  # same package
        known = {"person": actor.person_id, "account": actor.account_id, "places": places}
        return validation.Values(values, lambda path: self.follow(entity, values, path), known)

    def follow(self, entity: Entity, values: Mapping[str, Any], path: tuple[str, ...]) -> Any:
        """The value of a path of a record that is not saved yet."""
        compiler = self._bare(entity)
        first = entity.field(path[0])
        if first is None:
            return None
        if len(path) == 1:
            if first.type == "computed":
                maker = self._values(entity, values)
                return evaluate(first.options["value"].tree, maker.read, self.runtime.moment())
            if first.type == "lookup":
                return self.follow(entity, values, tuple(first.options["path"]))
            if first.type == "summary" and values.get("id"):
                statement = select(compiler.path(path)).where(compiler.identity() == values["id"])
                return self.session.scalar(statement)
            return 0 if first.type == "summary" else None
        if values.get(path[0]) is None:
            return None
        inner = compiler._linked(first)  # noqa: SLF001  # the compiler's other half
        statement = select(inner.path(path[1:])).where(inner.identity() == values[path[0]])
        return self.session.scalar(inner.from_source(statement))

    def defaults(self, entity: Entity) -> dict[str, Any]:
        maker = self._values(entity, {})
        moment = self.runtime.moment()
        found: dict[str, Any] = {}
        for item in entity.settable_fields:
            if item.default is not None:
                found[item.name] = evaluate(item.default.tree, maker.read, moment)
            elif item.type == "yes_no":
                found[item.name] = False
        return found

    def _prepared(
        self, entity: Entity, values: Mapping[str, Any], before: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, list[Any]], validation.Problems]:
        """The values to store, the rows of children tables, and what is wrong so far."""
        fields = {name: entity.fields[name] for name in values}
        stored, problems = validation.normalised(fields, values)
        rows = {name: stored.pop(name) or [] for name, item in fields.items() if item.type == "children" and name in stored}
        moment = self.runtime.moment()
        maker = self._values(entity, {**before, **stored})
        for item in entity.settable_fields:
            if item.type not in ("children", "yes_no") and {**before, **stored}.get(item.name) is not None:
                if not validation.shown(entity, item, maker.read, moment):
                    stored[item.name] = None
            if item.name in stored and before and validation.readonly(item, maker.read, moment):
                problems[item.name] = (_l("This can only be read now."),)
        whole = {**before, **stored}
        maker = self._values(entity, whole)
        gaps = validation.missing(entity, whole, maker.read, moment)
        problems |= {name: found for name, found in gaps.items() if name not in problems and name not in rows}
        problems |= validation.out_of_bounds(entity, stored, maker.read, moment)
        problems |= self._unknown_links(entity, stored, problems)
        return stored, rows, problems

    def _unknown_links(self, entity: Entity, stored: Mapping[str, Any], problems: validation.Problems) -> validation.Problems:
        links = {name: tuple(self.reader.links_in(entity, name, value)) for name, value in stored.items()}
        row = Row(entity.name, 0, dict(stored), frozenset())
        known = self.reader.titles_of(entity, [row]) if any(links.values()) else {}
        text = _l("There is no such record, or you may not see it.")
        return {
            name: (text,)
            for name, keys in links.items()
            if name not in problems and any(key not in known and key[0] != "account" for key in keys)
        }

    def _system_values(self, entity: Entity, stored: dict[str, Any], problems: validation.Problems) -> dict[str, Any]:
        system: dict[str, Any] = {}
        if entity.scope not in (None, ("self",)):
            place = place_of(self.session, self.runtime, entity, stored)
            if place is None and not problems:
                problems[str(entity.scope[0])] = (validation.REQUIRED,)
            system["place_id"] = place
        if problems:
            raise Invalid(problems)
        today = self.runtime.moment().today
        for item in entity.fields.values():
            if item.type == "code":
                stored[item.name] = next_code(self.session, entity, item, today)
        if entity.states:
            stored[STATE_FIELD] = entity.states.start
        return system | self._derived(entity, stored)

    def _derived(self, entity: Entity, values: Mapping[str, Any]) -> dict[str, Any]:
        derived: dict[str, Any] = {}
        if has_search(entity):
            derived[SEARCH_TEXT] = search_text(entity, values)
        keyed = sort_key_field(entity)
        if keyed is not None:
            derived[SORT_KEY] = sort_key(values.get(keyed.name))
        return derived

    # Private: writing

    def _save(
        self, entity: Entity, record_id: int, before: dict[str, Any], stored: dict[str, Any],
        rows: dict[str, list[Any]], problems: validation.Problems, action: AuditAction,
    ) -> int:  # fmt: skip
        whole = {**before, **stored}
        system = self._derived(entity, whole)
        scope_link = entity.scope[0] if entity.scope not in (None, ("self",)) and entity.scope else None
        if scope_link in stored:
            system["place_id"] = place_of(self.session, self.runtime, entity, whole)
            if system["place_id"] is None:
                problems.setdefault(str(scope_link), (validation.REQUIRED,))
        if problems:
            raise Invalid(problems)
        version = int(before["version"]) + 1
        table = self._table(entity)
        columns = self._columns(entity, stored) | system
        columns |= {"version": version, "updated_at": self.runtime.clock.now(), "updated_by": self.access.actor.account_id}
        self._run(entity, update(table).where(table.c.id == record_id).values(columns).returning(table.c.id))
        self._associate(entity, record_id, stored)
        self._children(entity, record_id, rows)
        if "place_id" in system:
            move_dependents(self.session, self.runtime, entity.name, [record_id], system["place_id"])
        self._check(entity, record_id, Rights.MOVE if action is AuditAction.RECORD_MOVED else Rights.EDIT)
        self._after(entity, record_id, before)
        audit(self, action, entity, record_id, before, stored | {"version": version})
        return version

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

    def _children(self, entity: Entity, record_id: int, tables: Mapping[str, list[Any]]) -> None:
        problems: validation.Problems = {}
        for name, rows in tables.items():
            target, by = str(entity.fields[name].target), str(entity.fields[name].options["by"])
            for number, row in enumerate(rows):
                try:
                    self._child(target, by, record_id, dict(row))
                except Invalid as invalid:
                    inner = {f"{name}.{number}.{key}" if key else f"{name}.{number}": texts for key, texts in invalid.problems.items()}
                    problems |= inner
        if problems:
            raise Invalid(problems)

    def _child(self, target: str, by: str, record_id: int, row: dict[str, Any]) -> None:
        child_id, version, removed = row.pop("id", None), row.pop("version", None), row.pop("removed", False)
        if child_id is None:
            if not removed:
                self.create(target, {**row, by: record_id})
            return
        entity = self.runtime.entity(target)
        table = self._table(entity)
        owner = self.session.scalar(select(table.c[f"{by}_id"]).where(table.c.id == int(child_id)))
        if owner != record_id:
            raise NotFound
        if removed:
            self.remove(target, int(child_id), version)
        elif self._differs(entity, int(child_id), row):
            self.change(target, int(child_id), row, version)

    def _differs(self, entity: Entity, record_id: int, row: Mapping[str, Any]) -> bool:
        table = self._table(entity)
        found = self.session.execute(select(table).where(table.c.id == record_id)).one()
        before = self._from_columns(entity, dict(found._mapping))
        return any(before.get(name) != value for name, value in row.items())

    def _remove_children(self, entity: Entity, record_id: int) -> None:
        for item in entity.fields.values():
            if item.type == "children":
                table = self._table(self.runtime.entity(str(item.target)))
                if "deleted_at" in table.c:
                    statement = update(table).where(table.c[f"{item.options['by']}_id"] == record_id)
                    self.session.execute(statement.values(deleted_at=self.runtime.clock.now()))

    def _check(self, entity: Entity, record_id: int, right: Rights) -> None:
        """The schema's checks and the actor's scope, on the row as it now is."""
        compiler = self._bare(entity)
        scope = None if right is Rights.MOVE else row_scope(
            self.access, self.runtime.models, self.runtime.moment(), entity.name, right
        )
        wanted: list[ColumnElement[Any]] = [literal(True) if scope is None else scope]
        wanted += [compiler.value(check.that.tree) for check in entity.checks]
        if len(wanted) == 1 and scope is None:
            return
        statement = select(*[null() if item is None else item for item in wanted])
        found = self.session.execute(statement.select_from(compiler.source).where(compiler.identity() == record_id)).one()
        if found[0] is not True:
            raise Forbidden(_l("The record would then lie outside what you may work on."))
        problems: validation.Problems = {}
        for check, holds in zip(entity.checks, found[1:], strict=True):
            if holds is False and check.warning:
                self.warnings.append(check.say)
            elif holds is False:
                problems[check.at or ""] = (*problems.get(check.at or "", ()), Message("%(text)s", {"text": check.say}))
        if problems:
            raise Invalid(problems)

    def _nothing_hangs_on(self, entity: Entity, record_id: int) -> None:
        """A record that others need stays; the database says the same of hard deletion."""
        own = {str(item.target) for item in entity.fields.values() if item.type == "children"}
        for other in self.runtime.schema.entities.values():
            if other.name in own or other.external_table:
                continue
            for item in other.fields.values():
                restricts = item.options.get("on_delete", "restrict") == "restrict"
                to_us = item.type == "parent" and other.name == entity.name or item.type == "link" and item.target == entity.name
                if to_us and restricts and self._points(other, item, record_id):
                    raise Refused(_l("It cannot be deleted: %(entity)s still refer to it.", entity=other.label))

    def _points(self, other: Entity, item: Field, record_id: int) -> bool:
        table = self._table(other)
        statement = select(table.c.id).where(table.c[column_name(item)] == record_id)
        if "deleted_at" in table.c:
            statement = statement.where(table.c.deleted_at.is_(None))
        return self.session.scalar(statement.limit(1)) is not None

    def _after(self, entity: Entity, record_id: int, before: Mapping[str, Any]) -> None:
        portal = self.runtime.schema.portal
        if entity.name in ("role_assignment", portal.tree, portal.person_entity):
            bump(self.session, ACCESS_COUNTER)
        if entity.name == portal.tree:
            self._no_cycle(entity, record_id)

    def _no_cycle(self, entity: Entity, record_id: int) -> None:
        parent = entity.tree_parent
        assert parent is not None
        table = self._table(entity)
        seen, here = set(), record_id
        while here is not None:
            if here in seen:
                raise Invalid({parent.name: (_l("A place cannot lie below itself."),)})
            seen.add(here)
            here = self.session.scalar(select(table.c[column_name(parent)]).where(table.c.id == here))

    # Private: columns

    def _table(self, entity: Entity) -> Table:
        return self.runtime.models.metadata.tables[entity.name]

    def _bare(self, entity: Entity) -> Compiler:
        values = actor_values(self.access.actor, self.reader._places())  # noqa: SLF001  # same package
        runtime = self.runtime
        return Compiler(runtime.schema, runtime.models, runtime.moment(), values, entity, self._table(entity), scoped=False)

    def _columns(self, entity: Entity, stored: Mapping[str, Any]) -> dict[str, Any]:
        table = self._table(entity)
        named = {column_name(entity.fields[name]): value for name, value in stored.items()}
        return {name: value for name, value in named.items() if name in table.c}

    def _from_columns(self, entity: Entity, found: Mapping[str, Any]) -> dict[str, Any]:
        values = {item.name: found[column_name(item)] for item in entity.fields.values() if column_name(item) in found}
        values |= {name: found[name] for name in ("id", "version", "created_at", "created_by", "updated_at", "updated_by")}
        for item in entity.fields.values():
            if item.type == "links":
                table = self.runtime.models.links[entity.name, item.name]
                rows = self.session.scalars(select(table.c.target_id).where(table.c.record_id == found["id"]))
                values[item.name] = list(rows)
        return values

