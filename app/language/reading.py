"""Reads keys of a YAML mapping with a type, noting every fault and going on."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import TypeVar

from app.kernel.messages import Label
from app.kernel.registry import nearest
from app.language.expressions import Expression, ExpressionFault, parse_expression
from app.language.findings import Findings
from app.language.source import Mapping, Node, Place, Scalar, Sequence

T = TypeVar("T")

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
MAX_LABEL = 500

_SQL_WORDS = frozenset(
    [
        "all",
        "analyse",
        "analyze",
        "and",
        "any",
        "array",
        "as",
        "asc",
        "asymmetric",
        "authorization",
        "between",
        "both",
        "case",
        "cast",
        "check",
        "collate",
        "column",
        "concurrently",
        "constraint",
        "create",
        "cross",
        "default",
        "deferrable",
        "desc",
        "distinct",
        "do",
        "else",
        "end",
        "except",
        "false",
        "fetch",
        "for",
        "foreign",
        "from",
        "full",
        "grant",
        "group",
        "having",
        "in",
        "initially",
        "inner",
        "intersect",
        "into",
        "is",
        "isnull",
        "join",
        "lateral",
        "leading",
        "left",
        "like",
        "limit",
        "localtime",
        "localtimestamp",
        "natural",
        "not",
        "notnull",
        "null",
        "offset",
        "on",
        "only",
        "or",
        "order",
        "outer",
        "overlaps",
        "placing",
        "primary",
        "references",
        "returning",
        "right",
        "select",
        "session_user",
        "similar",
        "some",
        "symmetric",
        "table",
        "tablesample",
        "then",
        "to",
        "trailing",
        "true",
        "union",
        "unique",
        "user",
        "using",
        "variadic",
        "verbose",
        "when",
        "where",
        "window",
        "with",
    ]
)
_SYSTEM_WORDS = frozenset(
    [
        "id",
        "uuid",
        "created_at",
        "created_by",
        "updated_at",
        "updated_by",
        "version",
        "deleted_at",
        "held_twice",
        "place",
        "place_id",
        "search_text",
        "sort_key",
        "state",
        "actor",
        "record",
        "param",
        "query",
        "metadata",
        "registry",
        "csrf_token",
        "once",
        "q",
        "sort",
        "page",
        "size",
        "view",
    ]
)
RESERVED = _SQL_WORDS | frozenset(keyword.kwlist) | frozenset(keyword.softkwlist) - {"type"}
TABLE_PREFIXES = ("portal_", "ab_", "pg_", "sys_")
PAGES = frozenset(
    {
        "static",
        "health",
        "lang",
        "login",
        "logout",
        "search",
        "api",
        "files",
        "admin",
        "home",
        "reports",
        "tasks",
        "requests",
        "exports",
        "undo",
    }
)

_KIND_LABELS = {
    "text": Label("文本", "a text"),
    "yes_no": Label("true 或 false", "true or false"),
    "integer": Label("整数", "a whole number"),
    "number": Label("数字", "a number"),
    "list": Label("列表", "a list"),
    "mapping": Label("键值表", "a table of keys"),
    "label": Label("{zh: …, en: …}", "{zh: …, en: …}"),
}


class Keys:
    """The keys of one mapping; ``done`` reports the ones that nobody asked for."""

    def __init__(self, node: Mapping, findings: Findings) -> None:
        self._node = node
        self.place = node.place
        self.findings = findings
        self._asked: dict[str, None] = {}

    def node(self, key: str, *, required: bool = False) -> Node | None:
        """The raw node under ``key``."""
        self._asked[key] = None
        found = self._node.entries.get(key)
        if found is None and required:
            self.findings.add("S008", self.place, key=key)
        return found

    def place_of(self, key: str) -> Place:
        """Where ``key`` stands, or where the mapping begins."""
        return self._node.keys.get(key, self.place)

    def text(self, key: str, default: str = "", *, required: bool = False) -> str:
        """A text; numbers are taken as they are written."""
        node = self.node(key, required=required)
        if node is None:
            return default
        if isinstance(node, Scalar) and node.value is not None and not isinstance(node.value, bool):
            return node.text
        return self._wrong(key, node, "text", default)

    def flag(self, key: str, *, default: bool = False) -> bool:
        """A yes/no value."""
        node = self.node(key)
        if node is None:
            return default
        if isinstance(node, Scalar) and isinstance(node.value, bool):
            return node.value
        return self._wrong(key, node, "yes_no", default)

    def integer(
        self, key: str, default: int | None = None, low: int | None = None, high: int | None = None
    ) -> int | None:
        """A whole number within bounds."""
        node = self.node(key)
        if node is None:
            return default
        if (
            not isinstance(node, Scalar)
            or isinstance(node.value, bool)
            or not isinstance(node.value, int)
        ):
            return self._wrong(key, node, "integer", default)
        if (low is not None and node.value < low) or (high is not None and node.value > high):
            self.findings.add("S016", node.place, why=f"{key}: {low} … {high}")
            return default
        return node.value

    def number(self, key: str, default: Decimal | None = None) -> Decimal | None:
        """An exact number."""
        node = self.node(key)
        if node is None:
            return default
        if (
            isinstance(node, Scalar)
            and not isinstance(node.value, bool)
            and isinstance(node.value, int | Decimal)
        ):
            return Decimal(node.value)
        return self._wrong(key, node, "number", default)

    def word(
        self, key: str, words: Iterable[str], default: str = "", *, required: bool = False
    ) -> str:
        """One of ``words``."""
        value = self.text(key, default, required=required)
        choices = tuple(words)
        if value not in choices and value != default:
            hint = self.findings.did_you_mean(nearest(value, choices))
            self.findings.add(
                "S015", self.place_of(key), hint=hint, value=value, choices=", ".join(choices)
            )
            return default
        return value

    def label(self, key: str, *, required: bool = False) -> Label | None:
        """A text in zh and en; a missing language is a fault."""
        node = self.node(key, required=required)
        return None if node is None else read_label(node, key, self.findings)

    def needed_label(self, key: str = "label") -> Label:
        """A label that must be there; a stand-in keeps the pass going."""
        return self.label(key, required=True) or Label("?", "?")

    def names(self, key: str) -> tuple[str, ...]:
        """A list of texts."""
        return tuple(item.text for item in self.scalars(key))

    def scalars(self, key: str) -> tuple[Scalar, ...]:
        """A list of texts with their places; one text stands for a list of one."""
        node = self.node(key)
        if node is None:
            return ()
        if isinstance(node, Scalar) and node.value is not None:
            return (node,)
        items = node.items if isinstance(node, Sequence) else None
        if items is None or not all(
            isinstance(item, Scalar) and item.value is not None for item in items
        ):
            return self._wrong(key, node, "list", ())
        return tuple(item for item in items if isinstance(item, Scalar))

    def tables(self, key: str) -> Iterator[Keys]:
        """The mappings of a list."""
        node = self.node(key)
        if node is None:
            return
        if not isinstance(node, Sequence):
            self._wrong(key, node, "list", None)
            return
        for item in node.items:
            if isinstance(item, Mapping):
                yield Keys(item, self.findings)
            else:
                self.findings.add("S009", item.place, key=key, kind=_KIND_LABELS["mapping"])

    def table(self, key: str, *, required: bool = False) -> dict[str, tuple[Place, Node]]:
        """A mapping as name → (place of the name, node)."""
        node = self.node(key, required=required)
        if node is None:
            return {}
        if not isinstance(node, Mapping):
            return self._wrong(key, node, "mapping", {})
        return {name: (node.keys[name], value) for name, value in node.entries.items()}

    def sub(self, place: Place, node: Node, key: str) -> Keys | None:
        """The keys of a nested mapping, or None when it is none."""
        if isinstance(node, Mapping):
            return Keys(node, self.findings)
        self.findings.add("S009", place, key=key, kind=_KIND_LABELS["mapping"])
        return None

    def expression(self, key: str, *, required: bool = False) -> Expression | None:
        """A parsed condition, not yet typed."""
        node = self.node(key, required=required)
        if node is None:
            return None
        if not isinstance(node, Scalar):
            return self._wrong(key, node, "text", None)
        return read_expression(node, self.findings)

    def done(self) -> None:
        """Report keys that nobody asked for."""
        for key, place in self._node.keys.items():
            if key not in self._asked:
                hint = self.findings.did_you_mean(nearest(key, self._asked))
                self.findings.add("S007", place, hint=hint, key=key)

    def _wrong(self, key: str, node: Node, kind: str, default: T) -> T:
        self.findings.add("S009", node.place, key=key, kind=_KIND_LABELS[kind])
        return default


def read_label(node: Node, key: str, findings: Findings) -> Label | None:
    """A ``{zh, en}`` text."""
    if not isinstance(node, Mapping):
        findings.add("S009", node.place, key=key, kind=_KIND_LABELS["label"])
        return None
    keys = Keys(node, findings)
    texts = {language: keys.text(language).strip() for language in ("zh", "en", "en_plural")}
    keys.done()
    for language in ("zh", "en"):
        if not texts[language]:
            findings.add("S010", node.place, language=language)
    if max(map(len, texts.values())) > MAX_LABEL:
        findings.add("S016", node.place, why=f"≤ {MAX_LABEL}")
    return Label(texts["zh"] or "?", texts["en"] or "?", texts["en_plural"])


def read_expression(node: Scalar, findings: Findings) -> Expression | None:
    """A parsed condition from a scalar."""
    try:
        return Expression(node.text, parse_expression(node.text), node.place)
    except ExpressionFault as fault:
        findings.add("S030", node.place, why=Label(fault.why_zh, str(fault)))
        return None


def good_name(name: str, place: Place, findings: Findings, *, table: bool = False) -> bool:
    """Whether ``name`` may name a field (or, with ``table``, an entity); faults are noted."""
    if not NAME.fullmatch(name):
        findings.add("S011", place, name=name[:60])
        return False
    reserved = name in RESERVED or name in (PAGES if table else _SYSTEM_WORDS)
    if reserved or (table and name.startswith(TABLE_PREFIXES)) or "__" in name:
        findings.add("S012", place, name=name)
        return False
    return True
