"""What each template receives: texts are already in the reader's language."""

from __future__ import annotations

from dataclasses import dataclass

from app.web.form_contexts import Cell, Crumb, FormField, Option, RevealForm


@dataclass(frozen=True, slots=True)
class MenuEntry:
    """One page in the menu."""

    label: str
    url: str
    icon: str
    active: bool


@dataclass(frozen=True, slots=True)
class MenuGroup:
    """A module of the menu with the entries that the actor may open."""

    label: str
    icon: str
    entries: tuple[MenuEntry, ...]
    active: bool


@dataclass(frozen=True, slots=True)
class LanguageChoice:
    """A language to switch to."""

    code: str
    label: str
    url: str
    active: bool


@dataclass(frozen=True, slots=True)
class Shell:
    """What surrounds every page; templates know it as ``shell``."""

    portal: str
    language: str
    languages: tuple[LanguageChoice, ...]
    theme: str
    account: str
    roles: str
    menu: tuple[MenuGroup, ...]
    assets: str
    csrf_token: str
    drawn: str
    search_url: str
    path: str = "/"
    home_url: str = "/"
    logout_url: str = "/logout/"
    account_links: tuple[Crumb, ...] = ()
    bell_url: str = ""
    bell_count: str = ""
    watermark: str = ""
    printable: bool = True


@dataclass(frozen=True, slots=True)
class PageLink:
    """Another thing to do on a page, such as import, export or print."""

    label: str
    url: str
    icon: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a list; ``sorted`` is asc, desc or empty."""

    name: str
    label: str
    sort_url: str = ""
    sorted: str = ""
    align: str = "start"


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a list; the first cell links to ``url``."""

    id: int
    url: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class FilterControl:
    """A filter above a list. ``kind`` is choice (several), link (remote search), yes_no,
    date, number (both from/to) or text (contains)."""

    name: str
    label: str
    kind: str
    options: tuple[Option, ...] = ()
    low: str = ""
    high: str = ""
    value: str = ""
    lookup_url: str = ""


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter in force, with the address of the list without it."""

    label: str
    value: str
    remove_url: str


@dataclass(frozen=True, slots=True)
class ViewLink:
    """A saved view; ``delete_url`` is set for the reader's own."""

    label: str
    url: str
    active: bool
    delete_url: str = ""


@dataclass(frozen=True, slots=True)
class BulkAction:
    """What can be done with the marked rows."""

    name: str
    label: str
    tone: str
    confirm: str


@dataclass(frozen=True, slots=True)
class Paging:
    """Where the reader is in a list. ``total`` is a text such as 1,204 or 10,000+."""

    first: int
    last: int
    total: str
    page: int
    previous_url: str
    next_url: str
    sizes: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True)
class ListContext:
    """``records/list.html``"""

    title: str
    help: str
    entity: str
    url: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    paging: Paging
    search: str
    searchable: bool
    sort: str
    filters: tuple[FilterControl, ...]
    chips: tuple[Chip, ...]
    clear_url: str
    views: tuple[ViewLink, ...]
    save_view_url: str
    query_string: str
    add_url: str
    bulk: tuple[BulkAction, ...]
    bulk_url: str
    breadcrumbs: tuple[Crumb, ...]
    links: tuple[PageLink, ...] = ()
    view: str = ""
    export_url: str = ""


@dataclass(frozen=True, slots=True)
class ShownField:
    """A labelled value on a record's page; ``revealed`` ones are shown in this answer only."""

    name: str
    label: str
    cell: Cell
    help: str = ""
    wide: bool = False
    reveal: RevealForm | None = None
    revealed: bool = False


@dataclass(frozen=True, slots=True)
class ShownTable:
    """Rows that belong to the record (children), on its page; ``note`` says when there are more."""

    label: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class ShownSection:
    """A titled group of values."""

    label: str
    fields: tuple[ShownField, ...]
    tables: tuple[ShownTable, ...] = ()


@dataclass(frozen=True, slots=True)
class MoveButton:
    """A step that the reader may take with the record. With ``asks`` it opens a dialog."""

    name: str
    label: str
    tone: str
    url: str
    asks: tuple[FormField, ...] = ()
    blocked: str = ""
    open: bool = False


@dataclass(frozen=True, slots=True)
class RelatedTab:
    """A list of records that point here; only the active one is in the page, others load
    from ``url`` when they are opened."""

    key: str
    label: str
    url: str
    active: bool
    list: RelatedList | None = None


@dataclass(frozen=True, slots=True)
class RelatedList:
    """``records/related.html``: a part of a page."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    paging: Paging
    add_url: str
    all_url: str
    empty: str
    printable: bool


@dataclass(frozen=True, slots=True)
class RecordNote:
    """Something to know about a record, with the page that tells more."""

    text: str
    url: str = ""
    more: str = ""


@dataclass(frozen=True, slots=True)
class ShowContext:
    """``records/show.html``"""

    title: str
    entity: str
    entity_label: str
    id: int
    version: int
    state: Cell | None
    sections: tuple[ShownSection, ...]
    moves: tuple[MoveButton, ...]
    edit_url: str
    delete_url: str
    related: tuple[RelatedTab, ...]
    history_url: str
    locked: str
    meta: tuple[ShownField, ...]
    breadcrumbs: tuple[Crumb, ...]
    links: tuple[PageLink, ...] = ()
    notes: tuple[RecordNote, ...] = ()


@dataclass(frozen=True, slots=True)
class HistoryChange:
    """One field in an entry of the history."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """Something that was done to a record."""

    at: str
    who: str
    what: str
    tone: str
    changes: tuple[HistoryChange, ...]


@dataclass(frozen=True, slots=True)
class HistoryContext:
    """``records/history.html``: a part of a page."""

    entries: tuple[HistoryEntry, ...]
    more_url: str


@dataclass(frozen=True, slots=True)
class TileView:
    """A number on the home page."""

    label: str
    value: str
    url: str
    icon: str
    tone: str


@dataclass(frozen=True, slots=True)
class AgendaView:
    """A list of what needs the reader today."""

    label: str
    count: str
    url: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class HomeContext:
    """``home.html``"""

    title: str
    greeting: str
    tiles: tuple[TileView, ...]
    agenda: tuple[AgendaView, ...]
    more: tuple[TileView, ...] = ()
    breadcrumbs: tuple[Crumb, ...] = ()


@dataclass(frozen=True, slots=True)
class FoundGroup:
    """Records of one entity that global search found."""

    label: str
    icon: str
    rows: tuple[Row, ...]
    all_url: str


@dataclass(frozen=True, slots=True)
class SearchContext:
    """``search.html`` and, for htmx, ``includes/found.html``"""

    title: str
    query: str
    groups: tuple[FoundGroup, ...]
    breadcrumbs: tuple[Crumb, ...] = ()


@dataclass(frozen=True, slots=True)
class LoginContext:
    """``login.html``"""

    title: str
    action: str
    username: str
    problem: str
    demo: tuple[tuple[str, str, str], ...] = ()
    next: str = ""
    oidc_url: str = ""
    kept: bool = False


@dataclass(frozen=True, slots=True)
class ErrorContext:
    """``errors/error.html``"""

    title: str
    message: str
    status: int
    number: str
    back_url: str
    breadcrumbs: tuple[Crumb, ...] = ()


__all__ = ["Cell", "Crumb", "FormField", "Option"]
