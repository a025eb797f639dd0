"""Draws the controls of a form, with values, errors and what somebody else saved."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from app.access.permissions import Visibility
from app.kernel.messages import Message, _l
from app.language.definitions import Entity, Field, Rights, Section
from app.language.paths import link_target
from app.records import validation
from app.records.queries import Filter, Query, Row
from app.records.titles import load_titles
from app.web.addresses import whole
from app.web.controls import Typed, draw
from app.web.form_conflicts import LINKING, differs, on_top, their_value
from app.web.form_contexts import ChildRow, FormField, FormSection, FormTab, Option
from app.web.form_reading import NEW, Submission, row_fields, with_words
from app.web.list_page import shower_for
from app.web.locale import say
from app.web.state import Scope
from app.web.uploads import file_names

SHOWN_ROWS = 100
FIRST_ROWS = _l("Only the first %(count)s rows are shown here.", count=SHOWN_ROWS)


@dataclass(frozen=True)
class Draft:
    """What a form starts from: the record or a new one's values, and what was sent before.

    ``theirs`` are the fields that somebody else saved since, when that stands against saving.
    """

    row: Row | None
    values: Mapping[str, Any]
    editable: frozenset[str]
    sent: Submission | None = None
    problems: Mapping[str, Sequence[Message]] = field(default_factory=dict)
    theirs: frozenset[str] | None = None


class FormMaker:
    """Draws the controls of one form."""

    def __init__(self, scope: Scope, entity: Entity, draft: Draft) -> None:
        self.scope, self.entity, self.draft = scope, entity, draft
        self.row, self.values, self.sent = draft.row, draft.values, draft.sent
        self.language, self.zone = scope.language, scope.state.runtime.zone
        placed = {self._place(path): tuple(texts) for path, texts in draft.problems.items()}
        self.problems = with_words(placed, draft.sent) if draft.sent else placed
        self.changed_tables: set[str] = set()
        self.cut_tables: set[str] = set()
        self.children = {
            item.name: self._child_rows(item)
            for item in entity.fields.values()
            if item.type == "children"
        }
        self.titles = self._titles()
        self.shower = shower_for(scope, self.titles)
        self.drawn: set[str] = set()
        nothing = {item.name: None for item in entity.settable_fields}
        sent = draft.sent.values if draft.sent else {}
        self.maker = scope.records.values(entity, {**nothing, **draft.values, **sent})
        self.moment = scope.state.runtime.moment()

    def tabs(self) -> Iterable[FormTab]:
        """The tabs with their sections; empty ones are left out."""
        for number, tab in enumerate(self.entity.form):
            sections = [made for section in tab.sections if (made := self._section(section)).fields]
            if sections:
                errors = sum(bool(f.errors) for section in sections for f in section.fields)
                label = tab.label.text(self.language) if tab.label else str(number + 1)
                yield FormTab(label, tuple(sections), errors)

    def general_problems(self) -> Iterable[str]:
        """What is wrong with no field in sight."""
        for path, texts in self.problems.items():
            if path.split(".")[0] not in self.drawn:
                item = self.entity.field(path)
                for text in texts:
                    said = say(text, self.language)
                    yield f"{item.label.text(self.language)}: {said}" if item else said

    # Private

    def _place(self, path: str) -> str:
        """A row's problem by the prefix that its controls have."""
        parts = path.split(".")
        rows = self.sent.rows.get(parts[0], []) if self.sent else []
        if (
            len(parts) > 1
            and parts[1].isdigit()
            and int(parts[1]) < len(rows)
            and path not in (self.sent.problems if self.sent else {})
        ):
            return ".".join([rows[int(parts[1])], *parts[2:]])
        return path

    def _section(self, section: Section) -> FormSection:
        fields = []
        for name in section.fields:
            item = self.entity.fields[name]
            made = self._field(item)
            if made is not None:
                self.drawn.add(name)
                fields.append(made)
        hidden = section.show_when is not None and all(made.hidden for made in fields)
        return FormSection(
            section.label.text(self.language), tuple(fields), hidden, section_key(section)
        )

    def _field(self, item: Field) -> FormField | None:
        if item.name not in self.draft.editable:
            return self._shown(item) if self.row and item.name in self.values else None
        if item.type == "children":
            return self._table(item)
        value = self._value(item, item.name, self.values)
        drawn = draw(item, value, self.language, self.zone)
        number = self.row.id if self.row else None
        hidden = not validation.shown(self.entity, item, self.maker.read, self.moment)
        readonly = self.row is not None and validation.readonly(item, self.maker.read, self.moment)
        return replace(
            self._completed(item, drawn, value, self.entity, lookup_url(self.entity, item, number)),
            required=validation.required(item, self.maker.read, self.moment),
            hidden=hidden,
            readonly=readonly,
            errors=self._errors(item.name),
            **self._theirs(item),
        )

    def _shown(self, item: Field) -> FormField | None:
        assert self.row is not None
        cell = self.shower.cell(self.entity, self.row, item.name)
        return FormField(
            item.name,
            item.label.text(self.language),
            "shown",
            cell=cell,
            errors=self._errors(item.name),
        )

    def _errors(self, key: str) -> tuple[str, ...]:
        return tuple(say(text, self.language) for text in self.problems.get(key, ()))

    def _theirs(self, item: Field) -> dict[str, Any]:
        """What somebody else saved in the field meanwhile, unless it is the same."""
        if item.name not in (self.draft.theirs or ()) or self.row is None or self.sent is None:
            return {}
        value = self.row.values.get(item.name)
        if not differs(item, self.sent, value):
            return {}
        cell = self.shower.cell(self.entity, self.row, item.name)
        text = cell.text or ", ".join(part.text for part in cell.parts) or "—"
        if item.name in self.row.masked:
            return {"theirs": text}
        drawn = draw(item, value, self.language, self.zone)
        options = self._completed(item, drawn, value, self.entity, "").options
        return {"theirs": text, "theirs_value": their_value(item, value, options, self.zone)}

    def _value(self, item: Field, key: str, values: Mapping[str, Any]) -> Any:
        if self.sent is not None and key in self.sent.typed:
            return self.sent.typed[key]
        return values.get(item.name)

    def _completed(
        self, item: Field, drawn: FormField, value: Any, entity: Entity, lookup: str
    ) -> FormField:
        if item.type in LINKING:
            return replace(
                drawn, options=tuple(self._link_options(item, value, entity)), lookup_url=lookup
            )
        if (
            item.type in ("file", "files", "image", "signature")
            and value
            and not isinstance(value, Typed)
        ):
            ids = value if isinstance(value, list) else [value]
            names = file_names(self.scope, ids)
            current = [
                {"id": number, "name": names.get(number, f"#{number}"), "url": f"/files/{number}"}
                for number in ids
            ]
            return replace(drawn, value=json.dumps(current, ensure_ascii=False))
        return drawn

    def _link_options(self, item: Field, value: Any, entity: Entity) -> Iterable[Option]:
        for target, number in link_keys(self.scope, item, value, entity):
            title = self.titles.get((target, number))
            shown = f"{target}:{number}" if item.type == "reference" else str(number)
            if title is not None:
                yield Option(shown, title, selected=True)

    def _titles(self) -> dict[tuple[str, int], str]:
        wanted: set[tuple[str, int]] = set()
        for item in self.entity.fields.values():
            if item.type != "children":
                wanted.update(
                    link_keys(
                        self.scope, item, self._value(item, item.name, self.values), self.entity
                    )
                )
                wanted.update(link_keys(self.scope, item, self.values.get(item.name), self.entity))
                continue
            target = self.scope.schema.entities[str(item.target)]
            for prefix, values in self.children[item.name]:
                for inner in row_fields(target, item):
                    wanted.update(
                        link_keys(
                            self.scope,
                            inner,
                            self._value(inner, f"{prefix}.{inner.name}", values),
                            target,
                        )
                    )
        return load_titles(self.scope.session, self.scope.state.runtime, wanted, self.language)

    # Children tables

    def _child_rows(self, item: Field) -> list[tuple[str, Mapping[str, Any]]]:
        if self.sent is not None:
            rows = self.sent.values.get(item.name) or []
            if self.draft.theirs is not None:
                saved = {row.id: row.values["version"] for row in self._saved_rows(item)}
                rows, changed = on_top(rows, saved)
                self.changed_tables.update([item.name] if changed else ())
            return list(zip(self.sent.rows.get(item.name, []), rows, strict=True))
        return [
            (f"{item.name}.{number}", row.values)
            for number, row in enumerate(self._saved_rows(item))
        ]

    def _saved_rows(self, item: Field) -> Sequence[Row]:
        target = str(item.target)
        if self.row is None or not self.scope.access.entity(target).allows(Rights.READ):
            return []
        entity = self.scope.schema.entities[target]
        names = tuple(inner.name for inner in row_fields(entity, item))
        query = Query(
            target,
            (*names, "version"),
            (Filter(str(item.options["by"]), "in", (self.row.id,)),),
            sort="id",
            limit=SHOWN_ROWS,
            count=False,
        )
        rows, more = first_rows(self.scope, query)
        self.cut_tables.update([item.name] if more else ())
        return rows

    def _table(self, item: Field) -> FormField | None:
        target = self.scope.schema.entities[str(item.target)]
        access = self.scope.access.entity(target.name)
        if not access.allows(Rights.CREATE) and not access.allows(Rights.EDIT):
            return None
        inner = tuple(
            f
            for f in row_fields(target, item)
            if access.visibility(f.name) is not Visibility.HIDDEN or access.allows(Rights.CREATE)
        )
        defaults = self.scope.records.defaults(target)
        blank = self._child_row(target, inner, f"{item.name}.{NEW}", defaults)
        rows = tuple(
            self._child_row(target, inner, prefix, values)
            for prefix, values in self.children[item.name]
        )
        columns = tuple(replace(draw(f, None, self.language, self.zone), options=()) for f in inner)
        drawn = draw(item, None, self.language, self.zone)
        if item.name in self.cut_tables:
            cut = say(FIRST_ROWS, self.language)
            drawn = replace(drawn, help=f"{drawn.help} {cut}".strip())
        made = replace(
            drawn, columns=columns, rows=rows, blank=blank, errors=self._errors(item.name)
        )
        if item.name not in self.changed_tables or self.row is None:
            return made
        text = say(_l("Other rows than these"), self.language)
        return replace(made, theirs=text, theirs_url=f"/{self.entity.name}/edit/{self.row.id}")

    def _child_row(
        self, target: Entity, fields: Iterable[Field], prefix: str, values: Mapping[str, Any]
    ) -> ChildRow:
        drawn = []
        known, version = values.get("id"), values.get("version")
        access = self.scope.access.entity(target.name)
        for item in fields:
            key = f"{prefix}.{item.name}"
            if known is not None and access.visibility(item.name) is not Visibility.CLEAR:
                drawn.append(FormField(key, item.label.text(self.language), "shown"))
                continue
            value = self._value(item, key, values)
            made = self._completed(
                item,
                draw(item, value, self.language, self.zone),
                value,
                target,
                lookup_url(target, item, known),
            )
            drawn.append(replace(made, name=key, errors=self._errors(key), help=""))
        return ChildRow(
            prefix,
            tuple(drawn),
            "" if known is None else str(known),
            "" if version is None else str(version),
            self._errors(prefix),
            bool(values.get("removed")),
        )


