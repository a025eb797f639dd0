"""What the reader sets: texts to values, periods of words, and expressions with the values put in."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from app.kernel.errors import Invalid
from app.kernel.messages import Message, _l
from app.language.definitions import Schema
from app.language.expressions import Binary, Call, Listing, Literal, Name, Tree, Unary
from app.language.report_definitions import PARAM, PERIOD_TYPES, PERIODS, Parameter, Report

EARLIEST, LATEST = date(1970, 1, 1), date(2999, 12, 31)
LONGEST = 200
Period = tuple[date, date]


@dataclass(frozen=True)
class Asked:
    """The values of the parameters: a period is a pair of days, what is not chosen is None.

    ``places`` are the place that was chosen with everything below it, ``texts`` what was asked
    in the words of an address, and ``titles`` what the choices are called.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)

    def bound(self, tree: Tree) -> Tree:
        """The tree with the values in the place of ``param.…``."""
        match tree:
            case Name((first, *rest)) if first == PARAM:
                return Literal(self._value(rest))
            case Unary(operator, operand):
                return Unary(operator, self.bound(operand))
            case Binary(operator, left, right):
                return Binary(operator, self.bound(left), self.bound(right))
            case Call(name, arguments):
                return Call(name, tuple(self.bound(argument) for argument in arguments))
            case Listing(items):
                return Listing(tuple(self.bound(item) for item in items))
        return tree

    def period(self, report: Report) -> Period | None:
        """The value of the report's period."""
        return self.values[report.period.name] if report.period else None

    def before(self, report: Report) -> Asked:
        """The same for the period before; only for reports with a period."""
        assert report.period is not None
        earlier = previous(self.values[report.period.name])
        return replace(self, values={**self.values, report.period.name: earlier})

    def _value(self, path: list[str]) -> Any:
        value = self.values[path[0]]
        return value if len(path) == 1 else value[0 if path[1] == "from" else 1]


def read_parameters(
    schema: Schema, report: Report, given: Mapping[str, str], today: date
) -> dict[str, Any]:
    """The values of a report's parameters from texts; raises Invalid for what makes no sense.

    A period is a word such as ``last_month``, ``2026-05`` or ``2026-05-01..2026-05-31``, or given
    in two texts, ``period.from`` and ``period.to``. Records are given by their id.
    """
    values: dict[str, Any] = {}
    problems: dict[str, tuple[Message, ...]] = {}
    known = {*report.parameters, *_ends(report)}
    for name in given:
        if name not in known:
            problems[name] = (_l("The report has no parameter %(name)s.", name=name[:60]),)
    for parameter in report.parameters.values():
        text = _text(parameter, given)[:LONGEST]
        try:
            values[parameter.name] = _read(schema, parameter, text, today)
        except (ValueError, InvalidOperation):
            problems[parameter.name] = (_l("%(label)s cannot be “%(value)s”.",
                                           label=parameter.label, value=text),)  # fmt: skip
    if problems:
        raise Invalid(problems)
    return values


def named_period(word: str, today: date) -> Period:
    """The days that a word such as ``last_month`` stands for on ``today``."""
    if word.startswith(("last_", "next_")) and word.endswith("_days"):
        days = int(word.split("_")[1])
        span = timedelta(days=days)
        first = today - span + timedelta(days=1)
        return (first, today) if word.startswith("last_") else (today, today + span)
    return _NAMED[word](today)


def previous(period: Period) -> Period:
    """The period before: whole months go back by months, anything else by its length."""
    first, last = period
    after = last + timedelta(days=1)
    if first.day == 1 and after.day == 1:
        months = (after.year - first.year) * 12 + after.month - first.month
        return moved(first, -months), first - timedelta(days=1)
    length = (last - first).days + 1
    back = timedelta(days=length)
    return max(EARLIEST, first - back), first - timedelta(days=1)


def moved(day: date, months: int) -> date:
    """The first day of the month so many months away."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, 1)


def choices_of(schema: Schema, parameter: Parameter) -> tuple[tuple[str, Any], ...]:
    """The names and labels that a choice offers."""
    if not parameter.choices_of:
        return parameter.choices
    entity, name = parameter.choices_of[0], parameter.choices_of[-1]
    found = schema.entities[entity].field(name)
    return tuple((choice.name, choice.label) for choice in found.choices) if found else ()


# Private


def _ends(report: Report) -> list[str]:
    return [f"{p.name}.{end}" for p in report.parameters.values()
            if p.type in PERIOD_TYPES for end in ("from", "to")]  # fmt: skip


def _text(parameter: Parameter, given: Mapping[str, str]) -> str:
    ends = [given.get(f"{parameter.name}.{end}", "").strip() for end in ("from", "to")]
    if parameter.type in PERIOD_TYPES and any(ends):
        return "..".join(ends)
    return given.get(parameter.name, "").strip()


def _read(schema: Schema, parameter: Parameter, text: str, today: date) -> Any:
    text = text or parameter.default
    if parameter.type in PERIOD_TYPES:
        return _period(text or "this_month", today)
    if not text:
        return None
    match parameter.type:
        case "date":
            return today if text == "today" else _day(text)
        case "number":
            number = Decimal(text)
            if not number.is_finite() or abs(number.adjusted()) > 12:
                raise ValueError(text)
            return int(number) if number == number.to_integral_value() else number
        case "yes_no":
            return (
                {"true": True, "false": False}[text] if text in ("true", "false") else _wrong(text)
            )
        case "choice":
            return text if text in dict(choices_of(schema, parameter)) else _wrong(text)
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else _wrong(text)


def _wrong(text: str) -> Any:
    raise ValueError(text)


def _period(text: str, today: date) -> Period:
    if text in PERIODS:
        return named_period(text, today)
    low, dots, high = text.partition("..")
    if not dots:
        first = _day(f"{text}-01" if len(text) == len("2026-05") else text)
        return (first, _month(first)[1]) if len(text) == len("2026-05") else (first, first)
    found = (_day(low) if low else EARLIEST, _day(high) if high else LATEST)
    return found if found[0] <= found[1] else _wrong(text)


def _day(text: str) -> date:
    day = date.fromisoformat(text)
    return day if EARLIEST <= day <= LATEST else _wrong(text)


def _month(day: date) -> Period:
    return day.replace(day=1), day.replace(day=monthrange(day.year, day.month)[1])


def _months(first: date, count: int) -> Period:
    return first, moved(first, count) - timedelta(days=1)


def _week(day: date) -> Period:
    monday = day - timedelta(days=day.weekday())
    return monday, monday + timedelta(days=6)


def _quarter(day: date) -> date:
    return date(day.year, (day.month - 1) // 3 * 3 + 1, 1)


_NAMED: dict[str, Callable[[date], Period]] = {
    "today": lambda today: (today, today),
    "this_week": _week,
    "last_week": lambda today: _week(today - timedelta(days=7)),
    "this_month": _month,
    "last_month": lambda today: _months(moved(today, -1), 1),
    "this_quarter": lambda today: _months(_quarter(today), 3),
    "last_quarter": lambda today: _months(moved(_quarter(today), -3), 3),
    "this_year": lambda today: (date(today.year, 1, 1), date(today.year, 12, 31)),
    "last_year": lambda today: (date(today.year - 1, 1, 1), date(today.year - 1, 12, 31)),
    "last_12_months": lambda today: (moved(today, -11), _month(today)[1]),
    "always": lambda today: (EARLIEST, LATEST),
}
