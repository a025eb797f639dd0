"""Shows requests: as lines, as a page, on the home page and on the pages of records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.features.reminders.people import account_names
from app.features.requests import reading, rules, service
from app.features.requests.contexts import Fact, RequestContext, RequestLine
from app.features.requests.kinds import Kind, Kinds, Line
from app.features.requests.rules import Request
from app.features.requests.telling import ADDRESS
from app.kernel.messages import Message, _l
from app.language.definitions import Decided, Entity
from app.records.titles import load_titles
from app.web.contexts import AgendaView, Cell, Column, Crumb, RecordNote, Row
from app.web.form_contexts import FormContext, FormField, FormSection, FormTab
from app.web.locale import datetime_text, say
from app.web.state import Scope

STATES: dict[str, tuple[Message, str]] = {
    rules.PENDING: (_l("Waiting"), "warning"),
    rules.APPROVED: (_l("Approved"), "success"),
    rules.REFUSED: (_l("Refused"), "danger"),
    rules.WITHDRAWN: (_l("Withdrawn"), "neutral"),
    rules.EXPIRED: (_l("Expired"), "neutral"),
    rules.USED: (_l("Done"), "success"),
}
SHOWN_AT_HOME = 5
GUARD_TEXT = _l("The guard held this back: much was deleted or changed in a short time.")


@dataclass(frozen=True, slots=True)
class Asking:
    """What a form asks for: records, as ``given`` in its address, with what was typed so far."""

    numbers: Sequence[int]
    given: str
    reason: str
    problems: Mapping[str, tuple[Message, ...]]


def lines_of(here: Scope, kinds: Kinds, found: Sequence[Request]) -> tuple[RequestLine, ...]:
    """Requests in a list."""
    names = account_names(here.session, {one.requester_id for one in found}) if found else {}
    return tuple(_line(here, kinds, one, names) for one in found if one.kind in kinds)


def title_of(here: Scope, kinds: Kinds, one: Request) -> str:
    """What is asked for, in a few words."""
    kind, entity = kinds[one.kind].label, here.schema.entities.get(one.entity or "")
    what = entity.label.text(here.language) if entity else ""
    count = len(kinds[one.kind].records_of(one.payload))
    space = "" if here.language == "zh" else " "
    many = f" × {count}" if count > 1 else ""
    return f"{kind.text(here.language)}{space}{what}{many}"


def page_of(
    here: Scope, kinds: Kinds, one: Request, *, why: str = "", problem: str = ""
) -> RequestContext:
    """The page of a request for its reader."""
    state, tone = STATES[one.state_at(here.state.runtime.clock.now())]
    waits = one.state_at(here.state.runtime.clock.now()) == rules.PENDING
    mine = one.requester_id == here.actor.account_id
    base, title = f"{ADDRESS}/{one.id}", title_of(here, kinds, one)
    path = kinds[one.kind].next_path(one) if mine and not waits else ""
    return RequestContext(
        title=title,
        state=say(state, here.language),
        tone=tone,
        facts=tuple(_facts(here, kinds[one.kind], one)),
        about=facts_of(here, kinds[one.kind].describe(here.records, one)),
        guarded=say(GUARD_TEXT, here.language) if one.guarded else "",
        overdue=_overdue(here, kinds[one.kind], one),
        version=one.version,
        decide_url=f"{base}/decide" if service.could_decide(here.records, kinds, one) else "",
        withdraw_url=f"{base}/withdraw" if waits and mine else "",
        next_url=path,
        next_label=say(_l("Go on"), here.language) if path else "",
        why=why,
        problem=problem,
        breadcrumbs=(Crumb(say(_l("Requests"), here.language), f"{ADDRESS}/"), Crumb(title)),
    )


def facts_of(here: Scope, lines: Sequence[Line]) -> tuple[Fact, ...]:
    """What something is about, in the reader's language."""
    return tuple(
        Fact(
            say(line.label, here.language),
            say(line.text, here.language),
            f"/{line.entity}/show/{line.record_id}" if line.entity else "",
        )
        for line in lines
    )


def ask_form(here: Scope, entity: Entity, asking: Asking) -> FormContext:
    """The form that asks for the deletion of records, with their titles."""
    wanted = [(entity.name, number) for number in asking.numbers]
    here.records  # noqa: B018 - opening the door binds the session to the reader
    titles = load_titles(here.session, here.state.runtime, wanted, here.language)
    comma = "、" if here.language == "zh" else ", "
    shown = comma.join(titles.get(key, "—") for key in wanted)
    fields = (
        FormField("what", entity.label.text(here.language), "shown", cell=Cell("text", shown), wide=True),
        reason_field(here, asking.reason, asking.problems.get("reason", ())),
    )  # fmt: skip
    title = say(_l("Ask for deletion"), here.language)
    url = f"/{entity.name}/list/"
    return FormContext(
        title=title,
        entity=entity.name,
        action=f"{ADDRESS}/{Decided.DELETE}/{entity.name}?records={asking.given}",
        cancel_url=url,
        version="",
        tabs=(FormTab("", (FormSection(title, fields),)),),
        problems=tuple(say(text, here.language) for text in asking.problems.get("", ())),
        conflict="",
        conditions_url="",
        submit=say(_l("Send the request"), here.language),
        breadcrumbs=(Crumb(entity.label.plural(here.language), url), Crumb(title)),
    )


