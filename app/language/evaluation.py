"""The Python meaning of conditions; ``storage.criteria`` holds the SQL meaning, equal by test."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from app.language.expressions import Binary, Call, Literal, Name, Tree, Unary

DIVISION_STEP = Decimal("0.000001")

Read = Callable[[tuple[str, ...]], Any]


@dataclass(frozen=True, slots=True)
class Moment:
    """The time of an evaluation: UTC, and the zone whose calendar days count."""

    now: datetime
    zone: ZoneInfo

    @property
    def today(self) -> date:
        """The local calendar day."""
        return self.now.astimezone(self.zone).date()


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time, as ``months(3)`` or ``days(30)``."""

    months: int = 0
    days: int = 0
    hours: int = 0


def evaluate(tree: Tree, read: Read, moment: Moment) -> Any:
    """The value of a typed expression; null spreads as in SQL.

    ``read`` gives the value of a path. Raises nothing for typed expressions.
    """
    match tree:
        case Literal(value):
            return value
        case Name(path):
            return read(path)
        case Unary(operator, operand):
            return _unary(operator, evaluate(operand, read, moment))
        case Call(name, arguments):
            return _call(name, [evaluate(argument, read, moment) for argument in arguments], moment)
        case Binary("and" | "or" as operator, left, right):
            return _logic(operator, evaluate(left, read, moment), evaluate(right, read, moment))
        case Binary(operator, left, right):
            return _binary(operator, evaluate(left, read, moment), evaluate(right, read, moment))
    return tuple(evaluate(item, read, moment) for item in tree.items)


def add_span(start: Any, span: Span) -> Any:
    """A date or datetime moved by ``span``; month ends are clamped as PostgreSQL does."""
    moved = start
    if span.months:
        months = start.year * 12 + start.month - 1 + span.months
        year, month = divmod(months, 12)
        if not 1 <= year <= 9999:
            return None
        moved = start.replace(
            year=year, month=month + 1, day=min(start.day, monthrange(year, month + 1)[1])
        )
    try:
        return moved + timedelta(days=span.days, hours=span.hours)
    except OverflowError:
        return None


# Private


def _unary(operator: str, value: Any) -> Any:
    if operator == "is null":
        return value is None
    if operator == "is not null":
        return value is not None
    if value is None:
        return None
    return (not value) if operator == "not" else -value


def _logic(operator: str, left: Any, right: Any) -> Any:
    decisive = operator == "or"
    if left is decisive or right is decisive:
        return decisive
    return None if left is None or right is None else not decisive


def _binary(operator: str, left: Any, right: Any) -> Any:
    if operator == "in":
        return _member(left, right)
    if left is None or right is None:
        return None
    if operator in _COMPARE:
        return _COMPARE[operator](left, right)
    if isinstance(right, Span):
        signed = right if operator == "+" else Span(-right.months, -right.days, -right.hours)
        return add_span(left, signed)
    if isinstance(left, date) and isinstance(right, date):
        return (left - right).days
    if operator == "/":
        return _divide(Decimal(left), Decimal(right))
    return left + right if operator == "+" else left - right if operator == "-" else left * right


def _divide(left: Decimal, right: Decimal) -> Decimal | None:
    return None if right == 0 else (left / right).quantize(DIVISION_STEP, ROUND_HALF_UP)


def _member(value: Any, items: Any) -> Any:
    if items is None or (value is None and items):
        return None
    known = [item for item in items if item is not None]
    if value in known:
        return True
    return None if len(known) < len(items) else False


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda left, right: bool(left == right),
    "!=": lambda left, right: bool(left != right),
    "<": lambda left, right: bool(left < right),
    "<=": lambda left, right: bool(left <= right),
    ">": lambda left, right: bool(left > right),
    ">=": lambda left, right: bool(left >= right),
}


def _call(name: str, values: list[Any], moment: Moment) -> Any:
    if name == "coalesce":
        return values[0] if values[0] is not None else values[1]
    if name in ("min", "max"):
        known = [value for value in values if value is not None]
        return (min(known) if name == "min" else max(known)) if known else None
    if name in ("today", "now"):
        return moment.today if name == "today" else moment.now
    if name == "contains" and isinstance(values[0], list | tuple):
        return _member(values[1], values[0])
    if any(value is None for value in values):
        return None
    return _FUNCTIONS[name](values, moment)


_FUNCTIONS: dict[str, Callable[[list[Any], Moment], Any]] = {
    "day": lambda values, moment: values[0].astimezone(moment.zone).date(),
    "date": lambda values, moment: date.fromisoformat(values[0]),
    "days": lambda values, moment: Span(days=int(values[0])),
    "hours": lambda values, moment: Span(hours=int(values[0])),
    "months": lambda values, moment: Span(months=int(values[0])),
    "len": lambda values, moment: len(values[0]),
    "lower": lambda values, moment: values[0].lower(),
    "year": lambda values, moment: values[0].year,
    "month": lambda values, moment: values[0].month,
    "starts_with": lambda values, moment: values[0].startswith(values[1]),
    "contains": lambda values, moment: values[1] in values[0],
}
