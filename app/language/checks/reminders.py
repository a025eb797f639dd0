"""Rules over reminders; those that hang on leads, people and texts hold for changes in the browser too."""

from __future__ import annotations

from collections.abc import Mapping

from app.kernel.registry import nearest
from app.language import kinds
from app.language.checks.context import Context
from app.language.definitions import ACCOUNT, Entity
from app.language.expressions import Expression, ExpressionFault
from app.language.field_types import FIELD_TYPES
from app.language.kinds import UnknownPath
from app.language.paths import holder_of, link_target, path_kind, walk_path
from app.language.reminder_definitions import HOURS, Lead, Recipient, Reminder
from app.language.templates import FORMATS, stray_brace, template_pieces

# What a text may name beside the record's fields.
OWN_NAMES = ("record", "due", "when")
NOT_IN_TEXTS = ("children", "links", "reference", "secret", "json", "file", "files", "image", "signature",
                "rich_text", "location")  # fmt: skip


def check_reminders(context: Context, reminders: Mapping[str, Reminder]) -> None:
    """Note every fault of the reminders."""
    codes: set[str] = set()
    for reminder in reminders.values():
        if reminder.code in codes:
            context.findings.add("S087", reminder.place, name=reminder.code)
        codes.add(reminder.code)
        entity = context.entity(reminder.entity, reminder.place)
        if entity is not None:
            _conditions(context, entity, reminder)
            _about(context, entity, reminder)
            check_changeable(context, entity, reminder)


def check_changeable(context: Context, entity: Entity, reminder: Reminder) -> None:
    """Note the faults of what an administrator may change: leads, recipients and texts."""
    if not reminder.leads or not reminder.to:
        context.findings.add("S088", reminder.place)
    if _kind(context, entity, reminder.date) == kinds.DATE:
        for lead in reminder.all_leads:
            if lead.unit == HOURS:
                context.findings.add("S082", reminder.place, text=lead.text)
    for recipient in reminder.recipients:
        _recipient(context, entity, recipient, reminder)
    for label in (reminder.title, reminder.body):
        for text in (label.zh, label.en):
            _text(context, entity, text, reminder)


def check_lead(context: Context, entity: Entity, lead: Lead) -> None:
    """Note the faults of a lead's condition."""
    _condition(context, entity, lead.where)


# Private


def _condition(context: Context, entity: Entity, condition: Expression | None) -> None:
    context.condition(condition, entity)
    if condition is not None:
        _without_reader(context, condition)


def _without_reader(context: Context, expression: Expression) -> None:
    if any(path[0] == "actor" for path in expression.names()):
        context.findings.add("S090", expression.place)


def _conditions(context: Context, entity: Entity, reminder: Reminder) -> None:
    for condition in (reminder.where, *(step.where for step in reminder.escalate)):
        _condition(context, entity, condition)
    for lead in reminder.leads:
        check_lead(context, entity, lead)
    if reminder.date is None:
        return
    _without_reader(context, reminder.date)
    kind = _kind(context, entity, reminder.date)
    if not kind:
        context.condition(reminder.date, entity, kinds.DATE)
    elif kind not in (kinds.DATE, kinds.DATETIME):
        context.findings.add("S080", reminder.date.place)


def _kind(context: Context, entity: Entity, expression: Expression | None) -> str:
    """The kind of an expression; empty where it has none."""
    try:
        return (
            kinds.kind_of(
                expression.tree,
                lambda path: path_kind(context.entities, context.portal, entity, path),
            )
            if expression
            else ""
        )
    except ExpressionFault:
        return ""


def _about(context: Context, entity: Entity, reminder: Reminder) -> None:
    if (
        reminder.about
        and _leads_to(context, entity, reminder.about) != context.portal.person_entity
    ):
        name = ".".join(reminder.about)
        context.findings.add("S089", reminder.place, name=name)


def _leads_to(context: Context, entity: Entity, path: tuple[str, ...]) -> str | None:
    """The entity that a path of links ends in."""
    try:
        if path == ("id",):
            return entity.name
        last = walk_path(context.entities, entity, path)[-1]
        return link_target(last, holder_of(context.entities, entity, path))
    except UnknownPath:
        return None


def _recipient(context: Context, entity: Entity, recipient: Recipient, reminder: Reminder) -> None:
    name = ".".join(recipient.path)
    if recipient.kind != "path":
        if name not in context.roles:
            hint = context.findings.did_you_mean(nearest(name, context.roles))
            context.findings.add("S083", reminder.place, hint=hint, name=name)
        return
    people = (ACCOUNT, context.portal.person_entity)
    if _leads_to(context, entity, recipient.path) not in people:
        context.findings.add("S084", reminder.place, name=name)


def _text(context: Context, entity: Entity, text: str, reminder: Reminder) -> None:
    stray = stray_brace(text)
    if stray is not None:
        context.findings.add("S091", reminder.place, text=stray)
    for piece in template_pieces(text):
        if piece.format and piece.format not in FORMATS:
            hint = context.findings.did_you_mean(nearest(piece.format, FORMATS))
            context.findings.add("S086", reminder.place, hint=hint, name=piece.format)
        if not piece.path or (len(piece.path) == 1 and piece.path[0] in OWN_NAMES):
            continue
        if not _can_be_shown(context, entity, piece.path):
            hint = context.findings.did_you_mean(nearest(piece.path[0], entity.fields))
            context.findings.add("S085", reminder.place, hint=hint, name=".".join(piece.path))


def _can_be_shown(context: Context, entity: Entity, path: tuple[str, ...]) -> bool:
    """Whether a field may stand in a text that is sent away: plain, and not sensitive."""
    try:
        steps = walk_path(context.entities, entity, path)
    except UnknownPath:
        return False
    last = steps[-1]
    shown = last.type not in NOT_IN_TEXTS and FIELD_TYPES.get(last.type).name != "bank_card"
    return shown and not any(step.sensitivity for step in steps)
