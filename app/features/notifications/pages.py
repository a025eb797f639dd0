"""The bell, the inbox of notices, and how one wants to be told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from flask import flash, redirect, render_template, request
from flask_appbuilder import BaseView, expose

from app.features.notifications import service
from app.features.notifications.outward import check_address
from app.features.notifications.service import Notice, Preference
from app.kernel.errors import Invalid
from app.kernel.messages import Message, _l
from app.records.titles import load_titles
from app.storage.database import unit_of_work
from app.web.addresses import whole
from app.web.contexts import Crumb, ViewLink
from app.web.form_contexts import FormContext, FormField, FormSection, FormTab
from app.web.locale import datetime_text, say
from app.web.portal import Portal
from app.web.shell import MOST_COUNTED
from app.web.state import Scope, scope
from app.web.views import signed_in

ADDRESS, PREFERENCES = "/notices/", "/notices/preferences"
VIEWS: dict[str, Message] = {
    "open": _l("To do"),
    "unread": _l("Unread"),
    "red": _l("Urgent"),
    "snoozed": _l("Snoozed"),
    "handled": _l("Handled"),
}
EMPTY: dict[str, tuple[Message, Message]] = {
    "open": (_l("Nothing waits for you"), _l("When a date comes near or somebody needs you, it appears here.")),
    "unread": (_l("You have read everything"), _l("What is not handled yet stands under “To do”.")),
    "red": (_l("Nothing is urgent"), _l("What cannot wait for the next working day appears here.")),
    "snoozed": (_l("Nothing is snoozed"), _l("Snooze a notice to have it come back on another day.")),
    "handled": (_l("Nothing is handled yet"), _l("Mark a notice as handled, and it moves here.")),
}  # fmt: skip
SNOOZES: dict[int, Message] = {1: _l("Tomorrow"), 3: _l("In 3 days"), 7: _l("In a week")}
BACK_AT = time(8, 30)


@dataclass(frozen=True, slots=True)
class NoticeLine:
    """A notice in the inbox; ``gone`` is said instead of its text when the record is out of reach."""

    id: int
    title: str
    body: str
    kind: str
    red: bool
    unread: bool
    handled: bool
    at: str
    back_on: str
    has_record: bool
    gone: str


@dataclass(frozen=True, slots=True)
class InboxContext:
    """``notices/inbox.html``"""

    title: str
    view: str
    views: tuple[ViewLink, ...]
    lines: tuple[NoticeLine, ...]
    snoozes: tuple[tuple[int, str], ...]
    nothing: str
    advice: str
    older_url: str
    preferences_url: str
    breadcrumbs: tuple[Crumb, ...]


class NoticesView(BaseView):
    """Notices of the reader's own."""

    route_base = "/notices"
    default_view = "inbox"

    @expose("/")
    @signed_in
    def inbox(self) -> Any:
        """What waits, and what was handled."""
        here = scope()
        view = request.args.get("view", "")
        return render_template(
            "notices/inbox.html", page=_inbox(here, view if view in VIEWS else "open")
        )

    @expose("/<int:number>/open", methods=["POST"])
    @signed_in
    def open(self, number: int) -> Any:
        """Mark a notice as read and go to its record, or to the page that it leads to."""
        here = scope()
        with unit_of_work(here.session):
            found = service.notice(here.session, _account(here), number)
            if found.read_at is None:
                service.mark(here.session, _account(here), [number], read_at=_now(here))
        known = found.entity in here.schema.entities and found.record_id is not None
        return redirect(
            f"/{found.entity}/show/{found.record_id}" if known else found.path or ADDRESS
        )

    @expose("/<int:number>/<deed>", methods=["POST"])
    @signed_in
    def change(self, number: int, deed: str) -> Any:
        """Mark a notice as read, handled or not handled, or put it off."""
        here = scope()
        with unit_of_work(here.session):
            service.notice(here.session, _account(here), number)
            service.mark(here.session, _account(here), [number], **_deed(here, deed))
        view = request.form.get("view", "")
        return redirect(f"{ADDRESS}?view={view}" if view in VIEWS else ADDRESS)

    @expose("/read", methods=["POST"])
    @signed_in
    def read_all(self) -> Any:
        """Mark everything as read."""
        here = scope()
        with unit_of_work(here.session):
            count = service.mark_all_read(here.session, _account(here), _now(here))
        flash(say(_l("Marked as read: %(count)s.", count=count), here.language), "success")
        return redirect(ADDRESS)

    @expose("/preferences", methods=["GET", "POST"])
    @signed_in
    def preferences(self) -> Any:
        """How the reader wants to be told outside of the portal."""
        here = scope()
        problems: dict[str, tuple[Message, ...]] = {}
        if request.method == "POST":
            try:
                wanted = _wanted(here)
            except Invalid as invalid:
                problems = dict(invalid.problems)
            else:
                with unit_of_work(here.session):
                    service.prefer(here.session, _account(here), wanted)
                flash(say(_l("Saved."), here.language), "success")
                return redirect(PREFERENCES)
        page = _preferences(here, problems)
        return render_template("records/form.html", page=page), 422 if problems else 200


