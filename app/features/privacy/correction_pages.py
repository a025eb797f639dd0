"""The form by which people ask for a correction of their own record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from flask import flash, redirect, render_template, request
from flask_appbuilder import BaseView, expose

from app.access.permissions import Visibility
from app.features.privacy.corrections import (
    CORRECTION,
    WORKING_DAYS,
    correctable,
    payload_of,
    promised,
)
from app.features.privacy.erasure import is_oneself
from app.features.requests import service
from app.features.requests.rules import LONGEST_REASON
from app.features.requests.service import NewRequest
from app.features.requests.showing import reason_field
from app.kernel.errors import Invalid, NotFound, PortalError, StaleRevision
from app.kernel.messages import Message, _l
from app.language.definitions import Entity, Field
from app.language.values import WrongValue
from app.records.gateway import readable_fields
from app.records.queries import Row
from app.records.titles import title_of
from app.storage.database import unit_of_work
from app.web.contexts import Cell, Crumb
from app.web.controls import Typed, draw, parse
from app.web.form_contexts import FormContext, FormField, FormSection, FormTab
from app.web.list_page import shower_for
from app.web.locale import say
from app.web.portal import Portal
from app.web.state import Scope, scope
from app.web.views import signed_in

RIGHT, REASON = "right", "reason"
Problems = Mapping[str, tuple[Message, ...]]


@dataclass(frozen=True, slots=True)
class Own:
    """A field of the reader's own record that he may ask to correct."""

    entity: Entity
    row: Row
    field: Field

    @property
    def url(self) -> str:
        """The page about the person."""
        return f"/privacy/{self.entity.name}/{self.row.id}"


class CorrectionView(BaseView):
    """Asking for a correction."""

    route_base = "/privacy"

    @expose("/<name>/<int:pk>/correct", methods=["GET", "POST"])
    @signed_in
    def correct(self, name: str, pk: int) -> Any:
        """What is recorded, what is right, and why."""
        here = scope()
        own = _own(here, name, pk, request.values.get("field", ""))
        problems: Problems = {}
        status = 200
        if request.method == "POST":
            try:
                with unit_of_work(here.session):
                    number = _ask(here, own)
            except (NotFound, StaleRevision):
                raise
            except Invalid as invalid:
                problems, status = invalid.problems, invalid.status
            except PortalError as refused:
                problems, status = {"": (refused.message,)}, refused.status
            else:
                said = _l("Asked for. You will be told when it is decided.")
                flash(say(said, here.language), "success")
                return redirect(f"/requests/{number}")
        return render_template("records/form.html", page=_form(here, own, problems)), status


def register(portal: Portal) -> None:
    """Add the page."""
    portal.add_pages(CorrectionView)


# Private


def _own(here: Scope, name: str, pk: int, wanted: str) -> Own:
    entity = next((one for one in here.schema.enabled_entities() if one.name == name), None)
    if entity is None or entity.subject is None or not is_oneself(here.records, entity, pk):
        raise NotFound
    row = here.records.get(name, pk, readable_fields(entity))
    for field in correctable(here.records, entity, row):
        if field.name == wanted:
            return Own(entity, row, field)
    raise NotFound


def _ask(here: Scope, own: Own) -> int:
    """Put the request; everything that is wrong is said at once. Raises Invalid, Refused."""
    reason = request.form.get(REASON, "").strip()
    problems: dict[str, tuple[Message, ...]] = {}
    payload: Mapping[str, Any] = {}
    try:
        right = parse(own.field, _sent(own.field), here.state.runtime.zone)
        payload = payload_of(here.records, own.entity, own.row, own.field, right)
    except WrongValue as wrong:
        problems[own.field.name] = (wrong.message,)
    except Invalid as invalid:
        problems |= invalid.problems
    if not reason:
        problems[REASON] = (_l("Please say why."),)
    if problems:
        raise Invalid(problems)
    return service.ask(here.records, CORRECTION, NewRequest(own.entity.name, payload, reason))


def _sent(field: Field) -> list[str]:
    texts = request.form.getlist(RIGHT)
    # A box that is ticked is sent after the one that says it is not.
    return texts[-1:] if field.type == "yes_no" else texts


def _form(here: Scope, own: Own, problems: Problems) -> FormContext:
    language, entity = here.language, own.entity
    name = title_of(entity, own.row.values, language)
    title = say(_l("Ask for a correction"), language)
    reason = request.form.get(REASON, "")[:LONGEST_REASON]
    fields = (
        FormField(
            "recorded", say(_l("What is recorded"), language), "shown",
            cell=shower_for(here, {}).cell(entity, own.row, own.field.name),
        ),
        _right(here, own, problems.get(own.field.name, ())),
        reason_field(here, reason, problems.get(REASON, ())),
        FormField("due", say(_l("Answer promised by"), language), "shown", cell=_promise(here)),
    )  # fmt: skip
    return FormContext(
        title=title,
        entity=entity.name,
        action=f"{own.url}/correct?field={own.field.name}",
        cancel_url=own.url,
        version="",
        tabs=(FormTab("", (FormSection(own.field.label.text(language), fields),)),),
        problems=tuple(say(text, language) for text in problems.get("", ())),
        conflict="",
        conditions_url="",
        submit=say(_l("Send the request"), language),
        breadcrumbs=(
            Crumb(name, f"/{entity.name}/show/{own.row.id}"),
            Crumb(say(_l("Personal data"), language), own.url),
            Crumb(title),
        ),
    )


def _right(here: Scope, own: Own, problems: tuple[Message, ...]) -> FormField:
    """The field's own control: with what was typed, else with what the reader sees in clear."""
    field, row = own.field, own.row
    access = here.access.entity(own.entity.name)
    clear = access.visibility(field.name, row.covering) is Visibility.CLEAR
    value = row.values.get(field.name) if clear else None
    if request.method == "POST":
        value = Typed(tuple(text for text in _sent(field) if text))
    drawn = draw(field, value, here.language, here.state.runtime.zone)
    return replace(
        drawn,
        name=RIGHT,
        label=say(_l("What is right"), here.language),
        required=True,
        errors=tuple(say(text, here.language) for text in problems),
    )


def _promise(here: Scope) -> Cell:
    day = promised(here.session, here.state.runtime).isoformat()
    text = _l("%(day)s (%(count)s working days)", day=day, count=WORKING_DAYS)
    return Cell("text", say(text, here.language))
