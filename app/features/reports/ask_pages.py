"""The page that asks for a report as a file, where a second person has to agree."""

from __future__ import annotations

from typing import Any

from flask import redirect, render_template, request
from flask_appbuilder import BaseView, expose

from app.features.exports.kind import EXPORT
from app.features.reports.exporting import FILES
from app.features.reports.files import KINDS
from app.features.reports.pages import ADDRESS, given, refuse_taking, rows_of
from app.features.reports.passages import asked_of
from app.features.reports.rights import may_ask
from app.features.reports.service import ReportRun, open_report
from app.features.requests import service
from app.features.requests.service import NewRequest
from app.features.requests.showing import reason_field
from app.kernel.errors import Invalid, NotFound, PortalError, StaleRevision
from app.kernel.messages import Message, _l
from app.storage.database import unit_of_work
from app.web.addresses import whole
from app.web.contexts import Cell, Crumb
from app.web.form_contexts import FormContext, FormField, FormSection, FormTab, Option
from app.web.locale import number_text, say
from app.web.portal import Portal
from app.web.state import Scope, scope
from app.web.views import signed_in

Problems = dict[str, tuple[Message, ...]]


class AskReportView(BaseView):
    """Asking for reports as files."""

    route_base = "/reports"
    default_view = "ask"

    @expose("/<name>/ask", methods=["GET", "POST"])
    @signed_in
    def ask(self, name: str) -> Any:
        """Ask for a report that tells of records, with a reason."""
        here = scope()
        run = open_report(here.records, name, asked_for())
        refused = run.may_take("csv")
        if not run.tells or refused is None:
            raise NotFound
        if not may_ask(here.access, run.tells):
            refuse_taking(here, run, refused)
        problems: Problems = {}
        if request.method == "POST":
            try:
                return redirect(f"/requests/{_send(here, run)}")
            except StaleRevision:
                raise
            except Invalid as invalid:
                problems = dict(invalid.problems)
            except PortalError as error:
                problems = {"": (error.message,)}
        page = _form(here, run, problems)
        return render_template("records/form.html", page=page), 422 if problems else 200


def register(portal: Portal) -> None:
    """Add the page."""
    portal.add_pages(AskReportView)


def asked_for() -> dict[str, str]:
    """What is asked of the report; the fields of the form itself are none of it."""
    return {name: text for name, text in given().items() if name not in ("most_rows", "reason")}


# Private


def _send(here: Scope, run: ReportRun) -> int:
    """Put the request; its number."""
    kind = request.form.get("format", "")
    if kind not in KINDS:
        raise Invalid({"format": (_l("Please choose a format."),)})
    payload = {
        "asked": asked_of(run, kind),
        "most_rows": whole(request.form.get("most_rows")) or 0,
    }
    new = NewRequest(run.tells[0], payload, request.form.get("reason", ""))
    with unit_of_work(here.session):
        return service.ask(here.records, EXPORT, new)


def _form(here: Scope, run: ReportRun, problems: Problems) -> FormContext:
    language = here.language
    title, label = say(_l("Ask for an export"), language), run.report.label.text(language)
    url = f"{ADDRESS}{run.report.name}"
    return FormContext(
        title=title,
        entity=run.tells[0],
        action=request.full_path.rstrip("?"),
        cancel_url=url,
        version="",
        tabs=(FormTab("", (FormSection(label, _fields(here, run, problems)),)),),
        problems=tuple(say(text, language) for text in problems.get("", ())),
        conflict="",
        conditions_url="",
        submit=say(_l("Send the request"), language),
        breadcrumbs=(Crumb(say(_l("Reports"), language), ADDRESS), Crumb(label, url), Crumb(title)),
    )


def _fields(here: Scope, run: ReportRun, problems: Problems) -> tuple[FormField, ...]:
    language, form, rows = here.language, request.form, rows_of(run)
    kind = request.values.get("format", "xlsx")

    def errors(name: str) -> tuple[str, ...]:
        return tuple(say(text, language) for text in problems.get(name, ()))

    asked = [FormField(f"asked{n}", label.text(language), "shown", cell=Cell("text", text))
             for n, (label, text) in enumerate(run.asked_texts())]  # fmt: skip
    return (
        *asked,
        FormField("now", say(_l("Rows there are now"), language), "shown", cell=Cell("text", number_text(rows))),
        FormField(
            "most_rows", say(_l("At most rows"), language), "number", form.get("most_rows", str(rows)),
            say(_l("If there are more by then, nothing is exported."), language),
            required=True, errors=errors("most_rows"), input_mode="numeric",
        ),
        FormField(
            "format", say(_l("File"), language), "select", required=True, errors=errors("format"),
            options=tuple(Option(one, text, one == kind) for one, text in FILES.items()),
        ),
        reason_field(here, form.get("reason", ""), problems.get("reason", ())),
    )  # fmt: skip
