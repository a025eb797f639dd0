"""What the templates of forms receive: texts are already in the reader's language."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Crumb:
    """One step of the breadcrumbs; the last has no address."""

    label: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """One value as it is shown. ``kind`` is one of text, long, html, badge, link, yes, no,
    masked, empty, colour, rating, image, files, tags, number."""

    kind: str
    text: str = ""
    url: str = ""
    tone: str = "neutral"
    parts: tuple[Cell, ...] = ()


@dataclass(frozen=True, slots=True)
class Option:
    """One entry of a select."""

    value: str
    label: str
    selected: bool = False


@dataclass(frozen=True, slots=True)
class FormField:
    """One control of a form. ``kind`` is one of text, textarea, rich, number, money, percent,
    yes_no, date, datetime, time, month, duration, select, multiselect, tags, link, links,
    reference, file, files, image, signature, colour, rating, json, secret, location,
    children, shown (read-only; ``cell`` says what).

    With ``lookup_form`` the records found depend on the rest of the form.
    ``theirs`` is what somebody else saved meanwhile, in words; ``theirs_value`` is it as the control
    takes it, ``theirs_url`` where it is loaded in place of everything typed."""

    name: str
    label: str
    kind: str
    value: str = ""
    help: str = ""
    required: bool = False
    readonly: bool = False
    hidden: bool = False
    wide: bool = False
    errors: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()
    lookup_url: str = ""
    lookup_form: bool = False
    placeholder: str = ""
    input_type: str = "text"
    input_mode: str = ""
    maxlength: int = 0
    minimum: str = ""
    maximum: str = ""
    step: str = ""
    unit: str = ""
    accept: str = ""
    multiple: bool = False
    cell: Cell | None = None
    theirs: str = ""
    theirs_value: str = ""
    theirs_url: str = ""
    columns: tuple[FormField, ...] = ()
    rows: tuple[ChildRow, ...] = ()
    blank: ChildRow | None = None


@dataclass(frozen=True, slots=True)
class ChildRow:
    """A row of a children table; its field names begin with ``prefix`` and a dot."""

    prefix: str
    fields: tuple[FormField, ...]
    id: str = ""
    version: str = ""
    errors: tuple[str, ...] = ()
    removed: bool = False


@dataclass(frozen=True, slots=True)
class FormSection:
    """A titled group of controls."""

    label: str
    fields: tuple[FormField, ...]
    hidden: bool = False
    key: str = ""


@dataclass(frozen=True, slots=True)
class FormTab:
    """A page of a form; a form with one has no tab bar."""

    label: str
    sections: tuple[FormSection, ...]
    errors: int = 0


@dataclass(frozen=True, slots=True)
class FormContext:
    """``records/form.html``"""

    title: str
    entity: str
    action: str
    cancel_url: str
    version: str
    tabs: tuple[FormTab, ...]
    problems: tuple[str, ...]
    conflict: str
    conditions_url: str
    submit: str
    breadcrumbs: tuple[Crumb, ...]
    once: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RevealForm:
    """What is asked before a masked value is shown: one of ``reasons``, or words of one's own."""

    url: str
    field: str
    label: str
    reasons: tuple[str, ...]
    reason: str = ""
    problem: str = ""
