"""Reports as files: CSV, JSON and Excel with typed cells; a text is never a formula."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from app.features.reports.results import Chosen, Line, Linked, Result, ResultColumn, TooFew
from app.kernel.cells import safe_cell
from app.kernel.messages import Label, Message, _l

Step = Callable[[int, int | None], None]
MEDIA = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}
SYMBOLS = {"CNY": "¥", "USD": "$", "EUR": "€", "GBP": "£"}
LONGEST_CELL = 32_000
NARROWEST, WIDEST = 9, 40
MOST_DRAWN = 60
LONGEST_HEADER = 240


@dataclass(frozen=True)
class Setting:
    """For whom a file is made: language, zone, how sentences are said, and who hears of the progress."""

    language: str
    zone: ZoneInfo
    words: Callable[[Message | Label], str]
    made_at: datetime
    step: Step = lambda done, total: None
    # Who takes the file and when, and the audit checkpoint that it is written under: its size, the first
    # bytes of its root, and when it was signed. Lines that tell of records bear marks.
    said: Message | None = None
    sealed: Message | None = None
    marked: bool = False

    @property
    def head(self) -> str:
        """What stands on every page and sheet: who takes the file, when, and under which checkpoint."""
        said = (self.words(part) for part in (self.said, self.sealed) if part is not None)
        return " · ".join(said)

    def text(self, value: Any) -> str:
        """A value as plain text, with numbers and dates as programs read them."""
        match value:
            case None:
                return ""
            case bool():
                return self.words(_l("Yes") if value else _l("No"))
            case TooFew():
                return self.words(_l("too few"))
            case Linked():
                return value.title
            case Chosen():
                return value.label.text(self.language)
            case datetime():
                return value.astimezone(self.zone).strftime("%Y-%m-%d %H:%M")
            case date():
                return value.isoformat()
            case Decimal():
                return f"{value:f}"
            case tuple() | list():
                return ", ".join(self._part(part) for part in value)
        return str(value)

    def columns(self, result: Result) -> list[tuple[ResultColumn, str, bool]]:
        """The columns with their headings; a compared one is followed by the period before."""
        found = []
        for column in result.columns:
            heading = column.label.text(self.language)
            found.append((column, heading, False))
            if column.name in result.report.compare and column.withheld is None:
                before = self.words(_l("%(column)s before", column=column.label))
                found.append((column, before, True))
        return found

    def lines(self, result: Result) -> Iterator[Line]:
        """The lines, saying how far it has come."""
        for number, line in enumerate(result.lines, 1):
            self.step(number, result.count)
            yield line

    def _part(self, part: Any) -> str:
        counted = isinstance(part, tuple) and not isinstance(part, Chosen | Linked)
        return f"{self.text(part[0])} {part[1]}" if counted else self.text(part)


def value_of(column: ResultColumn, line: Line, *, before: bool) -> Any:
    """A cell's value, of this period or the one before."""
    return (line.before if before else line.values).get(column.name)


def write_csv(result: Result, place: Path, setting: Setting) -> None:
    """Comma-separated, with the mark that lets Excel read UTF-8; the last column bears head and marks."""
    columns = setting.columns(result)
    with place.open("w", encoding="utf-8-sig", newline="") as stream:
        out = csv.writer(stream)
        out.writerow([safe_cell(text) for text in (*(h for _, h, _ in columns), setting.head)])
        for line in setting.lines(result):
            cells = [_plain(value_of(c, line, before=b), setting) for c, _, b in columns]
            out.writerow([*cells, line.mark])
        if result.total is not None:
            cells = [_plain(value_of(c, result.total, before=b), setting) for c, _, b in columns]
            out.writerow([setting.words(_l("Total")), *cells[1:], ""])


def write_json(result: Result, place: Path, setting: Setting) -> None:
    """An object with columns, rows, total and notes; numbers are numbers."""
    columns = setting.columns(result)
    head = {
        "report": result.report.name,
        "code": result.report.code,
        "label": {"zh": result.report.label.zh, "en": result.report.label.en},
        "made_at": setting.made_at.astimezone(setting.zone).isoformat(timespec="seconds"),
        "parameters": {label.text(setting.language): text for label, text in result.asked},
        "count": result.count,
        "head": setting.head,
        "columns": [_described(column, setting) for column in result.columns],
        "notes": [setting.words(note) for note in result.notes],
    }
    with place.open("w", encoding="utf-8") as stream:
        text = json.dumps(head, ensure_ascii=False, indent=1)
        stream.write(text.removesuffix("\n}") + ',\n "rows": [')
        for number, line in enumerate(setting.lines(result)):
            stream.write(",\n  " if number else "\n  ")
            mark = {"mark": line.mark} if setting.marked else {}
            found = {**_object(columns, line, setting), **mark}
            stream.write(json.dumps(found, ensure_ascii=False))
        total = _object(columns, result.total, setting) if result.total else None
        stream.write(f'\n ],\n "total": {json.dumps(total, ensure_ascii=False)}\n}}\n')


