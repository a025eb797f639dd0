"""Reports on paper: typst sets the page from a template in this folder, the data is a file beside it."""

from __future__ import annotations

import json
import shutil
import tempfile
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import typst
from pylopdf_fonts_zh_cn import sans_path

from app.features.reports.formats import SYMBOLS, Setting, value_of
from app.features.reports.results import Line, Result, ResultColumn
from app.kernel.errors import Refused
from app.kernel.messages import _l
from app.language.report_shapes import NUMBERS

TEMPLATE = Path(__file__).with_name("report.typ")
MOST_LINES = 10_000
# The column of the marks by which a line is traced.
MARKS = {"zh": "标记", "en": "Mark", "number": False, "wide": False}


def write_pdf(result: Result, place: Path, setting: Setting) -> None:
    """A4 with the heading in both languages, the header on every page; raises Refused for too many lines."""
    if (result.count or 0) > MOST_LINES:
        raise Refused(
            _l("A PDF holds %(count)s lines at most; take Excel or CSV.", count=MOST_LINES)
        )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(TEMPLATE, folder / TEMPLATE.name)
        data = json.dumps(_data(result, setting), ensure_ascii=False)
        (folder / "data.json").write_text(data, encoding="utf-8")
        fonts = [str(Path(sans_path()).parent)]
        typst.compile(str(folder / TEMPLATE.name), output=str(place), root=str(folder),
                      font_paths=fonts, ignore_system_fonts=True)  # fmt: skip


# Private


def _data(result: Result, setting: Setting) -> dict[str, Any]:
    columns = [column for column in setting.columns(result) if column[0].withheld is None]
    report = result.report
    withheld = [c for c in result.columns if c.withheld is not None]
    notes = [setting.words(note) for note in result.notes]
    notes += [
        f"{c.label.text(setting.language)}: {setting.words(c.withheld)}"
        for c in withheld
        if c.withheld
    ]
    return {
        "title": [f"{report.code} {report.label.zh}".strip(), report.label.en],
        "asked": [f"{setting.words(label)}: {text}" for label, text in result.asked],
        "made": setting.head,
        "columns": [*(_column(*one) for one in columns), *([MARKS] if setting.marked else [])],
        "rows": [
            [*_row(columns, line, setting), *([_cell(line.mark)] if setting.marked else [])]
            for line in setting.lines(result)
        ],
        "total": _total(columns, result, setting),
        "definitions": [
            [c.label.text(setting.language), c.definition.text(setting.language)]
            for c in result.columns
            if c.definition
        ],
        "notes": notes,
        "words": [setting.words(_l("Definitions")), setting.words(_l("Nothing to show"))],
    }


def _column(column: ResultColumn, heading: str, before: bool) -> dict[str, Any]:
    return {
        "zh": heading if before else column.label.zh,
        "en": "" if before else column.label.en,
        "number": column.kind in NUMBERS,
        "wide": column.is_group or column.kind in ("text", "link", "long_text"),
    }


def _cell(text: str) -> dict[str, Any]:
    return {"text": text, "alert": False}


def _row(
    columns: list[tuple[ResultColumn, str, bool]], line: Line, setting: Setting
) -> list[dict[str, Any]]:
    return [
        {
            "text": shown(value_of(column, line, before=before), column, setting),
            "alert": column.name in line.alerts and not before,
        }
        for column, _, before in columns
    ]


def _total(
    columns: list[tuple[ResultColumn, str, bool]], result: Result, setting: Setting
) -> list[str]:
    if result.total is None:
        return []
    cells = [str(cell["text"]) for cell in _row(columns, result.total, setting)]
    return [cells[0] or setting.words(_l("Total")), *cells[1:], *([""] if setting.marked else [])]


def shown(value: Any, column: ResultColumn, setting: Setting) -> str:
    """A value as people read it: thousands, currency, percent sign, hours and minutes."""
    number = isinstance(value, int | Decimal | float) and not isinstance(value, bool)
    if number and column.kind == "money":
        symbol = SYMBOLS.get(column.currency, f"{column.currency} ")
        return f"{'-' if value < 0 else ''}{symbol}{abs(value):,.2f}"
    if number and column.kind == "percent":
        return f"{value}%"
    if number and column.kind == "duration":
        return f"{int(value) // 60}:{int(value) % 60:02d}"
    if number and column.kind in NUMBERS:
        return f"{value:,}"
    if isinstance(value, date) and not isinstance(value, datetime) and column.kind == "month":
        return value.strftime("%Y-%m")
    return setting.text(value)
