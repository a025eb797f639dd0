"""Builds the page of one record: sections, steps, related lists."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.access.permissions import Visibility
from app.kernel.messages import _l
from app.language.definitions import (
    STATE_FIELD,
    Deletion,
    Entity,
    Field,
    Related,
    Rights,
    Section,
)
from app.records.queries import Filter, Page, Query, Row
from app.records.titles import load_titles, title_of
from app.web import contexts
from app.web.addresses import Asked
from app.web.cells import Shower
from app.web.form_drawing import FIRST_ROWS, SHOWN_ROWS, first_rows
from app.web.list_page import ListPage, paging, shower_for
from app.web.locale import say
from app.web.shell import links_on, notes_on
from app.web.state import Scope
from app.web.step_drawing import Steps, Tried
from app.web.uncovering import NOTHING, Revealed, uncovering

RELATED_SIZE = 10
Rows = tuple[Related, Sequence[Row], bool]
META = ("created_at", "created_by", "updated_at", "updated_by")


@dataclass(frozen=True)
class ShowPage:
    """Makes the page of a record for the request's scope."""

    scope: Scope
    entity: Entity
    record_id: int

    def context(
        self, tab: str = "", page: int = 1, revealed: Revealed = NOTHING, tried: Tried | None = None
    ) -> contexts.ShowContext:
        """The page, with the dialog of a step that was tried in vain; raises NotFound."""
        row = revealed.on(self.scope.records.get(self.entity.name, self.record_id))
        children = {
            field.name: self._children(field)
            for field in self.entity.fields.values()
            if field.type == "children"
        }
        reader = self.scope.records.reader
        related = tuple(self._readable_related())
        active = tab or (related[0][0] if related else "")
        opened = {key: self._found(item, page) for key, item in related if key == active}
        rows = [row, *(child for found in children.values() for child in found[1])]
        rows += [other for found in opened.values() for other in found.rows]
        wanted = {key for item in rows for name, value in item.values.items()
                  for key in reader.links_in(self.scope.schema.entities[item.entity], name, value)}  # fmt: skip
        titles = load_titles(
            self.scope.session, self.scope.state.runtime, wanted, self.scope.language
        )
        shower = shower_for(self.scope, titles)
        language, name = self.scope.language, self.entity.name
        title = title_of(self.entity, row.values, language)
        return contexts.ShowContext(
            title=title,
            entity=name,
            entity_label=self.entity.label.text(language),
            id=self.record_id,
            version=int(row.values["version"]),
            state=shower.cell(self.entity, row, STATE_FIELD) if self.entity.states else None,
            sections=tuple(
                uncovering(self.scope, row, self._sections(row, shower, children), revealed)
            ),
            moves=tuple(Steps(self.scope, self.entity, row, titles, tried).buttons()),
            edit_url=f"/{name}/edit/{self.record_id}" if self._open(row, Rights.EDIT) else "",
            delete_url=f"/{name}/delete/{self.record_id}" if self._deletable(row) else "",
            related=tuple(
                self._tab(key, item, opened.get(key), shower, page) for key, item in related
            ),
            history_url=f"/{name}/history/{self.record_id}",
            locked=self._locked(row),
            links=(*self._links(row), *links_on(self.scope, row)),
            notes=notes_on(self.scope, self.entity, self.record_id),
            meta=tuple(self._shown(row, shower, self.entity.field(meta)) for meta in META),
            breadcrumbs=(
                contexts.Crumb(self.entity.label.plural(language), f"/{name}/list/"),
                contexts.Crumb(title),
            ),
        )

    def related_list(self, key: str, page: int) -> contexts.RelatedList:
        """One related list; raises LookupError for an unknown one."""
        self.scope.records.opened(self.entity.name, self.record_id)
        item = dict(self._readable_related())[key]
        found = self._found(item, page)
        target = self.scope.schema.entities[item.entity]
        titles = self.scope.records.reader.titles_of(target, found.rows)
        return self._list(key, item, found, shower_for(self.scope, titles), page)

    # Private

    def _open(self, row: Row, right: Rights) -> bool:
        state = row.values.get(STATE_FIELD)
        final = self.entity.states.final if self.entity.states else ()
        return state not in final and self.scope.access.entity(self.entity.name).allows(
            right, row.covering
        )

    def _deletable(self, row: Row) -> bool:
        return self.entity.deletion is not Deletion.NEVER and self._open(row, Rights.DELETE)

    def _links(self, row: Row) -> Iterable[contexts.PageLink]:
        access = self.scope.access.entity(self.entity.name)
        final = self.entity.states.final if self.entity.states else ()
        open_ = row.values.get(STATE_FIELD) not in final
        deleted = self.entity.deletion is not Deletion.NEVER
        if deleted and open_ and access.asks(Rights.DELETE, row.covering):
            pair = f"{self.record_id}.{row.values['version']}"
            url = f"/requests/delete/{self.entity.name}?records={pair}"
            label = say(_l("Ask for deletion"), self.scope.language)
            yield contexts.PageLink(label, url, "trash")

    def _locked(self, row: Row) -> str:
        state = row.values.get(STATE_FIELD)
        if self.entity.states and state in self.entity.states.final:
            return say(_l("This record is closed and can only be read."), self.scope.language)
        return ""

    def _sections(
        self, row: Row, shower: Shower, children: dict[str, Rows]
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
        children: dict[str, Rows],
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

    def _children(self, field: Field) -> Rows:
        target = self.scope.schema.entities[str(field.target)]
        columns = field.options.get("columns") or tuple(
            name
            for name in target.fields
            if name != field.options["by"] and target.fields[name].type != "secret"
        )
        related = Related(target.name, str(field.options["by"]), tuple(columns))
        if not self.scope.access.entity(target.name).allows(Rights.READ):
            return related, (), False
        query = Query(
            target.name,
            related.columns,
            (Filter(related.by, "in", (self.record_id,)),),
            sort="id",
            limit=SHOWN_ROWS,
            count=False,
        )
        return related, *first_rows(self.scope, query)

    def _table(self, field: Field, found: Rows, shower: Shower) -> contexts.ShownTable:
        related, rows, more = found
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
        note = say(FIRST_ROWS, self.scope.language) if more else ""
        return contexts.ShownTable(field.label.text(self.scope.language), columns, shown, note)

    def _readable_related(self) -> Iterable[tuple[str, Related]]:
        for related in self.entity.related:
            if not self.scope.schema.has_pages(related.entity):
                continue
            access = self.scope.access.entity(related.entity)
            if access.allows(Rights.READ) and access.clear_everywhere(related.by):
                yield f"{related.entity}.{related.by}", related

    def _tab(
        self, key: str, related: Related, found: Page | None, shower: Shower, page: int
    ) -> contexts.RelatedTab:
        target = self.scope.schema.entities[related.entity]
        label = target.label.plural(self.scope.language)
        same = [other for other in self.entity.related if other.entity == related.entity]
        if len(same) > 1:
            label = f"{label} ({target.fields[related.by].label.text(self.scope.language)})"
        url = f"/{self.entity.name}/related/{self.record_id}/{key}"
        shown = self._list(key, related, found, shower, page) if found is not None else None
        return contexts.RelatedTab(key, label, url, found is not None, shown)

    def _found(self, related: Related, page: int) -> Page:
        """A page of a related list; the titles of its links come with those of the record."""
        target = self.scope.schema.entities[related.entity]
        query = Query(
            target.name, _columns(self.scope, related), (Filter(related.by, "in", (self.record_id,)),),
            sort=target.list.sort, offset=(page - 1) * RELATED_SIZE, limit=RELATED_SIZE, titles=False,
        )  # fmt: skip
        return self.scope.records.find(query)

    def _list(
        self, key: str, related: Related, found: Page, shower: Shower, page: int
    ) -> contexts.RelatedList:
        target = self.scope.schema.entities[related.entity]
        asked, names = Asked(page=page, size=RELATED_SIZE), _columns(self.scope, related)
        maker = ListPage(self.scope, target, asked)
        access = self.scope.access.entity(target.name)
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
            printable=access.allows(Rights.PRINT),
        )


# Private


def _columns(scope: Scope, related: Related) -> tuple[str, ...]:
    """The columns of a related list that the reader may see."""
    target = scope.schema.entities[related.entity]
    wanted = related.columns or tuple(name for name in target.list.columns if name != related.by)
    access = scope.access.entity(target.name)
    return tuple(name for name in wanted if access.visibility(name) is not Visibility.HIDDEN)
