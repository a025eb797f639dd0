"""The JSON Schema of report files."""

from __future__ import annotations

from app.language.json_parts import (
    CONDITION,
    FLAG,
    LABEL,
    NAME,
    NAMES,
    TEXT,
    Document,
    closed,
    table_of,
)
from app.language.report_definitions import (
    CHARTS,
    EACH,
    ENDS,
    FORMATS,
    PARAMETER_TYPES,
    TAKES,
    WAYS,
)
from app.language.reports import MOST_ROWS, MOST_TOP, STATE_FIELD

WHOLE: Document = {"type": "integer", "minimum": 1}
# One name stands for a list of one.
SOME: Document = {"oneOf": [TEXT, NAMES]}
NAMED: Document = {"anyOf": [NAME, {"const": STATE_FIELD}]}


def report_schema() -> Document:
    """A report: one part in the file itself, or several under ``parts``."""
    parts = {
        "report": NAME, "code": TEXT, "label": LABEL, "help": LABEL, "module": NAME, "icon": TEXT,
        "for": SOME, "params": table_of(_parameter()), "groups": table_of(_group()),
        "parts": table_of(_part()), "rows": NAME, "columns": _columns(), "keep": CONDITION,
        "sort": SOME, "limit": WHOLE | {"maximum": MOST_ROWS}, "total": FLAG, "compare": SOME,
        "chart": closed({"type": {"enum": list(CHARTS)}, "x": TEXT, "series": SOME}, "x"),
    }  # fmt: skip
    alone = {"anyOf": [{"required": ["entity"]}, {"required": ["parts"]}]}
    return closed({**_queried(), **parts}, "report", "label", "help", "columns") | alone


# Private


def _parameter() -> Document:
    parts = {
        "type": {"enum": list(PARAMETER_TYPES)}, "label": LABEL, "help": LABEL, "to": NAME,
        "choices": table_of(LABEL), "choices_of": TEXT, "default": TEXT,
    }  # fmt: skip
    return closed(parts, "type", "label")


def _group() -> Document:
    each = {"enum": list(EACH)}
    return closed({"path": TEXT, "above": CONDITION, "each": each, "label": LABEL, "help": LABEL})


def _queried() -> Document:
    """What a part says of its rows."""
    return {
        "entity": NAME, "where": CONDITION, "when": TEXT, "filters": table_of(TEXT),
        "having": CONDITION, "shows": SOME, "values": table_of(_column()),
    }  # fmt: skip


def _part() -> Document:
    key = {"oneOf": [TEXT, closed({"path": TEXT, "above": CONDITION}, "path")]}
    return closed({**_queried(), "by": table_of(key)}, "entity")


def _columns() -> Document:
    return table_of({"oneOf": [TEXT, _column()]}) | {"propertyNames": NAMED}


def _column() -> Document:
    lists = ("share", "interval", "across")
    ways = {way: SOME if way in lists else CONDITION for way in WAYS}
    parts = {
        **ways, "part": NAME, "label": LABEL, "help": LABEL, "where": CONDITION, "of": TEXT, "at": TEXT,
        "as": {"enum": list(FORMATS)}, "most": WHOLE | {"maximum": MOST_TOP},
        "take": {"enum": list(TAKES)}, "end": {"enum": list(ENDS)}, "within": SOME,
        "enough": CONDITION, "alert": CONDITION, "hidden": FLAG, "total": FLAG,
    }  # fmt: skip
    return closed(parts) | {"oneOf": [{"required": [way]} for way in WAYS]}
