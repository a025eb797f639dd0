"""How recipients and leads are called, for whoever steers reminders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.kernel.messages import Message, _l
from app.language.definitions import ACCOUNT, Entity, Schema
from app.language.paths import link_target, walk_path
from app.language.reminder_definitions import (
    HOURS,
    WORKDAYS,
    Lead,
    Recipient,
    Reminder,
    parse_recipient,
)
from app.records.accounts import full_name

LABELS = {
    "role": _l("%(role)s (in charge of the record)"),
    "head": _l("%(role)s (of the whole organisation)"),
}
_BEFORE = {
    "": _l("%(count)s days before"),
    HOURS: _l("%(count)s hours before"),
    WORKDAYS: _l("%(count)s working days before"),
}
_AFTER = {
    "": _l("%(count)s days after"),
    HOURS: _l("%(count)s hours after"),
    WORKDAYS: _l("%(count)s working days after"),
}


def recipient_label(schema: Schema, entity: Entity, recipient: Recipient) -> Message:
    """A recipient in words."""
    if recipient.kind != "path":
        role = schema.roles[recipient.path[0]].label
        return Message(LABELS[recipient.kind].text, {"role": role})
    if recipient.path == ("id",):
        return Message("%(what)s", {"what": entity.label})
    steps = walk_path(schema.entities, entity, recipient.path)
    named = {f"s{number}": field.label for number, field in enumerate(steps)}
    return Message(" → ".join(f"%({name})s" for name in named), named)


def lead_label(lead: Lead) -> Message:
    """A lead in words."""
    if lead.amount == 0:
        return _l("on the day") if lead.unit != HOURS else _l("at the time")
    unit = lead.unit if lead.unit in (HOURS, WORKDAYS) else ""
    said = _BEFORE if lead.amount < 0 else _AFTER
    return Message(said[unit].text, {"count": abs(lead.amount)})


def possible_recipients(schema: Schema, reminder: Reminder) -> list[Recipient]:
    """Whom a reminder could tell: those it names, every role, and whoever a link or two lead to."""
    entity = schema.entities[reminder.entity]
    roles = [Recipient(kind, (name,)) for kind in ("role", "head") for name in schema.roles]
    paths = [parse_recipient(".".join(path)) for path in _paths(schema, entity)]
    return list(dict.fromkeys([*reminder.recipients, *paths, *roles]))


def account_names(session: Session, accounts: Iterable[int]) -> dict[int, str]:
    """The names of accounts."""
    rows = session.execute(
        text("SELECT id, username, first_name, last_name FROM ab_user WHERE id = ANY(:ids)"),
        {"ids": sorted(set(accounts))},
    )
    return {row.id: full_name(row.first_name, row.last_name) or row.username for row in rows}


# Private


def _paths(schema: Schema, entity: Entity) -> Iterator[tuple[str, ...]]:
    people = (ACCOUNT, schema.portal.person_entity)
    for name, field in entity.fields.items():
        target = schema.entities.get(str(link_target(field, entity)))
        if target is None or target.name == ACCOUNT:
            continue
        if target.name in people:
            yield (name,)
        for inner, further in target.fields.items():
            if (
                further.name != schema.portal.person_account
                and link_target(further, target) in people
            ):
                yield (name, inner)
