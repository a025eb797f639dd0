"""What stands in the cells of an export: numbers, days and moments as such, all else as text."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from markupsafe import Markup

from app.kernel.messages import Label, Message, _l
from app.language.chinese import region_names
from app.language.definitions import Entity, Field, Schema
from app.language.paths import holder_of, link_target, walk_path
from app.records.queries import Row
from app.records.titles import Key

Value = str | int | Decimal | date | datetime | None
UNSEEN = "—"


@dataclass(frozen=True)
class Speaker:
    """Says the values of rows in one language."""

    schema: Schema
    language: str
    zone: ZoneInfo
    words: Callable[[Message | Label], str]

    def value(self, entity: Entity, row: Row, name: str, titles: Mapping[Key, str]) -> Value:
        """The value of a cell; nothing where the row's reader sees it masked or not at all."""
        value, field = row.values.get(name), entity.field(name)
        if value is None or name in row.masked or field is None:
            return None
        if field.type == "lookup":
            path = tuple(field.options["path"])
            entity = holder_of(self.schema.entities, entity, path)
            field = walk_path(self.schema.entities, entity, (path[-1],))[-1]
        return self._said(entity, field, value, titles)

    # Private

    def _said(self, entity: Entity, field: Field, value: Any, titles: Mapping[Key, str]) -> Value:
        target = link_target(field, entity)
        if target is not None:
            return titles.get((target, int(value)), UNSEEN)
        if field.type == "links":
            return self._joined(titles.get((str(field.target), item), UNSEEN) for item in value)
        if field.type == "reference":
            name, _, number = str(value).partition(":")
            return titles.get((name, int(number)), UNSEEN) if number.isdigit() else UNSEEN
        if field.choices:
            names = value if isinstance(value, list) else [value]
            return self._joined(self._choice(field, str(one)) for one in names)
        return self._plain(field, value)

    def _plain(self, field: Field, value: Any) -> Value:
        match value:
            case bool():
                return self.words(_l("Yes") if value else _l("No"))
            case datetime():
                return value.astimezone(self.zone).replace(tzinfo=None)
            case date() if field.type == "month":
                return f"{value:%Y-%m}"
            case date() | int() | Decimal():
                return value
            case list():
                return self._joined(str(one) for one in value)
        if field.type == "region":
            return " ".join(region_names(str(value))) or str(value)
        if field.type == "json":
            return json.dumps(value, ensure_ascii=False)
        return Markup(value).striptags() if field.type == "rich_text" else str(value)  # noqa: S704  # read, not shown

    def _choice(self, field: Field, name: str) -> str:
        choice = field.choice(name)
        return choice.label.text(self.language) if choice else name

    def _joined(self, parts: Any) -> str:
        return ("、" if self.language == "zh" else ", ").join(parts)
