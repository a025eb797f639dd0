"""What the templates of the report builder receive: texts are already in the reader's language."""

from __future__ import annotations

from dataclasses import dataclass

from app.features.reports.contexts import Figure, Heading
from app.web.contexts import Crumb, Option


@dataclass(frozen=True, slots=True)
class OptionGroup:
    """Options below one heading; without a label they stand by themselves."""

    label: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class BuilderRow:
    """A column, group, measure, condition or sort; ``control`` says how its value is asked for."""

    key: str
    label: str = ""
    said: str = ""
    fields: tuple[OptionGroup, ...] = ()
    ways: tuple[Option, ...] = ()
    control: str = ""
    value: str = ""
    options: tuple[Option, ...] = ()
    path: str = ""
    is_first: bool = False
    is_last: bool = False
    errors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BuilderForm:
    """The controls; they say the same as the text beside them."""

    entity: str
    entities: tuple[OptionGroup, ...]
    label: str
    label_other: str
    help: str
    help_other: str
    grouped: bool
    columns: tuple[BuilderRow, ...]
    new_column: tuple[OptionGroup, ...]
    groups: tuple[BuilderRow, ...]
    measures: tuple[BuilderRow, ...]
    conditions: tuple[BuilderRow, ...]
    any_of: bool
    when: tuple[OptionGroup, ...]
    dated: bool
    periods: tuple[Option, ...]
    has_place: bool
    by_place: bool
    sorts: tuple[BuilderRow, ...]
    limit: str
    charts: tuple[Option, ...]
    x: tuple[Option, ...]
    series: tuple[Option, ...]
    roles: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """The first lines as the reader himself would see them, or why there are none."""

    headings: tuple[Heading, ...] = ()
    lines: tuple[tuple[Figure, ...], ...] = ()
    total: tuple[Figure, ...] = ()
    said: str = ""
    chart: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class BuilderBody:
    """``reports/builder_body.html``; without a form the text says more than controls could show."""

    form: BuilderForm | None
    source: str
    made: str
    findings: tuple[str, ...]
    preview: Preview
    problems: dict[str, tuple[str, ...]]
    other_language: str
    focus: str = ""
    open_source: bool = False


@dataclass(frozen=True, slots=True)
class BuilderContext:
    """``reports/builder.html``"""

    title: str
    action: str
    cancel_url: str
    delete_url: str
    version: str
    name: str
    conflict: str
    body: BuilderBody
    breadcrumbs: tuple[Crumb, ...]
