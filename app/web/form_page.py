"""Builds the form of a record, and reads what was typed into it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from werkzeug.datastructures import MultiDict

from app.access.permissions import Visibility
from app.kernel.errors import Conflict, Invalid, NotFound
from app.kernel.messages import Message, _l
from app.language.definitions import Entity, Field, Rights, Section
from app.language.paths import link_target
from app.language.values import WrongValue
from app.records import validation
from app.records.gateway import readable_fields
from app.records.queries import Filter, Query, Row
from app.records.titles import load_titles, title_of
from app.web import contexts
from app.web.controls import Typed, draw, parse
from app.web.list_page import shower_for
from app.web.locale import say
from app.web.state import Scope
from app.web.uploads import file_names

NEW = "__new__"
MAX_ROWS = 200
Problems = Mapping[str, Sequence[Message]]


@dataclass
class Submission:
    """What a form sent: values by field, texts as typed, and what could not be read."""

    values: dict[str, Any] = field(default_factory=dict)
    typed: dict[str, Typed] = field(default_factory=dict)
    problems: dict[str, tuple[Message, ...]] = field(default_factory=dict)
    rows: dict[str, list[str]] = field(default_factory=dict)
    version: int | None = None


@dataclass(frozen=True)
class FormPage:
    """Makes and reads one form for the request's scope; without ``record_id`` it adds."""

    scope: Scope
    entity: Entity
    record_id: int | None

    # Reading

    def read(self, form: MultiDict[str, str], row: Row | None) -> Submission:
        """The values of the fields that this actor may set."""
        found = Submission()
        text = form.get("version", "")
        found.version = int(text) if text.isdigit() and len(text) < 10 else None
        for name in self.editable(row):
            item = self.entity.fields[name]
            if item.type == "children":
                self._read_rows(form, item, found)
            elif item.type in ("file", "files", "image", "signature"):
                continue
            elif not (item.type == "secret" and not form.get(name)):
                self._read_one(form, item, name, found.values, found)
        return found

    def editable(self, row: Row | None) -> tuple[str, ...]:
        """The fields that this actor may set."""
        access = self.scope.access.entity(self.entity.name)
        right, covering = (Rights.EDIT, row.covering) if row else (Rights.CREATE, None)
        return tuple(
            item.name
            for item in self.entity.settable_fields
            if not item.readonly and access.may_set(item.name, right, covering)
        )

    # Making

    def context(
        self, *, given: Mapping[str, Any] | None = None, sent: Submission | None = None,
        error: Invalid | Conflict | None = None, problems: Problems | None = None,
    ) -> contexts.FormContext:  # fmt: skip
        """The form: fresh, or with what was typed and what is wrong with it; raises NotFound."""
        row = self.row()
        values = dict(row.values) if row else {**self.scope.records.defaults(self.entity), **(given or {})}
        all_problems = {**(sent.problems if sent else {}), **(problems or {})}
        theirs = error.changed if isinstance(error, Conflict) else ()
        maker = _Maker(self, row, values, sent, all_problems, theirs)
        language, name = self.scope.language, self.entity.name
        label = self.entity.label.text(language)
        title = title_of(self.entity, row.values, language) if row else ""
        heading = say(_l("Edit %(name)s", name=title) if row else _l("New %(entity)s", entity=label), language)
        back = f"/{name}/show/{self.record_id}" if row else f"/{name}/list/"
        crumbs = [contexts.Crumb(self.entity.label.plural(language), f"/{name}/list/")]
        if row:
            crumbs.append(contexts.Crumb(title, back))
        crumbs.append(contexts.Crumb(say(_l("Edit") if row else _l("New"), language)))
        return contexts.FormContext(
            title=heading,
            entity=name,
            action=f"/{name}/edit/{self.record_id}" if row else f"/{name}/add",
            cancel_url=back,
            version=str(row.values["version"]) if row else "",
            tabs=tuple(maker.tabs()),
            problems=tuple(maker.general_problems()),
            conflict=say(error.message, language) if isinstance(error, Conflict) else "",
            conditions_url=f"/{name}/conditions" + (f"?id={self.record_id}" if row else "") if self._conditional() else "",
            submit=say(_l("Save"), language),
            breadcrumbs=tuple(crumbs),
        )

    def row(self) -> Row | None:
        """The record that is edited; raises NotFound when it is out of sight or cannot be edited."""
        if self.record_id is None:
            return None
        row = self.scope.records.get(self.entity.name, self.record_id, readable_fields(self.entity))
        if not self.scope.access.entity(self.entity.name).allows(Rights.EDIT, row.covering):
            raise NotFound
        return row

    def conditions(self, form: MultiDict[str, str]) -> dict[str, list[str]]:
        """Which fields and sections are hidden, required or read-only with what is typed so far."""
        row = self.row()
        values = dict(row.values) if row else {}
        values |= {item.name: None for item in self.entity.settable_fields if item.name not in values}
        values |= self.read(form, row).values
        maker = self._values(values)
        moment = self.scope.state.runtime.moment()
        found: dict[str, list[str]] = {"hidden": [], "required": [], "readonly": []}
        for item in self.entity.settable_fields:
            if not validation.shown(self.entity, item, maker.read, moment):
                found["hidden"].append(item.name)
            elif validation.required(item, maker.read, moment):
                found["required"].append(item.name)
            if row is not None and validation.readonly(item, maker.read, moment):
                found["readonly"].append(item.name)
        hidden = set(found["hidden"])
        found["hidden"] += [_key(section) for tab in self.entity.form for section in tab.sections
                            if section.show_when and set(section.fields) <= hidden]  # fmt: skip
        return found

    # Private

    def _values(self, values: Mapping[str, Any]) -> validation.Values:
        actor = self.scope.actor
        known = {"person": actor.person_id, "account": actor.account_id, "places": ()}
        records = self.scope.records
        return validation.Values(values, lambda path: records.follow(self.entity, values, path), known)

    def _conditional(self) -> bool:
        sections = any(section.show_when for tab in self.entity.form for section in tab.sections)
        return sections or any(f.show_when or f.require_when or f.readonly_when for f in self.entity.fields.values())

    def _read_one(self, form: MultiDict[str, str], item: Field, key: str, values: dict[str, Any], found: Submission) -> None:
        texts = form.getlist(key)
        if item.type == "yes_no":
            texts = texts[-1:]
        if not texts and item.type not in ("yes_no",):
            return
        found.typed[key] = Typed(tuple(text for text in texts if text or item.type not in ("choices", "tags", "links")))
        try:
            values[item.name] = parse(item, texts, self.scope.state.runtime.zone)
        except WrongValue as wrong:
            found.problems[key] = (wrong.message,)

    def _read_rows(self, form: MultiDict[str, str], item: Field, found: Submission) -> None:
        target = self.scope.schema.entities[str(item.target)]
        prefixes = dict.fromkeys(
            ".".join(key.split(".")[:2]) for key in form if key.startswith(f"{item.name}.") and NEW not in key
        )
        rows: list[dict[str, Any]] = []
        for prefix in list(prefixes)[:MAX_ROWS]:
            row: dict[str, Any] = {}
            for inner in row_fields(target, item):
                self._read_one(form, inner, f"{prefix}.{inner.name}", row, found)
            known, version = form.get(f"{prefix}.id", ""), form.get(f"{prefix}.version", "")
            if known.isdigit():
                row |= {"id": int(known), "version": int(version) if version.isdigit() else None}
            row["removed"] = form.get(f"{prefix}.removed") == "1"
            if known or any(value not in (None, False, []) for key, value in row.items() if key != "removed"):
                rows.append(row)
                found.rows.setdefault(item.name, []).append(prefix)
        found.values[item.name] = rows