def write_xlsx(result: Result, place: Path, setting: Setting) -> None:
    """A sheet with the figures and, where there is one, the chart; a second one says what they mean."""
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
               "strings_to_numbers": False, "default_date_format": "yyyy-mm-dd"}  # fmt: skip
    with xlsxwriter.Workbook(str(place), options) as book:
        book.set_properties(
            {"title": result.report.label.text(setting.language), "comments": setting.head}
        )
        sheet = book.add_worksheet(_sheet_name(result.report.label.text(setting.language)))
        _Sheet(book, sheet, setting).fill(result)
        _explain(book, book.add_worksheet(setting.words(_l("Definitions"))), result, setting)


# Private


def _plain(value: Any, setting: Setting) -> str:
    text = setting.text(value)
    number = isinstance(value, int | Decimal | float) and not isinstance(value, bool)
    return text if number else safe_cell(text)


def _described(column: ResultColumn, setting: Setting) -> dict[str, Any]:
    found = {
        "name": column.name,
        "label": {"zh": column.label.zh, "en": column.label.en},
        "kind": column.kind,
        "definition": column.definition.text(setting.language) if column.definition else None,
    }
    return found | ({"withheld": setting.words(column.withheld)} if column.withheld else {})


def _object(
    columns: list[tuple[ResultColumn, str, bool]], line: Line, setting: Setting
) -> dict[str, Any]:
    return {f"{column.name}_before" if before else column.name:
            _for_json(value_of(column, line, before=before), setting)
            for column, _, before in columns}  # fmt: skip


def _for_json(value: Any, setting: Setting) -> Any:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return setting.text(value)


def _sheet_name(text: str) -> str:
    return "".join(char for char in text if char not in "[]:*?/\\'")[:31] or "report"


def _explain(book: xlsxwriter.Workbook, sheet: Worksheet, result: Result, setting: Setting) -> None:
    bold = book.add_format({"bold": True, "font_size": 13})
    wrap = book.add_format({"text_wrap": True, "valign": "top"})
    sheet.set_column(0, 0, 24, wrap)
    sheet.set_column(1, 1, 90, wrap)
    rows: list[tuple[str, str]] = [(setting.words(label), text) for label, text in result.asked]
    rows.append((setting.words(_l("Made at")), setting.text(setting.made_at)))
    rows += [("", text) for text in (setting.head, *map(setting.words, result.notes))]
    for column in result.columns:
        said = column.definition.text(setting.language) if column.definition else ""
        why = setting.words(column.withheld) if column.withheld else ""
        rows.append(
            (column.label.text(setting.language), " ".join(part for part in (said, why) if part))
        )
    sheet.write_string(
        0, 0, f"{result.report.code} {result.report.label.text(setting.language)}".strip(), bold
    )
    sheet.write_string(
        1, 0, result.report.help.text(setting.language) if result.report.help else ""
    )
    for number, (name, text) in enumerate(rows, 3):
        sheet.write_string(number, 0, name)
        sheet.write_string(number, 1, text[:LONGEST_CELL])


