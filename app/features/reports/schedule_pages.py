"""The pages of scheduled reports: the list of plans, and one as a form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from flask import flash, redirect, render_template, request
from flask_appbuilder import BaseView, expose

from app.features.reminders.people import account_names
from app.features.reminders.planning import workdays
from app.features.reports import schedules
from app.features.reports.author import Author
from app.features.reports.pages import given
from app.features.reports.rhythm import next_slot, rhythm_label
from app.features.reports.schedule_contexts import ScheduleLine, SchedulesContext, TurnLine
from app.features.reports.schedule_form import form_context, plan_of, sent_plan, started_plan
from app.features.reports.schedules import MAIL, ReportSchedule
from app.features.reports.showing import PERIOD_WORDS
from app.kernel.errors import Conflict, Invalid, NotFound
from app.kernel.messages import Message, _l
from app.storage.database import unit_of_work
from app.web.contexts import Crumb, MenuEntry, MenuGroup
from app.web.locale import datetime_text, say
from app.web.portal import Portal
from app.web.state import Scope, scope
from app.web.views import signed_in

ADDRESS = "/reports/schedules"
STATES: dict[str, tuple[Message, str]] = {
    "waiting": (_l("Being made"), "primary"),
    "made": (_l("Made"), "success"),
    "withheld": (_l("Withheld"), "warning"),
    "failed": (_l("Failed"), "danger"),
}
MOST_SHOWN = 20


class SchedulesView(BaseView):
    """Scheduled reports."""

    route_base = "/reports"
    default_view = "list"

    @expose("/schedules")
    @signed_in
    def list(self) -> Any:
        """The reader's own plans; an administrator sees everybody's."""
        return render_template("reports/schedules.html", page=_page(scope()))

    @expose("/schedules/new", methods=["GET", "POST"])
    @signed_in
    def new(self) -> Any:
        """A new plan, with what a report's page was asked."""
        here = scope()
        asked = {name: text for name, text in request.args.items() if name in given()}
        plan, problems = started_plan(here, asked), dict[str, tuple[Message, ...]]()
        if request.method == "POST":
            plan = sent_plan(here, plan)
            try:
                with unit_of_work(here.session):
                    schedules.add(_planner(here), plan)
            except Invalid as invalid:
                problems = dict(invalid.problems)
            else:
                flash(say(_l("The report is scheduled."), here.language), "success")
                return redirect(ADDRESS)
        query = f"?{urlencode(asked)}" if asked else ""
        page = form_context(here, plan, f"{ADDRESS}/new{query}", problems)
        return render_template("records/form.html", page=page), 422 if problems else 200

    @expose("/schedules/<int:number>", methods=["GET", "POST"])
    @signed_in
    def edit(self, number: int) -> Any:
        """Change a plan of one's own."""
        here = scope()
        found = schedules.find(_planner(here), number)
        if found.owner_id != here.actor.account_id:
            raise NotFound
        problems: dict[str, tuple[Message, ...]] = {}
        plan, version = plan_of(found), str(found.version)
        if request.method == "POST":
            plan, version = sent_plan(here, plan), request.form.get("version", "")
            try:
                with unit_of_work(here.session):
                    schedules.change(_planner(here), number, plan, int(version or 0))
            except Invalid as invalid:
                problems = dict(invalid.problems)
            except Conflict as conflict:
                problems, version = {"": (conflict.message,)}, str(found.version)
            else:
                flash(say(_l("Saved."), here.language), "success")
                return redirect(ADDRESS)
        page = form_context(here, plan, f"{ADDRESS}/{number}", problems, version=version)
        return render_template("records/form.html", page=page), 422 if problems else 200

    @expose("/schedules/<int:number>/<deed>", methods=["POST"])
    @signed_in
    def steer(self, number: int, deed: str) -> Any:
        """Pause a plan, let it go on, or delete it."""
        here = scope()
        if deed not in ("pause", "resume", "delete"):
            raise NotFound
        with unit_of_work(here.session):
            if deed == "delete":
                schedules.remove(_planner(here), number)
                said = _l("The schedule was deleted; the snapshots that it made stay.")
            else:
                schedules.let_run(_planner(here), number, active=deed == "resume")
                said = _l("Saved.")
        flash(say(said, here.language), "success")
        return redirect(ADDRESS)


def register(portal: Portal) -> None:
    """Add the pages and the menu entry."""
    portal.add_pages(SchedulesView)
    portal.add_menu(_menu)


