"""Makes the values of a record ready to be stored: defaults, field rules, links."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.permissions import Access, Visibility
from app.kernel.errors import Invalid
from app.kernel.messages import _l
from app.language.definitions import Entity, Rights
from app.language.evaluation import evaluate
from app.records import validation
from app.records.columns import bare_compiler, behind_link
from app.records.queries import Row
from app.records.reading import Reader
from app.records.runtime import Runtime
from app.storage.tables import FILE

FILE_TYPES = ("file", "files", "image", "signature")
NO_SUCH_FIELD = _l("There is no such field to fill in.")


@dataclass(frozen=True)
class Prepared:
    """Values to store, the rows of children tables, and what is wrong so far."""

    stored: dict[str, Any]
    rows: dict[str, list[Any]]
    problems: validation.Problems


@dataclass(frozen=True)
class Preparer:
    """Prepares values for one actor in one session."""

    runtime: Runtime
    session: Session
    access: Access
    reader: Reader

    def may_set(
        self, entity: Entity, values: Mapping[str, Any], right: Rights, row: Row | None
    ) -> None:
        """Raises Invalid for fields that do not exist or that the actor may not fill in."""
        access = self.access.entity(entity.name)
        known = {item.name for item in entity.settable_fields if not item.readonly}
        problems: validation.Problems = {}
        for name in values:
            if name not in known:
                problems[name] = (NO_SUCH_FIELD,)
            elif not access.may_set(name, right, row.covering if row else None):
                hidden = access.visibility(name) is Visibility.HIDDEN and right is Rights.EDIT
                text = NO_SUCH_FIELD if hidden else _l("You may not fill in this field.")
                problems[name] = (text,)
        if problems:
            raise Invalid(problems)

    def values(self, entity: Entity, values: Mapping[str, Any]) -> validation.Values:
        """The values of a record in the making, for conditions."""
        actor = self.access.actor
        known = {
            "person": actor.person_id,
            "account": actor.account_id,
            "places": actor.places or (),
        }
        return validation.Values(values, lambda path: self.follow(entity, values, path), known)

    def follow(self, entity: Entity, values: Mapping[str, Any], path: tuple[str, ...]) -> Any:
        """The value of a path of a record that is not saved yet."""
        if len(path) == 1 and entity.field(path[0]) is not None:
            return self._virtual(entity, values, path[0])
        compiler = bare_compiler(self.runtime, self.access.actor, entity)
        return behind_link(self.session, compiler, values, path)

    def defaults(self, entity: Entity) -> dict[str, Any]:
        """The values with which a new record begins."""
        maker = self.values(entity, {})
        moment = self.runtime.moment()
        found: dict[str, Any] = {}
        for item in entity.settable_fields:
            if item.default is not None and not item.completed:
                found[item.name] = evaluate(item.default.tree, maker.read, moment)
            elif item.type == "yes_no":
                found[item.name] = False
        return found

    def prepared(
        self, entity: Entity, values: Mapping[str, Any], before: Mapping[str, Any]
    ) -> Prepared:
        """The values as they are stored, checked field by field against what was ``before``."""
        fields = {name: entity.fields[name] for name in values}
        stored, problems = validation.normalised(fields, values)
        if not before:
            read, now = self.values(entity, stored).read, self.runtime.moment()
            rest, wrong = validation.completed(entity, {**values, **stored}, read, now)
            stored, problems = {**stored, **rest}, {**problems, **wrong}
        rows = {
            name: stored.pop(name) or []
            for name, item in fields.items()
            if item.type == "children" and name in stored
        }
        self._apply_conditions(entity, stored, before, problems)
        whole = {**before, **stored}
        maker, moment = self.values(entity, whole), self.runtime.moment()
        for name, found in validation.missing(entity, whole, maker.read, moment).items():
            if name not in problems and name not in rows:
                problems[name] = found
        problems |= validation.out_of_bounds(entity, stored, maker.read, moment)
        problems |= validation.disagreeing(entity, whole, stored.keys())
        problems |= self._unknown_links(entity, stored, problems)
        problems |= self._unfit_links(entity, stored, before, problems)
        problems |= self._foreign_files(entity, stored, before)
        return Prepared(stored, rows, problems)

    # Private

    def _virtual(self, entity: Entity, values: Mapping[str, Any], name: str) -> Any:
        """The value of a field that is worked out, or of one that was not given."""
        item = entity.field(name)
        assert item is not None
        if item.type == "computed":
            maker = self.values(entity, values)
            return evaluate(item.options["value"].tree, maker.read, self.runtime.moment())
        if item.type == "lookup":
            return self.follow(entity, values, tuple(item.options["path"]))
        if item.type == "summary" and values.get("id"):
            compiler = bare_compiler(self.runtime, self.access.actor, entity)
            found = select(compiler.path((name,))).where(compiler.identity() == values["id"])
            return self.session.scalar(found)
        return 0 if item.type == "summary" else None

    def _apply_conditions(
        self,
        entity: Entity,
        stored: dict[str, Any],
        before: Mapping[str, Any],
        problems: validation.Problems,
    ) -> None:
        """Empty what the form does not show, and refuse what can only be read."""
        whole = {**before, **stored}
        maker, moment = self.values(entity, whole), self.runtime.moment()
        for item in entity.settable_fields:
            filled = item.type not in ("children", "yes_no") and whole.get(item.name) is not None
            if filled and not validation.shown(entity, item, maker.read, moment):
                stored[item.name] = None
            changed = item.name in stored and stored[item.name] != before.get(item.name)
            if changed and before and validation.readonly(item, maker.read, moment):
                problems[item.name] = (_l("This can only be read now."),)

    def _unknown_links(
        self, entity: Entity, stored: Mapping[str, Any], problems: validation.Problems
    ) -> validation.Problems:
        own = (self.runtime.schema.portal.person_entity, self.access.actor.person_id)
        links = {
            name: [key for key in self.reader.links_in(entity, name, value) if key != own]
            for name, value in stored.items()
        }
        if not any(links.values()):
            return {}
        row = Row(entity.name, 0, dict(stored), frozenset())
        known = self.reader.titles_of(entity, [row])
        text = _l("There is no such record, or you may not see it.")
        return {
            name: (text,)
            for name, keys in links.items()
            if name not in problems and any(key not in known for key in keys)
        }

    def _unfit_links(
        self,
        entity: Entity,
        stored: Mapping[str, Any],
        before: Mapping[str, Any],
        problems: validation.Problems,
    ) -> validation.Problems:
        """Newly chosen records that do not meet the condition of their link."""
        found: validation.Problems = {}
        for name, value in stored.items():
            where = entity.fields[name].options.get("where")
            chosen = value is not None and value != before.get(name) and name not in problems
            if entity.fields[name].type != "link" or where is None or not chosen:
                continue
            target = str(entity.fields[name].target)
            compiler = replace(
                self.reader.compiler(target), record={**before, **stored}, record_entity=entity
            )
            statement = select(compiler.criterion(where.tree)).where(compiler.identity() == value)
            if self.session.scalar(compiler.from_source(statement)) is not True:
                found[name] = (_l("Choose a record from the list."),)
        return found

    def _foreign_files(
        self, entity: Entity, stored: Mapping[str, Any], before: Mapping[str, Any]
    ) -> validation.Problems:
        """Files that were not just sent for this very field by this actor."""
        found: validation.Problems = {}
        for name, value in stored.items():
            if entity.fields[name].type not in FILE_TYPES or value is None:
                continue
            new = {*_listed(value)} - {*_listed(before.get(name))}
            sent = select(FILE.c.id).where(
                FILE.c.id.in_(new),
                FILE.c.record_id.is_(None),
                FILE.c.entity == entity.name,
                FILE.c.field == name,
                FILE.c.created_by.is_not_distinct_from(self.access.actor.account_id),
            )
            if new and {*self.session.scalars(sent)} != new:
                found[name] = (_l("There is no such record, or you may not see it."),)
        return found


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