def register(portal: Portal) -> None:
    """Add the inbox, the bell and the preferences."""
    portal.add_pages(NoticesView)
    portal.add_account_link(_l("Notices"), PREFERENCES)
    portal.ring(_bell)


# Private


def _bell(here: Scope) -> tuple[str, int]:
    # The bell shows no more than that, whoever has not read a thousand of them.
    return ADDRESS, service.unread(here.session, _account(here), _now(here), MOST_COUNTED + 1)


def _account(here: Scope) -> int:
    assert here.actor.account_id is not None
    return here.actor.account_id


def _now(here: Scope) -> datetime:
    return here.state.runtime.clock.now()


def _deed(here: Scope, deed: str) -> dict[str, Any]:
    now = _now(here)
    if deed == "snooze":
        days = whole(request.form.get("days")) or 1
        local = now.astimezone(here.state.runtime.zone).date() + timedelta(days=min(days, 90))
        back = datetime.combine(local, BACK_AT, here.state.runtime.zone).astimezone(UTC)
        return {"snoozed_until": back, "read_at": None}
    if deed == "handled":
        return {"handled_at": now, "read_at": now}
    return {"handled_at": None, "snoozed_until": None} if deed == "reopen" else {"read_at": now}


def _inbox(here: Scope, view: str) -> InboxContext:
    before = whole(request.args.get("before"))
    found = service.inbox(here.session, _account(here), view, _now(here), before=before)
    shown = found[: service.PAGE]
    title = say(_l("Notices"), here.language)
    nothing, advice = EMPTY[view]
    more = len(found) > service.PAGE
    return InboxContext(
        title=title,
        view=view,
        views=tuple(
            ViewLink(say(label, here.language), f"{ADDRESS}?view={name}", name == view)
            for name, label in VIEWS.items()
        ),
        lines=tuple(_lines(here, shown)),
        snoozes=tuple((days, say(label, here.language)) for days, label in SNOOZES.items()),
        nothing=say(nothing, here.language),
        advice=say(advice, here.language),
        older_url=f"{ADDRESS}?view={view}&before={shown[-1].id}" if more else "",
        preferences_url=PREFERENCES,
        breadcrumbs=(Crumb(title),),
    )


def _lines(here: Scope, notices: list[Notice]) -> list[NoticeLine]:
    """The notices as they may be shown today: a record that went out of reach takes its text along."""
    runtime = here.state.runtime
    wanted = {
        (one.entity, one.record_id)
        for one in notices
        if one.entity in here.schema.entities and one.record_id is not None
    }
    here.records  # noqa: B018 - opening the door binds the session to the reader
    known = load_titles(here.session, runtime, wanted, here.language)  # type: ignore[arg-type]
    return [
        _line(here, one, gone=one.entity is not None and (one.entity, one.record_id) not in known)
        for one in notices
    ]


