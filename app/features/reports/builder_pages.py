"""The builder of reports: a form and a text that say the same, with the first lines of what they make."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from flask import flash, redirect, render_template, request
from flask_appbuilder import BaseView, expose

from app.features.reports import saved
from app.features.reports.author import Author
from app.features.reports.builder_contexts import BuilderContext
from app.features.reports.builder_form import problems_of, read_draft, started
from app.features.reports.builder_showing import Sheet, body_of, digest, preview_of
from app.features.reports.drafts import NEW, Draft, copy_of, draft_of, source_of
from app.features.reports.narrowing import narrowed
from app.features.reports.offers import Offers, entities_of
from app.features.reports.saved import SavedReport
from app.kernel.errors import Conflict, Invalid, NotFound, PortalError
from app.kernel.messages import Label, Message, _l
from app.language.definitions import Schema
from app.language.report_definitions import Report
from app.storage.database import unit_of_work
from app.web.contexts import Crumb
from app.web.locale import say
from app.web.portal import Portal
from app.web.shell import printable, watermark
from app.web.state import Scope, scope
from app.web.views import signed_in

ADDRESS = "/reports/"
SAVE = "save"
_OWN = re.compile(r"my_[0-9]{1,18}")
_FOR = re.compile(r"^for:.*\n(?:(?:[ \t]+|-).*\n)*", re.MULTILINE)
_NAME = re.compile(r"^report:.*$", re.MULTILINE)
_CODE = re.compile(r"^code:.*\n", re.MULTILINE)


class BuilderView(BaseView):
    """The builder of reports."""

    route_base = "/reports"
    default_view = "new"

    @expose("/new", methods=["GET", "POST"])
    @signed_in
    def new(self) -> Any:
        """A new report, empty or like another one."""
        here = scope()
        schema = _schema(here)
        if request.method == "POST":
            return _answer(here, schema, None)
        sheet = _begun(here, schema, request.args.get("from", ""), request.args.get("entity", ""))
        return _page(here, schema, sheet, None)

    @expose("/<name>/edit", methods=["GET", "POST"])
    @signed_in
    def edit(self, name: str) -> Any:
        """Change a report of one's own."""
        here = scope()
        schema, found = _schema(here), saved.open_saved(_maker(here), name)
        if request.method == "POST":
            return _answer(here, schema, found)
        return _page(here, schema, _of_text(here, schema, found.source), found)

    @expose("/preview", methods=["POST"])
    @signed_in
    def preview(self) -> Any:
        """The form, the text and the first lines anew, after a change of either."""
        here = scope()
        schema = _schema(here)
        name = request.form.get("name", "")
        body = body_of(here, schema, _sent(here, schema, name if _OWN.fullmatch(name) else ""))
        # The page around it knows nothing of what this preview tells of.
        return render_template(
            "reports/builder_body.html",
            body=body,
            watermark=watermark(here),
            unprintable=not printable(here),
        )

    @expose("/<name>/delete", methods=["POST"])
    @signed_in
    def delete(self, name: str) -> Any:
        """Delete a report of one's own, or as an administrator anybody's."""
        here = scope()
        with unit_of_work(here.session):
            found = saved.remove(_maker(here), name)
        message = _l("The report “%(name)s” was deleted.", name=found.label)
        flash(say(message, here.language), "success")
        return redirect(ADDRESS)


def register(portal: Portal) -> None:
    """Add the pages; the list of reports leads to them."""
    portal.add_pages(BuilderView)


# Private


def _maker(here: Scope) -> Author:
    return Author(here.records, request.remote_addr)


def _schema(here: Scope) -> Schema:
    """What the reader may build reports from; raises NotFound where there is nothing."""
    schema = narrowed(here.access)
    if not entities_of(schema):
        raise NotFound
    return schema


def _begun(here: Scope, schema: Schema, like: str, entity: str) -> Sheet:
    """A new sheet, or one like a report that the reader may run."""
    if not like:
        return _of_draft(here, schema, started(schema, entity))
    report = saved.find_report(here.records, like)
    draft = copy_of(report, schema)
    if draft is not None:
        return _of_draft(here, schema, draft)
    return _of_text(here, schema, _copied(here, report))


def _copied(here: Scope, report: Report) -> str:
    """The text of a report with another name, for nobody but whoever copies it."""
    kept = here.schema.sources.get(report.place.file)
    if report.name not in here.schema.reports:
        kept = next(one.source for one in saved.visible(here.records) if one.name == report.name)
    text = _CODE.sub("", _FOR.sub("for: []\n", f"{kept or ''}\n"))
    return _NAME.sub(f"report: {NEW}", text, count=1).rstrip() + "\n"


