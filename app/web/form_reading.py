"""Reads what was typed into a form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from werkzeug.datastructures import MultiDict

from app.kernel.messages import Message, _l
from app.language.definitions import Entity, Field, Schema
from app.language.values import WrongValue
from app.records.preparing import FILE_TYPES
from app.web.addresses import whole
from app.web.controls import Typed, parse

NEW = "__new__"
MAX_ROWS = 200
SEVERAL = ("choices", "tags", "links")
NOTHING: Mapping[str, tuple[Message, ...]] = MappingProxyType({})
NOT_IN_ROWS = ("children", "rich_text", *FILE_TYPES)


@dataclass
class Submission:
    """What a form sent: values by field, texts as typed, and what could not be read."""

    values: dict[str, Any] = field(default_factory=dict)
    typed: dict[str, Typed] = field(default_factory=dict)
    problems: dict[str, tuple[Message, ...]] = field(default_factory=dict)
    rows: dict[str, list[str]] = field(default_factory=dict)
    version: int | None = None
    # Of a form that was opened before the schema changed: so, and what has no place any more.
    former: bool = False
    lost: tuple[Message, ...] = ()


@dataclass(frozen=True)
class FormReader:
    """Reads the fields of one entity from a sent form."""

    schema: Schema
    entity: Entity
    zone: ZoneInfo

    def read(
        self,
        form: MultiDict[str, str],
        names: Iterable[str],
        problems: Mapping[str, tuple[Message, ...]] = NOTHING,
    ) -> Submission:
        """The values of the named fields; what cannot be read is noted and kept as typed.

        ``problems`` are known already.
        """
        found = Submission(version=whole(form.get("version")), problems=dict(problems))
        for name in names:
            item = self.entity.fields[name]
            if item.type == "children":
                self._rows(form, item, found)
            elif item.type not in FILE_TYPES and not (item.type == "secret" and not form.get(name)):
                self._one(form, item, name, found.values, found)
        return found

    # Private

    def _one(
        self,
        form: MultiDict[str, str],
        item: Field,
        key: str,
        values: dict[str, Any],
        found: Submission,
    ) -> None:
        texts = form.getlist(key)
        if not texts:
            return
        if item.type == "yes_no":
            texts = texts[-1:]
        kept = [text for text in texts if text or item.type not in SEVERAL]
        found.typed[key] = Typed(tuple(kept))
        try:
            values[item.name] = parse(item, texts, self.zone)
        except WrongValue as wrong:
            found.problems[key] = (wrong.message,)

    def _rows(self, form: MultiDict[str, str], item: Field, found: Submission) -> None:
        target = self.schema.entities[str(item.target)]
        start = f"{item.name}."
        keys = [key for key in form if key.startswith(start) and NEW not in key]
        prefixes = list(dict.fromkeys(".".join(key.split(".")[:2]) for key in keys))
        rows: list[dict[str, Any]] = []
        for prefix in prefixes:
            row: dict[str, Any] = {}
            for inner in row_fields(target, item):
                self._one(form, inner, f"{prefix}.{inner.name}", row, found)
            filled = any(value is not None and value is not False for value in row.values())
            known = whole(form.get(f"{prefix}.id"))
            if known is not None:
                row |= {"id": known, "version": whole(form.get(f"{prefix}.version"))}
            row["removed"] = form.get(f"{prefix}.removed") == "1"
            wrong = any(path.startswith(f"{prefix}.") for path in found.problems)
            if known is not None or filled or wrong:
                rows.append(row)
                found.rows.setdefault(item.name, []).append(prefix)
        found.values[item.name] = rows
        if len(rows) > MAX_ROWS:
            found.problems[item.name] = (
                _l("At most %(count)s rows can be saved at once.", count=MAX_ROWS),
            )


def row_fields(target: Entity, item: Field) -> Iterable[Field]:
    """The fields of a children table's rows that its columns name (all settable ones when not said)."""
    wanted = item.options.get("columns")
    for inner in target.settable_fields:
        plain = inner.type not in NOT_IN_ROWS and not inner.readonly
        named = not wanted or inner.name in wanted or inner.required
        if plain and named and inner.name != item.options["by"]:
            yield inner


def with_words(
    problems: Mapping[str, tuple[Message, ...]], sent: Submission
) -> dict[str, tuple[Message, ...]]:
    """Problems by control; of an older form with what was typed, which the control of today may not show."""
    if not sent.former:
        return dict(problems)
    return {
        key: (*texts, _l("It said: %(words)s", words="、".join(sent.typed[key].texts)))
        if key in sent.typed and sent.typed[key].first
        else texts
        for key, texts in problems.items()
    }
