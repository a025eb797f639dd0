"""The pages of reports: the list of them, one with its filters and chart, the rows behind a figure, files."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlencode

from flask import redirect, render_template, request, send_file
from flask_appbuilder import BaseView, expose

from app.features.exports import grants
from app.features.exports.form import begin
from app.features.exports.trail import blocked
from app.features.reports import contexts
from app.features.reports.drill import behind
from app.features.reports.files import KINDS, file_name, note, write_report
from app.features.reports.formats import MEDIA, Setting
from app.features.reports.looking import look_at_titles
from app.features.reports.passages import asked_of
from app.features.reports.rights import may_ask
from app.features.reports.saved import find_report, is_own
from app.features.reports.service import ReportRun, open_report
from app.features.reports.shelves import may_build, others, shelves
from app.features.reports.showing import Shown, controls, periods
from app.kernel.errors import Forbidden, Invalid, NotFound
from app.kernel.messages import Message, _l
from app.language.report_shapes import parameter_target
from app.storage.database import unit_of_work
from app.web.contexts import Column, Crumb, MenuEntry, MenuGroup, Option, Paging, Row
from app.web.list_page import ALIGNED, shower_for
from app.web.locale import number_text, say
from app.web.lookups import Found, found_rows, look_up_records
from app.web.portal import Portal
from app.web.shell import shows
from app.web.state import Scope, scope
from app.web.step_up import require_step_up
from app.web.views import signed_in

ADDRESS = "/reports/"
# Pages below the address that have menu entries of their own.
APART = ("/reports/schedules", "/reports/snapshots")
PAGE, MOST_SHOWN = 50, 300
FARTHEST_PAGE = 10**6
OWN_WORDS = ("page", "column", "key", "csrf_token", "format", "_l_")
FILES = {"xlsx": "Excel", "csv": "CSV", "pdf": "PDF"}


class ReportsView(BaseView):
    """Reports."""

    route_base = "/reports"
    default_view = "all"

    @expose("/")
    @signed_in
    def all(self) -> Any:
        """The reports that the reader may run, by module."""
        here = scope()
        title = say(_l("Reports"), here.language)
        new = f"{ADDRESS}new" if may_build(here) else ""
        page = contexts.ReportsContext(
            title, tuple(shelves(here)), (Crumb(title),), new, tuple(others(here))
        )
        return render_template("reports/list.html", page=page)

    @expose("/<name>")
    @signed_in
    def one(self, name: str) -> Any:
        """A report with what was asked."""
        here = scope()
        problems: tuple[str, ...] = ()
        try:
            run = open_report(here.records, name, given())
        except Invalid as fault:
            run = open_report(here.records, name, {})
            problems = tuple(
                say(text, here.language) for found in fault.problems.values() for text in found
            )
        return render_template("reports/report.html", page=_page(here, run, problems))

    @expose("/<name>/rows")
    @signed_in
    def rows(self, name: str) -> Any:
        """The rows behind one figure."""
        here = scope()
        run = open_report(here.records, name, given())
        return render_template("reports/behind.html", page=_behind(here, run))

    @expose("/<name>/lookup/<parameter>")
    @signed_in
    def lookup(self, name: str, parameter: str) -> Any:
        """Records that a parameter may choose."""
        here = scope()
        found = find_report(here.records, name).parameters.get(parameter)
        if found is None:
            raise NotFound
        target = parameter_target(found, here.schema.portal.tree or "")
        typed = request.args.get("q", "")[:100]
        return found_rows(here, look_up_records(here, target, typed) if target else Found([]))

    @expose("/<name>/file", methods=["POST"])
    @signed_in
    def file(self, name: str) -> Any:
        """Figures as a file; what tells of records is made by a grant and handed out once."""
        here, kind = scope(), request.form.get("format", "")
        if kind not in KINDS:
            raise NotFound
        run = open_report(here.records, name, given())
        if run.tells:
            return redirect(_by_grant(here, run, kind))
        require_step_up(f"{ADDRESS}{name}")
        zone, now = here.state.runtime.zone, here.state.runtime.clock.now()
        setting = Setting(here.language, zone, partial(say, language=here.language), now)
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder) / f"report.{kind}"
            with unit_of_work(here.session):
                result = write_report(run, kind, place, setting, None)
                note(run, kind, result.count, request.remote_addr)
            # Opened before the folder goes: the open file lives on until it is sent.
            stream = place.open("rb")
        return send_file(
            stream, MEDIA[kind], as_attachment=True, download_name=file_name(run, kind)
        )


def register(portal: Portal) -> None:
    """Add the pages and the menu entry."""
    portal.add_pages(ReportsView)
    portal.add_menu(_menu)


def given() -> dict[str, str]:
    """What a request asks of a report."""
    return {
        name: value for name, value in request.values.items() if name not in OWN_WORDS and value
    }


def refuse_taking(here: Scope, run: ReportRun, why: Message) -> NoReturn:
    """Write down that somebody tried to take a report away, and refuse it."""
    with unit_of_work(here.session):
        blocked(here.records, run.tells[0], f"report {run.report.name}")
    raise Forbidden(why)


# Private


def _menu(here: Scope, path: str) -> MenuGroup | None:
    if not here.actor.grants:
        return None
    active = path.startswith(ADDRESS) and not path.startswith(APART)
    label = say(_l("Reports"), here.language)
    return MenuGroup(label, "chart-bar", (MenuEntry(label, ADDRESS, "chart-bar", active),), active)


def _page(here: Scope, run: ReportRun, problems: tuple[str, ...]) -> contexts.ReportContext:
    language, number = here.language, _number()
    result = (
        run.result(offset=(number - 1) * PAGE, limit=PAGE) if run.report.is_list else run.result()
    )
    # Lines that tell of records are looked at page by page, so that nobody uses his budget up unasked.
    paged = run.report.is_list or bool(run.tells)
    first = 0 if run.report.is_list or not paged else (number - 1) * PAGE
    shown = Shown(here, run, result, PAGE if paged else MOST_SHOWN, first)
    count = len(list(result.lines)) if paged and not result.streamed else result.count or 0
    cut = _l("The first %(shown)s of %(count)s lines; a file holds all of them.",
             shown=number_text(MOST_SHOWN), count=number_text(count))  # fmt: skip
    files = tuple(Option(kind, text) for kind, text in FILES.items() if run.may_take(kind) is None)
    return contexts.ReportContext(
        title=run.report.label.text(language),
        code=run.report.code,
        help=run.report.help.text(language)
        if run.report.help and run.report.help != run.report.label
        else "",
        url=shown.url,
        controls=controls(here, run),
        periods=tuple(periods(language, run)),
        headings=shown.headings(),
        lines=shown.lines(),
        total=shown.total(),
        count=number_text(count),
        cut=say(cut, language) if not paged and count > MOST_SHOWN else "",
        notes=tuple(say(note, language) for note in result.notes),
        problems=problems,
        chart=shown.chart(),
        files=files,
        file_url=f"{shown.url}/file",
        keep_url=f"{shown.url}/keep" if files else "",
        schedule_url=f"/reports/schedules/new?{urlencode([('report', run.report.name), *run.asked.texts.items()])}"
        if files
        else "",
        ask_url=f"{shown.url}/ask?{_query(run)}"
        if not files and may_ask(here.access, run.tells)
        else "",
        copy_url=f"{ADDRESS}new?from={run.report.name}" if len(run.report.parts) == 1 else "",
        edit_url=f"{shown.url}/edit" if is_own(here.records, run.report) else "",
        hidden=tuple(run.asked.texts.items()),
        paging=_paging(shown.url, number, len(shown.seen), count) if paged else None,
        definitions=tuple((h.label, h.definition) for h in shown.headings() if h.definition),
        breadcrumbs=(
            Crumb(say(_l("Reports"), language), ADDRESS),
            Crumb(run.report.label.text(language)),
        ),
        clear_url=shown.url,
    )


def _number() -> int:
    return min(max(1, request.args.get("page", 1, type=int)), FARTHEST_PAGE)


def _paging(url: str, number: int, shown: int, count: int) -> Paging:
    first = (number - 1) * PAGE + 1 if shown else 0
    last = first + shown - 1 if shown else 0

    def at(page: int) -> str:
        kept = [(name, value) for name, value in request.args.items(multi=True) if name != "page"]
        return f"{url}?{urlencode([*kept, ('page', page)])}"

    return Paging(
        first=first,
        last=last,
        total=number_text(count),
        page=number,
        previous_url=at(number - 1) if number > 1 else "",
        next_url=at(number + 1) if last < count else "",
    )


def _behind(here: Scope, run: ReportRun) -> contexts.BehindContext:
    language, number = here.language, _number()
    name, keys = request.args.get("column", ""), request.args.getlist("key")
    found = behind(run, name, keys, offset=(number - 1) * PAGE, limit=PAGE)
    column = run.columns()[name]
    entity = here.schema.entities[found.entity]
    access = here.access.entity(found.entity)
    look_at_titles(here.records, found.page.titles)
    named = {one for one, _ in found.page.titles}
    shows(found.entity, *(one for one in named if here.schema.entities[one].viewing is not None))
    names = tuple(n for n in found.columns if access.visibility(n) > 0)
    shower = shower_for(here, found.page.titles)
    shown = Shown(here, run, run.empty())
    label = column.label.text(language)
    figure = shown.cell(column, found.total).text
    fields = [entity.field(n) for n in names]
    rows = tuple(
        Row(
            row.id,
            f"/{found.entity}/show/{row.id}",
            tuple(shower.cell(entity, row, n) for n in names),
        )
        for row in found.page.rows
    )
    title = run.report.label.text(language)
    return contexts.BehindContext(
        title=f"{label}: {figure}",
        figure=figure,
        definition=column.definition.text(language) if column.definition else "",
        asked=tuple(f"{text.text(language)}: {value}" for text, value in run.asked_texts()),
        columns=tuple(
            Column(f.name, f.label.text(language), align="end" if f.type in ALIGNED else "start")
            for f in fields
            if f is not None
        ),
        rows=rows,
        paging=_paging(f"{shown.url}/rows", number, len(rows), found.page.total or 0),
        breadcrumbs=(
            Crumb(say(_l("Reports"), language), ADDRESS),
            Crumb(title, f"{shown.url}?{_query(run)}"),
            Crumb(label),
        ),
    )


def _query(run: ReportRun) -> str:
    return urlencode(list(run.asked.texts.items()))


def _by_grant(here: Scope, run: ReportRun, kind: str) -> str:
    """Give the grant and begin to make its file, or lead to where it is asked for; the address to go on at."""
    refused = run.may_take(kind)
    if refused is not None and not may_ask(here.access, run.tells):
        refuse_taking(here, run, refused)
    if refused is not None:
        asked = urlencode([*run.asked.texts.items(), ("format", kind)])
        return f"{ADDRESS}{run.report.name}/ask?{asked}"
    now, account = here.state.runtime.clock.now(), here.actor.account_id
    assert account is not None
    with unit_of_work(here.session):
        number = grants.give(here.session, asked_of(run, kind), account, rows_of(run), now)
        begin(here, grants.grant(here.session, number, account))
    return f"/exports/{number}"


def rows_of(run: ReportRun) -> int:
    """How many lines there are now."""
    count = run.count()
    return len(list(run.result().lines)) if count is None else count
