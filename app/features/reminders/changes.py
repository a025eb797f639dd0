"""What administrators changed of a reminder: a layer above the schema, checked like the schema itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.access.actor import Actor
from app.audit.actions import AuditAction
from app.audit.chain import Entry, append
from app.kernel.errors import Forbidden, Invalid, NotFound
from app.kernel.messages import Label, Message, _l
from app.language.checks.context import Context
from app.language.checks.reminders import check_changeable, check_lead
from app.language.definitions import Schema
from app.language.expressions import Expression, ExpressionFault, parse_expression
from app.language.findings import Finding, Findings
from app.language.reminder_definitions import (
    CHANNELS,
    Lead,
    Reminder,
    parse_lead,
    parse_recipient,
)
from app.records.runtime import Runtime
from app.storage.notice_tables import REMINDER_CHANGE

PART = "reminders"
CONDITION = " if "
TEXTS = ("title", "body")


@dataclass(frozen=True, slots=True)
class Wish:
    """What an administrator wants of a reminder; leads and recipients as they are written, one each."""

    active: bool
    leads: tuple[str, ...]
    to: tuple[str, ...]
    channels: tuple[str, ...]
    title: Label
    body: Label

    def as_json(self) -> dict[str, Any]:
        """The plain values that are kept."""
        return {
            "active": self.active, "leads": list(self.leads), "to": list(self.to), "channels": list(self.channels),
            **{name: {"zh": label.zh, "en": label.en} for name, label in (("title", self.title), ("body", self.body))},
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Desk:
    """Who changes reminders, in which session, and when."""

    session: Session
    runtime: Runtime
    actor: Actor
    now: datetime
    address: str | None = field(default=None)


def may_steer(actor: Actor) -> bool:
    """Whether the actor sees and changes reminders."""
    return actor.administers(PART)


def current(session: Session, runtime: Runtime) -> list[Reminder]:
    """The reminders with their changes, in the order of their codes.

    A change that no longer fits the schema is left out, so that the reminder goes on as written.
    """
    changed = {row.reminder: row.changes for row in session.execute(select(REMINDER_CHANGE))}
    found = []
    for name, reminder in runtime.schema.reminders.items():
        mine = reminder
        if name in changed:
            wanted, faults = _applied(runtime.schema, reminder, wish_from(changed[name]))
            mine = reminder if faults else wanted
        found.append(mine)
    return sorted(found, key=_order)


def find(session: Session, runtime: Runtime, name: str) -> tuple[Reminder, bool]:
    """A reminder with its changes, and whether there are any; raises NotFound."""
    if name not in runtime.schema.reminders:
        raise NotFound
    found = next(item for item in current(session, runtime) if item.name == name)
    return found, found is not runtime.schema.reminders[name]


def wish_of(reminder: Reminder) -> Wish:
    """A reminder as the form shows it."""
    return Wish(
        reminder.active,
        tuple(lead_text(lead) for lead in reminder.leads),
        tuple(one.text for one in reminder.to),
        reminder.channels,
        reminder.title,
        reminder.body,
    )


def lead_text(lead: Lead) -> str:
    """A lead with its condition, on one line."""
    return lead.text + (f"{CONDITION}{lead.where.text}" if lead.where else "")


def change(desk: Desk, name: str, wish: Wish) -> None:
    """Keep a change; raises NotFound, Forbidden, Invalid naming the fields."""
    _allowed(desk)
    before, _ = find(desk.session, desk.runtime, name)
    _, faults = _applied(desk.runtime.schema, desk.runtime.schema.reminders[name], wish)
    if faults:
        raise Invalid(faults)
    values = {"changes": wish.as_json(), "changed_at": desk.now, "changed_by": desk.actor.username}
    statement = insert(REMINDER_CHANGE).values(reminder=name, **values)
    desk.session.execute(statement.on_conflict_do_update(index_elements=["reminder"], set_=values))
    old, new = wish_of(before).as_json(), wish.as_json()
    _note(
        desk,
        before,
        AuditAction.REMINDER_CHANGED,
        {key: [old[key], new[key]] for key in new if old[key] != new[key]},
    )


def restore(desk: Desk, name: str) -> None:
    """Let a reminder be again as the schema says; raises NotFound, Forbidden."""
    _allowed(desk)
    before, _ = find(desk.session, desk.runtime, name)
    desk.session.execute(delete(REMINDER_CHANGE).where(REMINDER_CHANGE.c.reminder == name))
    _note(desk, before, AuditAction.REMINDER_RESTORED, {})


def wish_from(kept: Mapping[str, Any]) -> Wish:
    """What was kept as a wish again."""
    title, body = (Label(kept[name]["zh"], kept[name]["en"]) for name in TEXTS)
    return Wish(
        bool(kept["active"]), tuple(kept["leads"]), tuple(kept["to"]), tuple(kept["channels"]), title, body
    )  # fmt: skip


# Private


def _order(reminder: Reminder) -> tuple[int, str]:
    digits = "".join(char for char in reminder.code if char.isdigit())
    return int(digits or 0), reminder.code


def _allowed(desk: Desk) -> None:
    if not may_steer(desk.actor):
        raise Forbidden(_l("None of your roles lets you change reminders."))


def _applied(
    schema: Schema, reminder: Reminder, wish: Wish
) -> tuple[Reminder, dict[str, tuple[Message, ...]]]:
    """The reminder as wished, with what is wrong with it by field of the form."""
    findings = Findings()
    context = Context(schema.portal, schema.entities, schema.roles, findings)
    entity = schema.entities[reminder.entity]
    leads: list[Lead] = []
    for text in wish.leads:
        lead = _lead(text, reminder)
        if lead is None:
            findings.add("S081", reminder.place, text=text[:20])
        else:
            check_lead(context, entity, lead)
            leads.append(lead)
    wanted = replace(
        reminder,
        active=wish.active,
        leads=tuple(leads),
        to=tuple(parse_recipient(text) for text in wish.to),
        channels=tuple(name for name in CHANNELS if name in wish.channels),
        title=wish.title,
        body=wish.body,
    )
    check_changeable(context, entity, wanted)
    return wanted, _problems(findings.all(), wish)


def _lead(text: str, reminder: Reminder) -> Lead | None:
    number, has_condition, condition = text.partition(CONDITION)
    if not has_condition:
        return parse_lead(number)
    try:
        where = Expression(condition.strip(), parse_expression(condition), reminder.place)
    except ExpressionFault:
        return None
    return parse_lead(number, where)


_FIELDS = {
    "S083": "to", "S084": "to", "S085": "title_zh", "S086": "title_zh", "S091": "title_zh",
}  # fmt: skip


def _problems(found: Sequence[Finding], wish: Wish) -> dict[str, tuple[Message, ...]]:
    problems: dict[str, tuple[Message, ...]] = {}
    for finding in found:
        said = Message("%(what)s", {"what": Label(finding.text("zh"), finding.text("en"))})
        name = _FIELDS.get(finding.id, "leads")
        problems[name] = (*problems.get(name, ()), said)
    if not (wish.title.zh.strip() and wish.title.en.strip()):
        problems["title_zh"] = (_l("Please fill this in."),)
    return problems


def _note(desk: Desk, reminder: Reminder, action: AuditAction, changes: Mapping[str, Any]) -> None:
    title = f"{reminder.code} {reminder.label.zh}"
    append(
        desk.session,
        Entry(
            desk.now, desk.actor.account_id, desk.actor.name, action, desk.runtime.revision,
            record_title=title, changes=changes, address=desk.address,
        ),
    )  # fmt: skip
