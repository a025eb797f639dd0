"""What the templates of reports receive: texts are already in the reader's language."""

from __future__ import annotations

from dataclasses import dataclass

from app.web.contexts import Cell, Column, Crumb, FilterControl, Option, Paging, Row


@dataclass(frozen=True, slots=True)
class ReportCard:
    """A report in the list of reports."""

    code: str
    label: str
    help: str
    url: str
    icon: str


@dataclass(frozen=True, slots=True)
class ReportShelf:
    """The reports of one module."""

    label: str
    cards: tuple[ReportCard, ...]


@dataclass(frozen=True, slots=True)
class SavedLine:
    """Somebody else's report, for an administrator who may delete it."""

    label: str
    owner: str
    shared: str
    changed: str
    delete_url: str


@dataclass(frozen=True, slots=True)
class ReportsContext:
    """``reports/list.html``"""

    title: str
    shelves: tuple[ReportShelf, ...]
    breadcrumbs: tuple[Crumb, ...]
    new_url: str = ""
    others: tuple[SavedLine, ...] = ()


@dataclass(frozen=True, slots=True)
class Heading:
    """A column's heading with what it means; ``why`` says why its values are not told."""

    label: str
    definition: str
    why: str = ""
    align: str = "start"


@dataclass(frozen=True, slots=True)
class Figure:
    """A cell: its value, what leads behind it, whether it needs a look, and the change since before."""

    cell: Cell
    align: str = "start"
    alert: bool = False
    url: str = ""
    change: str = ""
    direction: str = ""


@dataclass(frozen=True, slots=True)
class ReportContext:
    """``reports/report.html``

    ``chart`` is what the script draws, as JSON; ``hidden`` are the parameters that a file is made with.
    """

    title: str
    code: str
    help: str
    url: str
    controls: tuple[FilterControl, ...]
    periods: tuple[Option, ...]
    headings: tuple[Heading, ...]
    lines: tuple[tuple[Figure, ...], ...]
    total: tuple[Figure, ...]
    count: str
    cut: str
    notes: tuple[str, ...]
    problems: tuple[str, ...]
    chart: str
    files: tuple[Option, ...]
    file_url: str
    hidden: tuple[tuple[str, str], ...]
    paging: Paging | None
    definitions: tuple[tuple[str, str], ...]
    breadcrumbs: tuple[Crumb, ...]
    clear_url: str = ""
    keep_url: str = ""
    schedule_url: str = ""
    ask_url: str = ""
    copy_url: str = ""
    edit_url: str = ""


@dataclass(frozen=True, slots=True)
class BehindContext:
    """``reports/behind.html``: the rows behind one figure."""

    title: str
    figure: str
    definition: str
    asked: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    paging: Paging
    breadcrumbs: tuple[Crumb, ...]