def first_rows(scope: Scope, query: Query) -> tuple[Sequence[Row], bool]:
    """The rows that a table shows, and whether there are more of them."""
    rows = scope.records.find(query).rows
    full = len(rows) == SHOWN_ROWS
    return rows, full and bool(scope.records.find(replace(query, offset=SHOWN_ROWS, limit=1)).rows)


def link_keys(scope: Scope, item: Field, value: Any, entity: Entity) -> Iterable[tuple[str, int]]:
    """The records that a value or what was typed points to."""
    if isinstance(value, Typed):
        own = str(link_target(item, entity) or item.target)
        for text in value.texts:
            name, _, digits = text.rpartition(":")
            number = whole(digits)
            if number is not None and (name or own) in scope.schema.entities:
                yield name or own, number
    elif value is not None:
        yield from scope.records.reader.links_in(entity, item.name, value)


def lookup_url(entity: Entity, item: Field, record_id: int | None) -> str:
    """Where a link field finds its records; a record that is changed goes along where it matters."""
    number = "" if record_id is None or "where" not in item.options else f"?id={record_id}"
    return f"/{entity.name}/lookup/{item.name}{number}"


def section_key(section: Section) -> str:
    """The name by which a section is hidden and shown."""
    return f"section-{section.fields[0]}" if section.fields else "section"
