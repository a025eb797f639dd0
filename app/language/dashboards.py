"""Reads dashboard files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from app.language.dashboard_definitions import Dashboard, Figure, Picture
from app.language.reading import Keys, good_name
from app.language.source import Scalar

LONGEST_TREND = 24
MOST_LINES = 50


def read_dashboard(keys: Keys) -> Dashboard | None:
    """A dashboard file; None when it has no usable name."""
    name = keys.text("dashboard", required=True)
    if not good_name(name, keys.place_of("dashboard"), keys.findings):
        return None
    found = Dashboard(
        name=name,
        label=keys.needed_label(),
        place=keys.place,
        help=keys.label("help"),
        icon=keys.text("icon", "layout-dashboard"),
        readers=keys.names("for"),
        figures=tuple(_figures(keys)),
        pictures=tuple(_pictures(keys)),
    )
    keys.done()
    return found


# Private


def _figures(keys: Keys) -> Iterator[Figure]:
    for inner in keys.tables("figures"):
        yield Figure(
            report=inner.text("report", required=True),
            column=inner.text("column", required=True),
            label=inner.label("label"),
            place=inner.place,
            trend=inner.integer("trend", 0, 0, LONGEST_TREND) or 0,
            parameters=_parameters(inner),
        )
        inner.done()


def _pictures(keys: Keys) -> Iterator[Picture]:
    for inner in keys.tables("pictures"):
        yield Picture(
            report=inner.text("report", required=True),
            label=inner.label("label"),
            place=inner.place,
            wide=inner.flag("wide"),
            most=inner.integer("most", 12, 1, MOST_LINES) or 12,
            parameters=_parameters(inner),
        )
        inner.done()


def _parameters(keys: Keys) -> Mapping[str, str]:
    return MappingProxyType(
        {
            name: node.text if isinstance(node, Scalar) else ""
            for name, (_, node) in keys.table("params").items()
        }
    )
