"""Reads report files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from app.kernel.messages import Label
from app.language.reading import Keys, good_name, read_label
from app.language.report_definitions import (
    AGGREGATES,
    CHARTS,
    EACH,
    ENDS,
    FORMATS,
    PARAMETER_TYPES,
    ROWS,
    TAKES,
    WAYS,
    Chart,
    Column,
    Group,
    Key,
    Parameter,
    Part,
    Report,
)
from app.language.source import Mapping as YamlMapping
from app.language.source import Node, Place, Scalar

ONLY_PART = "main"
STATE_FIELD = "state"
MOST_ROWS = 100_000
MOST_TOP = 10


def read_report(keys: Keys) -> Report | None:
    """A report file; None when it has no usable name."""
    name = keys.text("report", required=True)
    if not good_name(name, keys.place_of("report"), keys.findings):
        return None
    paths: dict[str, Key] = {}
    groups = tuple(_groups(keys, paths))
    parts = _parts(keys, paths)
    only = next(iter(parts)) if len(parts) == 1 else ""
    columns = {column.name: column for column in _columns(keys, only)}
    report = Report(
        name=name,
        label=keys.needed_label(),
        place=keys.place,
        code=keys.text("code"),
        help=keys.label("help", required=True),
        module=keys.text("module"),
        icon=keys.text("icon", "chart-bar"),
        readers=keys.names("for"),
        parameters=MappingProxyType({item.name: item for item in _parameters(keys)}),
        groups=groups,
        parts=MappingProxyType(parts),
        columns=MappingProxyType(columns),
        rows=keys.text("rows"),
        keep=keys.expression("keep"),
        sort=keys.names("sort"),
        limit=keys.integer("limit", None, 1, MOST_ROWS),
        total=keys.flag("total", default=True),
        compare=keys.names("compare"),
        chart=_chart(keys),
    )
    keys.done()
    return report


# Private


def _tables(keys: Keys, key: str, *, required: bool = False) -> Iterator[tuple[str, Keys]]:
    """The well-named mappings of a mapping."""
    for name, (place, node) in keys.table(key, required=required).items():
        inner = keys.sub(place, node, name)
        if inner is not None and good_name(name, place, keys.findings):
            yield name, inner


def _path(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split(".") if part)


def _parameters(keys: Keys) -> Iterator[Parameter]:
    for name, inner in _tables(keys, "params"):
        yield Parameter(
            name=name,
            label=inner.needed_label(),
            place=inner.place,
            type=inner.word("type", PARAMETER_TYPES, required=True),
            help=inner.label("help"),
            to=inner.text("to"),
            choices=tuple(_choices(inner)),
            choices_of=_path(inner.text("choices_of")),
            default=inner.text("default"),
        )
        inner.done()


def _choices(keys: Keys) -> Iterator[tuple[str, Label]]:
    for name, (_, node) in keys.table("choices").items():
        label = read_label(node, name, keys.findings)
        if label is not None:
            yield name, label


def _groups(keys: Keys, paths: dict[str, Key]) -> Iterator[Group]:
    """The groups; a ``path`` beside a group is that of a report with one part."""
    for name, inner in _tables(keys, "groups"):
        path, above = _path(inner.text("path")), inner.expression("above")
        if path:
            paths[name] = Key(path, above, inner.place)
        each = inner.word("each", EACH)
        yield Group(name, inner.label("label"), inner.label("help"), each, inner.place)
        inner.done()


def _parts(keys: Keys, paths: Mapping[str, Key]) -> dict[str, Part]:
    """The parts; the keys of a single part may stand in the report itself."""
    if keys.node("entity") is not None:
        return {ONLY_PART: _part(ONLY_PART, keys, paths)}
    found: dict[str, Part] = {}
    for name, inner in _tables(keys, "parts", required=True):
        found[name] = _part(name, inner, dict(_by(inner)))
        inner.done()
    return found


def _part(name: str, keys: Keys, by: Mapping[str, Key]) -> Part:
    filters = {
        parameter: _path(node.text)
        for parameter, (_, node) in keys.table("filters").items()
        if isinstance(node, Scalar)
    }
    return Part(
        name=name,
        entity=keys.text("entity", required=True),
        place=keys.place_of("entity"),
        where=keys.expression("where"),
        when=_path(keys.text("when")),
        by=MappingProxyType(dict(by)),
        filters=MappingProxyType(filters),
        having=keys.expression("having"),
        shows=keys.names("shows"),
        values=MappingProxyType({item.name: item for item in _values(keys)}),
    )


def _values(keys: Keys) -> Iterator[Column]:
    for name, inner in _tables(keys, "values"):
        column = _column(name, inner.place, inner, ONLY_PART)
        inner.done()
        if column is not None:
            yield column


def _by(keys: Keys) -> Iterator[tuple[str, Key]]:
    for name, (place, node) in keys.table("by").items():
        if isinstance(node, Scalar):
            yield name, Key(_path(node.text), None, place)
            continue
        inner = keys.sub(place, node, name)
        if inner is not None:
            yield (
                name,
                Key(_path(inner.text("path", required=True)), inner.expression("above"), place),
            )
            inner.done()


def _columns(keys: Keys, only: str) -> Iterator[Column]:
    for name, (place, node) in keys.table("columns", required=True).items():
        # A column may be called as the field ``state`` is, which is made by the portal itself.
        if name != STATE_FIELD and not good_name(name, place, keys.findings):
            continue
        if isinstance(node, Scalar):
            # ``mobile: owner.mobile`` is short for a field of the record.
            inner = Keys(YamlMapping({"field": node}, {"field": place}, place), keys.findings)
        else:
            sub = keys.sub(place, node, name)
            if sub is None:
                continue
            inner = sub
        column = _column(name, place, inner, only)
        inner.done()
        if column is not None:
            yield column


def _column(name: str, place: Place, keys: Keys, only: str) -> Column | None:
    said = {way: node for way in WAYS if (node := keys.node(way)) is not None}
    part = keys.text("part", only)
    common = {
        "label": keys.label("label"),
        "help": keys.label("help"),
        "where": keys.expression("where"),
        "of": _path(keys.text("of")),
        "at": _path(keys.text("at")),
        "format": keys.word("as", FORMATS),
        "most": keys.integer("most", 3, 1, MOST_TOP) or 3,
        "take": keys.word("take", TAKES, "sum"),
        "end": keys.word("end", ENDS, "low"),
        "within": keys.names("within"),
        "enough": keys.expression("enough"),
        "alert": keys.expression("alert"),
        "hidden": keys.flag("hidden"),
        "total": keys.flag("total"),
    }
    if len(said) != 1:
        keys.findings.add("S070", place, name=name, ways=", ".join(WAYS))
        return None
    way = next(iter(said))
    names = keys.names(way) if way in ("share", "interval", "across") else ()
    counts_rows = way == "count" and _is_rows(said[way])
    operand = None if names or counts_rows else keys.expression(way)
    kept = part if way in AGGREGATES or way == "field" else ""
    return Column(name, place, way, part=kept, operand=operand, names=names, **common)  # type: ignore[arg-type]


def _is_rows(node: Node) -> bool:
    return isinstance(node, Scalar) and node.text == ROWS


def _chart(keys: Keys) -> Chart | None:
    node = keys.node("chart")
    inner = keys.sub(keys.place_of("chart"), node, "chart") if node is not None else None
    if inner is None:
        return None
    chart = Chart(
        type=inner.word("type", CHARTS, "bar"),
        x=inner.text("x", required=True),
        series=inner.names("series"),
        place=inner.place,
    )
    inner.done()
    return chart
