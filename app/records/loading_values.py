"""Makes the values of rows that are loaded ready: checked, with defaults, or told what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from itertools import islice
from typing import Any

from sqlalchemy.orm import Session

from app.access.permissions import Access
from app.kernel.errors import Invalid
from app.kernel.messages import _l
from app.language.definitions import STATE_FIELD, Entity, Field, Rights
from app.language.evaluation import evaluate
from app.language.values import WrongValue, check_value, own_words
from app.records.columns import bare_compiler, behind_link
from app.records.loading_rules import show_conditions
from app.records.runtime import Runtime
from app.records.validation import REQUIRED, Problems, Values, completed, disagreeing, shown

REPORTED = 20
UNKNOWN = _l("There is no such field to fill in.")
# A file belongs to the record with which it was uploaded, so rows cannot bring one.
FILES = ("file", "files", "image", "signature")
PORTAL_ONLY = (STATE_FIELD, "created_at", "created_by")

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class LoadedValues:
    """Makes rows of one entity ready for one actor."""

    runtime: Runtime
    access: Access
    entity: Entity
    session: Session

    def normalised(self, batch: Sequence[Mapping[str, Any]], offset: int) -> Rows:
        """Rows with defaults and a state; raises Invalid whose problems are ``row.field``."""
        problems: Problems = {}
        rows = []
        for number, given in enumerate(batch, offset):
            row: dict[str, Any] = {}
            for name, value in given.items():
                if name not in self._settable:
                    problems[f"{number}.{name}"] = (UNKNOWN,)
                    continue
                try:
                    row[name] = self._checked(name, value)
                except WrongValue as wrong:
                    item = self.entity.fields[name]
                    problems[f"{number}.{name}"] = (own_words(item, wrong.message),)
            rows.append(row)
        for number, row in enumerate(rows, offset):
            self._fill_defaults(row)
            found, amiss = self._completed(row)
            row.update(found)
            amiss |= disagreeing(self.entity, row, row.keys())
            problems |= {f"{number}.{name}": texts for name, texts in amiss.items()}
            for name in self._required:
                if row.get(name) is None:
                    problems.setdefault(f"{number}.{name}", (REQUIRED,))
        if problems:
            raise Invalid(dict(islice(problems.items(), REPORTED)))
        return rows

    # Private

    @cached_property
    def _checks(self) -> dict[str, Callable[[Any], Any]]:
        return {item.name: _checker(item) for item in self.entity.fields.values()}

    @cached_property
    def _settable(self) -> frozenset[str]:
        items = [item for item in self.entity.settable_fields if item.type != "children"]
        if self.access.actor.account_id is None:
            states = PORTAL_ONLY if self.entity.states else PORTAL_ONLY[1:]
            return frozenset([*states, *(item.name for item in items)])
        access = self.access.entity(self.entity.name)
        return frozenset(
            item.name
            for item in items
            if not item.readonly
            and item.type not in FILES
            and access.may_set(item.name, Rights.CREATE)
        )

    @cached_property
    def _required(self) -> tuple[str, ...]:
        """What every row must have; what some rows must have is looked at once they are there."""
        return tuple(
            item.name
            for item in self.entity.settable_fields
            if item.required
            and item.type not in ("yes_no", "children")
            and not any(show_conditions(self.entity, item))
        )

    def _checked(self, name: str, value: Any) -> Any:
        if name in self._checks and name != STATE_FIELD:
            return self._checks[name](value)
        states = self.entity.states
        if name == STATE_FIELD and states:
            if value not in [state.name for state in states.values]:
                raise WrongValue(_l("Pick one of the choices."))
            return value
        if name == "created_at" and not (isinstance(value, datetime) and value.tzinfo):
            raise WrongValue(_l("Enter a date and time such as 2026-01-31 09:30."))
        return value

    @cached_property
    def _defaults(self) -> tuple[tuple[Field, Any], ...]:
        """The fields with a default, and its value where a record begins without any others."""
        known = {
            "person": self.access.actor.person_id,
            "account": self.access.actor.account_id,
            "places": self.access.actor.places or (),
        }
        moment, maker = self.runtime.moment(), Values({}, lambda path: None, known)
        found: list[tuple[Field, Any]] = []
        for item in self.entity.settable_fields:
            if item.default is not None and not item.completed:
                found.append((item, evaluate(item.default.tree, maker.read, moment)))
            elif item.type == "yes_no":
                found.append((item, False))
        return tuple(found)

    @cached_property
    def _conditional(self) -> frozenset[str]:
        """The fields with a default that forms only show at times."""
        items = (item for item, _ in self._defaults if item.type != "yes_no")
        return frozenset(item.name for item in items if any(show_conditions(self.entity, item)))

    def _fill_defaults(self, row: dict[str, Any]) -> None:
        for item, value in self._defaults:
            if item.name in row:
                continue
            if item.name not in self._conditional or self._shows(item, row):
                row[item.name] = value
        if self.entity.states:
            row.setdefault(STATE_FIELD, self.entity.states.start)

    def _completed(self, row: Mapping[str, Any]) -> tuple[dict[str, Any], Problems]:
        if all(row.get(item.name) is not None for item in self._late):
            return {}, {}
        compiler = bare_compiler(self.runtime, self.access.actor, self.entity)
        maker = Values(row, lambda path: behind_link(self.session, compiler, row, path), {})
        return completed(self.entity, row, maker.read, self.runtime.moment())

    @cached_property
    def _late(self) -> tuple[Field, ...]:
        return tuple(item for item in self.entity.settable_fields if item.completed)

    def _shows(self, item: Field, row: Mapping[str, Any]) -> bool:
        maker = Values(row, lambda path: None, {})
        return shown(self.entity, item, maker.read, self.runtime.moment())


def _checker(item: Field) -> Callable[[Any], Any]:
    """The check of one field; what many rows share is checked once."""

    @lru_cache(maxsize=1024, typed=True)
    def known(value: Any) -> Any:
        return check_value(item, value)

    def check(value: Any) -> Any:
        if isinstance(value, list | dict | tuple):
            return check_value(item, value)
        return known(value)

    return check
