"""The pages of reminders, for those who steer them: what there is, what will be told, and changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, render_template, request
from flask_appbuilder import BaseView, expose

from app.access.session_scope import bind
from app.features.reminders import changes, service
from app.features.reminders.changes import Desk, Wish
from app.features.reminders.people import (
    account_names,
    lead_label,
    possible_recipients,
    recipient_label,
)
from app.features.reminders.service import Hint
from app.kernel.errors import Invalid, NotFound
from app.kernel.messages import Label, Message, _l
from app.language.reminder_definitions import CHANNELS, Reminder, parse_lead
from app.records.titles import load_titles
from app.storage.database import unit_of_work
from app.web.contexts import Crumb, MenuEntry, MenuGroup, ViewLink
from app.web.form_contexts import FormContext, FormField, FormSection, FormTab, Option
from app.web.locale import datetime_text, say
from app.web.portal import Portal
from app.web.state import Scope, scope
from app.web.views import signed_in

ADDRESS, PREVIEW = "/reminders/", "/reminders/preview"
SPANS = (7, 30)
MOST_SHOWN = 300
CHANNEL_LABELS: dict[str, Message] = {
    "in_app": _l("In the portal"),
    "mail": _l("Mail"),
    "robot": _l("Group robot"),
}


@dataclass(frozen=True, slots=True)
class ReminderLine:
    """A reminder in the list."""

    name: str
    code: str
    label: str
    entity: str
    active: bool
    changed: bool
    leads: str
    to: str
    channels: str


@dataclass(frozen=True, slots=True)
class RemindersContext:
    """``reminders/list.html``"""

    title: str
    lines: tuple[ReminderLine, ...]
    preview_url: str
    breadcrumbs: tuple[Crumb, ...]


@dataclass(frozen=True, slots=True)
class PreviewLine:
    """One notice that would be sent: when, to whom, what, and why."""

    at: str
    who: str
    title: str
    url: str
    red: bool
    why: str


@dataclass(frozen=True, slots=True)
class PreviewContext:
    """``reminders/preview.html``"""

    title: str
    spans: tuple[ViewLink, ...]
    lines: tuple[PreviewLine, ...]
    total: int
    left_out: int
    list_url: str
    breadcrumbs: tuple[Crumb, ...]


class RemindersView(BaseView):
    """Reminders, for those who steer them."""

    route_base = "/reminders"
    default_view = "list"

    @expose("/")
    @signed_in
    def list(self) -> Any:
        """All reminders."""
        here = _steered()
        title = say(_l("Reminders"), here.language)
        known = here.schema.reminders
        found = changes.current(here.session, here.state.runtime)
        lines = tuple(_line(here, item, changed=item is not known[item.name]) for item in found)
        page = RemindersContext(title, lines, PREVIEW, (Crumb(title),))
        return render_template("reminders/list.html", page=page)

    @expose("/preview")
    @signed_in
    def preview(self) -> Any:
        """What will be told in the next days if nothing changes."""
        here = _steered()
        asked = request.args.get("days", type=int) or SPANS[0]
        return render_template(
            "reminders/preview.html", page=_preview(here, asked if asked in SPANS else SPANS[0])
        )

    @expose("/<name>", methods=["GET", "POST"])
    @signed_in
    def edit(self, name: str) -> Any:
        """Change when, to whom and in what words a reminder is told."""
        here = _steered()
        reminder, _ = changes.find(here.session, here.state.runtime, name)
        problems: dict[str, tuple[Message, ...]] = {}
        wish = changes.wish_of(reminder)
        if request.method == "POST":
            wish = _wish()
            try:
                with unit_of_work(here.session):
                    changes.change(_desk(here), name, wish)
            except Invalid as invalid:
                problems = dict(invalid.problems)
            else:
                flash(say(_l("Saved."), here.language), "success")
                return redirect(ADDRESS)
        page = _form(here, reminder, wish, problems)
        return render_template("records/form.html", page=page), 422 if problems else 200

    @expose("/<name>/restore", methods=["POST"])
    @signed_in
    def restore(self, name: str) -> Any:
        """Let a reminder be as the schema says."""
        here = _steered()
        with unit_of_work(here.session):
            changes.restore(_desk(here), name)
        flash(say(_l("The reminder is as the schema says again."), here.language), "success")
        return redirect(ADDRESS)


def register(portal: Portal) -> None:
    """Add the pages and the menu entry."""
    portal.add_pages(RemindersView)
    portal.add_menu(_menu)


# Private


def _menu(here: Scope, path: str) -> MenuGroup | None:
    if not changes.may_steer(here.actor) or not here.schema.reminders:
        return None
    entry = MenuEntry(
        say(_l("Reminders"), here.language), ADDRESS, "bell-ringing", path.startswith(ADDRESS)
    )
    return MenuGroup(say(_l("Administration"), here.language), "settings", (entry,), entry.active)


def _steered() -> Scope:
    here = scope()
    if not changes.may_steer(here.actor):
        raise NotFound
    return here


def _desk(here: Scope) -> Desk:
    now = here.state.runtime.clock.now()
    return Desk(here.session, here.state.runtime, here.actor, now, request.remote_addr)


def _joined(here: Scope, parts: Sequence[Message]) -> str:
    return ("、" if here.language == "zh" else ", ").join(
        say(part, here.language) for part in parts
    )


def _line(here: Scope, reminder: Reminder, *, changed: bool) -> ReminderLine:
    entity = here.schema.entities[reminder.entity]
    return ReminderLine(
        name=reminder.name,
        code=reminder.code,
        label=reminder.label.text(here.language),
        entity=entity.label.text(here.language),
        active=reminder.active,
        changed=changed,
        leads=_joined(here, [lead_label(lead) for lead in reminder.leads]),
        to=_joined(here, [recipient_label(here.schema, entity, one) for one in reminder.to]),
        channels=_joined(here, [CHANNEL_LABELS[name] for name in reminder.channels]),
    )


def _preview(here: Scope, days: int) -> PreviewContext:
    found = _hints(here, days)
    shown = found[:MOST_SHOWN]
    title = say(_l("What will be told"), here.language)
    return PreviewContext(
        title=title,
        spans=tuple(
            ViewLink(
                say(_l("%(count)s days", count=span), here.language),
                f"{PREVIEW}?days={span}",
                span == days,
            )
            for span in SPANS
        ),
        lines=tuple(_preview_lines(here, shown)),
        total=len(found),
        left_out=len(found) - len(shown),
        list_url=ADDRESS,
        breadcrumbs=(Crumb(say(_l("Reminders"), here.language), ADDRESS), Crumb(title)),
    )


def _hints(here: Scope, days: int) -> list[Hint]:
    """The preview is the portal's own look; afterwards the session is the reader's again."""
    assert here.known is not None
    try:
        now = here.state.runtime.clock.now()
        return list(service.preview(here.session, here.state.runtime, now, days))
    finally:
        bind(here.session, here.known.options)


def _preview_lines(here: Scope, hints: Sequence[Hint]) -> list[PreviewLine]:
    """Each notice, with its text only where the reader may see the record himself."""
    wanted = {(hint.told.reminder.entity, hint.told.record_id) for hint in hints}
    visible = load_titles(here.session, here.state.runtime, wanted, here.language)
    names = account_names(here.session, (hint.told.account_id for hint in hints))
    hidden = say(_l("A record that you may not see"), here.language)
    lines = []
    for hint in hints:
        told = hint.told
        key = told.reminder.entity, told.record_id
        lead = parse_lead(told.lead)
        lines.append(
            PreviewLine(
                at=datetime_text(hint.at, here.state.runtime.zone),
                who=names.get(told.account_id, str(told.account_id)),
                title=told.title.text(here.language) if key in visible else hidden,
                url=f"/{key[0]}/show/{key[1]}" if key in visible else "",
                red=told.red,
                why=f"{told.reminder.code} {told.reminder.label.text(here.language)} · "
                + (say(lead_label(lead), here.language) if lead else told.lead),
            )
        )
    return lines


def _wish() -> Wish:
    form = request.form

    def lines(name: str) -> tuple[str, ...]:
        return tuple(line.strip() for line in form.get(name, "").splitlines() if line.strip())[:40]

    def label(name: str, longest: int) -> Label:
        return Label(
            *(form.get(f"{name}_{language}", "").strip()[:longest] for language in ("zh", "en"))
        )

    return Wish(
        active="true" in form.getlist("active"),
        leads=lines("leads"),
        to=tuple(text for text in form.getlist("to") if text)[:40],
        channels=tuple(name for name in CHANNELS if name in {"in_app", *form.getlist("channels")}),
        title=label("title", 200),
        body=label("body", 1500),
    )


def _form(
    here: Scope, reminder: Reminder, wish: Wish, problems: dict[str, tuple[Message, ...]]
) -> FormContext:
    language = here.language
    entity = here.schema.entities[reminder.entity]
    title = f"{reminder.code} {reminder.label.text(language)}"

    def field(name: str, kind: str, label: Message, value: str = "", **more: Any) -> FormField:
        errors = tuple(say(text, language) for text in problems.get(name, ()))
        return FormField(name, say(label, language), kind, value, errors=errors, **more)

    to = tuple(
        Option(
            one.text, say(recipient_label(here.schema, entity, one), language), one.text in wish.to
        )
        for one in possible_recipients(here.schema, reminder)
    )
    outside = tuple(
        Option(name, say(label, language), name in wish.channels)
        for name, label in CHANNEL_LABELS.items() if name != "in_app"
    )  # fmt: skip
    advice = _l("One on each line: -15 (days before), 0, 3w (working days after), -2h (hours before);"
                " with a condition: 3w if grade = 'a'")  # fmt: skip
    names = ", ".join(f"{{{name}}}" for name in ("record", "when", "due", *entity.fields))
    when = FormSection(say(_l("When and to whom"), language), (
        field("active", "yes_no", _l("In use"), "true" if wish.active else "false"),
        field("leads", "textarea", _l("Leads"), "\n".join(wish.leads), required=True, help=say(advice, language)),
        field("to", "multiselect", _l("Recipients"), options=to, required=True, wide=True),
        field("channels", "multiselect", _l("Also told by"), options=outside,
              help=say(_l("The portal itself always shows a notice."), language)),
    ))  # fmt: skip
    words = FormSection(say(_l("Words"), language), (
        field("title_zh", "text", _l("Title in Chinese"), wish.title.zh, required=True, wide=True, maxlength=200),
        field("title_en", "text", _l("Title in English"), wish.title.en, required=True, wide=True, maxlength=200),
        field("body_zh", "textarea", _l("Text in Chinese"), wish.body.zh, wide=True),
        field("body_en", "textarea", _l("Text in English"), wish.body.en, wide=True,
              help=say(_l("May name: %(names)s", names=names), language)),
    ))  # fmt: skip
    crumbs = (Crumb(say(_l("Reminders"), language), ADDRESS), Crumb(title))
    return FormContext(
        title=title, entity="reminder", action=f"{ADDRESS}{reminder.name}", cancel_url=ADDRESS, version="",
        tabs=(FormTab("", (when, words)),), problems=(), conflict="", conditions_url="",
        submit=say(_l("Save"), language), breadcrumbs=crumbs,
    )  # fmt: skip
