"""The texts of a reminder for one record, in both languages, with what its reader may see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from app.features.reminders.rules import Due, Times, when_text
from app.kernel.messages import Label
from app.language.definitions import Entity
from app.language.paths import walk_path
from app.language.reminder_definitions import Reminder
from app.language.templates import render, template_pieces
from app.records.runtime import Runtime
from app.records.titles import title_of
from app.records.watching import Path, target_of, title_paths

MAX_TITLE, MAX_BODY = 200, 2000


@dataclass(frozen=True)
class Wording:
    """What a reminder says. ``paths`` are the values that its texts need of a record."""

    runtime: Runtime
    entity: Entity
    reminder: Reminder

    @cached_property
    def paths(self) -> tuple[Path, ...]:
        """Every value that is needed, once."""
        parts = [part for path in self._named for part in self._parts(path)]
        return tuple(dict.fromkeys(parts))

    def texts(
        self, record_id: int, found: Sequence[Any], due: Due, times: Times
    ) -> tuple[Label, Label]:
        """The title and the body with the values of ``paths``."""
        known = dict(zip(self.paths, found, strict=True))
        by_language = {
            language: self._values(record_id, known, due, times, language)
            for language in ("zh", "en")
        }

        def filled(template: Label, longest: int) -> Label:
            zh, en = (
                render(template.text(language), by_language[language], language, times.zone)[
                    :longest
                ]
                for language in ("zh", "en")
            )
            return Label(zh, en)

        return filled(self.reminder.title, MAX_TITLE), filled(self.reminder.body, MAX_BODY)

    # Private

    @cached_property
    def _named(self) -> tuple[Path, ...]:
        labels = (self.reminder.title, self.reminder.body)
        pieces = [
            piece
            for label in labels
            for text in (label.zh, label.en)
            for piece in template_pieces(text)
            if piece.path and piece.path not in (("due",), ("when",))
        ]
        return tuple(dict.fromkeys(piece.path for piece in pieces))

    def _parts(self, path: Path) -> tuple[Path, ...]:
        if path == ("record",):
            return tuple((name,) for name in self.entity.title_fields)
        return title_paths(self.runtime, self.entity, path)

    def _values(
        self, record_id: int, known: Mapping[Path, Any], due: Due, times: Times, language: str
    ) -> dict[Path, Any]:
        values: dict[Path, Any] = {
            ("due",): due,
            ("when",): when_text(due, times).text(language),
        }
        for path in self._named:
            values[path] = self._value(record_id, path, known, language)
        return values

    def _value(self, record_id: int, path: Path, known: Mapping[Path, Any], language: str) -> Any:
        own = path == ("record",)
        target = self.entity if own else target_of(self.runtime, self.entity, path)
        if target is not None:
            parts = {part[-1]: known[part] for part in self._parts(path)}
            filled = any(value is not None for value in parts.values())
            return title_of(target, parts | {"id": record_id}, language) if filled or own else None
        resolved = self._parts(path)[0]
        value = known[resolved]
        field = walk_path(self.runtime.schema.entities, self.entity, resolved)[-1]
        choice = field.choice(value) if isinstance(value, str) else None
        return choice.label.text(language) if choice else value