# Private


def _menu(here: Scope, path: str) -> MenuGroup | None:
    if not here.actor.grants:
        return None
    active = path.startswith(ADDRESS)
    entry = MenuEntry(say(_l("Scheduled reports"), here.language), ADDRESS, "calendar-time", active)
    return MenuGroup(say(_l("Reports"), here.language), "chart-bar", (entry,), active)


def _planner(here: Scope) -> Author:
    return Author(here.records, request.remote_addr)


def _page(here: Scope) -> SchedulesContext:
    every = schedules.sees_all(here.actor)
    found = schedules.schedules(here.session, None if every else here.actor.account_id)
    turns = schedules.last_turns(here.session, [one.id for one in found])
    wanted = {one.owner_id for one in found} | {
        turn.account_id for some in turns.values() for turn in some
    }
    wanted |= {account for one in found for account in one.recipients.accounts}
    names = account_names(here.session, wanted)
    worked = workdays(here.session, here.state.runtime).worked
    now, zone = here.state.runtime.clock.now(), here.state.runtime.zone
    lines = []
    for one in found:
        slot = next_slot(one.rhythm, now, zone, worked) if one.active else None
        lines.append(_line(here, one, names, turns.get(one.id, ()), slot))
    title = say(_l("Scheduled reports"), here.language)
    crumbs = (Crumb(say(_l("Reports"), here.language), "/reports/"), Crumb(title))
    return SchedulesContext(title, tuple(lines), f"{ADDRESS}/new", every, crumbs)


def _line(
    here: Scope,
    one: ReportSchedule,
    names: dict[int, str],
    turns: Sequence[Any],
    slot: datetime | None,
) -> ScheduleLine:
    language, zone = here.language, here.state.runtime.zone
    own, base = one.owner_id == here.actor.account_id, f"{ADDRESS}/{one.id}"
    roles = here.schema.roles
    to = [say(_l("Myself"), language) if own else names.get(one.owner_id, "")] * one.recipients.own
    to += [roles[name].label.text(language) for name in one.recipients.roles if name in roles]
    to += [names.get(number, str(number)) for number in one.recipients.accounts]
    channels = [say(_l("Inbox"), language)]
    channels += [say(_l("Mail"), language)] if MAIL in one.channels else []
    comma = "、" if language == "zh" else ", "
    told = [_turn(here, turn, names) for turn in turns]
    counts = Counter((turn.state, turn.tone) for turn in told)
    return ScheduleLine(
        id=one.id,
        title=one.label.text(language),
        asked=_asked(language, one),
        owner="" if own else names.get(one.owner_id, str(one.owner_id)),
        when=f"{say(rhythm_label(one.rhythm), language)} {one.rhythm.at:%H:%M}",
        next=datetime_text(slot, zone) if slot else "",
        to=comma.join(to),
        channels=comma.join(channels),
        format="Excel" if one.format == "xlsx" else one.format.upper(),
        active=one.active,
        last=datetime_text(turns[0].slot, zone) if turns else "",
        outcomes=tuple((f"{state} {count}", tone) for (state, tone), count in counts.items()),
        turns=tuple(told[:MOST_SHOWN]),
        left_out=max(0, len(turns) - MOST_SHOWN),
        edit_url=base if own else "",
        steer_url=f"{base}/{'pause' if one.active else 'resume'}",
        delete_url=f"{base}/delete",
    )


def _asked(language: str, one: ReportSchedule) -> str:
    colon, comma = ("：", "；") if language == "zh" else (": ", "; ")
    said = (
        (label.text(language), say(PERIOD_WORDS[text], language) if text in PERIOD_WORDS else text)
        for label, text in one.said
    )
    return comma.join(f"{label}{colon}{text}" for label, text in said)


def _turn(here: Scope, turn: Any, names: dict[int, str]) -> TurnLine:
    """How it went for a recipient; a task that was refused or gave up ends his turn too."""
    state, problem = turn.state, turn.problem
    if state == "waiting" and turn.task_state in ("failed", "refused", "cancelled"):
        state, problem = "failed", turn.task_problem
    label, tone = STATES[state]
    why = say(Message(problem["text"], problem["values"]), here.language) if problem else ""
    who = names.get(turn.account_id, str(turn.account_id))
    return TurnLine(who, say(label, here.language), tone, why)
