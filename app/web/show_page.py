"""Builds the page of one record: sections, steps, related lists, history."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from app.access.masking import mask_of, masked
from app.access.permissions import Visibility
from app.kernel.messages import Message, _l
from app.language.definitions import (
    STATE_FIELD,
    Deletion,
    Entity,
    Field,
    Move,
    Related,
    Rights,
    Section,
)
from app.language.evaluation import evaluate
from app.records.queries import Filter, Query, Row
from app.records.titles import load_titles, title_of
from app.records.validation import Values
from app.web import contexts
from app.web.addresses import Asked
from app.web.cells import EMPTY, Shower
from app.web.controls import draw
from app.web.form_contexts import FormField, Option
from app.web.list_page import ListPage, paging, shower_for
from app.web.locale import datetime_text, say
from app.web.state import Scope

RELATED_SIZE = 10
META = ("created_at", "created_by", "updated_at", "updated_by")
TONES = {"record:created": "success", "record:removed": "danger", "record:moved": "info"}
DEEDS = {
    "record:created": _l("created"),
    "record:changed": _l("changed"),
    "record:moved": _l("changed state"),
    "record:removed": _l("deleted"),
}


@dataclass(frozen=True)
class ShowPage:
    """Makes the page of a record for the request's scope."""

    scope: Scope
    entity: Entity
    record_id: int

    def context(self, tab: str = "", page: int = 1) -> contexts.ShowContext:
        """The page; raises NotFound."""
        row = self.scope.records.get(self.entity.name, self.record_id)
        children = {
            field.name: self._children(field)
            for field in self.entity.fields.values()
            if field.type == "children"
        }
        reader = self.scope.records.reader
        rows = [row, *(child for found in children.values() for child in found[1])]
        wanted = {key for item in rows for name, value in item.values.items()
                  for key in reader.links_in(self.scope.schema.entities[item.entity], name, value)}  # fmt: skip
        related = tuple(self._readable_related())
        titles = load_titles(
            self.scope.session, self.scope.state.runtime, wanted, self.scope.language
        )
        shower = shower_for(self.scope, titles)
        language, name = self.scope.language, self.entity.name
        title = title_of(self.entity, row.values, language)
        active = tab or (related[0][0] if related else "")
        return contexts.ShowContext(
            title=title,
            entity=name,
            entity_label=self.entity.label.text(language),
            id=self.record_id,
            version=int(row.values["version"]),
            state=shower.cell(self.entity, row, STATE_FIELD) if self.entity.states else None,
            sections=tuple(self._sections(row, shower, children)),
            moves=tuple(self._moves(row, titles)),
            edit_url=f"/{name}/edit/{self.record_id}" if self._open(row, Rights.EDIT) else "",
            delete_url=f"/{name}/delete/{self.record_id}" if self._deletable(row) else "",
            related=tuple(self._tab(key, item, key == active, page) for key, item in related),
            history_url=f"/{name}/history/{self.record_id}",
            locked=self._locked(row),
            meta=tuple(self._shown(row, shower, self.entity.field(meta)) for meta in META),
            breadcrumbs=(
                contexts.Crumb(self.entity.label.plural(language), f"/{name}/list/"),
                contexts.Crumb(title),
            ),
        )

    def related_list(self, key: str, page: int) -> contexts.RelatedList:
        """One related list; raises LookupError for an unknown one."""
        self.scope.records.get(self.entity.name, self.record_id, ())
        item = dict(self._readable_related())[key]
        return self._list(key, item, page)

    # Private

    def _open(self, row: Row, right: Rights) -> bool:
        state = row.values.get(STATE_FIELD)
        final = self.entity.states.final if self.entity.states else ()
        return state not in final and self.scope.access.entity(self.entity.name).allows(
            right, row.covering
        )

    def _deletable(self, row: Row) -> bool:
        return self.entity.deletion is not Deletion.NEVER and self._open(row, Rights.DELETE)

    def _locked(self, row: Row) -> str:
        state = row.values.get(STATE_FIELD)
        if self.entity.states and state in self.entity.states.final:
            return say(_l("This record is closed and can only be read."), self.scope.language)
        return ""

    def _sections(
        self, row: Row, shower: Shower, children: dict[str, tuple[Related, Sequence[Row]]]
    ) -> Iterable[contexts.ShownSection]:
        for tab in self.entity.form:
            for section in tab.sections:
                made = self._section(section, row, shower, children)
                if made.fields or made.tables:
                    yield made
        placed = {
            name for tab in self.entity.form for section in tab.sections for name in section.fields
        }
        rest = [
            field
            for field in self.entity.fields.values()
            if field.name not in placed and field.name != STATE_FIELD
        ]
        shown = tuple(
            self._shown(row, shower, field) for field in rest if self._visible(field, row)
        )
        if shown:
            yield contexts.ShownSection(say(_l("Other"), self.scope.language), shown)

    def _section(
        self,
        section: Section,
        row: Row,
        shower: Shower,
        children: dict[str, tuple[Related, Sequence[Row]]],
    ) -> contexts.ShownSection:
        fields = [self.entity.fields[name] for name in section.fields]
        values = [
            field for field in fields if field.type != "children" and self._visible(field, row)
        ]
        tables = [
            self._table(field, children[field.name], shower)
            for field in fields
            if field.name in children
        ]
        return contexts.ShownSection(
            section.label.text(self.scope.language),
            tuple(self._shown(row, shower, field) for field in values),
            tuple(table for table in tables if table.rows),
        )

    def _visible(self, field: Field, row: Row) -> bool:
        if field.name not in row.values:
            return False
        return field.show_when is None or row.values[field.name] is not None

    def _shown(self, row: Row, shower: Shower, field: Field | None) -> contexts.ShownField:
        assert field is not None
        cell = shower.cell(self.entity, row, field.name)
        wide = field.type in ("long_text", "rich_text", "json", "signature", "image")
        help_text = field.help.text(self.scope.language) if field.help else ""
        return contexts.ShownField(
            field.name, field.label.text(self.scope.language), cell, help_text, wide
        )

    def _children(self, field: Field) -> tuple[Related, Sequence[Row]]:
        target = self.scope.schema.entities[str(field.target)]
        columns = field.options.get("columns") or tuple(
            name
            for name in target.fields
            if name != field.options["by"] and target.fields[name].type != "secret"
        )
        related = Related(target.name, str(field.options["by"]), tuple(columns))
        if not self.scope.access.entity(target.name).allows(Rights.READ):
            return related, ()
        query = Query(
            target.name,
            related.columns,
            (Filter(related.by, "in", (self.record_id,)),),
            sort="id",
            limit=100,
            count=False,
        )
        return related, self.scope.records.find(query).rows

    def _table(
        self, field: Field, found: tuple[Related, Sequence[Row]], shower: Shower
    ) -> contexts.ShownTable:
        related, rows = found
        target = self.scope.schema.entities[related.entity]
        access = self.scope.access.entity(target.name)
        names = [
            name for name in related.columns if access.visibility(name) is not Visibility.HIDDEN
        ]
        columns = tuple(
            contexts.Column(name, target.fields[name].label.text(self.scope.language))
            for name in names
            if name in target.fields
        )
        shown = tuple(
            contexts.Row(row.id, "", tuple(shower.cell(target, row, name) for name in names))
            for row in rows
        )
        return contexts.ShownTable(field.label.text(self.scope.language), columns, shown)

    def _moves(self, row: Row, titles: dict[tuple[str, int], str]) -> Iterable[contexts.MoveButton]:
        states = self.entity.states
        access = self.scope.access.entity(self.entity.name)
        for move in states.moves if states else ():
            if row.values.get(STATE_FIELD) in move.sources and access.may_move(
                move.name, row.covering
            ):
                yield self._move(move, row, titles)

    def _move(
        self, move: Move, row: Row, titles: dict[tuple[str, int], str]
    ) -> contexts.MoveButton:
        language, zone = self.scope.language, self.scope.state.runtime.zone
        url = f"/{self.entity.name}/move/{self.record_id}/{move.name}"
        asks = [
            draw(self.entity.fields[name], row.values.get(name), language, zone)
            for name in move.asks
        ]
        asks = [self._ask(field, row, titles, required=field.name in move.asks) for field in asks]
        return contexts.MoveButton(
            move.name,
            move.label.text(language),
            move.tone,
            url,
            tuple(asks),
            self._blocked(move, row),
        )

    def _ask(
        self,
        drawn: FormField,
        row: Row,
        titles: dict[tuple[str, int], str],
        *,
        required: bool,
    ) -> FormField:
        field = self.entity.fields[drawn.name]
        changes: dict[str, Any] = {"required": required and field.type != "yes_no"}
        if drawn.kind in ("link", "links"):
            changes["lookup_url"] = f"/{self.entity.name}/lookup/{drawn.name}"
            value = row.values.get(drawn.name)
            if isinstance(value, int):
                title = titles.get((str(field.target), value), "—")
                changes["options"] = (Option(str(value), title, selected=True),)
        return replace(drawn, **changes)

    def _blocked(self, move: Move, row: Row) -> str:
        """Why the step is not possible now, when its guard asks only for the record's own fields."""
        if move.guard is None or any(len(path) > 1 for path in move.guard.names()) or move.asks:
            return ""
        if any(path[0] not in row.values or path[0] in row.masked for path in move.guard.names()):
            return ""
        values = Values(row.values, lambda path: None, {})
        holds = evaluate(move.guard.tree, values.read, self.scope.state.runtime.moment())
        if holds is True:
            return ""
        return say(move.say or _l("This step is not possible now."), self.scope.language)

    def _readable_related(self) -> Iterable[tuple[str, Related]]:
        for related in self.entity.related:
            access = self.scope.access.entity(related.entity)
            if access.allows(Rights.READ) and access.clear_everywhere(related.by):
                yield f"{related.entity}.{related.by}", related

    def _tab(self, key: str, related: Related, active: bool, page: int) -> contexts.RelatedTab:
        target = self.scope.schema.entities[related.entity]
        label = target.label.plural(self.scope.language)
        same = [other for other in self.entity.related if other.entity == related.entity]
        if len(same) > 1:
            label = f"{label} ({target.fields[related.by].label.text(self.scope.language)})"
        url = f"/{self.entity.name}/related/{self.record_id}/{key}"
        return contexts.RelatedTab(
            key, label, url, active, self._list(key, related, page) if active else None
        )

    def _list(self, key: str, related: Related, page: int) -> contexts.RelatedList:
        target = self.scope.schema.entities[related.entity]
        asked = Asked(page=page, size=RELATED_SIZE)
        maker = ListPage(self.scope, target, asked)
        wanted = related.columns or tuple(
            name for name in target.list.columns if name != related.by
        )
        access = self.scope.access.entity(target.name)
        names = [name for name in wanted if access.visibility(name) is not Visibility.HIDDEN]
        query = Query(
            target.name, tuple(names), (Filter(related.by, "in", (self.record_id,)),), sort=target.list.sort,
            offset=(page - 1) * RELATED_SIZE, limit=RELATED_SIZE,
        )  # fmt: skip
        found = self.scope.records.find(query)
        shower = shower_for(self.scope, found.titles)
        fields = [target.field(name) for name in names]
        return contexts.RelatedList(
            columns=tuple(
                contexts.Column(f.name, f.label.text(self.scope.language)) for f in fields if f
            ),
            rows=tuple(maker.row(shower, row, names) for row in found.rows),
            paging=paging(asked, found, f"/{self.entity.name}/related/{self.record_id}/{key}"),
            add_url=f"/{target.name}/add?{related.by}={self.record_id}"
            if access.allows(Rights.CREATE)
            else "",
            all_url=f"/{target.name}/list/?{related.by}={self.record_id}"
            if related.by in target.list.filters
            else "",
            empty=say(_l("Nothing here yet."), self.scope.language),
        )


