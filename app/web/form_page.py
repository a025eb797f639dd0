"""The form of a record: what it shows, what it sends, what depends on what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import MultiDict

from app.kernel.errors import Conflict, Invalid, NotFound
from app.kernel.messages import Message, _l
from app.language.definitions import Entity, Rights
from app.records import validation
from app.records.gateway import readable_fields
from app.records.queries import Row
from app.records.titles import title_of
from app.web.form_contexts import Crumb, FormContext
from app.web.form_drawing import Draft, FormMaker, section_key
from app.web.form_reading import FormReader, Submission
from app.web.former_forms import Files, Posted, posted
from app.web.locale import say
from app.web.once import new_key
from app.web.state import Scope


@dataclass(frozen=True)
class FormPage:
    """Makes and reads one form for the request's scope; without ``record_id`` it adds."""

    scope: Scope
    entity: Entity
    record_id: int | None

    # Reading

    def read(self, form: MultiDict[str, str], row: Row | None) -> Submission:
        """The values of the fields that this actor may set."""
        reader = FormReader(self.scope.schema, self.entity, self.scope.state.runtime.zone)
        return reader.read(form, self.editable(row))

    def posted(self, form: MultiDict[str, str], files: Files, row: Row | None) -> Posted:
        """What was sent, under the names of today; raises StaleRevision."""
        return posted(self.scope, self.entity, form, files, self.editable(row))

    def taken(self, sent: Posted, row: Row | None) -> Submission:
        """The values of what was sent, as far as this actor may set them."""
        reader = FormReader(self.scope.schema, self.entity, self.scope.state.runtime.zone)
        return sent.read(reader, self.editable(row))

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
        self,
        *,
        given: Mapping[str, Any] | None = None,
        sent: Submission | None = None,
        error: Invalid | Conflict | None = None,
        notes: Sequence[Message] = (),
        once: str | None = None,
    ) -> FormContext:
        """The form: fresh, or with what was typed and what is wrong with it; raises NotFound.

        ``notes`` stand above it. ``once`` is the key of a form that is shown again.
        """
        row = self.row()
        begun = {**self.scope.records.defaults(self.entity), **(given or {})}
        problems = dict(sent.problems) if sent else {}
        problems |= error.problems if isinstance(error, Invalid) else {}
        draft = Draft(
            row=row,
            values=dict(row.values) if row else begun,
            editable=frozenset(self.editable(row)),
            sent=sent,
            problems=problems,
            theirs=frozenset(error.changed) if isinstance(error, Conflict) else None,
        )
        maker = FormMaker(self.scope, self.entity, draft)
        language, name = self.scope.language, self.entity.name
        title = title_of(self.entity, row.values, language) if row else ""
        return FormContext(
            title=say(self._heading(title), language),
            entity=name,
            action=f"/{name}/edit/{self.record_id}" if row else f"/{name}/add",
            cancel_url=f"/{name}/show/{self.record_id}" if row else f"/{name}/list/",
            version=self._version(row, sent, error),
            tabs=tuple(maker.tabs()),
            problems=tuple(maker.general_problems()),
            conflict=say(error.message, language) if isinstance(error, Conflict) else "",
            conditions_url=self._conditions_url(),
            submit=say(_l("Save"), language),
            breadcrumbs=self._breadcrumbs(title),
            once="" if row else once or new_key(),
            notes=tuple(say(one, language) for one in notes),
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
        values |= {
            item.name: None for item in self.entity.settable_fields if item.name not in values
        }
        values |= self.read(form, row).values
        maker = self.scope.records.values(self.entity, values)
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
        sections = [section for tab in self.entity.form for section in tab.sections]
        found["hidden"] += [
            section_key(section)
            for section in sections
            if section.show_when and set(section.fields) <= hidden
        ]
        return found

    def typed_so_far(self, form: MultiDict[str, str]) -> dict[str, Any]:
        """The values of the form as far as they are known; raises NotFound.

        What is neither seen in clear nor typed is left out, and so is what cannot be read.
        """
        name, access = self.entity.name, self.scope.access.entity(self.entity.name)
        names, values = set(self.editable(None)), self.scope.records.defaults(self.entity)
        if self.record_id is not None:
            row = self.scope.records.get(name, self.record_id, readable_fields(self.entity))
            names = set(self.editable(row))
            for move in self.entity.states.moves if self.entity.states else ():
                if access.may_move(move.name, row.covering):
                    names.update((*move.asks, *move.offers))
            values = {key: value for key, value in row.values.items() if key not in row.masked}
        reader = FormReader(self.scope.schema, self.entity, self.scope.state.runtime.zone)
        sent = reader.read(form, names)
        values |= sent.values
        return {key: value for key, value in values.items() if key not in sent.problems}

    # Private

    @staticmethod
    def _version(row: Row | None, sent: Submission | None, error: Invalid | Conflict | None) -> str:
        """The version that saving starts from: a form that comes back keeps its own, until the reader saw another."""
        if row is None:
            return ""
        if sent is not None and sent.version is not None and not isinstance(error, Conflict):
            return str(sent.version)
        return str(row.values["version"])

    def _heading(self, title: str) -> Any:
        if self.record_id is None:
            return _l("New %(entity)s", entity=self.entity.label)
        return _l("Edit %(name)s", name=title)

    def _breadcrumbs(self, title: str) -> tuple[Crumb, ...]:
        language, name = self.scope.language, self.entity.name
        whole = Crumb(self.entity.label.plural(language), f"/{name}/list/")
        if self.record_id is None:
            return whole, Crumb(say(_l("New"), language))
        record = Crumb(title, f"/{name}/show/{self.record_id}")
        return whole, record, Crumb(say(_l("Edit"), language))

    def _conditions_url(self) -> str:
        sections = any(section.show_when for tab in self.entity.form for section in tab.sections)
        fields = self.entity.fields.values()
        if not sections and not any(
            f.show_when or f.require_when or f.readonly_when for f in fields
        ):
            return ""
        number = "" if self.record_id is None else f"?id={self.record_id}"
        return f"/{self.entity.name}/conditions{number}"
