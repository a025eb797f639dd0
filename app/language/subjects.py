"""Records about persons: when their purpose has ended, and what tells who somebody is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from app.kernel.messages import Label
from app.language.definitions import Entity, Field, Schema
from app.language.portal_definitions import DataClass, Portal

UNSTORED = ("computed", "lookup", "summary", "children", "links")


def personal_fields(entity: Entity) -> tuple[Field, ...]:
    """The stored fields that tell something of a person."""
    also = entity.subject.also if entity.subject is not None else ()
    return tuple(
        field
        for field in entity.fields.values()
        if field.type not in UNSTORED and (field.sensitivity is not None or field.name in also)
    )


def basis_of(portal: Portal, known: DataClass) -> Label:
    """The rule of law by which a class is held, in words; its name where nobody has said them."""
    return portal.bases.get(known.basis, Label(known.basis, known.basis))


def below(schema: Schema, entity: Entity) -> Iterator[tuple[Entity, Field, Entity]]:
    """What stands below a person by its scope: each entity with the link that leads up, and where it leads."""
    reached: Mapping[str, Entity] = {entity.name: entity}
    while reached:
        found: dict[str, Entity] = {}
        for one in schema.entities.values():
            link = one.fields.get(one.scope[0]) if one.has_place and one.scope else None
            above = reached.get(str(link.target)) if link is not None else None
            if link is not None and above is not None and link.type == "link" and one is not above:
                found[one.name] = one
                yield one, link, above
        reached = found
