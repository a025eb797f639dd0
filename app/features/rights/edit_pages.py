"""The pages on which roles are changed: a role with an entity, copying, removing, and what does not fit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, render_template, request
from flask_appbuilder import BaseView, expose

from app.features.requests.service import NewRequest, ask
from app.features.rights import editing, showing
from app.features.rights.edit_form import RightsForm, chosen, form_of
from app.features.rights.editing import Proposal
from app.features.rights.effects import Effects, effects
from app.features.rights.kind import RIGHTS, payload_of
from app.kernel.errors import Invalid, NotFound, PortalError, StaleRevision
from app.kernel.messages import Label, _l
from app.language.definitions import Entity, Rights, Role
from app.language.findings import SchemaInvalid
from app.language.overlay import FIELD, Cell
from app.records.queries import COUNT_CAP
from app.storage.database import unit_of_work
from app.storage.overlays import own_overlay
from app.web.contexts import Crumb
from app.web.locale import number_text, say
from app.web.portal import Portal
from app.web.state import Scope, scope
from app.web.step_up import ProofNeeded, require_step_up
from app.web.views import signed_in

ADDRESS = "/rights/"


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """Something that a role may do otherwise."""

    label: str
    text: str
    tone: str
    says: str


@dataclass(frozen=True, slots=True)
class PersonLine:
    """An account that a change concerns, with its rows."""

    name: str
    rows: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PreviewContext:
    """What a change would do."""

    changes: tuple[ChangeLine, ...]
    people: tuple[PersonLine, ...]
    others: int
    waits: bool


@dataclass(frozen=True, slots=True)
class EditContext:
    """``rights/edit.html``"""

    title: str
    url: str
    back_url: str
    form: RightsForm
    preview: PreviewContext | None
    problems: tuple[str, ...]
    reason: str
    breadcrumbs: tuple[Crumb, ...]


class RoleEditView(BaseView):
    """Changing roles, for those who administer them."""

    route_base = "/rights"
    default_view = "edit"

    @expose("/<role>/<entity>/edit", methods=["GET", "POST"])
    @signed_in
    def edit(self, role: str, entity: str) -> Any:
        """What a role may do with an entity."""
        here = administered()
        held, known = here.schema.roles.get(role), here.schema.entities.get(entity)
        if held is None or known is None:
            raise NotFound
        if request.method == "GET":
            return render_template("rights/edit.html", page=_page(here, held, known, {}))
        wanted = chosen(role, known, request.form)
        try:
            with unit_of_work(here.session):
                own_overlay(here.session)
                proposal = editing.propose(here.session, here.schema, wanted)
                editing.refuse(here.records, proposal)
                if request.form.get("save") == "yes":
                    require_step_up(f"{ADDRESS}{role}/{entity}/edit")
                    return saved(here, proposal, f"{ADDRESS}{role}")
                preview = _preview(here, proposal)
        except (StaleRevision, NotFound, ProofNeeded):
            raise
        except PortalError as fault:
            page = _page(here, held, known, wanted, problems=_problems(here, fault))
            return render_template("rights/edit.html", page=page), fault.status
        page = _page(here, held, known, wanted, preview=preview)
        return render_template("rights/edit.html", page=page)


def administered() -> Scope:
    """The scope of somebody who may change roles; raises NotFound."""
    here = scope()
    if not editing.may_administer(here.actor):
        raise NotFound
    return here


def saved(here: Scope, proposal: Proposal, back: str) -> Any:
    """Keep what may be kept at once, and ask for the rest."""
    now, later = editing.split(here.session, here.schema, proposal)
    if now is not None and now.changes:
        editing.keep(here.records, now, editing.signed_by(here.records))
        said = _l("Saved. It holds everywhere within seconds.")
        flash(say(said, here.language), "success")
    if later is None or not later.changes:
        if now is None or not now.changes:
            flash(say(_l("Nothing was changed."), here.language), "info")
        return redirect(back)
    reason = request.form.get("reason", "")
    number = ask(here.records, RIGHTS, NewRequest("", payload_of(later), reason))
    said = _l("More rights wait until a second person agrees.")
    flash(say(said, here.language), "warning")
    return redirect(f"/requests/{number}")


def register(portal: Portal) -> None:
    """Add the pages."""
    portal.add_pages(RoleEditView)


# Private


def _page(
    here: Scope, role: Role, entity: Entity, wanted: dict[Cell, Any], *,
    preview: PreviewContext | None = None, problems: tuple[str, ...] = (),
) -> EditContext:  # fmt: skip
    title = f"{role.label.text(here.language)} · {entity.label.text(here.language)}"
    return EditContext(
        title,
        f"{ADDRESS}{role.name}/{entity.name}/edit",
        f"{ADDRESS}{role.name}",
        form_of(role, entity, wanted, here.language),
        preview,
        problems,
        request.form.get("reason", ""),
        (
            Crumb(say(_l("Rights"), here.language), ADDRESS),
            Crumb(role.label.text(here.language), f"{ADDRESS}{role.name}"),
            Crumb(entity.label.text(here.language)),
        ),
    )


def _preview(here: Scope, proposal: Proposal) -> PreviewContext:
    found: Effects = effects(here.records, proposal)
    return PreviewContext(
        tuple(_lines(here, proposal)),
        tuple(
            PersonLine(
                one.name,
                tuple(
                    f"{c.entity.label.text(here.language)} {_number(c.before)} → {_number(c.after)}"
                    for c in one.changes
                ),
            )
            for one in found.people
        ),
        found.others,
        proposal.waits,
    )


def _lines(here: Scope, proposal: Proposal) -> Iterable[ChangeLine]:
    read = {(one.role, one.entity) for one in proposal.differences if one.what == Rights.READ}
    for one in proposal.differences:
        if one.what.startswith(FIELD) and (one.role, one.entity) in read:
            # Whoever reads no record any more, or the first one, is told just that.
            continue
        cell = Cell(one.role, one.entity, one.what)
        text: Label = showing.change_text(proposal.after, cell, one.before, one.after)
        says = _l("less")
        if one.waits:
            says = _l("more, needs a second person")
        elif one.wider:
            says = _l("more")
        tone = "danger" if one.waits else "warning" if one.wider else "success"
        label = showing.cell_label(proposal.after, cell).text(here.language)
        yield ChangeLine(label, text.text(here.language), tone, say(says, here.language))


def _problems(here: Scope, fault: PortalError) -> tuple[str, ...]:
    if isinstance(fault, SchemaInvalid):
        return tuple(finding.text(here.language) for finding in fault.findings)
    if isinstance(fault, Invalid):
        return tuple(say(one, here.language) for some in fault.problems.values() for one in some)
    return (say(fault.message, here.language),)


def _number(count: int) -> str:
    return f"{number_text(COUNT_CAP)}+" if count > COUNT_CAP else number_text(count)
