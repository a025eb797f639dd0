"""Writes rows as CSV and Excel, a row at a time; a text is never a formula."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

import xlsxwriter

from app.features.exports.values import Value
from app.kernel.cells import safe_cell

MEDIA = {
    "zip": "application/zip",
    "pdf": "application/pdf",
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
LONGEST_CELL = 32_767
LONGEST_HEADER = 200


@dataclass(frozen=True, slots=True)
class Head:
    """The headings; ``watermark`` heads the column of marks, and is printed on every page.

    ``sealed`` is the audit checkpoint that the file is written under, printed beside it.
    """

    title: str
    columns: Sequence[str]
    watermark: str
    sealed: str = ""

    @property
    def mark(self) -> str:
        """What heads the column of marks: it stays with the rows when a sheet is copied."""
        return " · ".join(part for part in (self.watermark, self.sealed) if part)


class Writer(Protocol):
    """Writes rows to a place; each row ends with its mark."""

    def __call__(self, place: Path, head: Head, rows: Iterable[Sequence[Value]]) -> int: ...


def write_csv(place: Path, head: Head, rows: Iterable[Sequence[Value]]) -> int:
    """Every cell in quotes, with the mark that lets Excel read UTF-8; returns how many rows."""
    count = 0
    with place.open("w", encoding="utf-8-sig", newline="") as stream:
        out = csv.writer(stream, quoting=csv.QUOTE_ALL)
        out.writerow([safe_cell(text) for text in (*head.columns, head.mark)])
        for row in rows:
            out.writerow([_text(value) for value in row])
            count += 1
    return count


def write_xlsx(place: Path, head: Head, rows: Iterable[Sequence[Value]]) -> int:
    """A sheet whose texts are strings whatever they begin with; returns how many rows."""
    options: Mapping[str, Any] = {
        "constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
        "strings_to_numbers": False,
    }  # fmt: skip
    count = 0
    with xlsxwriter.Workbook(str(place), options) as book:
        book.set_properties({"title": head.title, "comments": head.mark})
        sheet = book.add_worksheet()
        bold = book.add_format({"bold": True, "bottom": 1, "bg_color": "#E0F1EE"})
        styles = {
            date: book.add_format({"num_format": "yyyy-mm-dd"}),
            datetime: book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
            str: book.add_format({"num_format": "@"}),
        }
        sheet.set_header(f"&L{_printed(head.watermark)}")
        sheet.set_footer(f"&L{_printed(head.sealed or head.watermark)}&R&P / &N")
        sheet.repeat_rows(0)
        sheet.freeze_panes(1, 1)
        sheet.set_column(0, len(head.columns), 18)
        for at, text in enumerate((*head.columns, head.mark)):
            sheet.write_string(0, at, text, bold)
        for count, row in enumerate(rows, 1):
            for at, value in enumerate(row):
                if isinstance(value, str):
                    sheet.write_string(count, at, value[:LONGEST_CELL], styles[str])
                elif isinstance(value, date):
                    sheet.write_datetime(count, at, value, styles[type(value)])
                elif value is not None:
                    sheet.write_number(count, at, value)
    return count


WRITERS: Mapping[str, Writer] = {"csv": write_csv, "xlsx": write_xlsx}


# Private


def _printed(text: str) -> str:
    """A text as the pages of a sheet are headed; Excel takes no more than 255 characters."""
    return text[:LONGEST_HEADER].replace("&", "&&")


def _text(value: Value) -> str:
    match value:
        case None:
            return ""
        case str():
            return safe_cell(value)
        case datetime():
            return value.strftime("%Y-%m-%d %H:%M:%S")
        case date():
            return value.isoformat()
        case Decimal():
            return f"{value:f}"
    return str(value)
