"""Checks and normalises typed values by field type; says what is right when one is wrong."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from app.kernel.messages import Message, _l
from app.kernel.registry import Registry
from app.language import chinese
from app.language.definitions import Field

LARGEST = Decimal(10) ** 12
EMAIL = re.compile(r"[^@\s\"(),:;<>\[\]\\]{1,64}@[A-Za-z0-9\-]+(\.[A-Za-z0-9\-]+)+")
MOBILE = re.compile(r"1[3-9][0-9]{9}")
URL = re.compile(r"https?://[^\s<>\"']{3,1990}", re.IGNORECASE)
LOCATION = re.compile(r"(-?[0-9]{1,2}(?:\.[0-9]+)?)\s*[,\uff0c]\s*(-?[0-9]{1,3}(?:\.[0-9]+)?)")
COLOUR = re.compile(r"#[0-9a-f]{6}")
RICH_TAGS = {
    "p",
    "br",
    "b",
    "strong",
    "i",
    "em",
    "u",
    "ul",
    "ol",
    "li",
    "a",
    "h3",
    "h4",
    "blockquote",
}
EARLIEST, LATEST = date(1900, 1, 1), date(2999, 12, 31)

Check = Callable[[Any, Field], Any]
CHECKS: Registry[Check] = Registry("value check")


class WrongValue(ValueError):
    """A value that the field cannot take; ``message`` says what is right."""

    def __init__(self, message: Message) -> None:
        super().__init__(str(message))
        self.message = message


def check_value(field: Field, value: Any) -> Any:
    """The normalised value, None when empty; raises WrongValue.

    Takes typed values: str, int, Decimal, bool, date, datetime, time, list, dict.
    """
    if isinstance(value, str):
        value = _clean(value, lines=field.type in ("long_text", "rich_text", "json"))
    if value is None or value in ("", []):
        return None
    try:
        return CHECKS.get(field.type)(value, field)
    except WrongValue as wrong:
        raise WrongValue(own_words(field, wrong.message)) from wrong


def own_words(field: Field, message: Message) -> Message:
    """What the schema says in place of every sentence about a value that does not fit (``messages: {invalid}``)."""
    own = field.messages.get("invalid")
    return Message("%(text)s", {"text": own}) if own else message


# Private


def _clean(text: str, *, lines: bool) -> str:
    text = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\x00", "")
    kept = "\n\t" if lines else ""
    return "".join(
        char for char in text if char in kept or unicodedata.category(char) not in ("Cc", "Cs")
    ).strip()


def _is(kind: type | tuple[type, ...], message: Message) -> Callable[[Any], None]:
    def check(value: Any) -> None:
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise WrongValue(message)

    return check


_is_text = _is(str, _l("Enter a text."))
_is_number = _is((int, Decimal), _l("Enter a number."))
_is_whole = _is(int, _l("Enter a whole number."))


def _text(value: Any, field: Field) -> str:
    _is_text(value)
    longest, shortest = int(field.options.get("max", 200)), int(field.options.get("min", 0))
    if len(value) > longest:
        raise WrongValue(
            _l("At most %(max)s characters; this has %(count)s.", max=longest, count=len(value))
        )
    if len(value) < shortest:
        raise WrongValue(_l("At least %(min)s characters.", min=shortest))
    pattern = field.options.get("pattern")
    if field.type == "text" and pattern and not re.fullmatch(str(pattern), value):
        raise WrongValue(_l("This does not have the right form."))
    return str(value)


def _bounded(value: Decimal, field: Field) -> Decimal:
    low, high = field.options.get("min"), field.options.get("max")
    if low is not None and value < low:
        raise WrongValue(_l("At least %(min)s.", min=low))
    if high is not None and value > high:
        raise WrongValue(_l("At most %(max)s.", max=high))
    if abs(value) >= LARGEST:
        raise WrongValue(_l("The number is too large."))
    return value


def _integer(value: Any, field: Field) -> int:
    if isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value():
        value = int(value)
    _is_whole(value)
    return int(_bounded(Decimal(value), field))


def _decimal(value: Any, field: Field) -> Decimal:
    _is_number(value)
    number = Decimal(value)
    if not number.is_finite():
        raise WrongValue(_l("Enter a number."))
    places = 2 if field.type == "money" else int(field.options.get("places", 2))
    _bounded(number, field)
    rounded = number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    if rounded != number:
        raise WrongValue(_l("At most %(places)s decimal places.", places=places))
    return rounded


def _yes_no(value: Any, field: Field) -> bool:
    if not isinstance(value, bool):
        raise WrongValue(_l("Choose yes or no."))
    return value


def _date(value: Any, field: Field) -> date:
    if (
        not isinstance(value, date)
        or isinstance(value, datetime)
        or not EARLIEST <= value <= LATEST
    ):
        raise WrongValue(_l("Enter a date such as 2026-01-31."))
    return value.replace(day=1) if field.type == "month" else value


def _datetime(value: Any, field: Field) -> datetime:
    if (
        not isinstance(value, datetime)
        or value.tzinfo is None
        or not EARLIEST <= value.date() <= LATEST
    ):
        raise WrongValue(_l("Enter a date and time such as 2026-01-31 09:30."))
    return value.replace(microsecond=0)


def _time(value: Any, field: Field) -> time:
    if not isinstance(value, time):
        raise WrongValue(_l("Enter a time such as 09:30."))
    return value.replace(microsecond=0, tzinfo=None)


def _duration(value: Any, field: Field) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 10_000_000:
        raise WrongValue(_l("Enter a duration such as 1:30 (hours and minutes)."))
    return value


def _choice(value: Any, field: Field) -> str:
    if not isinstance(value, str) or field.choice(value) is None:
        raise WrongValue(_l("Pick one of the choices."))
    return value


def _choices(value: Any, field: Field) -> list[str]:
    items = _list(value)
    picked = [_choice(item, field) for item in items]
    order = [choice.name for choice in field.choices]
    return sorted(set(picked), key=order.index)


def _tags(value: Any, field: Field) -> list[str]:
    tags: dict[str, None] = {}
    for item in _list(value):
        _is_text(item)
        tag = _clean(item, lines=False)
        if len(tag) > 40:
            raise WrongValue(_l("A tag has at most %(max)s characters.", max=40))
        if tag:
            tags[tag] = None
    if len(tags) > 50:
        raise WrongValue(_l("At most %(max)s tags.", max=50))
    return list(tags)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise WrongValue(_l("Enter a list."))
    return list(value)


def _link(value: Any, field: Field) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**63:
        raise WrongValue(_l("Choose a record from the list."))
    return value


def _links(value: Any, field: Field) -> list[int]:
    return list(dict.fromkeys(_link(item, field) for item in _list(value)))


def _reference(value: Any, field: Field) -> str:
    entity, _, number = str(value).partition(":")
    if entity not in field.options["to"] or not re.fullmatch(r"[1-9][0-9]{0,17}", number):
        raise WrongValue(_l("Choose a record from the list."))
    return f"{entity}:{number}"


def _phone(value: Any, field: Field) -> str:
    import phonenumbers  # its tables are large, and most processes never see a foreign number

    _is_text(value)
    text = value.replace(" ", "")
    try:
        number = phonenumbers.parse(text, "CN")
    except phonenumbers.NumberParseException as error:
        raise WrongValue(_l("Enter a phone number, with area code or +country code.")) from error
    if not phonenumbers.is_possible_number(number):
        raise WrongValue(_l("Enter a phone number, with area code or +country code."))
    return str(value) if len(value) <= 40 else text[:40]


def _mobile(value: Any, field: Field) -> str:
    _is_text(value)
    text = re.sub(r"[\s\-]", "", value).removeprefix("+86").removeprefix("0086")
    if MOBILE.fullmatch(text):
        return text
    if text.startswith("+"):
        return re.sub(r"[\s\-]", "", _phone(value, field))[:20]
    raise WrongValue(
        _l("Enter 11 digits beginning with 13 to 19, or a foreign number with +country code.")
    )


def _email(value: Any, field: Field) -> str:
    _is_text(value)
    if len(value) > 254 or not EMAIL.fullmatch(value):
        raise WrongValue(_l("Enter an e-mail address such as name@example.com."))
    name, _, host = value.rpartition("@")
    return f"{name}@{host.lower()}"


def _url(value: Any, field: Field) -> str:
    _is_text(value)
    if not URL.fullmatch(value):
        raise WrongValue(_l("Enter a web address that begins with http:// or https://."))
    return str(value)


def _id_card(value: Any, field: Field) -> str:
    good = _l("Enter an 18-digit identity number; the last digit must match the others.")
    number = _number(value, chinese.identity_card, good)
    if not EARLIEST <= chinese.birth_date(number) <= LATEST:
        raise WrongValue(good)
    return number


def _credit_code(value: Any, field: Field) -> str:
    good = _l("Enter an 18-character social credit code; its check character must match.")
    return _number(value, chinese.credit_code, good)


def _bank_card(value: Any, field: Field) -> str:
    return _number(value, chinese.bank_card, _l("Enter 16 to 19 digits."))


def _region(value: Any, field: Field) -> str:
    level = str(field.options.get("level", "district"))
    good = _l("Enter a 6-digit region code (GB/T 2260), such as 310104.")
    return _number(value, lambda text: chinese.region(text, level), good)


def _number(value: Any, check: Callable[[str], str], good: Message) -> str:
    _is_text(value)
    try:
        return check(value)
    except ValueError as error:
        raise WrongValue(good) from error


def _location(value: Any, field: Field) -> str:
    match = LOCATION.fullmatch(str(value))
    latitude, longitude = (
        (Decimal(match[1]), Decimal(match[2])) if match else (Decimal(100), Decimal(0))
    )
    if abs(latitude) > 90 or abs(longitude) > 180:
        raise WrongValue(_l("Enter latitude and longitude, such as 31.230416,121.473701."))
    return f"{latitude:.6f},{longitude:.6f}"


def _colour(value: Any, field: Field) -> str:
    text = str(value).lower()
    if not COLOUR.fullmatch(text):
        raise WrongValue(_l("Enter a colour such as #206bc4."))
    return text


def _rating(value: Any, field: Field) -> int:
    number = _integer(value, Field(field.name, "integer", field.label, field.place))
    if not 1 <= number <= int(field.options.get("max", 5)):
        raise WrongValue(_l("Between 1 and %(max)s.", max=field.options.get("max", 5)))
    return number


def _json(value: Any, field: Field) -> Any:
    if not isinstance(value, dict | list):
        raise WrongValue(_l("Enter an object or a list in JSON."))
    if len(str(value)) > int(field.options.get("max", 10_000)):
        raise WrongValue(_l("At most %(max)s characters.", max=field.options.get("max", 10_000)))
    return value


def _rich_text(value: Any, field: Field) -> str:
    import nh3  # only forms with rich text need it

    _is_text(value)
    cleaned = nh3.clean(
        value,
        tags=RICH_TAGS,
        attributes={"a": {"href"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer",
    )
    return _text(cleaned, field)


for _names, _check in (
    (("text", "long_text", "secret"), _text),
    (("rich_text",), _rich_text),
    (("code",), _text),
    (("integer",), _integer),
    (("decimal", "money", "percent"), _decimal),
    (("yes_no",), _yes_no),
    (("date", "month"), _date),
    (("datetime",), _datetime),
    (("time",), _time),
    (("duration",), _duration),
    (("choice",), _choice),
    (("choices",), _choices),
    (("tags",), _tags),
    (("link", "parent", "file", "image", "signature"), _link),
    (("links", "files"), _links),
    (("children",), lambda value, field: _list(value)),
    (("reference",), _reference),
    (("phone",), _phone),
    (("mobile",), _mobile),
    (("email",), _email),
    (("url",), _url),
    (("id_card",), _id_card),
    (("credit_code",), _credit_code),
    (("bank_card",), _bank_card),
    (("region",), _region),
    (("location",), _location),
    (("colour",), _colour),
    (("rating",), _rating),
    (("json",), _json),
):
    for _one in _names:
        CHECKS.add(_one, _check)
