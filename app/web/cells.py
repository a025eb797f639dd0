"""How a value is shown: one function for each field type."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from markupsafe import Markup

from app.kernel.registry import Registry
from app.language.chinese import region_names
from app.language.definitions import Entity, Field, Schema
from app.language.paths import holder_of, link_target, walk_path
from app.records.queries import Row
from app.records.titles import Key
from app.web import locale
from app.web.contexts import Cell

EMPTY = Cell("empty")
LONGEST_IN_LIST = 80

Show = Callable[[Any, Field, "Shower"], Cell]
SHOWS: Registry[Show] = Registry("cell")


class Shower:
    """Shows values of one page: knows the language, the titles, and whether links may be followed."""

    def __init__(
        self,
        schema: Schema,
        language: str,
        zone: Any,
        titles: dict[Key, str],
        readable: Callable[[str], bool],
    ) -> None:
        self.schema = schema
        self.language = language
        self.zone = zone
        self.titles = titles
        self.readable = readable

    def cell(self, entity: Entity, row: Row, name: str) -> Cell:
        """The cell of a field of a row; hidden fields show as empty."""
        value = row.values.get(name)
        if value is None or value == []:
            return EMPTY
        if name in row.masked:
            return Cell("masked", str(value))
        field = entity.field(name)
        if field is None:
            return EMPTY
        if field.type == "lookup":
            path = tuple(field.options["path"])
            entity = holder_of(self.schema.entities, entity, path)
            field = walk_path(self.schema.entities, entity, (path[-1],))[-1]
        return self.value(entity, field, value)

    def value(self, entity: Entity, field: Field, value: Any) -> Cell:
        """The cell of a visible value."""
        target = link_target(field, entity)
        if target is not None:
            return self.link(target, int(value))
        kind = str(field.options["as"]) if field.type == "computed" else field.type
        return SHOWS.get(kind)(value, field, self)

    def link(self, target: str, record_id: int) -> Cell:
        """A link to a record; without its title the reader may not see it."""
        title = self.titles.get((target, record_id))
        if title is None:
            return Cell("masked", "—")
        url = f"/{target}/show/{record_id}" if self.readable(target) else ""
        return Cell("link", title, url) if url else Cell("text", title)


# Private


def _text(value: Any, field: Field, shower: Shower) -> Cell:
    return Cell("text", str(value))


def _long(value: Any, field: Field, shower: Shower) -> Cell:
    return Cell("long", str(value))


def _choice(value: Any, field: Field, shower: Shower) -> Cell:
    choice = field.choice(str(value))
    if choice is None:
        return Cell("text", str(value))
    kind = "badge" if choice.tone != "neutral" or field.name == "state" else "text"
    return Cell(kind, choice.label.text(shower.language), tone=choice.tone)


def _choices(value: Any, field: Field, shower: Shower) -> Cell:
    return Cell("tags", parts=tuple(_choice(item, field, shower) for item in value))


def _tags(value: Any, field: Field, shower: Shower) -> Cell:
    return Cell("tags", parts=tuple(Cell("text", str(item)) for item in value))


def _links(value: Any, field: Field, shower: Shower) -> Cell:
    return Cell("tags", parts=tuple(shower.link(str(field.target), item) for item in value))


def _reference(value: Any, field: Field, shower: Shower) -> Cell:
    target, _, number = str(value).partition(":")
    return shower.link(target, int(number))


def _money(value: Any, field: Field, shower: Shower) -> Cell:
    currency = str(field.options.get("currency") or shower.schema.portal.currency)
    return Cell("number", locale.money_text(value, currency))


def _number(value: Any, field: Field, shower: Shower) -> Cell:
    unit = field.options.get("unit")
    text = locale.number_text(value) if field.name != "id" else str(value)
    return Cell("number", f"{text} {unit.text(shower.language)}" if unit else text)


def _region(value: Any, field: Field, shower: Shower) -> Cell:
    return Cell("text", " ".join(region_names(str(value))) or str(value))


def _file(value: Any, field: Field, shower: Shower) -> Cell:
    ids = value if isinstance(value, list) else [value]
    kind = "image" if field.type in ("image", "signature") else "files"
    if kind == "image":
        return Cell("image", field.label.text(shower.language), f"/files/{ids[0]}")
    names = shower.titles
    return Cell(
        "files",
        parts=tuple(
            Cell("link", names.get(("file", item), f"#{item}"), f"/files/{item}") for item in ids
        ),
    )


def _duration(value: Any, field: Field, shower: Shower) -> Cell:
    return Cell("number", locale.duration_text(int(value)))


def _html(value: Any, field: Field, shower: Shower) -> Cell:
    return Cell("html", Markup(value))  # noqa: S704  # sanitised by nh3 before it was stored


_PLAIN: dict[str, Show] = {
    "yes_no": lambda value, field, shower: Cell(
        "yes" if value else "no", locale.shown(value, shower.language)
    ),
    "percent": lambda value, field, shower: Cell("number", f"{value.normalize():f}%"),
    "date": lambda value, field, shower: Cell("text", value.isoformat()),
    "datetime": lambda value, field, shower: Cell("text", locale.datetime_text(value, shower.zone)),
    "time": lambda value, field, shower: Cell("text", locale.time_text(value)),
    "month": lambda value, field, shower: Cell("text", locale.month_text(value)),
    "url": lambda value, field, shower: Cell("link", str(value)[:LONGEST_IN_LIST], str(value)),
    "email": lambda value, field, shower: Cell("link", str(value), f"mailto:{value}"),
    "colour": lambda value, field, shower: Cell("colour", str(value)),
    "rating": lambda value, field, shower: Cell(
        "rating", str(value), tone=str(field.options.get("max", 5))
    ),
    "json": lambda value, field, shower: Cell(
        "long", json.dumps(value, ensure_ascii=False, indent=1)
    ),
    "rich_text": _html,
    "money": _money,
    "duration": _duration,
    "choice": _choice,
    "choices": _choices,
    "tags": _tags,
    "links": _links,
    "reference": _reference,
    "region": _region,
    "long_text": _long,
    "link": _text,
    "parent": _text,
    "lookup": _text,
    "computed": _text,
    "children": _text,
    "secret": lambda value, field, shower: EMPTY,
    "summary": _number,
}
for _name in ("text", "code", "phone", "mobile", "id_card", "credit_code", "bank_card", "location"):
    SHOWS.add(_name, _text)
for _name in ("integer", "decimal"):
    SHOWS.add(_name, _number)
for _name in ("file", "files", "image", "signature"):
    SHOWS.add(_name, _file)
for _name, _show in _PLAIN.items():
    SHOWS.add(_name, _show)
