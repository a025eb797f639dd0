"""The page of audit reports: asking for the report of a period, and taking it along."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import flash, redirect, render_template, request, send_file
from flask_appbuilder import BaseView, expose
from sqlalchemy import select

from app.audit.actions import AuditAction
from app.audit.chain import Entry, append
from app.features.trail import service
from app.features.trail.reporting import REPORT, TITLE, Kept, content_of, kept
from app.kernel.errors import NotFound, Refused
from app.kernel.messages import Message, _l
from app.storage.database import unit_of_work
from app.storage.task_tables import TASK
from app.tasks.outbox import OPEN, NewTask, enqueue
from app.web.contexts import Crumb
from app.web.locale import number_text, say
from app.web.portal import Portal
from app.web.state import Scope, scope
from app.web.step_up import require_step_up
from app.web.views import signed_in

ADDRESS = "/trail/reports/"
MONTHS_OF_QUARTER = 3


@dataclass(frozen=True, slots=True)
class Offered:
    """A usual period, to be asked for with one click."""

    label: str
    since: str
    until: str


@dataclass(frozen=True, slots=True)
class KeptLine:
    """A report that can be taken along."""

    days: str
    size: str
    name: str


@dataclass(frozen=True, slots=True)
class ReportsContext:
    """``trail/reports.html``; ``file_url`` is where a report is fetched."""

    title: str
    offered: tuple[Offered, ...]
    lines: tuple[KeptLine, ...]
    waiting: int
    since: str
    until: str
    file_url: str
    problem: str
    breadcrumbs: tuple[Crumb, ...]


class AuditReportsView(BaseView):
    """Signed reports of what was done in a period, for those who look after the trail."""

    route_base = "/trail/reports"
    default_view = "page"

    @expose("/")
    @signed_in
    def page(self) -> Any:
        """The reports of this home."""
        return render_template("trail/reports.html", page=_page(_allowed()))

    @expose("/", methods=["POST"])
    @signed_in
    def make(self) -> Any:
        """Have the report of a period made in the background."""
        here = _allowed()
        require_step_up(ADDRESS)
        try:
            since, until = _days(here)
        except Refused as fault:
            page = _page(here, say(fault.message, here.language))
            return render_template("trail/reports.html", page=page), fault.status
        asked = {"since": since.isoformat(), "until": until.isoformat()}
        with unit_of_work(here.session):
            new = NewTask(REPORT.name, TITLE, asked, here.actor.account_id, here.language)
            enqueue(here.session, here.state.runtime, new)
        flash(
            say(_l("The report is being made; it will be here in a moment."), here.language),
            "success",
        )
        return redirect(ADDRESS)

    @expose("/file", methods=["POST"])
    @signed_in
    def file(self) -> Any:
        """One report with all that a stranger needs; that it was taken is an entry."""
        here, name = _allowed(), request.form.get("name", "")
        require_step_up(ADDRESS)
        content = content_of(here.state.settings.home, name)
        _note(here, name)
        return send_file(
            io.BytesIO(content), "application/zip", as_attachment=True, download_name=name
        )


def register(portal: Portal) -> None:
    """Add the page; the page of the trail leads to it."""
    portal.add_pages(AuditReportsView)


# Private


def _allowed() -> Scope:
    here = scope()
    if not service.may_read(here.actor):
        raise NotFound
    return here


def _days(here: Scope) -> tuple[date, date]:
    """Raises Refused for anything but days that have been."""
    try:
        since, until = (
            date.fromisoformat(request.form.get(name, "")) for name in ("since", "until")
        )
    except ValueError as fault:
        raise Refused(_l("Choose the first and the last day.")) from fault
    if until < since or until > here.state.runtime.moment().today:
        raise Refused(
            _l("A report is of days that have been: the first, then the last, up to today.")
        )
    return since, until


def _note(here: Scope, name: str) -> None:
    runtime = here.state.runtime
    entry = Entry(
        at=runtime.clock.now(), account_id=here.actor.account_id, account_name=here.actor.username,
        action=AuditAction.EVIDENCE_TAKEN, revision=runtime.revision, address=request.remote_addr,
        facts={"report": name},
    )  # fmt: skip
    with unit_of_work(here.session):
        append(here.session, entry)


def _page(here: Scope, problem: str = "") -> ReportsContext:
    language, title = here.language, say(_l("Audit reports"), here.language)
    mine = select(TASK.c.id).where(TASK.c.kind == REPORT.name, TASK.c.state.in_(OPEN))
    above = Crumb(say(_l("Audit trail"), language), "/trail/")
    return ReportsContext(
        title=title,
        offered=tuple(_offered(here)),
        lines=tuple(_line(one) for one in kept(here.state.settings.home)),
        waiting=len(here.session.scalars(mine).all()),
        since=request.form.get("since", "")[:10],
        until=request.form.get("until", "")[:10],
        file_url=f"{ADDRESS}file",
        problem=problem,
        breadcrumbs=(above, Crumb(title)),
    )


def _line(one: Kept) -> KeptLine:
    return KeptLine(f"{one.since} – {one.until}", number_text(one.size), one.name)


def _offered(here: Scope) -> Iterator[Offered]:
    """The last month and the last quarter that are over."""
    today = here.state.runtime.moment().today
    month = today.replace(day=1)
    quarter = month.replace(month=(month.month - 1) // MONTHS_OF_QUARTER * MONTHS_OF_QUARTER + 1)
    spans: tuple[tuple[Message, date, int], ...] = (
        (_l("Last month"), month, 1), (_l("Last quarter"), quarter, MONTHS_OF_QUARTER),
    )  # fmt: skip
    for label, after, months in spans:
        first = after
        for _ in range(months):
            first = (first - timedelta(days=1)).replace(day=1)
        last = after - timedelta(days=1)
        yield Offered(say(label, here.language), first.isoformat(), last.isoformat())
