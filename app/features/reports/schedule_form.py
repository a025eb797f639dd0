"""A plan of a scheduled report as a form, and what was sent as a plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import time
from typing import Any

from flask import request

from app.features.reminders.people import account_names
from app.features.reports.rhythm import rhythm_label, rhythms
from app.features.reports.schedules import (
    LANGUAGES,
    MAIL,
    Plan,
    Recipients,
    ReportSchedule,
    may_name_others,
    possible_accounts,
    possible_roles,
)
from app.features.reports.service import ReportRun, open_report, reports_for
from app.features.reports.showing import PERIOD_WORDS
from app.features.reports.snapshots import FORMATS
from app.kernel.errors import Invalid
from app.kernel.messages import Message, _l
from app.language.report_definitions import PERIOD_TYPES
from app.web.contexts import Crumb
from app.web.form_contexts import FormContext, FormField, FormSection, FormTab, Option
from app.web.locale import say
from app.web.state import Scope

ADDRESS = "/reports/schedules"
MORNING, MONDAYS = time(8, 30), "week:0"
# What the period control sends when the report is to be asked as before.
AS_ASKED = "as_asked"
SELF, ROLE, ACCOUNT = "self", "role:", "account:"
FORMAT_LABELS = {"xlsx": "Excel", "csv": "CSV", "pdf": "PDF"}
LANGUAGE_LABELS = {"zh": "中文", "en": "English"}
Problems = Mapping[str, tuple[Message, ...]]


def started_plan(here: Scope, asked: Mapping[str, str]) -> Plan:
    """A new plan with what a report's page was asked; ``report`` among it names the report."""
    texts = {name: text for name, text in asked.items() if name != "report"}
    return Plan(
        report=asked.get("report", "")[:120],
        asked=texts,
        format=FORMATS[0],
        rhythm=MONDAYS,
        at=MORNING,
        recipients=Recipients(),
        mail=True,
        language=here.language,
    )


def plan_of(found: ReportSchedule) -> Plan:
    """A kept plan, to be changed."""
    return Plan(
        found.report, found.asked, found.format, found.rhythm.text, found.rhythm.at, found.recipients,
        MAIL in found.channels, found.language, found.active,
    )  # fmt: skip


def sent_plan(here: Scope, plan: Plan) -> Plan:
    """The plan with what the form says; what it leaves out stays."""
    form = request.form
    report = plan.report or form.get("report", "")[:120]
    to = [text for text in form.getlist("to") if text]
    plan = replace(
        plan,
        report=report,
        format=form.get("format", plan.format),
        rhythm=form.get("rhythm", plan.rhythm),
        at=_time(form.get("at", "")) or plan.at,
        recipients=_recipients(to) if "to" in form else plan.recipients,
        mail="true" in form.getlist("mail"),
        language=form.get("language", plan.language),
    )
    return replace(plan, asked=_with_period(here, plan, form.get("period", "")))


def form_context(
    here: Scope, plan: Plan, action: str, problems: Problems, *, version: str = ""
) -> FormContext:
    """``records/form.html`` for a plan."""
    run = None
    if plan.report:
        try:
            run = open_report(here.records, plan.report, plan.asked)
        except Invalid as invalid:
            run = open_report(here.records, plan.report, {})
            said = tuple(one for found in invalid.problems.values() for one in found)
            problems = {"": said, **problems}
    sheet = _Sheet(here, plan, run, problems)
    language = here.language
    title = say(_l("Change the schedule") if version else _l("Schedule a report"), language)
    crumbs = (
        Crumb(say(_l("Reports"), language), "/reports/"),
        Crumb(say(_l("Scheduled reports"), language), ADDRESS),
        Crumb(run.report.label.text(language) if run else title),
    )
    sections = tuple(
        FormSection(say(label, language), tuple(fields))
        for label, fields in (
            (_l("What"), sheet.what()), (_l("When"), sheet.when()), (_l("For whom"), sheet.whom()),
        )
    )  # fmt: skip
    whole = tuple(say(one, language) for one in problems.get("", ()))
    return FormContext(
        title=title, entity="report_schedule", action=action, cancel_url=ADDRESS, version=version,
        tabs=(FormTab("", sections),), problems=whole, conflict="", conditions_url="",
        submit=say(_l("Save"), language), breadcrumbs=crumbs,
    )  # fmt: skip


# Private


