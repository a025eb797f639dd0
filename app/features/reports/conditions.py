"""Conditions as rows of a form: field, operator and value, to the language of conditions and back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from app.features.reports.offers import Offer
from app.kernel.messages import Message, _l
from app.language import kinds
from app.language.expressions import (
    Binary,
    Call,
    Expression,
    ExpressionFault,
    Listing,
    Literal,
    Tree,
    Unary,
    parse_expression,
)
from app.language.source import Place

CHOICE, CHOICES = "choice", "choices"
OPERATORS: Mapping[str, Message] = MappingProxyType({
    "is": _l("is"), "is_not": _l("is not"), "contains": _l("contains"),
    "starts": _l("begins with"), "any": _l("is one of"), "none": _l("is none of"),
    "has": _l("includes"),
    "eq": _l("equals"), "ne": _l("does not equal"), "lt": _l("is less than"),
    "le": _l("is at most"), "gt": _l("is more than"), "ge": _l("is at least"),
    "on": _l("is on"), "from": _l("is on or after"), "until": _l("is on or before"),
    "last": _l("is at most so many days ago"), "next": _l("is at most so many days ahead"),
    "past": _l("lies before today"), "coming": _l("is today or later"),
    "yes": _l("is yes"), "no": _l("is no"),
    "me": _l("is myself"), "mine": _l("is one of my places"),
    "empty": _l("is empty"), "filled": _l("is filled in"),
})  # fmt: skip
_EMPTY = ("empty", "filled")
_BY_KIND: Mapping[str, tuple[str, ...]] = MappingProxyType({
    kinds.TEXT: ("is", "is_not", "contains", "starts"),
    CHOICE: ("any", "none"),
    CHOICES: ("has",),
    kinds.NUMBER: ("eq", "ne", "lt", "le", "gt", "ge"),
    kinds.DATE: ("on", "from", "until", "last", "next", "past", "coming"),
    kinds.DATETIME: ("on", "from", "until", "last", "next", "past", "coming"),
    kinds.YES_NO: ("yes", "no"),
})  # fmt: skip
# The control that asks for the value of an operator; those that are missing ask for none.
CONTROLS: Mapping[str, str] = MappingProxyType({
    **dict.fromkeys(("is", "is_not", "contains", "starts"), "text"),
    **dict.fromkeys(("any", "none"), "picks"), "has": "choice",
    **dict.fromkeys(("eq", "ne", "lt", "le", "gt", "ge"), "number"),
    **dict.fromkeys(("on", "from", "until"), "date"),
    **dict.fromkeys(("last", "next"), "days"),
})  # fmt: skip
_SIGNS = {"eq": "=", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=",
          "is": "=", "is_not": "!=", "on": "=", "from": ">=", "until": "<="}  # fmt: skip
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,6})?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DAYS = re.compile(r"[0-9]{1,5}")


@dataclass(frozen=True, slots=True)
class Condition:
    """One row; ``values`` are the texts that were typed or chosen."""

    path: str = ""
    operator: str = ""
    values: tuple[str, ...] = ()


def sort_of(offer: Offer) -> str:
    """Which operators a field has."""
    if offer.choices:
        return CHOICES if offer.kind.startswith(kinds.LIST) else CHOICE
    return offer.kind


def operators(
    offer: Offer, *, person: str | None = None, tree: str | None = None
) -> tuple[str, ...]:
    """The operators of a field; ``person`` and ``tree`` are the entities of people and places."""
    own: tuple[str, ...] = _BY_KIND.get(sort_of(offer), ())
    if offer.target and offer.target in (person, "account"):
        own = ("me",)
    elif offer.target and offer.target == tree:
        own = ("mine",)
    return (*own, *_EMPTY)


def complete(row: Condition, offer: Offer | None) -> bool:
    """Whether a row says a whole condition."""
    return offer is not None and bool(_written(row, offer))


def written(rows: tuple[Condition, ...], offers: Mapping[str, Offer], *, any_of: bool) -> str:
    """The condition of all rows that are complete."""
    texts = [_written(row, offers[row.path]) for row in rows if row.path in offers]
    return (" or " if any_of else " and ").join(text for text in texts if text)


def rows_of(
    expression: Expression | None, offers: Mapping[str, Offer]
) -> tuple[tuple[Condition, ...], bool] | None:
    """The rows that say a condition, and whether any of them is enough; None when rows cannot say it."""
    if expression is None:
        return (), False
    tree = expression.tree
    joint = tree.operator if isinstance(tree, Binary) and tree.operator in ("and", "or") else "and"
    found = [_row(part, offers) for part in _flat(tree, joint)]
    rows = tuple(row for row in found if row is not None)
    return (rows, joint == "or") if len(rows) == len(found) else None


# Private


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _written(row: Condition, offer: Offer) -> str:
    """The text of a row; empty while its value is missing or wrong."""
    values = [value.strip() for value in row.values if value.strip()]
    first = values[0] if values else ""
    plain = {
        "yes": f"{row.path} = true", "no": f"{row.path} = false",
        "empty": f"{row.path} is null", "filled": f"{row.path} is not null",
        "me": f"{row.path} = actor.{'account' if offer.target == 'account' else 'person'}",
        "mine": f"{row.path} in actor.places",
    }  # fmt: skip
    if row.operator in plain:
        return plain[row.operator]
    if row.operator in ("past", "coming"):
        return f"{_day(offer)} {'<' if row.operator == 'past' else '>='} today()"
    make = _WRITERS.get(CONTROLS.get(row.operator, ""))
    known = {choice.name for choice in offer.choices}
    if make is None or not first or (offer.choices and not set(values) <= known):
        return ""
    return make(row, offer, values)


def _text(row: Condition, offer: Offer, values: list[str]) -> str:
    if row.operator == "contains":
        return f"contains({row.path}, {_quoted(values[0])})"
    if row.operator == "starts":
        return f"starts_with({row.path}, {_quoted(values[0])})"
    return f"{row.path} {_SIGNS[row.operator]} {_quoted(values[0])}"


def _picks(row: Condition, offer: Offer, values: list[str]) -> str:
    if len(values) == 1:
        return f"{row.path} {'=' if row.operator == 'any' else '!='} {_quoted(values[0])}"
    among = f"{row.path} in [{', '.join(map(_quoted, values))}]"
    return among if row.operator == "any" else f"not {among}"


def _has(row: Condition, offer: Offer, values: list[str]) -> str:
    return f"contains({row.path}, {_quoted(values[0])})"


def _number(row: Condition, offer: Offer, values: list[str]) -> str:
    found = _NUMBER.fullmatch(values[0])
    return f"{row.path} {_SIGNS[row.operator]} {values[0]}" if found else ""


def _date(row: Condition, offer: Offer, values: list[str]) -> str:
    if not _DAY.fullmatch(values[0]):
        return ""
    return f"{_day(offer)} {_SIGNS[row.operator]} date({_quoted(values[0])})"


def _days(row: Condition, offer: Offer, values: list[str]) -> str:
    if not _DAYS.fullmatch(values[0]):
        return ""
    sign, way = (">=", "-") if row.operator == "last" else ("<=", "+")
    return f"{_day(offer)} {sign} today() {way} days({int(values[0])})"


_WRITERS: Mapping[str, Callable[[Condition, Offer, list[str]], str]] = MappingProxyType({
    "text": _text, "picks": _picks, "choice": _has, "number": _number, "date": _date, "days": _days,
})  # fmt: skip


def _day(offer: Offer) -> str:
    return f"day({offer.path})" if offer.kind == kinds.DATETIME else offer.path


def _flat(tree: Tree, joint: str) -> Iterator[Tree]:
    if isinstance(tree, Binary) and tree.operator == joint:
        yield from _flat(tree.left, joint)
        yield from _flat(tree.right, joint)
    else:
        yield tree


def _row(tree: Tree, offers: Mapping[str, Offer]) -> Condition | None:
    """The row that gives exactly this tree when it is written."""
    offer = next((offers[path] for path in _paths(tree) if path in offers), None)
    if offer is None:
        return None
    values = tuple(_literals(tree))
    for operator in OPERATORS:
        row = Condition(offer.path, operator, values)
        text = _written(row, offer) if operator in _possible(offer) else ""
        if text and _parsed(text) == tree:
            return row
    return None


def _possible(offer: Offer) -> tuple[str, ...]:
    own = _BY_KIND.get(sort_of(offer), ())
    return (*own, *(("me", "mine") if offer.target else ()), *_EMPTY)


def _parsed(text: str) -> Tree | None:
    try:
        return parse_expression(text)
    except ExpressionFault:
        return None


def _paths(tree: Tree) -> list[str]:
    return [".".join(path) for path in Expression("", tree, Place("", 0)).names()]


def _literals(tree: Tree) -> Iterator[str]:
    """The values that a tree holds, as they are typed."""
    match tree:
        case Literal(value) if value is not None and not isinstance(value, bool):
            yield str(value)
        case Listing(items):
            for item in items:
                yield from _literals(item)
        case Call(_, arguments):
            for item in arguments:
                yield from _literals(item)
        case Binary(_, left, right):
            yield from _literals(left)
            yield from _literals(right)
        case Unary(operator, operand):
            yield from (f"-{text}" if operator == "-" else text for text in _literals(operand))
