"""The addresses of lists: reading what a reader asked for, writing where a click leads."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from app.language.definitions import Entity, Field
from app.language.field_types import FIELD_TYPES
from app.language.values import EARLIEST, LATEST
from app.records.queries import MAX_PAGE, Filter
from app.web.questions import Sealer

SIZES = (25, 50, 100)
KEY = re.compile(r"[0-9]{1,18}")
MOST_DIGITS = 30
# What stands for everything that was typed; no field can have this name.
SEALED = "_s"
# The revision whose names a kept address uses.
REVISION = "_r"
RESERVED = ("q", "sort", "page", "size", "view", "_l_", SEALED, REVISION)
Seal = Callable[[Mapping[str, str]], str]


@dataclass(frozen=True)
class Asked:
    """The parameters of a list page; ``filters`` are raw texts by field.

    What is searched for and filters by ``private`` fields stand in no address but sealed.
    """

    search: str = ""
    sort: str = ""
    page: int = 1
    size: int = SIZES[0]
    view: str = ""
    filters: Mapping[str, str] | None = None
    private: frozenset[str] = frozenset()
    seal: Seal | None = field(default=None, compare=False, repr=False)

    def query(self) -> dict[str, str]:
        """The parameters that differ from the default, for an address."""
        found = dict(self.filters or {})
        typed = {name: found.pop(name) for name in sorted(self.private & found.keys())}
        if self.search:
            typed["q"] = self.search
        if typed:
            found |= typed if self.seal is None else {SEALED: self.seal(typed)}
        if self.sort:
            found["sort"] = self.sort
        if self.view:
            found["view"] = self.view
        if self.page > 1:
            found["page"] = str(self.page)
        if self.size != SIZES[0]:
            found["size"] = str(self.size)
        return found

    def url(self, path: str, **changes: Any) -> str:
        """The address with some parameters changed; anything but a page change starts at page 1."""
        if "page" not in changes:
            changes["page"] = 1
        query = replace(self, **changes).query()
        return f"{path}?{urlencode(query)}" if query else path

    def without(self, name: str) -> dict[str, str]:
        """The filters without one."""
        return {key: value for key, value in (self.filters or {}).items() if key != name}


def read_asked(arguments: Mapping[str, str], entity: Entity, sealer: Sealer) -> Asked:
    """What an address or a form asks for; nonsense is left out.

    Raises Refused for a search that is not the reader's, or too old.
    """
    if arguments.get(SEALED):
        arguments = {**sealer.open(arguments[SEALED]), **arguments}
    filters = {
        name: value.strip()[:400]
        for name, value in arguments.items()
        if name not in RESERVED and name in entity.list.filters and value.strip()
    }
    size = _number(arguments.get("size", ""), SIZES[0])
    return Asked(
        search=arguments.get("q", "").strip()[:100],
        sort=arguments.get("sort", "").strip()[:60],
        page=max(1, _number(arguments.get("page", ""), 1)),
        size=size if size in SIZES else min(max(size, 1), MAX_PAGE),
        view=arguments.get("view", "").strip()[:60],
        filters=filters,
        private=frozenset(name for name in entity.list.filters if _private(entity.field(name))),
        seal=sealer.seal,
    )


def filters_of(asked: Asked, entity: Entity, zone: ZoneInfo) -> tuple[Filter, ...]:
    """The filters that the texts stand for; a text that stands for none is left out."""
    found: list[Filter] = []
    for name, text in (asked.filters or {}).items():
        field = entity.field(name)
        read = _filter(field, text, zone) if field else None
        if read is not None:
            found.append(read)
    return tuple(found)


def whole(text: str | None) -> int | None:
    """A number of an address or a hidden input; None for anything else."""
    return int(text) if text and KEY.fullmatch(text) else None


def in_reach(value: Any) -> bool:
    """Whether a number or a day of a filter is one that a field could hold."""
    if isinstance(value, Decimal):
        return value.is_finite() and abs(value.adjusted()) <= MOST_DIGITS
    return EARLIEST <= (value.date() if isinstance(value, datetime) else value) <= LATEST


def range_texts(text: str) -> tuple[str, str]:
    """The ends of ``low..high``."""
    low, dots, high = text.partition("..")
    return (low.strip(), high.strip()) if dots else (text.strip(), text.strip())


# Private


def _private(field: Field | None) -> bool:
    """Whether what is typed into a filter may tell of a person."""
    if field is None:
        return False
    return FIELD_TYPES.get(field.type).filter == "text" or field.sensitivity is not None


def _filter(field: Field, text: str, zone: ZoneInfo) -> Filter | None:
    kind = FIELD_TYPES.get(field.type).filter
    if kind in ("choice", "tags"):
        values = tuple(part for part in text.split(",") if part)
        known = values if kind == "tags" else tuple(v for v in values if field.choice(v))
        return Filter(field.name, "in", known) if known else None
    if kind == "link":
        ids = tuple(int(part) for part in text.split(",") if KEY.fullmatch(part))
        return Filter(field.name, "in", ids) if ids else None
    if kind == "yes_no":
        return (
            Filter(field.name, "in", (text in ("true", "1"),))
            if text in ("true", "false", "1", "0")
            else None
        )
    if kind in ("date", "number"):
        return _range(field, kind, text, zone)
    return Filter(field.name, "contains", (text,)) if kind == "text" else None


def _range(field: Field, kind: str, text: str, zone: ZoneInfo) -> Filter | None:
    low: Any
    high: Any
    low_text, high_text = range_texts(text)
    if kind == "number":
        low, high = _decimal(low_text), _decimal(high_text)
    else:
        low, high = _day(low_text), _day(high_text)
        if field.type == "datetime":
            low = datetime.combine(low, datetime.min.time(), zone).astimezone(UTC) if low else None
            after = high + timedelta(days=1) if high else None
            high = (
                datetime.combine(after, datetime.min.time(), zone).astimezone(UTC)
                - timedelta(microseconds=1)
                if after
                else None
            )
    return None if low is None and high is None else Filter(field.name, "between", (low, high))


def _day(text: str) -> Any:
    try:
        day = date.fromisoformat(text if len(text) > 7 else f"{text}-01") if text else None
    except ValueError:
        return None
    return day if day is not None and in_reach(day) else None


def _decimal(text: str) -> Decimal | None:
    try:
        number = Decimal(text) if text and len(text) < 30 else None
    except InvalidOperation:
        return None
    return number if number is not None and in_reach(number) else None


def _number(text: str, default: int) -> int:
    return int(text) if re.fullmatch(r"[0-9]{1,8}", text) else default


def texts_of(form: Any) -> dict[str, str]:
    """The texts of a form, several of the same name as one parameter."""
    return {name: joined(text for text in form.getlist(name) if text) for name in form}


def joined(values: Iterable[object]) -> str:
    """Several values as one parameter."""
    return ",".join(str(value) for value in values)