class _Sheet:
    """Writes one sheet from top to bottom: memory holds a row at a time."""

    def __init__(self, book: xlsxwriter.Workbook, sheet: Worksheet, setting: Setting) -> None:
        self._book, self._sheet, self._setting = book, sheet, setting
        self._formats: dict[tuple[str, bool, bool], Format] = {}

    def fill(self, result: Result) -> None:
        """Headings, lines, total and chart."""
        columns = self._setting.columns(result)
        head = self._book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1,
                                      "bg_color": "#E0F1EE"})  # fmt: skip
        for position, (column, heading, _) in enumerate(columns):
            wide = min(WIDEST, max(NARROWEST, 2 * len(heading) + 2, 22 if column.is_group else 0))
            self._sheet.set_column(position, position, wide)
            self._sheet.write_string(0, position, heading, head)
        if self._setting.marked:
            self._sheet.write_string(0, len(columns), self._setting.head, head)
        self._print_head()
        self._sheet.freeze_panes(1, 1)
        row = 0
        for row, line in enumerate(self._setting.lines(result), 1):
            self._line(row, columns, line, total=False)
            if self._setting.marked:
                self._sheet.write_string(row, len(columns), line.mark)
        if row:
            self._sheet.autofilter(0, 0, row, len(columns) - 1)
        if result.total is not None:
            self._line(row + 1, columns, result.total, total=True)
            label = self._setting.words(_l("Total"))
            if value_of(columns[0][0], result.total, before=False) is None:
                self._sheet.write_string(
                    row + 1, 0, label, self._format(columns[0][0], total=True, alert=False)
                )
        self._draw(
            result, [column.name if not before else "" for column, _, before in columns], row
        )

    def _print_head(self) -> None:
        """Who takes the file and when, on every page that is printed of it."""
        printed = self._setting.head.replace("&", "&&")[:LONGEST_HEADER]
        self._sheet.set_header(f"&L{printed}")
        self._sheet.set_footer(f"&L{printed}&R&P / &N")
        self._sheet.repeat_rows(0)

    def _line(
        self, row: int, columns: list[tuple[ResultColumn, str, bool]], line: Line, *, total: bool
    ) -> None:
        for position, (column, _, before) in enumerate(columns):
            value = value_of(column, line, before=before)
            style = self._format(
                column, total=total, alert=column.name in line.alerts and not before
            )
            self._cell(row, position, column, value, style)

    def _cell(
        self, row: int, position: int, column: ResultColumn, value: Any, style: Format
    ) -> None:
        number = isinstance(value, int | Decimal | float) and not isinstance(value, bool)
        if value is None:
            self._sheet.write_blank(row, position, None, style)
        elif number and column.kind == "duration":
            self._sheet.write_number(row, position, float(value) / 1440, style)
        elif number:
            shown = float(value) / 100 if column.kind == "percent" else value
            self._sheet.write_number(row, position, shown, style)
        elif isinstance(value, datetime):
            local = value.astimezone(self._setting.zone).replace(tzinfo=None)
            self._sheet.write_datetime(row, position, local, style)
        elif isinstance(value, date):
            self._sheet.write_datetime(row, position, value, style)
        else:
            self._sheet.write_string(row, position, self._setting.text(value)[:LONGEST_CELL], style)

    def _format(self, column: ResultColumn, *, total: bool, alert: bool) -> Format:
        symbol = SYMBOLS.get(column.currency, f"{column.currency} ")
        shown = {
            "integer": "#,##0", "decimal": "#,##0.00", "percent": "0.0%", "date": "yyyy-mm-dd",
            "money": f'"{symbol}"#,##0.00;[Red]-"{symbol}"#,##0.00', "month": "yyyy-mm",
            "datetime": "yyyy-mm-dd hh:mm", "duration": "[h]:mm",
        }.get(column.kind, "@")  # fmt: skip
        key = (shown, total, alert)
        if key not in self._formats:
            more = {"bold": True, "top": 1} if total else {}
            red = {"font_color": "#B42318"} if alert else {}
            self._formats[key] = self._book.add_format({"num_format": shown, **more, **red})
        return self._formats[key]

    def _draw(self, result: Result, names: list[str], rows: int) -> None:
        chart = result.report.chart
        if chart is None or not rows or chart.x not in names:
            return
        kind: Mapping[str, Any] = {
            "bar": {"type": "column"}, "line": {"type": "line"}, "pie": {"type": "pie"},
            "stacked": {"type": "column", "subtype": "stacked"},
        }[chart.type]  # fmt: skip
        drawn = self._book.add_chart(kind)
        assert drawn is not None
        last, sheet, x = min(rows, MOST_DRAWN), self._sheet.get_name(), names.index(chart.x)
        for name in chart.series:
            if name in names:
                at = names.index(name)
                drawn.add_series({"name": [sheet, 0, at], "categories": [sheet, 1, x, last, x],
                                  "values": [sheet, 1, at, last, at]})  # fmt: skip
        drawn.set_title({"name": result.report.label.text(self._setting.language)})
        drawn.set_size({"width": 760, "height": 380})
        self._sheet.insert_chart(1, len(names) + (2 if self._setting.marked else 1), drawn)


WRITERS: Mapping[str, Callable[[Result, Path, Setting], None]] = {
    "csv": write_csv,
    "json": write_json,
    "xlsx": write_xlsx,
}
