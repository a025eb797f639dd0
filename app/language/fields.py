"""Reads one field with the options of its type."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from app.kernel.messages import Label
from app.kernel.registry import nearest
from app.language.definitions import Choice, Field
from app.language.expressions import Expression
from app.language.field_types import FIELD_TYPES, TWICE_FOR, FieldType, Option
from app.language.reading import NAME, Keys, read_label
from app.language.source import Mapping, Node, Place

TONES = ("neutral", "primary", "success", "warning", "danger", "info")
SERIES = re.compile(
    r"[A-Za-z0-9\-/]*(\{yyyy\}|\{yy\}|\{mm\}|[A-Za-z0-9\-/])*\{seq:[1-9]\}[A-Za-z0-9\-/]*"
)
MAX_PATTERN = 200


def read_field(name: str, keys: Keys) -> Field | None:
    """The field called ``name``; None when its type is unknown."""
    type_name = keys.text("type", required=True)
    if type_name not in FIELD_TYPES:
        if type_name:
            hint = keys.findings.did_you_mean(nearest(type_name, FIELD_TYPES))
            keys.findings.add("S022", keys.place_of("type"), hint=hint, name=type_name)
        return None
    field_type = FIELD_TYPES.get(type_name)
    options = {
        key: _READERS[option.kind](keys, key, option)
        for key, option in field_type.options.items()
        if key != "choices"
    }
    choices = read_choices(keys) if "choices" in field_type.options else ()
    _required_options(keys, field_type, options)
    if type_name == "parent":
        options["to"] = ""
    field = Field(
        name=name,
        type=type_name,
        label=keys.needed_label(),
        place=keys.place,
        help=keys.label("help"),
        required=keys.flag("required"),
        unique=keys.flag("unique"),
        index=keys.flag("index"),
        search=keys.flag("search"),
        readonly=keys.flag("readonly") or not field_type.settable,
        data_class=keys.text("class") or None,
        whose=keys.text("whose") or None,
        was=keys.text("was") or None,
        default=keys.expression("default"),
        show_when=keys.expression("show_when"),
        require_when=keys.expression("require_when"),
        readonly_when=keys.expression("readonly_when"),
        choices=choices,
        options={key: value for key, value in options.items() if value is not None} | _twice(keys),
        messages=_messages(keys),
    )
    _flags_fit(field, field_type, keys)
    keys.done()
    return field


def read_choices(keys: Keys, key: str = "choices") -> tuple[Choice, ...]:
    """Named values with labels; ``{zh, en}`` or ``{label: {zh, en}, tone: …}``."""
    found: list[Choice] = []
    for name, (place, node) in keys.table(key, required=True).items():
        if not NAME.fullmatch(name) and not re.fullmatch(r"[a-z0-9_]{1,40}", name):
            keys.findings.add("S011", place, name=name[:60])
        label, tone = _choice_label(keys, place, node)
        found.append(Choice(name, label, tone))
    if not found:
        keys.findings.add("S008", keys.place_of(key), key=key)
    return tuple(found)


# Private


def _choice_label(keys: Keys, place: Place, node: Node) -> tuple[Label, str]:
    if isinstance(node, Mapping) and "label" in node.entries:
        inner = Keys(node, keys.findings)
        label, tone = inner.needed_label(), inner.word("tone", TONES, "neutral")
        inner.done()
        return label, tone
    return read_label(node, "label", keys.findings) or Label("?", "?"), "neutral"


def _messages(keys: Keys) -> dict[str, Label]:
    found: dict[str, Label] = {}
    for name, (place, node) in keys.table("messages").items():
        if name not in ("required", "unique", "invalid"):
            keys.findings.add("S015", place, value=name, choices="required, unique, invalid")
        label = read_label(node, name, keys.findings)
        if label:
            found[name] = label
    return found


def _required_options(keys: Keys, field_type: FieldType, options: dict[str, Any]) -> None:
    for key, option in field_type.options.items():
        if option.required and key != "choices" and not options[key]:
            keys.findings.add("S024", keys.place, type=field_type.name, key=key)
    if field_type.name == "summary" and bool(options["count"]) == bool(options["sum"]):
        keys.findings.add("S024", keys.place, type="summary", key="count | sum")
    low, high = options.get("min"), options.get("max")
    if isinstance(low, int) and isinstance(high, int) and low > high:
        keys.findings.add("S016", keys.place, why="min > max")


def _twice(keys: Keys) -> dict[str, tuple[str, ...]]:
    """Who is told of a value that exists already, out of the sight of whoever gives it once more."""
    told = keys.names(TWICE_FOR)
    return {TWICE_FOR: told} if told else {}


def _flags_fit(field: Field, field_type: FieldType, keys: Keys) -> None:
    wrong = {
        "unique": field.unique and not field_type.can_be_unique,
        "search": field.search and not field_type.searchable,
        "required": field.required
        and (not field_type.settable or field_type.name in ("children", "yes_no")),
        "index": field.index and not field_type.stored,
    }
    for key, bad in wrong.items():
        if bad:
            keys.findings.add("S023", keys.place_of(key), type=field.type, key=key)


def _entity(keys: Keys, key: str, option: Option) -> str | None:
    return keys.text(key) or None


def _entities(keys: Keys, key: str, option: Option) -> tuple[str, ...] | None:
    return keys.names(key) or None


def _pattern(keys: Keys, key: str, option: Option) -> str | None:
    text = keys.text(key)
    if not text:
        return None
    try:
        re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        keys.findings.add("S025", keys.place_of(key), key=key, why=str(error))
        return None
    if len(text) > MAX_PATTERN or re.search(r"[+*}]\)?[+*{]", text):
        keys.findings.add(
            "S025", keys.place_of(key), key=key, why=Label("重复嵌套", "nested repetition")
        )
        return None
    return text


def _series(keys: Keys, key: str, option: Option) -> str | None:
    text = keys.text(key)
    if text and (len(text) > 60 or not SERIES.fullmatch(text)):
        why = Label("形如 C{yyyy}{seq:6}", "write it like C{yyyy}{seq:6}")
        keys.findings.add("S025", keys.place_of(key), key=key, why=why)
        return None
    return text or None


def _currency(keys: Keys, key: str, option: Option) -> str | None:
    text = keys.text(key)
    if text and not re.fullmatch(r"[A-Z]{3}", text):
        keys.findings.add(
            "S025",
            keys.place_of(key),
            key=key,
            why=Label("三个大写字母，如 CNY", "three capitals such as CNY"),
        )
    return text or None


def _aggregate(keys: Keys, key: str, option: Option) -> tuple[str, ...] | None:
    text = keys.text(key)
    parts = tuple(text.split("."))
    wanted = 2 if key == "count" else 3
    if text and len(parts) != wanted:
        why = Label(
            "写作 实体.关联字段" + (".字段" if wanted == 3 else ""),
            "write entity.link" + (".field" if wanted == 3 else ""),
        )
        keys.findings.add("S025", keys.place_of(key), key=key, why=why)
        return None
    return parts if text else None


def _date_bound(keys: Keys, key: str, option: Option) -> Expression | None:
    return keys.expression(key)


_READERS: dict[str, Callable[[Keys, str, Option], Any]] = {
    "integer": lambda keys, key, option: keys.integer(key, option.default, option.low, option.high),
    "number": lambda keys, key, option: keys.number(key, option.default),
    "text": lambda keys, key, option: keys.text(key) or None,
    "name": lambda keys, key, option: keys.text(key) or None,
    "names": lambda keys, key, option: keys.names(key) or None,
    "words": lambda keys, key, option: keys.names(key) or option.default,
    "word": lambda keys, key, option: keys.word(key, option.words, option.default or "") or None,
    "label": lambda keys, key, option: keys.label(key),
    "entity": _entity,
    "entities": _entities,
    "pattern": _pattern,
    "series": _series,
    "currency": _currency,
    "aggregate": _aggregate,
    "path": lambda keys, key, option: tuple(keys.text(key).split(".")) if keys.text(key) else None,
    "date": _date_bound,
    "condition": lambda keys, key, option: keys.expression(key),
    "expression": lambda keys, key, option: keys.expression(key),
}
