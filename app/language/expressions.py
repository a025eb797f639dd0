"""The condition language: text → syntax tree. Types are in ``kinds``, meaning in ``evaluation``."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from app.language.source import Place

MAX_LENGTH = 1000
MAX_DEPTH = 30
MAX_TOKENS = 200
COMPARISONS = ("=", "!=", "<=", ">=", "<", ">")

_TOKEN = re.compile(
    r"\s*(?:(?P<number>[0-9]+(?:\.[0-9]+)?)|(?P<name>[a-z_][a-z0-9_]*(?:\.[a-z_][a-z0-9_]*)*)"
    r"|(?P<text>'(?:[^']|'')*')|(?P<sign>!=|<=|>=|==|[=<>+\-*/(),\[\]]))",
)
_WORDS = frozenset({"and", "or", "not", "in", "is", "null", "true", "false"})


class ExpressionFault(ValueError):
    """The text is no expression; ``why_zh`` says the same in Chinese."""

    def __init__(self, why: str, why_zh: str) -> None:
        super().__init__(why)
        self.why_zh = why_zh


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, text, date, yes/no value or null."""

    value: int | Decimal | str | bool | date | None


@dataclass(frozen=True, slots=True)
class Name:
    """A path such as ``store.city_code`` or ``actor.person``."""

    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """A list in square brackets."""

    items: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments."""

    name: str
    arguments: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Unary:
    """``not x`` or ``-x``, or ``is null`` / ``is not null``."""

    operator: str
    operand: Tree


@dataclass(frozen=True, slots=True)
class Binary:
    """Two operands with one of ``and or in + - * / = != < <= > >=``."""

    operator: str
    left: Tree
    right: Tree


Tree = Literal | Name | Listing | Call | Unary | Binary


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed and typed condition. ``kind`` is the type that it gives."""

    text: str
    tree: Tree
    place: Place = field(compare=False)
    kind: str = "unknown"

    def names(self) -> tuple[tuple[str, ...], ...]:
        """Every path that is read, in order."""
        found: list[tuple[str, ...]] = []
        walk(self.tree, lambda node: found.append(node.path) if isinstance(node, Name) else None)
        return tuple(found)


def parse_expression(text: str) -> Tree:
    """The syntax tree of ``text``; raises ExpressionFault."""
    if len(text) > MAX_LENGTH:
        raise ExpressionFault(f"longer than {MAX_LENGTH} characters", f"超过 {MAX_LENGTH} 个字符")
    parser = _Parser(_tokens(text))
    tree = parser.either()
    parser.end()
    return tree


def children(tree: Tree) -> tuple[Tree, ...]:
    """The parts directly below a node."""
    match tree:
        case Listing(items):
            return items
        case Call(_, arguments):
            return arguments
        case Unary(_, operand):
            return (operand,)
        case Binary(_, left, right):
            return (left, right)
    return ()


def walk(tree: Tree, visit: Callable[[Tree], object]) -> None:
    """Call ``visit`` with every node, outer before inner."""
    visit(tree)
    for child in children(tree):
        walk(child, visit)


# Private


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    position = 0
    stripped = text.rstrip()
    while position < len(stripped):
        match = _TOKEN.match(stripped, position)
        if match is None:
            rest = stripped[position : position + 12].strip()
            raise ExpressionFault(f"cannot read {rest!r}", f"读不懂“{rest}”")
        kind = str(match.lastgroup)
        value = match[kind]
        if kind == "name" and value in _WORDS:
            kind = "word"
        if value == "==":
            raise ExpressionFault("write = instead of ==", "请写 = 而不是 ==")
        tokens.append((kind, value))
        position = match.end()
    if len(tokens) > MAX_TOKENS:
        raise ExpressionFault(f"more than {MAX_TOKENS} words", f"超过 {MAX_TOKENS} 个词")
    return tokens


class _Parser:
    """Recursive descent: or, and, not, comparison, sum, product, sign, atom."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._next = 0
        self._depth = 0

    def either(self) -> Tree:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ExpressionFault("nested too deeply", "嵌套过深")
        tree = self._both()
        while self._take("word", "or"):
            tree = Binary("or", tree, self._both())
        self._depth -= 1
        return tree

    def end(self) -> None:
        if self._next < len(self._tokens):
            value = self._tokens[self._next][1]
            raise ExpressionFault(f"did not expect {value!r}", f"多出了“{value}”")

    def _both(self) -> Tree:
        tree = self._negation()
        while self._take("word", "and"):
            tree = Binary("and", tree, self._negation())
        return tree

    def _negation(self) -> Tree:
        negations = 0
        while self._take("word", "not"):
            negations += 1
        tree = self._comparison()
        for _ in range(min(negations, MAX_DEPTH)):
            tree = Unary("not", tree)
        return tree

    def _comparison(self) -> Tree:
        tree = self._sum()
        for sign in COMPARISONS:
            if self._take("sign", sign):
                return Binary(sign, tree, self._sum())
        if self._take("word", "in"):
            return Binary("in", tree, self._sum())
        if self._take("word", "is"):
            operator = "is not null" if self._take("word", "not") else "is null"
            self._need("word", "null")
            return Unary(operator, tree)
        return tree

    def _sum(self) -> Tree:
        tree = self._product()
        while sign := self._take("sign", "+") or self._take("sign", "-"):
            tree = Binary(sign, tree, self._product())
        return tree

    def _product(self) -> Tree:
        tree = self._sign()
        while sign := self._take("sign", "*") or self._take("sign", "/"):
            tree = Binary(sign, tree, self._sign())
        return tree

    def _sign(self) -> Tree:
        return Unary("-", self._atom()) if self._take("sign", "-") else self._atom()

    def _atom(self) -> Tree:
        kind, value = self._pop()
        if kind == "number":
            return Literal(Decimal(value) if "." in value else int(value))
        if kind == "text":
            return Literal(value[1:-1].replace("''", "'"))
        if kind == "word" and value in ("true", "false", "null"):
            return Literal({"true": True, "false": False, "null": None}[value])
        if kind == "name":
            return (
                Call(value, self._items(")"))
                if self._take("sign", "(")
                else Name(tuple(value.split(".")))
            )
        if value == "(":
            tree = self.either()
            self._need("sign", ")")
            return tree
        if value == "[":
            return Listing(self._items("]"))
        raise ExpressionFault(f"did not expect {value!r}", f"不该出现“{value}”")

    def _items(self, end: str) -> tuple[Tree, ...]:
        items: list[Tree] = []
        if self._take("sign", end):
            return ()
        while True:
            items.append(self.either())
            if self._take("sign", end):
                return tuple(items)
            self._need("sign", ",")

    def _take(self, kind: str, value: str) -> str:
        if self._next < len(self._tokens) and self._tokens[self._next] == (kind, value):
            self._next += 1
            return value
        return ""

    def _need(self, kind: str, value: str) -> None:
        if not self._take(kind, value):
            raise ExpressionFault(f"expected {value!r}", f"缺少“{value}”")

    def _pop(self) -> tuple[str, str]:
        if self._next >= len(self._tokens):
            raise ExpressionFault("it stops in the middle", "没有写完")
        self._next += 1
        return self._tokens[self._next - 1]
