"""Checks of the ledger of consents, and of what needs one."""

from __future__ import annotations

from app.kernel.messages import Label
from app.kernel.registry import nearest
from app.language.checks.context import Context
from app.language.consents import Consents
from app.language.definitions import Entity, Field
from app.language.field_types import FIELD_TYPES


def check_consents(context: Context) -> None:
    """The ledger's fields fit, classes name topics of it, and fields of such classes are somebody's."""
    consents = context.portal.consents
    if consents is not None:
        _ledger(context, consents)
    _classes(context)
    for entity in context.entities.values():
        for field in entity.fields.values():
            _whose(context, entity, field)


# Private


def _ledger(context: Context, consents: Consents) -> None:
    portal = context.portal
    person = context.entities.get(portal.person_entity or "")
    if person is None or person.subject is None:
        context.findings.add("S111", consents.place)
    entity = context.entity(consents.entity, consents.place)
    if entity is None:
        return
    _needs(context, entity, consents.person, "link")
    _needs(context, entity, consents.topic, "choice")
    _needs(context, entity, consents.edition, "text")
    _needs(context, entity, consents.given, "datetime")
    _needs(context, entity, consents.withdrawn, "datetime", required=False)
    link = entity.fields.get(consents.person)
    if link is not None and link.type == "link" and link.target != portal.person_entity:
        to = portal.person_entity or "person"
        why = Label(f"应指向 {to}", f"it must link to {to}")
        context.findings.add("S026", consents.place, name=link.name, why=why)
    subjects = entity.fields.get(consents.topic)
    for topic in consents.topics.values():
        if subjects is not None and subjects.type == "choice" and not subjects.choice(topic.name):
            hint = context.findings.did_you_mean(
                nearest(topic.name, [one.name for one in subjects.choices])
            )
            context.findings.add(
                "S106", topic.place, hint=hint, topic=topic.name, entity=entity.name,
                field=subjects.name,
            )  # fmt: skip


def _needs(
    context: Context, entity: Entity, name: str, wanted: str, *, required: bool = True
) -> None:
    """A field of the type ``wanted`` that the database can compare, always filled or never obliged to be."""
    place = context.portal.consents.place if context.portal.consents else entity.place
    field = context.field(entity, name, place)
    if field is None:
        return
    why = None
    if field.type != wanted:
        why = Label(f"类型应是 {wanted}", f"its type must be {wanted}")
    elif field.required is not required:
        why = (
            Label("应为必填", "it must be required") if required
            else Label("不能必填", "it must not be required")
        )  # fmt: skip
    elif field.encrypted:
        why = Label("不能加密", "it must not be encrypted")
    if why is not None:
        context.findings.add("S026", place, name=name, why=why)


def _classes(context: Context) -> None:
    consents = context.portal.consents
    for known in context.portal.classes.values():
        if known.consent is None:
            continue
        if consents is None:
            context.findings.add("S104", known.place, name=known.name)
        elif known.consent not in consents.topics:
            hint = context.findings.did_you_mean(nearest(known.consent, consents.topics))
            context.findings.add(
                "S105", known.place, hint=hint, name=known.name, topic=known.consent
            )
        if known.must_keep_months is not None:
            context.findings.add("S108", known.place, name=known.name)


def _whose(context: Context, entity: Entity, field: Field) -> None:
    known = context.portal.classes.get(field.sensitivity or "")
    if known is None or known.consent is None:
        if field.whose is not None:
            why = Label("它的类别不需要同意", "its class asks for no consent")
            context.findings.add("S026", field.place, name="whose", why=why)
        return
    person = context.portal.person_entity
    if field.required or field.require_when is not None:
        context.findings.add("S109", field.place, name=field.name)
    if not FIELD_TYPES.get(field.type).stored:
        why = Label("只有存下来的值才能要求同意", "only stored values can need consent")
        context.findings.add("S026", field.place, name=field.name, why=why)
    if field.whose is not None:
        link = context.field(entity, field.whose, field.place)
        if link is not None and (link.type != "link" or link.target != person):
            why = Label(f"应是指向 {person} 的 link", f"it must be a link to {person}")
            context.findings.add("S026", field.place, name=link.name, why=why)
    elif field.consent is None:
        links = [one.name for one in entity.fields.values()
                 if one.type == "link" and one.target == person]  # fmt: skip
        named = Label(f"用 whose 指明：{'、'.join(links)}", f"say `whose`: {', '.join(links)}")
        absent = Label(f"加一个指向 {person} 的必填 link", f"add a required link to {person}")
        hint = named if links else absent
        context.findings.add("S107", field.place, hint=hint, name=field.name)
