"""Form controls: one for each field type, and how what was typed becomes a value."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from app.kernel.messages import Message, _l
from app.kernel.registry import Registry
from app.language.definitions import Field
from app.language.values import WrongValue, own_words
from app.web import locale
from app.web.contexts import FormField, Option

Parse = Callable[[Sequence[str], Field, ZoneInfo], Any]
Draw = Callable[[Field, Any, str, ZoneInfo], FormField]


@dataclass(frozen=True, slots=True)
class Control:
    """How a field type looks in a form (``kind``), reads what was typed and writes a value."""

    kind: str
    parse: Parse
    text: Callable[[Any, ZoneInfo], str]
    input_type: str = "text"
    input_mode: str = ""
    wide: bool = False


CONTROLS: Registry[Control] = Registry("form control")


def parse(field: Field, typed: Sequence[str], zone: ZoneInfo) -> Any:
    """The typed texts as a value, None when empty; raises WrongValue."""
    try:
        return CONTROLS.get(field.type).parse(
            [text.strip() for text in typed if text.strip()], field, zone
        )
    except WrongValue as wrong:
        raise WrongValue(own_words(field, wrong.message)) from wrong


def draw(field: Field, value: Any, language: str, zone: ZoneInfo) -> FormField:
    """The control of a field with a value (or with what was typed, as a list of texts)."""
    control = CONTROLS.get(field.type)
    typed = value if isinstance(value, Typed) else None
    text = typed.first if typed else "" if value is None else control.text(value, zone)
    drawn = FormField(
        name=field.name,
        label=field.label.text(language),
        kind=control.kind,
        value=text,
        help=field.help.text(language) if field.help else "",
        required=field.required,
        wide=control.wide,
        input_type=control.input_type,
        input_mode=control.input_mode,
        maxlength=int(field.options.get("max", 0))
        if field.type in ("text", "long_text", "secret")
        else 0,
        multiple=control.kind in ("multiselect", "links", "files"),
    )
    return replace(drawn, **_extras(field, drawn, typed, value, language))


def posted(field: Field, value: Any, zone: ZoneInfo) -> tuple[str, ...]:
    """The texts that the control of a field sends when it holds a value."""
    if field.type == "yes_no":
        return ("true" if value else "false",)
    if field.type in ("choices", "tags", "links"):
        return tuple(str(item) for item in value or ())
    return ("" if value is None else CONTROLS.get(field.type).text(value, zone),)


@dataclass(frozen=True, slots=True)
class Typed:
    """What was typed into a control, kept when it is shown again."""

    texts: tuple[str, ...]

    @property
    def first(self) -> str:
        """The first text, or nothing."""
        return self.texts[0] if self.texts else ""


# Private


def _extras(
    field: Field, drawn: FormField, typed: Typed | None, value: Any, language: str
) -> dict[str, Any]:
    if field.type in ("choice", "choices"):
        picked = (
            set(typed.texts) if typed else {value} if isinstance(value, str) else set(value or ())
        )
        options = [Option(c.name, c.label.text(language), c.name in picked) for c in field.choices]
        return {"options": tuple(options)}
    if field.type == "tags":
        tags = typed.texts if typed else tuple(value or ())
        return {"options": tuple(Option(tag, tag, selected=True) for tag in tags)}
    if field.type in ("file", "files", "image", "signature"):
        return {"accept": ",".join(f".{kind}" for kind in field.options.get("kinds", ()))}
    where = field.options.get("where") if field.type == "link" else None
    if where is not None and any(path[0] == "record" for path in where.names()):
        return {"lookup_form": True}
    return _numbers(field, language)


def _numbers(field: Field, language: str) -> dict[str, Any]:
    if field.type == "rating":
        return {"maximum": str(field.options.get("max", 5))}
    if field.type not in ("integer", "decimal", "money", "percent"):
        return {}
    unit = field.options.get("unit")
    places = {"integer": 0, "money": 2}.get(field.type, int(field.options.get("places", 2)))
    return {
        "minimum": _bound(field, "min"),
        "maximum": _bound(field, "max"),
        "step": str(Decimal(1).scaleb(-places)),
        "unit": "%"
        if field.type == "percent"
        else unit.text(language)
        if unit
        else str(field.options.get("currency") or ""),
    }


def _bound(field: Field, key: str) -> str:
    bound = field.options.get(key)
    return "" if bound is None else str(bound)


def _wrong(message: Message) -> WrongValue:
    return WrongValue(message)


def _plain(typed: Sequence[str], field: Field, zone: ZoneInfo) -> Any:
    return typed[0] if typed else None


def _whole(typed: Sequence[str], field: Field, zone: ZoneInfo) -> Any:
    if not typed:
        return None
    text = re.sub(r"[,\uff0c\s]", "", typed[0])
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
        raise _wrong(_l("Enter a whole number."))
    return int(text)


def _decimal(typed: Sequence[str], field: Field, zone: ZoneInfo) -> Any:
    if not typed:
        return None
    text = re.sub(r"[,\uff0c\u00a5\uffe5$%\uff05\s]", "", typed[0])
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise _wrong(_l("Enter a number.")) from error
    if not number.is_finite() or len(text) > 40:
        raise _wrong(_l("Enter a number."))
    return number


def _yes_no(typed: Sequence[str], field: Field, zone: ZoneInfo) -> bool:
    return bool(typed) and typed[-1] in ("1", "true", "on", "yes")


def _date(typed: Sequence[str], field: Field, zone: ZoneInfo) -> Any:
    if not typed:
        return None
    text = re.sub(r"[年月/.]", "-", typed[0]).rstrip("日").strip("-")
    parts = text.split("-")
    try:
        if field.type == "month" and len(parts) == 2:
            parts.append("1")
        year, month, day = (int(part) for part in parts)
        return date(year, month, day)
    except ValueError as error:
        good = (
            _l("Enter a month such as 2026-01.")
            if field.type == "month"
            else _l("Enter a date such as 2026-01-31.")
        )
        raise _wrong(good) from error


def _datetime(typed: Sequence[str], field: Field, zone: ZoneInfo) -> Any:
    if not typed:
        return None
    try:
        moment = datetime.fromisoformat(typed[0].replace("/", "-"))
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _wrong(_l("Enter a date and time such as 2026-01-31 09:30.")) from error


def _time(typed: Sequence[str], field: Field, zone: ZoneInfo) -> Any:
    if not typed:
        return None
    try:
        return time.fromisoformat(typed[0].replace("\uff1a", ":").zfill(5))
    except ValueError as error:
        raise _wrong(_l("Enter a time such as 09:30.")) from error


def _duration(typed: Sequence[str], field: Field, zone: ZoneInfo) -> Any:
    if not typed:
        return None
    match = re.fullmatch(r"(?:([0-9]{1,5})\s*[:\uff1ahH]\s*)?([0-9]{1,7})?\s*m?", typed[0])
    if match is None or not (match[1] or match[2]):
        raise _wrong(_l("Enter a duration such as 1:30 (hours and minutes)."))
    return int(match[1] or 0) * 60 + int(match[2] or 0)


def _several(typed: Sequence[str], field: Field, zone: ZoneInfo) -> Any:
    return list(typed) or None


def _number_list(typed: Sequence[str], field: Field, zone: ZoneInfo) -> Any:
    if not all(re.fullmatch(r"[0-9]{1,18}", text) for text in typed):
        raise _wrong(_l("Choose a record from the list."))
    return [int(text) for text in typed] or None


def _link(typed: Sequence[str], field: Field, zone: ZoneInfo) -> Any:
    found = _number_list(typed[:1], field, zone)
    return found[0] if found else None


def _json(typed: Sequence[str], field: Field, zone: ZoneInfo) -> Any:
    if not typed:
        return None
    try:
        return json.loads(typed[0])
    except (ValueError, RecursionError) as error:
        raise _wrong(_l("Enter an object or a list in JSON.")) from error


def _str(value: Any, zone: ZoneInfo) -> str:
    return str(value)


def _moment(value: Any, zone: ZoneInfo) -> str:
    return (
        value.astimezone(zone).strftime("%Y-%m-%dT%H:%M")
        if isinstance(value, datetime)
        else str(value)
    )


_TABLE: dict[str, Control] = {
    "text": Control("text", _plain, _str),
    "long_text": Control("textarea", _plain, _str, wide=True),
    "rich_text": Control("rich", _plain, _str, wide=True),
    "code": Control("shown", _plain, _str),
    "integer": Control("number", _whole, _str, input_mode="numeric"),
    "decimal": Control("number", _decimal, _str, input_mode="decimal"),
    "money": Control("money", _decimal, _str, input_mode="decimal"),
    "percent": Control("percent", _decimal, _str, input_mode="decimal"),
    "yes_no": Control("yes_no", _yes_no, lambda value, zone: "1" if value else ""),
    "date": Control("date", _date, _str, "date"),
    "datetime": Control("datetime", _datetime, _moment, "datetime-local"),
    "time": Control("time", _time, lambda value, zone: str(value)[:5], "time"),
    "duration": Control(
        "duration", _duration, lambda value, zone: locale.duration_text(int(value))
    ),
    "month": Control("month", _date, lambda value, zone: str(value)[:7], "month"),
    "choice": Control("select", _plain, _str),
    "choices": Control("multiselect", _several, lambda value, zone: ""),
    "tags": Control("tags", _several, lambda value, zone: ""),
    "link": Control("link", _link, _str),
    "links": Control("links", _number_list, lambda value, zone: ""),
    "children": Control("children", _plain, lambda value, zone: "", wide=True),
    "parent": Control("link", _link, _str),
    "reference": Control("reference", _plain, _str),
    "file": Control("file", _link, _str),
    "files": Control("files", _number_list, lambda value, zone: ""),
    "image": Control("image", _link, _str),
    "signature": Control("signature", _link, _str, wide=True),
    "phone": Control("text", _plain, _str, "tel", "tel"),
    "mobile": Control("text", _plain, _str, "tel", "tel"),
    "email": Control("text", _plain, _str, "email", "email"),
    "url": Control("text", _plain, _str, "url", "url"),
    "id_card": Control("text", _plain, _str),
    "credit_code": Control("text", _plain, _str),
    "bank_card": Control("text", _plain, _str, input_mode="numeric"),
    "region": Control("text", _plain, _str, input_mode="numeric"),
    "location": Control("location", _plain, _str),
    "colour": Control("colour", _plain, _str, "color"),
    "rating": Control("rating", _whole, _str),
    "json": Control(
        "json",
        _json,
        lambda value, zone: json.dumps(value, ensure_ascii=False, indent=1),
        wide=True,
    ),
    "secret": Control("secret", _plain, lambda value, zone: "", "password"),
    "computed": Control("shown", _plain, _str),
    "lookup": Control("shown", _plain, _str),
    "summary": Control("shown", _plain, _str),
}
for _name, _control in _TABLE.items():
    CONTROLS.add(_name, _control)
