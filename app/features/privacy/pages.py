"""The page about what is held of a person: why, how long, and asking for a copy or for erasure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from flask import flash, redirect, render_template, request
from flask_appbuilder import BaseView, expose

from app.access.permissions import Visibility
from app.features.exports import grants
from app.features.exports.form import begin
from app.features.exports.kind import EXPORT
from app.features.exports.subjects import about
from app.features.exports.subjects import may_ask as may_ask_copy
from app.features.privacy.consent_pages import cards
from app.features.privacy.contexts import Deed, HeldField, HeldPart, SubjectContext
from app.features.privacy.corrections import correctable
from app.features.privacy.erasure import ERASURE, may_ask, payload_of
from app.features.privacy.holds import lift_hold, may_hold, set_hold
from app.features.privacy.plans import day_of, hold_on, keep_until, plan_for
from app.features.requests import service
from app.features.requests.rules import LONGEST_REASON
from app.features.requests.service import NewRequest
from app.kernel.errors import Forbidden, Invalid, NotFound, PortalError, StaleRevision
from app.kernel.messages import Message, _l
from app.language.definitions import Entity, Field, Rights
from app.language.subjects import basis_of, below, personal_fields
from app.records.queries import Row
from app.records.titles import title_of
from app.storage.database import unit_of_work
from app.web.contexts import Crumb, Option, PageLink
from app.web.locale import say
from app.web.portal import Portal
from app.web.state import Scope, scope
from app.web.step_up import require_step_up
from app.web.views import signed_in

ADDRESS = "/privacy"
SEEN: dict[Visibility, Message] = {
    Visibility.CLEAR: _l("In clear"),
    Visibility.MASKED: _l("Masked"),
}
MOST_COPIED = 1_000_000


@dataclass(frozen=True, slots=True)
class Person:
    """A record about a person, as the reader sees it."""

    entity: Entity
    row: Row


class PrivacyView(BaseView):
    """What is held of a person."""

    route_base = ADDRESS

    @expose("/<name>/<int:pk>")
    @signed_in
    def subject(self, name: str, pk: int) -> Any:
        """Why what is held and how long."""
        here = scope()
        person = _person(here, name, pk)
        return render_template("privacy/subject.html", page=_page(here, person))

    @expose("/<name>/<int:pk>/<deed>", methods=["POST"])
    @signed_in
    def act(self, name: str, pk: int, deed: str) -> Any:
        """Ask for a copy or for erasure; put or lift a hold."""
        here = scope()
        person, known = _person(here, name, pk), DEEDS.get(deed)
        if known is None:
            raise NotFound
        if deed == "copy":
            require_step_up(f"{ADDRESS}/{name}/{pk}")
        reason = request.form.get("reason", "")[:LONGEST_REASON]
        try:
            with unit_of_work(here.session):
                address = known(here, person, reason)
        except (NotFound, Forbidden, StaleRevision):
            raise
        except PortalError as refused:
            problem = refused.message
            if isinstance(refused, Invalid):
                problem = next(iter(refused.problems.values()))[0]
            page = _page(here, person, (deed, say(problem, here.language), reason))
            return render_template("privacy/subject.html", page=page), refused.status
        flash(say(_l("Done."), here.language), "success")
        return redirect(address)


def register(portal: Portal) -> None:
    """Add the page, and the way to it from the pages of records about persons."""
    portal.add_pages(PrivacyView)
    portal.add_links(_links)


# Private


def _person(here: Scope, name: str, pk: int) -> Person:
    entity = next((one for one in here.schema.enabled_entities() if one.name == name), None)
    if entity is None or entity.subject is None:
        raise NotFound
    ends = (entity.subject.ends,) if entity.subject.ends else ()
    row = here.records.get(name, pk, (*entity.title_fields, *ends))
    if not _concerned(here, entity, row):
        raise NotFound
    return Person(entity, row)


def _concerned(here: Scope, entity: Entity, row: Row) -> bool:
    """Whether the reader may ask for something here, or decides on it."""
    return (
        may_ask(here.records, entity, row)
        or may_ask_copy(here.access, about(entity, row.id))
        or here.access.entity(entity.name).allows(Rights.EXPORT, row.covering)
        or may_hold(here.records, entity)
    )


def _links(here: Scope, row: Row) -> Iterator[PageLink]:
    entity = here.schema.entities[row.entity]
    if entity.subject is not None and _concerned(here, entity, row):
        label = say(_l("Personal data"), here.language)
        yield PageLink(label, f"{ADDRESS}/{entity.name}/{row.id}", "shield-lock")


def _ask_copy(here: Scope, person: Person, reason: str) -> str:
    entity, pk = person.entity, person.row.id
    asked = about(entity, pk)
    account, now = here.actor.account_id or 0, here.state.runtime.clock.now()
    if here.access.entity(entity.name).allows(Rights.EXPORT, person.row.covering):
        number = grants.give(here.session, asked, account, MOST_COPIED, now)
        begin(here, grants.grant(here.session, number, account))
        return f"/exports/{number}"
    payload = {"asked": asked, "most_rows": MOST_COPIED}
    number = service.ask(here.records, EXPORT, NewRequest(entity.name, payload, reason))
    return f"/requests/{number}"


def _ask_erasure(here: Scope, person: Person, reason: str) -> str:
    entity = person.entity
    if not may_ask(here.records, entity, person.row):
        raise Forbidden(_l("None of your roles lets you ask for this."))
    plan = plan_for(here.session, here.state.runtime, entity, person.row.id)
    new = NewRequest(entity.name, payload_of(plan), reason)
    return f"/requests/{service.ask(here.records, ERASURE, new)}"


def _set_hold(here: Scope, person: Person, reason: str) -> str:
    set_hold(here.records, person.entity, person.row.id, reason)
    return f"{ADDRESS}/{person.entity.name}/{person.row.id}"


def _lift_hold(here: Scope, person: Person, reason: str) -> str:
    lift_hold(here.records, person.entity, person.row.id, reason)
    return f"{ADDRESS}/{person.entity.name}/{person.row.id}"


DEEDS: dict[str, Callable[[Scope, Person, str], str]] = {
    "copy": _ask_copy,
    "erase": _ask_erasure,
    "hold": _set_hold,
    "lift": _lift_hold,
}


def _page(
    here: Scope, person: Person, wrong: tuple[str, str, str] = ("", "", "")
) -> SubjectContext:
    entity, row, language = person.entity, person.row, here.language
    name = title_of(entity, row.values, language)
    title = say(_l("Personal data"), language)
    hold = hold_on(here.session, entity.name, row.id)
    parts = [_part(here, entity, person)]
    parts += [_part(here, one, person) for one, _, _ in below(here.schema, entity)]
    deeds = tuple(
        replace(one, problem=wrong[1], reason=wrong[2]) if one.name == wrong[0] else one
        for one in _deeds(here, person, held=hold is not None)
    )
    return SubjectContext(
        title=f"{title}: {name}",
        intro=say(_ended(person), language),
        hold=say(_l("A legal hold stands: %(why)s", why=hold), language) if hold else "",
        parts=tuple(part for part in parts if part.fields),
        deeds=deeds,
        consents=cards(here, entity, row.id),
        correctable=tuple(
            Option(field.name, field.label.text(language))
            for field in correctable(here.records, entity, row)
        ),
        correct_url=f"{ADDRESS}/{entity.name}/{row.id}/correct",
        breadcrumbs=(
            Crumb(entity.label.plural(language), f"/{entity.name}/list/"),
            Crumb(name, f"/{entity.name}/show/{row.id}"),
            Crumb(title),
        ),
    )


def _ended(person: Person) -> Message:
    subject = person.entity.subject
    ends = subject.ends if subject is not None else None
    if ends is None:
        return _l("What is held of this person, why, and for how long.")
    day = day_of(person.row.values.get(ends))
    if day is None:
        return _l("What is held of this person, why, and for how long. The purpose has not ended.")
    return _l("What is held of this person, why, and for how long. The purpose ended on %(day)s.",
              day=day.isoformat())  # fmt: skip


def _part(here: Scope, entity: Entity, person: Person) -> HeldPart:
    access = here.access.entity(entity.name)
    fields = [
        field
        for field in personal_fields(entity)
        if access.visibility(field.name) is not Visibility.HIDDEN
    ]
    held = tuple(_held(here, field, person, access.visibility(field.name)) for field in fields)
    return HeldPart(entity.label.text(here.language), held)


def _held(here: Scope, field: Field, person: Person, seen: Visibility) -> HeldField:
    language = here.language
    known = here.schema.portal.classes.get(field.data_class or "")
    subject = person.entity.subject
    ends = subject.ends if subject is not None else None
    ended = day_of(person.row.values.get(ends)) if ends else None
    until = keep_until(here.schema, field, ended) if ended is not None else None
    months = known.keep_months if known is not None else None
    if until is not None:
        kept = _l("until %(day)s at least", day=until.isoformat())
    elif months is not None:
        kept = _l("%(months)s months after the purpose has ended", months=months)
    else:
        kept = _l("with the record")
    return HeldField(
        label=field.label.text(language),
        kind=known.label.text(language) if known is not None else "—",
        purpose=known.purpose.text(language) if known is not None else "—",
        basis=basis_of(here.schema.portal, known).text(language) if known is not None else "—",
        kept=say(kept, language),
        seen=say(SEEN[seen], language),
    )


def _deeds(here: Scope, person: Person, *, held: bool) -> Iterator[Deed]:
    entity, row = person.entity, person.row
    url = f"{ADDRESS}/{entity.name}/{row.id}/"

    def deed(name: str, label: Message, help_: Message, tone: str = "") -> Deed:
        return Deed(url + name, name, say(label, here.language), say(help_, here.language), tone)

    exports = here.access.entity(entity.name).allows(Rights.EXPORT, row.covering)
    if exports or may_ask_copy(here.access, about(entity, row.id)):
        help_ = _l(
            "A file with everything held of this person that you may see, to read and for programs."
        )
        yield deed("copy", _l("Get a copy"), help_)
    if may_ask(here.records, entity, row):
        help_ = _l(
            "A second person decides. The record stays with its number; what the law has kept stays until its day."
        )
        yield deed("erase", _l("Ask for erasure"), help_, "danger")
    if may_hold(here.records, entity):
        if held:
            yield deed(
                "lift", _l("Lift the legal hold"), _l("What is due may be erased from then on.")
            )
        else:
            help_ = _l("Nothing is erased or put away while it stands, such as during a lawsuit.")
            yield deed("hold", _l("Put a legal hold"), help_)