def _line(here: Scope, one: Notice, *, gone: bool) -> NoticeLine:
    language, zone = here.language, here.state.runtime.zone
    entity = here.schema.entities.get(one.entity or "")
    snoozed = one.snoozed_until if one.snoozed_until and one.snoozed_until > _now(here) else None
    return NoticeLine(
        id=one.id,
        title="" if gone else one.title.text(language),
        body="" if gone else one.body.text(language),
        kind=entity.label.text(language) if entity else "",
        red=one.red,
        unread=one.read_at is None,
        handled=one.handled_at is not None,
        at=datetime_text(one.created_at, zone),
        back_on=datetime_text(snoozed, zone) if snoozed else "",
        has_record=(entity is not None or bool(one.path)) and not gone,
        gone=say(_l("You may no longer see the record of this notice."), language) if gone else "",
    )


def _wanted(here: Scope) -> Preference:
    form = request.form
    problems: dict[str, tuple[Message, ...]] = {}
    url = form.get("robot_url", "").strip()[:500]
    if url:
        fault = check_address(url, here.state.settings)
        if fault is not None:
            problems["robot_url"] = (fault,)
    times = [_time(form.get(name, "")) for name in ("quiet_from", "quiet_to")]
    if (times[0] is None) != (times[1] is None):
        problems["quiet_to"] = (_l("Quiet hours have a beginning and an end."),)
    if problems:
        raise Invalid(problems)
    quiet = (times[0], times[1]) if times[0] is not None and times[1] is not None else None
    yes = {name: "true" in form.getlist(name) for name in ("mail", "digest")}
    return Preference(yes["mail"], url, yes["digest"], quiet)


def _time(text: str) -> time | None:
    try:
        return time.fromisoformat(text.strip()[:5]) if text.strip() else None
    except ValueError:
        return None


def _preferences(here: Scope, problems: dict[str, tuple[Message, ...]]) -> FormContext:
    kept = service.preference(here.session, _account(here))
    sent = request.method == "POST"
    quiet = [f"{one:%H:%M}" for one in kept.quiet] if kept.quiet else ["", ""]
    values = {
        "mail": "true" if kept.mail else "false",
        "robot_url": kept.robot_url,
        "digest": "true" if kept.digest else "false",
        "quiet_from": quiet[0],
        "quiet_to": quiet[1],
    }
    if sent:
        values = {
            name: (request.form.getlist(name)[-1:] and request.form.getlist(name)[-1]) or ""
            for name in values
        }

    def field(
        name: str, kind: str, label: Message, advice: Message | None = None, **more: Any
    ) -> FormField:
        errors = tuple(say(text, here.language) for text in problems.get(name, ()))
        said = say(advice, here.language) if advice else ""
        return FormField(
            name, say(label, here.language), kind, values[name], said, errors=errors, **more
        )

    fields = (
        field("mail", "yes_no", _l("Send notices by mail")),
        field("digest", "yes_no", _l("Collect them into one message a day"),
              _l("Urgent ones are always sent at once.")),
        field("robot_url", "text", _l("Address of a group robot"),
              _l("The webhook of a WeCom, DingTalk or Feishu robot. The group sees titles and links only."),
              input_type="url", maxlength=500, wide=True),
        field("quiet_from", "time", _l("Quiet from"), _l("Nothing but urgent notices goes out in these hours.")),
        field("quiet_to", "time", _l("Quiet until")),
    )  # fmt: skip
    title = say(_l("How I am told"), here.language)
    return FormContext(
        title=title,
        entity="notice",
        action=PREFERENCES,
        cancel_url=ADDRESS,
        version="",
        tabs=(FormTab("", (FormSection(title, fields),)),),
        problems=(),
        conflict="",
        conditions_url="",
        submit=say(_l("Save"), here.language),
        breadcrumbs=(Crumb(say(_l("Notices"), here.language), ADDRESS), Crumb(title)),
    )
