"""YAML as nodes that remember file and line; built from parser events, so nothing can explode."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

import yaml

MAX_BYTES = 512 * 1024
MAX_NODES = 40_000
MAX_DEPTH = 20

Report = Callable[..., None]

_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,17})\.[0-9]{1,18}")
_WORDS: dict[str, object] = {"true": True, "false": False, "null": None, "~": None, "": None}
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something is written: file (relative to the schema folder) and line from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(slots=True)
class Scalar:
    """A text, number, yes/no value or null."""

    value: str | int | Decimal | bool | None
    place: Place
    text: str


@dataclass(slots=True)
class Sequence:
    """A list."""

    items: list[Node]
    place: Place


@dataclass(slots=True)
class Mapping:
    """Keys with values, in the order of the file."""

    entries: dict[str, Node]
    keys: dict[str, Place]
    place: Place


Node = Scalar | Sequence | Mapping


class _Stop(Exception):
    """The text cannot be read any further; the fault is already reported."""


@dataclass
class _Reader:
    """Turns parser events into nodes with an explicit stack."""

    file: str
    report: Report
    nodes: int = 0
    stack: list[tuple[Sequence | Mapping, list[Scalar | None]]] = field(default_factory=list)
    root: Node | None = None

    def read(self, text: str) -> Node | None:
        documents = 0
        for event in self._events(text):
            place = Place(self.file, event.start_mark.line + 1)
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self.report("S003", place, what="---")
                    raise _Stop
            elif isinstance(event, yaml.NodeEvent):
                self._node(event, place)
            elif isinstance(event, yaml.CollectionEndEvent):
                self.stack.pop()
        return self.root

    def _events(self, text: str) -> Iterator[Any]:
        try:
            yield from yaml.parse(text, Loader=_LOADER)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            why = getattr(error, "problem", None) or getattr(error, "reason", None) or "?"
            self.report("S002", Place(self.file, mark.line + 1 if mark else 1), why=why)
            raise _Stop from error

    def _node(self, event: yaml.NodeEvent, place: Place) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES or len(self.stack) > MAX_DEPTH:
            self.report("S005", place, limit=f"{MAX_NODES} × {MAX_DEPTH}")
            raise _Stop
        tag = getattr(event, "tag", None)
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            self.report("S003", place, what="& *")
            raise _Stop
        if tag is not None:
            self.report("S003", place, what=f"tag {tag}")
            raise _Stop
        node: Node
        if isinstance(event, yaml.ScalarEvent):
            node = Scalar(_value(event.value, plain=event.implicit[0]), place, event.value)
            self._put(node)
            return
        node = (
            Sequence([], place)
            if isinstance(event, yaml.SequenceStartEvent)
            else Mapping({}, {}, place)
        )
        self._put(node)
        self.stack.append((node, [None]))

    def _put(self, node: Node) -> None:
        if not self.stack:
            self.root = node
            return
        parent, pending = self.stack[-1]
        if isinstance(parent, Sequence):
            parent.items.append(node)
        elif pending[0] is None:
            if not isinstance(node, Scalar):
                self.report("S009", node.place, key="?", kind="a text")
                raise _Stop
            pending[0] = node
        else:
            key, pending[0] = pending[0], None
            if key.text in parent.entries:
                self.report("S004", key.place, key=key.text)
            else:
                parent.entries[key.text] = node
                parent.keys[key.text] = key.place


def read_yaml(text: str, file: str, report: Report) -> Node | None:
    """The root node of a YAML text, or None when ``report`` was told why there is none."""
    if len(text.encode()) > MAX_BYTES:
        report("S005", Place(file, 1), limit=f"{MAX_BYTES // 1024} kB")
        return None
    try:
        return _Reader(file, report).read(text)
    except _Stop:
        return None


def _value(text: str, *, plain: bool) -> str | int | Decimal | bool | None:
    """A plain scalar by the YAML 1.2 core rules (so `no` stays a text), a quoted one as text."""
    if not plain:
        return text
    if text in _WORDS:
        return _WORDS[text]  # type: ignore[return-value]  # the table holds only these types
    if _INTEGER.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text):
        try:
            return Decimal(text)
        except InvalidOperation:
            return text
    return text
