"""Checks of the classes of values: each says why and how long, and no field is without one."""

from __future__ import annotations

from app.kernel.registry import nearest
from app.language.checks.context import Context
from app.language.definitions import Entity
from app.language.portal_definitions import DataClass
from app.language.source import Place

TOLD = 3


def check_classes(context: Context) -> None:
    """Classes fit together, and every field has one (Personal Information Protection Law, Art. 6, 19, 51 (2))."""
    for one in context.portal.classes.values():
        _basis(context, one)
        _open(context, one)
    _inherited(context, context.portal.data_class, context.portal.place)
    for entity in context.entities.values():
        _inherited(context, entity.data_class, entity.place)
        _every_field(context, entity)


# Private


def _basis(context: Context, one: DataClass) -> None:
    """Where the rules are put into words, each class names one of them."""
    known = context.portal.bases
    if known and one.basis and one.basis not in known:
        hint = context.findings.did_you_mean(nearest(one.basis, known))
        context.findings.add("S110", one.place, hint=hint, name=one.basis)


def _open(context: Context, one: DataClass) -> None:
    limited = one.encrypt or one.log_reads or one.consent is not None
    if one.open and (limited or one.keep_months is not None or one.must_keep_months is not None):
        context.findings.add("S116", one.place, name=one.name)


def _inherited(context: Context, name: str | None, place: Place) -> None:
    """What a field gets without being asked must not hide it: what is sensitive says so itself."""
    known = context.portal.classes.get(name or "")
    if name is not None and known is None:
        hint = context.findings.did_you_mean(nearest(name, context.portal.classes))
        context.findings.add("S027", place, hint=hint, name=name)
    elif known is not None and not known.open:
        context.findings.add("S117", place, name=known.name)


def _every_field(context: Context, entity: Entity) -> None:
    without = [field.name for field in entity.fields.values() if field.data_class is None]
    if without and not entity.system:
        named = ", ".join(without[:TOLD]) + (" …" if len(without) > TOLD else "")
        context.findings.add("S115", entity.place, name=entity.name, fields=named)
