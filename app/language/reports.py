"""Reads report files."""

from __future__ import annotations

from app.language.reading import Keys, good_name
from app.language.report_definitions import Report


def read_report(keys: Keys) -> Report | None:
    """A report file; None when it has no usable name."""
    name = keys.text("report", required=True)
    if not good_name(name, keys.place_of("report"), keys.findings):
        return None
    found = Report(name, keys.needed_label(), keys.place)
    keys.done()
    return found
