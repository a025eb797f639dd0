"""Builds the list page of an entity from what was asked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl

from sqlalchemy import select

from app.access.permissions import Visibility
from app.kernel.errors import Invalid, Refused
from app.kernel.messages import _l
from app.language.definitions import Deletion, Entity, Field, Rights, View
from app.language.field_types import FIELD_TYPES
from app.language.kinds import NUMBER
from app.records.queries import COUNT_CAP, Page, Query, Row
from app.records.searching import searchable
from app.records.titles import load_titles
from app.storage.tables import SAVED_VIEW
from app.web import contexts
from app.web.addresses import SIZES, Asked, filters_of, range_texts, read_asked, whole
from app.web.cells import Shower
from app.web.locale import say
from app.web.named_views import is_open, named_view
from app.web.saved_views import followed
from app.web.state import Scope

ALIGNED = ("integer", "decimal", "money", "percent", "duration", "rating")


@dataclass(frozen=True)
class ListPage:
    """Makes one list page for the request's scope."""

    scope: Scope
    entity: Entity
    asked: Asked

    def context(self) -> contexts.ListContext:
        """The page; raises NotFound without the right to read."""
        view = named_view(self.scope.access, self.entity, self.asked.view)
        names = self.columns(view)
        asked, page = self._page(view, names)
        shower = self._shower(page)
        language, url = self.scope.language, self.url
        rights = self.scope.access.entity(self.entity.name)
        filters = asked.filters or {}
        titles = self._filter_titles(filters)
        return contexts.ListContext(
            title=self.entity.label.plural(language),
            help=self.entity.help.text(language) if self.entity.help else "",
            entity=self.entity.name,
            url=url,
            columns=tuple(self._column(name, asked, view) for name in names),
            rows=tuple(self.row(shower, row, names) for row in page.rows),
            paging=paging(asked, page, url),
            search=asked.search,
            searchable=searchable(self.scope.access, self.entity),
            sort=asked.sort,
            filters=tuple(
                self._control(field, filters.get(field.name, ""), titles)
                for field in self._filterable()
            ),
            chips=tuple(self._chip(name, text, titles) for name, text in filters.items()),
            clear_url=asked.url(url, filters={}, search=""),
            views=self._views(asked),
            save_view_url=f"/{self.entity.name}/views",
            query_string="&".join(f"{key}={value}" for key, value in asked.query().items()),
            add_url=f"/{self.entity.name}/add" if rights.allows(Rights.CREATE) else "",
            bulk=tuple(self._bulk()),
            bulk_url=f"/{self.entity.name}/bulk",
            breadcrumbs=(contexts.Crumb(self.entity.label.plural(language)),),
            view=asked.view,
            export_url=self._export_url(asked),
        )

    @property
    def url(self) -> str:
        """The address of the list."""
        return f"/{self.entity.name}/list/"

    def columns(self, view: View | None) -> tuple[str, ...]:
        """The columns that the reader may see."""
        wanted = view.columns if view and view.columns else self.entity.list.columns
        access = self.scope.access.entity(self.entity.name)
        return tuple(name for name in wanted if access.visibility(name) is not Visibility.HIDDEN)

    def row(self, shower: Shower, row: Row, names: Sequence[str]) -> contexts.Row:
        """A row of the list."""
        cells = tuple(shower.cell(self.entity, row, name) for name in names)
        return contexts.Row(row.id, f"/{self.entity.name}/show/{row.id}", cells)

    # Private

    def _page(self, view: View | None, names: Sequence[str]) -> tuple[Asked, Page]:
        """The rows; a sort or filter that is not allowed is dropped from what was asked."""
        zone = self.scope.state.runtime.zone
        default = (view.sort if view else None) or self.entity.list.sort
        query = Query(
            entity=self.entity.name,
            columns=tuple(names),
            filters=filters_of(self.asked, self.entity, zone),
            where=view.where if view else None,
            search=self.asked.search,
            sort=self.asked.sort or default,
            offset=(self.asked.page - 1) * self.asked.size,
            limit=self.asked.size,
        )
        try:
            return self.asked, self.scope.records.find(query)
        except Invalid:
            plain = replace(self.asked, sort="", filters={})
            return plain, self.scope.records.find(
                replace(query, sort=self.entity.list.sort, filters=())
            )

    def _shower(self, page: Page) -> Shower:
        return shower_for(self.scope, page.titles)

    def _filterable(self) -> Iterable[Field]:
        access = self.scope.access.entity(self.entity.name)
        for name in self.entity.list.filters:
            field = self.entity.field(name)
            if field is not None and access.clear_everywhere(name):
                yield field

    def _column(self, name: str, asked: Asked, view: View | None) -> contexts.Column:
        field = self.entity.field(name)
        assert field is not None
        field_type = FIELD_TYPES.get(field.type)
        current = asked.sort or (view.sort if view and view.sort else self.entity.list.sort)
        sortable = (
            field_type.sortable
            and not field.encrypted
            and self.scope.access.entity(self.entity.name).clear_everywhere(name)
        )
        order = "desc" if current == f"-{name}" else "asc" if current == name else ""
        following = f"-{name}" if order == "asc" else name
        aligned = field.type in ALIGNED or (field_type.kind == NUMBER)
        return contexts.Column(
            name=name,
            label=field.label.text(self.scope.language),
            sort_url=asked.url(self.url, sort=following) if sortable else "",
            sorted=order,
            align="end" if aligned else "start",
        )

    def _filter_titles(self, filters: Any) -> dict[tuple[str, int], str]:
        wanted = [
            (target, number)
            for name, text in filters.items()
            if (target := self._target(name)) is not None
            for part in str(text).split(",")
            if (number := whole(part)) is not None
        ]
        return load_titles(
            self.scope.session, self.scope.state.runtime, wanted, self.scope.language
        )

    def _target(self, name: str) -> str | None:
        field = self.entity.field(name)
        if field is None or FIELD_TYPES.get(field.type).filter != "link":
            return None
        return self.entity.name if field.type == "parent" else field.target

    def _control(
        self, field: Field, text: str, titles: dict[tuple[str, int], str]
    ) -> contexts.FilterControl:
        kind = FIELD_TYPES.get(field.type).filter
        label, picked = field.label.text(self.scope.language), text.split(",")
        control = contexts.FilterControl(
            field.name, label, "text" if kind == "tags" else kind, value=text
        )
        if kind == "choice":
            options = [
                contexts.Option(c.name, c.label.text(self.scope.language), c.name in picked)
                for c in field.choices
            ]
            return replace(control, options=tuple(options))
        if kind == "link":
            target = str(self._target(field.name))
            found = [contexts.Option(part, titles[target, number], selected=True) for part in picked
                     if (number := whole(part)) is not None and (target, number) in titles]  # fmt: skip
            return replace(
                control, options=tuple(found), lookup_url=f"/{self.entity.name}/lookup/{field.name}"
            )
        if kind in ("date", "number") and text:
            low, high = range_texts(text)
            return replace(control, low=low, high=high)
        return control

    def _chip(self, name: str, text: str, titles: dict[tuple[str, int], str]) -> contexts.Chip:
        field = self.entity.field(name)
        assert field is not None
        target = self._target(name)
        parts = text.split(",")
        if target is not None:
            numbers = [number for part in parts if (number := whole(part)) is not None]
            parts = [titles.get((target, number), "—") for number in numbers]
        elif field.choices:
            parts = [
                choice.label.text(self.scope.language)
                for part in parts
                if (choice := field.choice(part))
            ]
        elif field.type == "yes_no":
            parts = [say(_l("Yes") if text in ("true", "1") else _l("No"), self.scope.language)]
        else:
            parts = [text.replace("..", " – ")]
        remove = self.asked.url(self.url, filters=self.asked.without(name))
        return contexts.Chip(field.label.text(self.scope.language), ", ".join(parts), remove)

    def _views(self, asked: Asked) -> tuple[contexts.ViewLink, ...]:
        language = self.scope.language
        found = [contexts.ViewLink(say(_l("All"), language), self.url, not asked.query())]
        for view in self.entity.list.views:
            if not is_open(self.scope.access, self.entity, view):
                continue
            active = asked.view == view.name
            found.append(
                contexts.ViewLink(view.label.text(language), f"{self.url}?view={view.name}", active)
            )
        home = named_view(self.scope.access, self.entity, asked.view)
        if home is not None and home not in self.entity.list.views:
            found.append(
                contexts.ViewLink(home.label.text(language), asked.url(self.url), active=True)
            )
        saved = self.scope.session.execute(
            select(SAVED_VIEW.c.id, SAVED_VIEW.c.name, SAVED_VIEW.c.query)
            .where(
                SAVED_VIEW.c.account_id == self.scope.actor.account_id,
                SAVED_VIEW.c.entity == self.entity.name,
            )
            .order_by(SAVED_VIEW.c.name)
        )
        for row in saved:
            active = self._is_asked(asked, row.query)
            delete = f"/{self.entity.name}/views/{row.id}/delete"
            found.append(contexts.ViewLink(row.name, f"{self.url}?{row.query}", active, delete))
        return tuple(found)

    def _is_asked(self, asked: Asked, query: str) -> bool:
        """Whether a kept view asks for just this."""
        try:
            given, _ = followed(self.scope, self.entity, dict(parse_qsl(query)))
            kept = read_asked(given, self.entity, self.scope.sealer)
        except Refused:
            # Sealed under another key of the portal: it can only be taken away.
            return False
        return kept == replace(asked, page=1)

    def _export_url(self, asked: Asked) -> str:
        access = self.scope.access.entity(self.entity.name)
        if not access.allows(Rights.EXPORT) and not access.asks(Rights.EXPORT):
            return ""
        return asked.url(f"/exports/new/{self.entity.name}", size=SIZES[0])

    def _bulk(self) -> Iterable[contexts.BulkAction]:
        access, language = self.scope.access.entity(self.entity.name), self.scope.language
        for move in self.entity.states.moves if self.entity.states else ():
            if access.may_move(move.name) and not move.asks:
                confirm = say(
                    _l("Do “%(move)s” with the marked records?", move=move.label), language
                )
                yield contexts.BulkAction(
                    f"move:{move.name}", move.label.text(language), move.tone, confirm
                )
        if self.entity.deletion is Deletion.NEVER:
            return
        if access.allows(Rights.DELETE):
            confirm = say(_l("Delete the marked records?"), language)
            yield contexts.BulkAction("delete", say(_l("Delete"), language), "danger", confirm)
        elif access.asks(Rights.DELETE):
            yield contexts.BulkAction("delete", say(_l("Ask for deletion"), language), "danger", "")


def shower_for(scope: Scope, titles: dict[tuple[str, int], str]) -> Shower:
    """Shows values in the reader's language, linking only where he may go."""
    paged = {entity.name for entity in scope.schema.enabled_entities()}
    return Shower(
        scope.schema,
        scope.language,
        scope.state.runtime.zone,
        titles,
        lambda name: name in paged and scope.access.entity(name).allows(Rights.READ),
    )


def paging(asked: Asked, page: Page, url: str) -> contexts.Paging:
    """Where the reader is, and how to go on."""
    first = (asked.page - 1) * asked.size + 1 if page.rows else 0
    last = first + len(page.rows) - 1 if page.rows else 0
    known = page.total is not None
    total = f"{page.total:,}" if known else f"{COUNT_CAP:,}+"
    more = len(page.rows) == asked.size and (not known or last < (page.total or 0))
    return contexts.Paging(
        first=first,
        last=last,
        total=total,
        page=asked.page,
        previous_url=asked.url(url, page=asked.page - 1) if asked.page > 1 else "",
        next_url=asked.url(url, page=asked.page + 1) if more else "",
        sizes=tuple(contexts.Option(str(size), str(size), size == asked.size) for size in SIZES),
    )
