"""Every field has a class: its own, else that of its entity, else that of the portal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from app.language.definitions import Entity, Field
from app.language.portal_definitions import Portal


def classified(portal: Portal, entities: Mapping[str, Entity]) -> dict[str, Entity]:
    """The entities whose fields know their class, and whether it lets only some see them."""
    open_to_readers = {name for name, one in portal.classes.items() if one.open}

    def known(field: Field, inherited: str | None) -> Field:
        name = field.data_class or inherited
        guarded = field.data_class if name not in open_to_readers else None
        return replace(field, data_class=name, sensitivity=guarded)

    found: dict[str, Entity] = {}
    for name, entity in entities.items():
        inherited = entity.data_class or portal.data_class
        fields = {key: known(field, inherited) for key, field in entity.fields.items()}
        found[name] = replace(entity, fields=MappingProxyType(fields))
    return found
