"""Draws the builder: its controls from a draft, and the first lines of what it makes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.features.reports.builder_contexts import (
    BuilderBody,
    BuilderForm,
    BuilderRow,
    OptionGroup,
    Preview,
)
from app.features.reports.builder_form import (
    COLUMNS,
    CONDITIONS,
    GROUPS,
    MEASURES,
    SORTS,
    Problems,
    said_of,
    takes,
)
from app.features.reports.conditions import CONTROLS, OPERATORS, Condition, operators
from app.features.reports.drafts import COUNT, EACH, WAYS, Draft, Row, label_of
from app.features.reports.offers import Offer, Offers, entities_of
from app.features.reports.service import run_of
from app.features.reports.showing import PERIOD_WORDS, Shown
from app.kernel.errors import Invalid, PortalError
from app.kernel.messages import Label, Message, _l
from app.language.definitions import Schema
from app.language.findings import Finding
from app.language.report_definitions import CHARTS, Report
from app.web.contexts import Option
from app.web.locale import number_text, say
from app.web.state import Scope

MOST_PREVIEWED = 20
MOST_SORTS = 3
SLOWEST_PREVIEW_MS = 8000
WAY_LABELS: dict[str, Message] = {
    "count": _l("Count"),
    "count_distinct": _l("Count of different values"),
    "sum": _l("Sum"),
    "average": _l("Average"),
    "median": _l("Median"),
    "min": _l("Smallest or earliest"),
    "max": _l("Largest or latest"),
}
EACH_LABELS: dict[str, Message] = {
    "day": _l("by day"),
    "week": _l("by week"),
    "month": _l("by month"),
    "quarter": _l("by quarter"),
    "year": _l("by year"),
}
CHART_LABELS: dict[str, Message] = {
    "bar": _l("Bars"),
    "line": _l("Lines"),
    "pie": _l("Pie"),
    "stacked": _l("Stacked bars"),
}


@dataclass(frozen=True, slots=True)
class Sheet:
    """A report in the making: its text, what it compiles to, and the draft where the form can say it."""

    source: str
    report: Report | None
    faults: tuple[Finding, ...]
    draft: Draft | None
    problems: Problems = field(default_factory=dict)
    focus: str = ""

    @property
    def good(self) -> bool:
        """Whether it can be saved."""
        return self.report is not None and not self.problems


def body_of(here: Scope, schema: Schema, sheet: Sheet) -> BuilderBody:
    """The fragment: controls, preview, text."""
    language = here.language
    drawn = _Drawn(here, schema, sheet.draft, sheet.problems) if sheet.draft else None
    preview = preview_of(here, sheet.report) if sheet.report else Preview()
    words = _l("Line %(line)s: %(fault)s")
    return BuilderBody(
        form=drawn.form() if drawn else None,
        source=sheet.source,
        made=digest(sheet.source) if sheet.draft else "",
        findings=tuple(
            say(
                Message(words.text, {"line": one.place.line, "fault": one.text(language)}), language
            )
            for one in sheet.faults
        ),
        preview=preview,
        problems={
            name: tuple(say(one, language) for one in told) for name, told in sheet.problems.items()
        },
        other_language="English" if language == "zh" else "中文",
        focus=sheet.focus,
        open_source=drawn is None or bool(sheet.faults),
    )


def preview_of(here: Scope, report: Report) -> Preview:
    """The first lines for the reader himself; whatever the database refuses is said."""
    try:
        with here.session.begin_nested():
            limit = f"SET LOCAL statement_timeout = {SLOWEST_PREVIEW_MS}"
            here.session.execute(text(limit))
            run = run_of(here.records, report, {})
            result = run.result(limit=MOST_PREVIEWED)
            shown = Shown(here, run, result, MOST_PREVIEWED)
            seen = shown.seen
    except Invalid as invalid:
        said = [say(one, here.language) for told in invalid.problems.values() for one in told]
        return Preview(problem=" ".join(said))
    except PortalError as error:
        return Preview(problem=say(error.message, here.language))
    except DBAPIError as error:
        return Preview(problem=say(_database_fault(error), here.language))
    count = result.count or 0
    told = _l("The first %(shown)s of %(count)s lines, as you would see them.",
              shown=number_text(len(seen)), count=number_text(count))  # fmt: skip
    return Preview(
        headings=shown.headings(),
        lines=shown.lines(),
        total=shown.total(),
        said=say(told, here.language),
        chart=shown.chart(),
    )


def digest(source: str) -> str:
    """What tells whether a text was written by hand since it was made from the form."""
    return hashlib.sha256(source.encode("utf-8", "replace")).hexdigest()


# Private


def _database_fault(error: DBAPIError) -> Message:
    if getattr(error.orig, "sqlstate", "") == "57014":
        return _l("This takes too long to work out. Add a condition, or fewer columns.")
    return _l("The database cannot work this out, as with a number that is too large.")


@dataclass(frozen=True)
class _Drawn:
    here: Scope
    schema: Schema
    draft: Draft
    problems: Problems

    @cached_property
    def offers(self) -> Offers:
        return Offers(self.schema, self.draft.entity)

    def form(self) -> BuilderForm:
        draft, fields = self.draft, self.offers.fields
        own, other = (draft.label.zh, draft.label.en), (draft.help.zh, draft.help.en)
        if self.here.language != "zh":
            own, other = own[::-1], other[::-1]
        return BuilderForm(
            entity=draft.entity,
            entities=tuple(self._entities()),
            label=own[0], label_other=own[1] if own[1] != own[0] else "",
            help=other[0], help_other=other[1] if other[1] != other[0] else "",
            grouped=draft.grouped,
            columns=self._rows(COLUMNS, draft.columns, lambda offer: True),
            new_column=self._fields("", lambda offer: True, {row.path for row in draft.columns}),
            groups=self._rows(GROUPS, draft.groups, lambda offer: True),
            measures=tuple(self._measures()),
            conditions=tuple(self._condition(n, row) for n, row in enumerate(draft.conditions)),
            any_of=draft.any_of,
            when=self._fields(draft.when, lambda offer: offer.is_date),
            dated=bool(draft.when),
            periods=tuple(Option(word, self._say(label), word == draft.period)
                          for word, label in PERIOD_WORDS.items()),
            has_place=self.offers.has_place, by_place=draft.by_place,
            sorts=tuple(self._sorts()), limit=str(draft.limit or ""),
            charts=tuple(Option(name, self._say(CHART_LABELS[name]), name == draft.chart) for name in CHARTS),
            x=tuple(self._named(draft.groups if draft.grouped else draft.columns, {draft.x})),
            series=tuple(self._named(self._numbers(fields), set(draft.series))),
            roles=tuple(Option(role.name, self._say(role.label), role.name in draft.roles)
                        for role in self.schema.roles.values()),
        )  # fmt: skip

    # Private

    def _say(self, message: Message | Label) -> str:
        return say(message, self.here.language)

    def _errors(self, key: str) -> tuple[str, ...]:
        return tuple(self._say(one) for one in self.problems.get(key, ()))

    def _entities(self) -> Iterator[OptionGroup]:
        modules = {module.name: module.label for module in self.schema.portal.modules}
        found = entities_of(self.schema)
        for name in dict.fromkeys(entity.module for entity in found):
            label = modules.get(name, Label("其他", "Other"))
            options = tuple(Option(one.name, self._say(one.label), one.name == self.draft.entity)
                            for one in found if one.module == name)  # fmt: skip
            yield OptionGroup(self._say(label), options)

    def _fields(
        self, chosen: str, fits: Callable[[Offer], bool], without: Iterable[str] = ()
    ) -> tuple[OptionGroup, ...]:
        """The fields as options: the entity's own, then those behind each link."""
        left_out = set(without)
        groups: dict[str, list[Option]] = {}
        entity = self.schema.entities.get(self.draft.entity)
        for offer in self.offers.fields.values():
            if fits(offer) and offer.path not in left_out:
                via = offer.via or (entity.label if entity else Label("", ""))
                option = Option(offer.path, self._say(offer.label), offer.path == chosen)
                groups.setdefault(self._say(via), []).append(option)
        return tuple(OptionGroup(label, tuple(options)) for label, options in groups.items())

    def _rows(
        self, key: str, rows: Sequence[Row], fits: Callable[[Offer], bool]
    ) -> tuple[BuilderRow, ...]:
        return tuple(self._row(key, n, row, len(rows), fits) for n, row in enumerate(rows))

    def _row(
        self, key: str, n: int, row: Row, count: int, fits: Callable[[Offer], bool]
    ) -> BuilderRow:
        offer = self.offers.fields.get(row.path)
        dated = key == GROUPS and offer is not None and offer.is_date
        each = tuple(Option(name, self._say(EACH_LABELS[name]), name == row.each)
                     for name in EACH) if dated else ()  # fmt: skip
        fields = self._fields(row.path, fits) if key != COLUMNS else ()
        return BuilderRow(
            f"{key}{n}", self._say(label_of(row, self.offers)) if offer else "", said_of(row),
            fields, each, path=row.path, is_first=n == 0, is_last=n == count - 1,
            errors=self._errors(f"{key}{n}"),
        )  # fmt: skip

    def _measures(self) -> Iterator[BuilderRow]:
        rows = self.draft.measures
        for n, row in enumerate(rows):
            fields = () if row.way == COUNT else self._fields(row.path, _fitting(row.way))
            ways = tuple(Option(way, self._say(WAY_LABELS[way]), way == row.way) for way in WAYS)
            yield BuilderRow(
                f"{MEASURES}{n}", self._say(label_of(row, self.offers)), said_of(row), fields, ways,
                path=row.path, is_first=n == 0, is_last=n == len(rows) - 1,
                errors=self._errors(f"{MEASURES}{n}"),
            )  # fmt: skip

    def _condition(self, n: int, row: Condition) -> BuilderRow:
        key, offer = f"{CONDITIONS}{n}", self.offers.fields.get(row.path)
        portal = self.schema.portal
        known = operators(offer, person=portal.person_entity, tree=portal.tree) if offer else ()
        ways = tuple(Option(one, self._say(OPERATORS[one]), one == row.operator) for one in known)
        control = CONTROLS.get(row.operator, "")
        choices = offer.choices if offer and control in ("picks", "choice") else ()
        options = tuple(Option(one.name, self._say(one.label), one.name in row.values)
                        for one in choices)  # fmt: skip
        value = row.values[0] if row.values else ""
        return BuilderRow(
            key, offer.label.text(self.here.language) if offer else "",
            fields=self._fields(row.path, lambda offer: True), ways=ways, control=control, value=value,
            options=options, path=row.path, errors=self._errors(key),
        )  # fmt: skip

    def _sorts(self) -> Iterator[BuilderRow]:
        known = {row.name for row in self.draft.rows}
        said = [name for name in self.draft.sort if name.removeprefix("-") in known]
        for n, name in enumerate([*said, ""][:MOST_SORTS]):
            options = tuple(self._named(self.draft.rows, {name.removeprefix("-")}))
            yield BuilderRow(
                f"{SORTS}{n}", value="true" if name.startswith("-") else "", options=options,
                path=name, is_first=n == 0,
            )  # fmt: skip

    def _named(self, rows: Iterable[Row], chosen: set[str]) -> Iterator[Option]:
        """Rows as options, by the keys under which the form sends them."""
        keys = {row.name: key for key, row in self._keyed()}
        for row in rows:
            label = self._say(label_of(row, self.offers))
            yield Option(keys[row.name], label, row.name in chosen)

    def _keyed(self) -> Iterator[tuple[str, Row]]:
        draft = self.draft
        kinds: tuple[tuple[str, Sequence[Row]], ...] = (
            ((GROUPS, draft.groups), (MEASURES, draft.measures))
            if draft.grouped
            else ((COLUMNS, draft.columns),)
        )
        for key, rows in kinds:
            yield from ((f"{key}{n}", row) for n, row in enumerate(rows))

    def _numbers(self, fields: dict[str, Offer]) -> Iterator[Row]:
        if self.draft.grouped:
            yield from (m for m in self.draft.measures if _is_number(m, fields))
            return
        yield from (c for c in self.draft.columns if c.path in fields and fields[c.path].is_number)


def _fitting(way: str) -> Callable[[Offer], bool]:
    return lambda offer: takes(way, offer)


def _is_number(row: Row, fields: dict[str, Any]) -> bool:
    return row.way in ("count", "count_distinct") or (
        row.path in fields and fields[row.path].is_number
    )
