"""The list of reports as shelves: of the schema by module, then those that people made for themselves."""

from __future__ import annotations

from collections.abc import Iterator

from app.features.reminders.people import account_names
from app.features.reports import contexts, saved
from app.features.reports.saved import SavedReport
from app.features.reports.service import reports_for
from app.kernel.messages import Label, _l
from app.language.definitions import Rights
from app.language.report_definitions import Report
from app.web.locale import datetime_text, say
from app.web.state import Scope

ADDRESS = "/reports/"


def shelves(here: Scope) -> Iterator[contexts.ReportShelf]:
    """The reports that the reader may run, the own ones first."""
    yield from _saved_shelves(here)
    found = [one for one in reports_for(here.records) if one.name in here.schema.reports]
    modules = {module.name: module.label for module in here.schema.portal.modules}
    order = [*modules, ""]
    for name in sorted({_module(here, report) for report in found}, key=order.index):
        label = modules.get(name, Label("其他", "Other")).text(here.language)
        cards = tuple(_card(here, report) for report in found if _module(here, report) == name)
        yield contexts.ReportShelf(label, cards)


def others(here: Scope) -> Iterator[contexts.SavedLine]:
    """What an administrator may delete of what others made."""
    found = saved.of_others(here.records)
    names = account_names(here.session, (one.owner_id for one in found))
    comma = "\u3001" if here.language == "zh" else ", "
    for one in found:
        roles = [here.schema.roles[name] for name in one.shared_with if name in here.schema.roles]
        yield contexts.SavedLine(
            one.label,
            names.get(one.owner_id, str(one.owner_id)),
            comma.join(role.label.text(here.language) for role in roles),
            datetime_text(one.updated_at, here.state.runtime.zone),
            f"{ADDRESS}{one.name}/delete",
        )


def may_build(here: Scope) -> bool:
    """Whether there is any record that the reader could make a report of."""
    schema, access = here.schema, here.access
    return any(access.entity(name).allows(Rights.READ) for name in schema.entities)


# Private


def _saved_shelves(here: Scope) -> Iterator[contexts.ReportShelf]:
    found = saved.visible(here.records)
    own = [one for one in found if one.owner_id == here.actor.account_id]
    shared = [one for one in found if one.owner_id != here.actor.account_id]
    names = account_names(here.session, (one.owner_id for one in shared))
    for label, some in ((_l("My reports"), own), (_l("Shared with me"), shared)):
        cards = [_saved_card(here, one, names.get(one.owner_id, "")) for one in some]
        told = tuple(card for card in cards if card is not None)
        if told:
            yield contexts.ReportShelf(say(label, here.language), told)


def _saved_card(here: Scope, one: SavedReport, owner: str) -> contexts.ReportCard | None:
    """A card; one that no longer fits leads its owner to where it can be mended."""
    report = saved.compiled(here.state.runtime, one)
    if report is not None:
        return _card(here, report, owner)
    if owner:
        return None
    why = say(_l("No longer fits the portal; open it to mend it."), here.language)
    return contexts.ReportCard("", one.label, why, f"{ADDRESS}{one.name}/edit", "alert-triangle")


def _module(here: Scope, report: Report) -> str:
    own = report.module or here.schema.entities[report.main.entity].module
    return own if own in {module.name for module in here.schema.portal.modules} else ""


def _card(here: Scope, report: Report, owner: str = "") -> contexts.ReportCard:
    text = report.help.text(here.language) if report.help else ""
    label, url = report.label.text(here.language), f"{ADDRESS}{report.name}"
    text = "" if owner and text == label else text
    said = say(_l("Made by %(name)s", name=owner), here.language) if owner else ""
    return contexts.ReportCard(
        report.code, label, " · ".join(filter(None, (said, text))), url, report.icon
    )