def history_context(
    scope: Scope, entity: Entity, record_id: int, before: int | None
) -> contexts.HistoryContext:
    """What was done to a record; values of fields that the reader may not see are left out."""
    size = 20
    found = scope.records.history(entity.name, record_id, before=before, limit=size)
    row = scope.records.get(entity.name, record_id, ())
    links = scope.records.reader.links_in
    wanted = {
        key
        for entry in found
        for name, pair in entry["changes"].items()
        for value in pair
        if isinstance(value, int | list | str)
        for key in links(entity, name, value)
    }
    titles = load_titles(scope.session, scope.state.runtime, wanted, scope.language)
    shower = shower_for(scope, titles)
    entries = tuple(_entry(scope, entity, row, shower, entry) for entry in found)
    more = (
        f"/{entity.name}/history/{record_id}?before={found[-1]['id']}" if len(found) == size else ""
    )
    return contexts.HistoryContext(entries, more)


def _entry(
    scope: Scope, entity: Entity, row: Row, shower: Shower, entry: dict[str, Any]
) -> contexts.HistoryEntry:
    access = scope.access.entity(entity.name)
    changes = []
    for name, (old, new) in entry["changes"].items():
        field = entity.fields.get(name)
        seen = access.visibility(name, row.covering)
        if field is None or seen is Visibility.HIDDEN:
            continue
        mask = mask_of(scope.schema, field) if seen is Visibility.MASKED else ""
        texts = [
            masked(value, mask) or "" if mask else _value_text(entity, field, shower, value)
            for value in (old, new)
        ]
        changes.append(contexts.HistoryChange(field.label.text(scope.language), *texts))
    action = str(entry["action"])
    at: datetime = entry["at"]
    return contexts.HistoryEntry(
        at=datetime_text(at, scope.state.runtime.zone),
        who=entry["account_name"],
        what=say(DEEDS.get(action, Message(action)), scope.language),
        tone=TONES.get(action, "neutral"),
        changes=tuple(changes),
    )


def _value_text(entity: Entity, field: Field, shower: Shower, value: Any) -> str:
    if value is None:
        return ""
    if (
        field.type
        in ("choice", "choices", "tags", "links", "yes_no", "link", "parent", "reference")
        and field.sensitivity is None
    ):
        cell = shower.value(entity, field, value) if value != [] else EMPTY
        return cell.text or ", ".join(part.text for part in cell.parts)
    return str(value)