def reason_field(here: Scope, reason: str, problems: Iterable[Message]) -> FormField:
    """Why somebody asks."""
    return FormField(
        "reason",
        say(_l("Reason"), here.language),
        "textarea",
        reason,
        say(_l("Whoever decides reads this."), here.language),
        required=True,
        wide=True,
        maxlength=rules.LONGEST_REASON,
        errors=tuple(say(text, here.language) for text in problems),
    )


def waiting_view(here: Scope, kinds: Kinds) -> AgendaView | None:
    """What waits for the reader's decision, for the home page."""
    found = service.to_decide(here.records, kinds)
    if not found:
        return None
    lines = lines_of(here, kinds, found[:SHOWN_AT_HOME])
    labels = (_l("Request"), _l("Asked by"), _l("Decide until"))
    return AgendaView(
        label=say(_l("Requests to decide"), here.language),
        count=str(len(found)),
        url=f"{ADDRESS}/?view=decide",
        columns=tuple(
            Column(str(number), say(label, here.language)) for number, label in enumerate(labels)
        ),
        rows=tuple(
            Row(line.id, line.url, tuple(Cell("text", text) for text in (line.title, line.who, line.until)))
            for line in lines
        ),
    )  # fmt: skip


def record_notes(
    here: Scope, kinds: Kinds, entity: Entity, record_id: int
) -> tuple[RecordNote, ...]:
    """Who has asked for something with a record; not looked for where nobody has to ask."""
    rights = (role.may.get(entity.name) for role in here.schema.roles.values())
    if not any(one.by_request for one in rights if one is not None):
        return ()
    found = reading.about(here.session, entity.name, record_id, here.state.runtime.clock.now())
    if not found:
        return ()
    names = account_names(here.session, [one.requester_id for one in found])
    notes = []
    for one in found:
        text = _l(
            "%(who)s has asked on %(at)s: %(kind)s. It waits for a decision.",
            who=names.get(one.requester_id, "—"),
            at=datetime_text(one.created_at, here.state.runtime.zone),
            kind=kinds[one.kind].label,
        )
        more = say(_l("Open the request"), here.language)
        may = service.may_open(here.records, kinds, one)
        notes.append(
            RecordNote(say(text, here.language), f"{ADDRESS}/{one.id}" if may else "", more)
        )
    return tuple(notes)


# Private


def _line(here: Scope, kinds: Kinds, one: Request, names: Mapping[int, str]) -> RequestLine:
    state, tone = STATES[one.state_at(here.state.runtime.clock.now())]
    zone, due = here.state.runtime.zone, kinds[one.kind].due(one)
    until = due.isoformat() if due is not None else datetime_text(one.expires_at, zone)
    return RequestLine(
        id=one.id,
        url=f"{ADDRESS}/{one.id}",
        title=title_of(here, kinds, one),
        who=names.get(one.requester_id, ""),
        at=datetime_text(one.created_at, zone),
        until=until if one.state == rules.PENDING else "",
        state=say(state, here.language),
        tone=tone,
        urgent=one.guarded is not None,
        overdue=_overdue(here, kinds[one.kind], one),
    )


def _overdue(here: Scope, kind: Kind, one: Request) -> bool:
    """Whether the day of the promised answer has passed without one."""
    due, moment = kind.due(one), here.state.runtime.moment()
    waits = one.state_at(moment.now) == rules.PENDING
    return waits and due is not None and moment.today > due


def _facts(here: Scope, kind: Kind, one: Request) -> Iterable[Fact]:
    language, zone = here.language, here.state.runtime.zone
    accounts = [number for number in (one.requester_id, one.decided_by) if number is not None]
    names = account_names(here.session, accounts)
    facts: list[tuple[Message, str]] = [
        (_l("Number"), str(one.id)),
        (_l("Asked by"), names.get(one.requester_id, "—")),
        (_l("Asked at"), datetime_text(one.created_at, zone)),
        (_l("Reason"), one.reason),
    ]
    due = kind.due(one)
    if due is not None:
        facts.append((_l("Answer promised by"), due.isoformat()))
    elif one.state == rules.PENDING:
        facts.append((_l("Decide until"), datetime_text(one.expires_at, zone)))
    if one.decided_by is not None and one.decided_at is not None:
        facts += [
            (_l("Decided by"), names.get(one.decided_by, "—")),
            (_l("Decided at"), datetime_text(one.decided_at, zone)),
            (_l("Why it was decided so"), one.why or ""),
        ]
    return [Fact(say(label, language), text) for label, text in facts]
