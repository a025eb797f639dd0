"""Draws the steps that can be taken with a record: a button each, and a dialog where a step asks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from app.kernel.messages import Message, _l
from app.language.definitions import STATE_FIELD, Entity, Field
from app.language.evaluation import evaluate
from app.language.steps import Move
from app.records.queries import Row
from app.records.titles import load_titles
from app.records.validation import Values
from app.web import contexts
from app.web.controls import Typed, draw
from app.web.form_conflicts import LINKING
from app.web.form_contexts import FormField, Option
from app.web.form_drawing import link_keys, lookup_url
from app.web.form_reading import Submission, with_words
from app.web.locale import say
from app.web.state import Scope


@dataclass(frozen=True)
class Tried:
    """A step that could not be taken: what was typed, and what is wrong with it."""

    step: str
    sent: Submission
    problems: Mapping[str, tuple[Message, ...]]


@dataclass(frozen=True)
class Steps:
    """Makes the steps of one record; ``titles`` are those of what it links to."""

    scope: Scope
    entity: Entity
    row: Row
    titles: Mapping[tuple[str, int], str]
    tried: Tried | None = None

    def buttons(self) -> Iterable[contexts.MoveButton]:
        """The steps that lead on from here and are the reader's to take."""
        states = self.entity.states
        access = self.scope.access.entity(self.entity.name)
        for move in states.moves if states else ():
            if self.row.values.get(STATE_FIELD) in move.sources and access.may_move(
                move.name, self.row.covering
            ):
                yield self._button(move)

    # Private

    def _button(self, move: Move) -> contexts.MoveButton:
        tried = self.tried if self.tried and self.tried.step == move.name else None
        # An offered field is sent as it is drawn: drawn without its value it would be emptied.
        offers = [name for name in move.offers if name not in move.asks and self._clear(name)]
        return contexts.MoveButton(
            move.name,
            move.label.text(self.scope.language),
            move.tone,
            f"/{self.entity.name}/move/{self.row.id}/{move.name}",
            tuple(self._field(name, tried, required=name in move.asks)
                  for name in (*move.asks, *offers)),
            self._blocked(move),
            tried is not None,
        )  # fmt: skip

    def _clear(self, name: str) -> bool:
        return name in self.row.values and name not in self.row.masked

    def _field(self, name: str, tried: Tried | None, *, required: bool) -> FormField:
        field, language = self.entity.fields[name], self.scope.language
        value = self.row.values.get(name) if self._clear(name) else None
        if tried is not None and name in tried.sent.typed:
            value = tried.sent.typed[name]
        problems = with_words(tried.problems, tried.sent).get(name, ()) if tried else ()
        changes: dict[str, Any] = {
            "required": required and field.type != "yes_no",
            "errors": tuple(say(text, language) for text in problems),
        }
        if field.type in LINKING:
            changes["lookup_url"] = lookup_url(self.entity, field, self.row.id)
            changes["options"] = tuple(self._options(field, value))
        return replace(draw(field, value, language, self.scope.state.runtime.zone), **changes)

    def _options(self, field: Field, value: Any) -> Iterable[Option]:
        titles = self._typed_titles if isinstance(value, Typed) else self.titles
        for target, number in link_keys(self.scope, field, value, self.entity):
            key = f"{target}:{number}" if field.type == "reference" else str(number)
            if (target, number) in titles or not isinstance(value, Typed):
                yield Option(key, titles.get((target, number), "—"), selected=True)

    @cached_property
    def _typed_titles(self) -> Mapping[tuple[str, int], str]:
        typed = self.tried.sent.typed if self.tried else {}
        wanted = {
            key
            for name, value in typed.items()
            if name in self.entity.fields
            for key in link_keys(self.scope, self.entity.fields[name], value, self.entity)
            if self.entity.fields[name].type in LINKING
        }
        runtime, language = self.scope.state.runtime, self.scope.language
        return load_titles(self.scope.session, runtime, wanted, language)

    def _blocked(self, move: Move) -> str:
        """Why the step is not possible now, when its guard asks only for the record's own fields."""
        if move.guard is None or any(len(path) > 1 for path in move.guard.names()) or move.asks:
            return ""
        values, masked = self.row.values, self.row.masked
        if any(path[0] not in values or path[0] in masked for path in move.guard.names()):
            return ""
        known = Values(values, lambda path: None, {})
        holds = evaluate(move.guard.tree, known.read, self.scope.state.runtime.moment())
        if holds is True:
            return ""
        return say(move.say or _l("This step is not possible now."), self.scope.language)