class _Maker:
    """Draws the controls of one form."""

    def __init__(
        self, page: FormPage, row: Row | None, values: Mapping[str, Any], sent: Submission | None,
        problems: Problems, theirs: Iterable[str],
    ) -> None:  # fmt: skip
        self.page, self.row, self.values, self.sent = page, row, values, sent
        self.scope, self.entity = page.scope, page.entity
        self.language, self.zone = self.scope.language, self.scope.state.runtime.zone
        self.problems = {self._place(path): texts for path, texts in problems.items()}
        self.theirs = set(theirs)
        self.editable = set(page.editable(row))
        self.children = {item.name: self._child_rows(item) for item in self.entity.fields.values() if item.type == "children"}
        self.titles = self._titles()
        self.shower = shower_for(self.scope, self.titles)
        self.drawn: set[str] = set()
        whole = {item.name: None for item in self.entity.settable_fields} | dict(values)
        self.maker = page._values({**whole, **(sent.values if sent else {})})  # noqa: SLF001  # the page's other half
        self.moment = self.scope.state.runtime.moment()

    def tabs(self) -> Iterable[contexts.FormTab]:
        """The tabs with their sections; empty ones are left out."""
        for number, tab in enumerate(self.entity.form):
            sections = [made for section in tab.sections if (made := self._section(section)).fields]
            if sections:
                errors = sum(bool(f.errors) for section in sections for f in section.fields)
                label = tab.label.text(self.language) if tab.label else str(number + 1)
                yield contexts.FormTab(label, tuple(sections), errors)

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
        if len(parts) > 1 and parts[1].isdigit() and int(parts[1]) < len(rows) and path not in (self.sent.problems if self.sent else {}):
            return ".".join([rows[int(parts[1])], *parts[2:]])
        return path

    def _section(self, section: Section) -> contexts.FormSection:
        fields = []
        for name in section.fields:
            item = self.entity.fields[name]
            made = self._field(item)
            if made is not None:
                self.drawn.add(name)
                fields.append(made)
        hidden = section.show_when is not None and all(made.hidden for made in fields)
        return contexts.FormSection(section.label.text(self.language), tuple(fields), hidden, _key(section))

    def _field(self, item: Field) -> contexts.FormField | None:
        if item.name not in self.editable:
            return self._shown(item) if self.row and item.name in self.values else None
        if item.type == "children":
            return self._table(item)
        value = self._value(item, item.name, self.values)
        drawn = draw(item, value, self.language, self.zone)
        hidden = not validation.shown(self.entity, item, self.maker.read, self.moment)
        readonly = self.row is not None and validation.readonly(item, self.maker.read, self.moment)
        return replace(
            self._completed(item, drawn, value, self.entity, f"/{self.entity.name}/lookup/{item.name}"),
            required=validation.required(item, self.maker.read, self.moment),
            hidden=hidden,
            readonly=readonly,
            errors=self._errors(item.name),
            theirs=self._their_text(item),
        )

    def _shown(self, item: Field) -> contexts.FormField | None:
        assert self.row is not None
        cell = self.shower.cell(self.entity, self.row, item.name)
        return contexts.FormField(item.name, item.label.text(self.language), "shown", cell=cell, errors=self._errors(item.name))

    def _errors(self, key: str) -> tuple[str, ...]:
        return tuple(say(text, self.language) for text in self.problems.get(key, ()))

    def _their_text(self, item: Field) -> str:
        if item.name not in self.theirs or self.row is None:
            return ""
        cell = self.shower.cell(self.entity, self.row, item.name)
        return cell.text or ", ".join(part.text for part in cell.parts) or "—"

    def _value(self, item: Field, key: str, values: Mapping[str, Any]) -> Any:
        if self.sent is not None and key in self.sent.typed:
            return self.sent.typed[key]
        return values.get(item.name)

    def _completed(self, item: Field, drawn: contexts.FormField, value: Any, entity: Entity, lookup: str) -> contexts.FormField:
        if item.type in ("link", "parent", "links", "reference"):
            return replace(drawn, options=tuple(self._link_options(item, value, entity)), lookup_url=lookup)
        if item.type in ("file", "files", "image", "signature") and value and not isinstance(value, Typed):
            ids = value if isinstance(value, list) else [value]
            names = file_names(self.scope, ids)
            current = [{"id": number, "name": names.get(number, f"#{number}"), "url": f"/files/{number}"} for number in ids]
            return replace(drawn, value=json.dumps(current, ensure_ascii=False))
        return drawn

    def _link_options(self, item: Field, value: Any, entity: Entity) -> Iterable[contexts.Option]:
        for target, number in self._keys(item, value, entity):
            title = self.titles.get((target, number))
            shown = f"{target}:{number}" if item.type == "reference" else str(number)
            if title is not None:
                yield contexts.Option(shown, title, selected=True)

    def _keys(self, item: Field, value: Any, entity: Entity) -> Iterable[tuple[str, int]]:
        if isinstance(value, Typed):
            parts: list[Any] = [part for text in value.texts for part in [text.rpartition(":")] if part[2].isdigit()]
            pairs = [(part[0] or str(link_target(item, entity) or item.target), int(part[2])) for part in parts]
            yield from ((name, number) for name, number in pairs if name in self.scope.schema.entities and number < 2**62)
        elif value is not None:
            yield from self.scope.records.reader.links_in(entity, item.name, value)

    def _titles(self) -> dict[tuple[str, int], str]:
        wanted: set[tuple[str, int]] = set()
        for item in self.entity.fields.values():
            if item.type != "children":
                wanted.update(self._keys(item, self._value(item, item.name, self.values), self.entity))
                wanted.update(self._keys(item, self.values.get(item.name), self.entity))
                continue
            target = self.scope.schema.entities[str(item.target)]
            for prefix, values in self.children[item.name]:
                for inner in row_fields(target, item):
                    wanted.update(self._keys(inner, self._value(inner, f"{prefix}.{inner.name}", values), target))
        return load_titles(self.scope.session, self.scope.state.runtime, wanted, self.language)

    # Children tables

    def _child_rows(self, item: Field) -> list[tuple[str, Mapping[str, Any]]]:
        if self.sent is not None:
            rows = self.sent.values.get(item.name) or []
            return list(zip(self.sent.rows.get(item.name, []), rows, strict=True))
        target = str(item.target)
        if self.row is None or not self.scope.access.entity(target).allows(Rights.READ):
            return []
        entity = self.scope.schema.entities[target]
        names = tuple(inner.name for inner in row_fields(entity, item))
        query = Query(target, (*names, "version"), (Filter(str(item.options["by"]), "in", (self.row.id,)),), sort="id", limit=100, count=False)
        rows = self.scope.records.find(query).rows
        return [(f"{item.name}.{number}", row.values) for number, row in enumerate(rows)]

    def _table(self, item: Field) -> contexts.FormField | None:
        target = self.scope.schema.entities[str(item.target)]
        access = self.scope.access.entity(target.name)
        if not access.allows(Rights.CREATE) and not access.allows(Rights.EDIT):
            return None
        inner = tuple(row_fields(target, item))
        inner = tuple(f for f in inner if access.visibility(f.name) is not Visibility.HIDDEN or access.allows(Rights.CREATE))
        defaults = self.scope.records.defaults(target)
        blank = self._child_row(target, inner, f"{item.name}.{NEW}", defaults)
        rows = tuple(
            self._child_row(target, inner, prefix, values)
            for prefix, values in self.children[item.name]
            if not values.get("removed")
        )
        columns = tuple(replace(draw(f, None, self.language, self.zone), options=()) for f in inner)
        drawn = draw(item, None, self.language, self.zone)
        return replace(drawn, columns=columns, rows=rows, blank=blank, errors=self._errors(item.name))

    def _child_row(self, target: Entity, fields: Iterable[Field], prefix: str, values: Mapping[str, Any]) -> contexts.ChildRow:
        drawn = []
        for item in fields:
            key = f"{prefix}.{item.name}"
            value = self._value(item, key, values)
            made = self._completed(item, draw(item, value, self.language, self.zone), value, target, f"/{target.name}/lookup/{item.name}")
            drawn.append(replace(made, name=key, errors=self._errors(key), help=""))
        known, version = values.get("id"), values.get("version")
        return contexts.ChildRow(
            prefix, tuple(drawn), "" if known is None else str(known), "" if version is None else str(version), self._errors(prefix)
        )


def row_fields(target: Entity, item: Field) -> Iterable[Field]:
    """The fields of a children table's rows that its columns name (all settable ones when not said)."""
    wanted = item.options.get("columns")
    for inner in target.settable_fields:
        plain = inner.type not in ("children", "file", "files", "image", "signature", "rich_text") and not inner.readonly
        if inner.name != item.options["by"] and plain and (not wanted or inner.name in wanted or inner.required):
            yield inner


def _key(section: Section) -> str:
    return f"section-{section.fields[0]}" if section.fields else "section"