def _sent(here: Scope, schema: Schema, name: str = "") -> Sheet:
    """What was sent: the text where it was written by hand, else the form."""
    form = request.form
    source = form.get("source", "").replace("\r\n", "\n")
    if form.get("made", "") != digest(source):
        return _of_text(here, schema, source)
    draft = read_draft(form, schema, here.language)
    return replace(_of_draft(here, schema, draft, name), focus=_focus(form.get("do", ""), draft))


def _of_draft(here: Scope, schema: Schema, draft: Draft, name: str = "") -> Sheet:
    offers = Offers(schema, draft.entity)
    entity = schema.entities.get(draft.entity)
    stand_in = entity.label if entity else Label("?", "?")
    label = draft.label if draft.label.zh else Label(stand_in.zh, stand_in.en)
    told = replace(draft, label=label, help=draft.help if draft.help.zh else label)
    source = source_of(told, offers, name or NEW)
    report, faults = saved.read_source(here.records, source)
    return Sheet(source, report, faults, draft)


def _of_text(here: Scope, schema: Schema, source: str) -> Sheet:
    report, faults = saved.read_source(here.records, source)
    draft = draft_of(replace(report, name=NEW), schema) if report is not None else None
    if draft is not None and draft.help == draft.label:
        draft = replace(draft, help=Label("", ""))
    return Sheet(source, report, faults, draft)


def _answer(here: Scope, schema: Schema, found: SavedReport | None) -> Any:
    """Save what was sent, or show it again with what is wrong."""
    sheet = _sent(here, schema, found.name if found else "")
    if request.form.get("do") != SAVE:
        return _page(here, schema, sheet, found)
    if sheet.draft is not None and request.form.get("made", "") == _made_of_sent():
        sheet = replace(
            sheet, problems=problems_of(sheet.draft, Offers(schema, sheet.draft.entity))
        )
    if sheet.report is not None and (fault := preview_of(here, sheet.report).problem):
        sheet = replace(
            sheet, problems={**sheet.problems, "": (Message("%(fault)s", {"fault": fault}),)}
        )
    if not sheet.good:
        return _page(here, schema, sheet, found), 422
    try:
        with unit_of_work(here.session):
            version = request.form.get("version", "")
            number = int(version) if version.isascii() and version.isdigit() else 0
            name = saved.save(_maker(here), sheet.source, found.name if found else "", number)
    except Conflict as conflict:
        return _page(here, schema, sheet, found, say(conflict.message, here.language)), 409
    except (Invalid, NotFound):
        raise
    except PortalError as error:
        problems = {**sheet.problems, "": (error.message,)}
        return _page(here, schema, replace(sheet, problems=problems), found), error.status
    flash(say(_l("Saved."), here.language), "success")
    return redirect(f"{ADDRESS}{name}")


def _made_of_sent() -> str:
    return digest(request.form.get("source", "").replace("\r\n", "\n"))


def _focus(do: str, draft: Draft) -> str:
    """The control that the keyboard goes on with after a button."""
    deed, _, key = do.partition(" ")
    rows = {"c": draft.columns, "g": draft.groups, "m": draft.measures, "w": draft.conditions}
    count = len(rows.get(key[:1], ()))
    if not deed or key[:1] not in rows:
        return ""
    number = int(key[1:]) if key[1:].isascii() and key[1:].isdigit() else count - 1
    number += {"up": -1, "down": 1}.get(deed, 0)
    return f"{key[:1]}{min(max(number, 0), count - 1)}" if count else f"add-{key[:1]}"


def _page(
    here: Scope, schema: Schema, sheet: Sheet, found: SavedReport | None, conflict: str = ""
) -> str:
    title = say(_l("Change the report") if found else _l("New report"), here.language)
    address = f"{ADDRESS}{found.name}" if found else ADDRESS
    crumbs = [Crumb(say(_l("Reports"), here.language), ADDRESS)]
    crumbs += [Crumb(found.label, address)] if found else []
    page = BuilderContext(
        title=title,
        action=f"{address}/edit" if found else f"{ADDRESS}new",
        cancel_url=address,
        delete_url=f"{address}/delete" if found else "",
        version=str(found.version) if found else "",
        name=found.name if found else "",
        conflict=conflict,
        body=body_of(here, schema, sheet),
        breadcrumbs=(*crumbs, Crumb(title)),
    )
    return render_template("reports/builder.html", page=page, body=page.body)