@dataclass(frozen=True)
class _Sheet:
    """The controls of a plan; without a ``run``, the report is yet to be chosen."""

    here: Scope
    plan: Plan
    run: ReportRun | None
    problems: Problems

    def what(self) -> Iterator[FormField]:
        """The report and what it is asked."""
        language = self.here.language
        if self.run is None:
            options = tuple(Option(one.name, one.label.text(language))
                            for one in reports_for(self.here.records))  # fmt: skip
            yield self._field("report", "select", _l("Report"), required=True, options=options)
        else:
            name = self.run.report.label.text(language)
            yield self._field("report", "shown", _l("Report"), name)
        yield from self._asked()
        formats = tuple(Option(name, FORMAT_LABELS[name], name == self.plan.format)
                        for name in FORMATS
                        if self.run is None or self.run.may_take(name) is None)  # fmt: skip
        yield self._field("format", "select", _l("File"), options=formats)
        languages = tuple(Option(name, LANGUAGE_LABELS[name], name == self.plan.language)
                          for name in LANGUAGES)  # fmt: skip
        yield self._field("language", "select", _l("Language"), options=languages)

    def when(self) -> Iterator[FormField]:
        """The rhythm and the time."""
        language, at = self.here.language, self.plan.at
        options = tuple(Option(one.text, say(rhythm_label(one), language), one.text == self.plan.rhythm)
                        for one in rhythms(at))  # fmt: skip
        yield self._field("rhythm", "select", _l("How often"), required=True, options=options)
        advice = _l("In the time of the portal; the file comes within a few minutes.")
        yield self._field("at", "time", _l("At"), f"{at:%H:%M}", required=True, advice=advice)

    def whom(self) -> Iterator[FormField]:
        """Recipients and ways."""
        if may_name_others(self.here.actor):
            advice = _l(
                "Everybody gets what their own rights show; whoever may not run the report gets nothing."
            )
            yield self._field("to", "multiselect", _l("Recipients"), required=True, wide=True,
                              options=tuple(self._recipients()), advice=advice)  # fmt: skip
        advice = _l(
            "The notice in the portal always comes. A file of up to 5 MB is attached to the mail."
        )
        mail = "true" if self.plan.mail else "false"
        yield self._field("mail", "yes_no", _l("Also by mail"), mail, advice=advice)

    # Private

    def _asked(self) -> Iterator[FormField]:
        language, period = self.here.language, self.run.report.period if self.run else None
        if self.run is not None:
            known = self.run.report.parameters
            colon = "：" if language == "zh" else ": "
            kinds = {known[name].label: known[name].type for name in known}
            said = [f"{label.text(language)}{colon}{text}" for label, text in self.run.asked_texts()
                    if kinds[label] not in PERIOD_TYPES]  # fmt: skip
            if said:
                text = ("；" if language == "zh" else "; ").join(said)
                yield self._field("asked", "shown", _l("Filters"), text, wide=len(text) > 40)
        if self.run is None or period is not None:
            advice = _l(
                "A named period moves along: last month is always the month before the file is made."
            )
            yield self._field("period", "select", period.label if period else _l("Period"),
                              options=tuple(self._periods()), advice=advice)  # fmt: skip

    def _periods(self) -> Iterator[Option]:
        language, picked, fixed = self.here.language, "", ""
        if self.run is not None and self.run.report.period is not None:
            period = self.run.report.period
            days = self.run.asked.values[period.name]
            texts = self.run.asked.texts
            ends = any(texts.get(f"{period.name}.{end}") for end in ("from", "to"))
            picked = "" if ends else texts.get(period.name, "") or period.default or "this_month"
            fixed = f"{days[0]} – {days[1]}" if picked not in PERIOD_WORDS else ""
        if fixed:
            yield Option(AS_ASKED, fixed, selected=True)
        elif self.run is None:
            yield Option(AS_ASKED, say(_l("As the report begins"), language), selected=True)
        for word, label in PERIOD_WORDS.items():
            yield Option(word, say(label, language), not fixed and word == picked)

    def _recipients(self) -> Iterator[Option]:
        here, to = self.here, self.plan.recipients
        yield Option(SELF, say(_l("Myself"), here.language), to.own)
        if self.run is None:
            roles, accounts = list(here.schema.roles), list(to.accounts)
        else:
            roles = possible_roles(here.records, self.run)
            accounts = possible_accounts(here.records, self.run)
        for name in roles:
            label = _l("Everybody who is %(role)s", role=here.schema.roles[name].label)
            yield Option(f"{ROLE}{name}", say(label, here.language), name in to.roles)
        names = account_names(here.session, {*accounts, *to.accounts})
        for number, name in sorted(names.items(), key=lambda pair: pair[1]):
            if number != here.actor.account_id:
                yield Option(f"{ACCOUNT}{number}", name, number in to.accounts)

    def _field(
        self, name: str, kind: str, label: Any, value: str = "", *, advice: Message | None = None,
        **more: Any,
    ) -> FormField:  # fmt: skip
        language = self.here.language
        errors = tuple(say(text, language) for text in self.problems.get(name, ()))
        said = say(advice, language) if advice else ""
        return FormField(name, say(label, language), kind, value, said, errors=errors, **more)


def _with_period(here: Scope, plan: Plan, word: str) -> Mapping[str, str]:
    """What is asked with another period; a word that is no period is left to the report to refuse."""
    if word in ("", AS_ASKED) or not plan.report:
        return plan.asked
    period = open_report(here.records, plan.report, {}).report.period
    if period is None:
        return plan.asked
    ends = {f"{period.name}.{end}" for end in ("from", "to")}
    kept = {name: text for name, text in plan.asked.items() if name not in ends}
    return {**kept, period.name: word}


def _recipients(texts: list[str]) -> Recipients:
    numbers = [text.removeprefix(ACCOUNT) for text in texts if text.startswith(ACCOUNT)]
    return Recipients(
        own=SELF in texts,
        roles=tuple(text.removeprefix(ROLE) for text in texts if text.startswith(ROLE)),
        accounts=tuple(int(one) for one in numbers if one.isascii() and one.isdigit() and len(one) < 10),
    )  # fmt: skip


def _time(text: str) -> time | None:
    try:
        return time.fromisoformat(text).replace(second=0, microsecond=0, tzinfo=None)
    except ValueError:
        return None
