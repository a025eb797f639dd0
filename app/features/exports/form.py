"""The form that asks for an export, and what it begins."""

from __future__ import annotations

from dataclasses import dataclass

from flask import request

from app.features.exports import grants
from app.features.exports.asking import as_asked, chosen, offered, query_of
from app.features.exports.kind import ADDRESS, EXPORT, refuse_amount
from app.features.exports.making import EXPORT_FILE
from app.features.exports.rules import Grant
from app.features.requests import service
from app.features.requests.service import NewRequest
from app.features.requests.showing import reason_field
from app.kernel.errors import Invalid
from app.kernel.messages import Label, Message, _l
from app.language.definitions import Entity, Rights
from app.records.queries import COUNT_CAP
from app.storage.database import unit_of_work
from app.tasks.outbox import NewTask, enqueue
from app.web.addresses import Asked, whole
from app.web.contexts import Cell, Crumb
from app.web.form_contexts import FormContext, FormField, FormSection, FormTab, Option
from app.web.locale import number_text, say
from app.web.state import Scope

Problems = dict[str, tuple[Message, ...]]


@dataclass(frozen=True)
class ExportForm:
    """The form that asks for an export."""

    here: Scope
    entity: Entity
    asked: Asked

    def send(self) -> str:
        """Ask, or begin; the address to go on at."""
        here, name = self.here, self.entity.name
        form = request.form
        columns = tuple(one for one in form.getlist("columns") if one)
        asked = as_asked(self.entity, self.asked, columns, form.get("format", ""))
        most = whole(form.get("most_rows")) or 0
        query_of(here.records, asked)
        refuse_amount(most)
        with unit_of_work(here.session):
            if here.access.entity(name).asks(Rights.EXPORT):
                payload = {"asked": asked, "most_rows": most}
                new = NewRequest(name, payload, form.get("reason", ""))
                return f"/requests/{service.ask(here.records, EXPORT, new)}"
            assert here.actor.account_id is not None
            now = here.state.runtime.clock.now()
            number = grants.give(here.session, asked, here.actor.account_id, most, now)
            begin(here, grants.grant(here.session, number, here.actor.account_id))
        return f"{ADDRESS}/{number}"

    def context(self, problems: Problems) -> FormContext:
        """The form as it is, with what was typed."""
        here, entity, language = self.here, self.entity, self.here.language
        asks = here.access.entity(entity.name).asks(Rights.EXPORT)
        title = say(_l("Ask for an export") if asks else _l("Export"), language)
        url = self.asked.url(f"/{entity.name}/list/")
        return FormContext(
            title=title,
            entity=entity.name,
            action=self.asked.url(f"{ADDRESS}/new/{entity.name}"),
            cancel_url=url,
            version="",
            tabs=(
                FormTab(
                    "",
                    (
                        FormSection(
                            entity.label.plural(language), self._fields(problems, asks=asks)
                        ),
                    ),
                ),
            ),
            problems=tuple(say(text, language) for text in problems.get("", ())),
            conflict="",
            conditions_url="",
            submit=say(_l("Send the request") if asks else _l("Make the file"), language),
            breadcrumbs=(Crumb(entity.label.plural(language), url), Crumb(title)),
        )

    def _fields(self, problems: Problems, *, asks: bool) -> tuple[FormField, ...]:
        here, language, form = self.here, self.here.language, request.form
        sent, count = request.method == "POST", self._count()
        picked = form.getlist("columns") if sent else chosen(here.access, self.entity)
        kind = form.get("format", "xlsx")
        shown = f"{number_text(COUNT_CAP)}+" if count > COUNT_CAP else number_text(count)

        def errors(name: str) -> tuple[str, ...]:
            return tuple(say(text, language) for text in problems.get(name, ()))

        fields = [
            FormField("now", say(_l("Rows there are now"), language), "shown", cell=Cell("text", shown)),
            FormField(
                "most_rows", say(_l("At most rows"), language), "number",
                form.get("most_rows", "") if sent else str(count),
                say(_l("If there are more by then, nothing is exported."), language),
                required=True, errors=errors("most_rows"), input_mode="numeric",
            ),
            FormField(
                "format", say(_l("File"), language), "select",
                options=tuple(Option(one, label, one == kind) for one, label in (("xlsx", "Excel"), ("csv", "CSV"))),
                required=True,
            ),
            FormField(
                "columns", say(_l("Columns"), language), "multiselect",
                help=say(_l("Masked and hidden fields never leave the portal."), language),
                options=tuple(
                    Option(field.name, field.label.text(language), field.name in picked)
                    for field in offered(here.access, self.entity)
                ),
                required=True, wide=True, errors=errors("columns"),
            ),
        ]  # fmt: skip
        if asks:
            fields.append(reason_field(here, form.get("reason", ""), problems.get("reason", ())))
        return tuple(fields)

    def _count(self) -> int:
        """How many rows there are now, up to the cap and one more."""
        columns = tuple(chosen(self.here.access, self.entity))
        try:
            query = query_of(self.here.records, as_asked(self.entity, self.asked, columns, "xlsx"))
            return len(self.here.records.reader.ids(query, COUNT_CAP + 1))
        except Invalid:
            return 0


def begin(here: Scope, found: Grant) -> None:
    """Queue the making of a grant's file, in the caller's transaction."""
    runtime = here.state.runtime
    grants.begin(here.session, found, runtime.clock.now())
    label = runtime.entity(found.entity).label
    title = Label(f"导出{label.zh}", f"Export {label.en_plural or label.en}")
    new = NewTask(
        EXPORT_FILE.name, title, {"grant": found.id}, here.actor.account_id, here.language
    )
    grants.hand_to(here.session, found.id, enqueue(here.session, runtime, new))
