"""What a dotted path in a condition means: which fields it walks and what kind it ends in."""

from __future__ import annotations

from collections.abc import Mapping

from app.kernel.registry import nearest
from app.language import kinds
from app.language.definitions import ACCOUNT, SYSTEM_FIELDS, Entity, Field
from app.language.field_types import FIELD_TYPES
from app.language.kinds import UnknownPath
from app.language.portal_definitions import Portal

_COMPUTED = {
    "integer": kinds.NUMBER, "decimal": kinds.NUMBER, "money": kinds.NUMBER, "percent": kinds.NUMBER,
    "text": kinds.TEXT, "date": kinds.DATE, "datetime": kinds.DATETIME, "yes_no": kinds.YES_NO,
}  # fmt: skip
MAX_STEPS = 6


def walk_path(
    entities: Mapping[str, Entity], entity: Entity, path: tuple[str, ...]
) -> tuple[Field, ...]:
    """The fields along ``path``; every one but the last is a link. Raises UnknownPath."""
    found: list[Field] = []
    here: Entity | None = entity
    for name in path:
        field = here.field(name) if here and len(found) < MAX_STEPS else None
        if field is None:
            known = [*here.fields, *SYSTEM_FIELDS] if here else []
            raise UnknownPath(path, nearest(name, known))
        found.append(field)
        here = entities.get(str(link_target(field, here)))
    return tuple(found)


def link_target(field: Field, entity: Entity | None) -> str | None:
    """The entity that a link or parent leads to; None for other fields."""
    if field.type == "parent":
        return entity.name if entity else None
    return field.target if field.type == "link" else None


def path_kind(
    entities: Mapping[str, Entity],
    portal: Portal,
    entity: Entity,
    path: tuple[str, ...],
    *,
    form: Entity | None = None,
) -> str:
    """The kind of a path from ``entity``; ``actor.…`` is the reader, ``record.…`` the form's record."""
    if path[0] == "actor":
        return actor_kind(portal, path)
    if path[0] == "record" and form is not None:
        entity, path = form, path[1:]
    fields = walk_path(entities, entity, path)
    holder = holder_of(entities, entity, path)
    return field_kind(entities, holder, fields[-1])


def holder_of(entities: Mapping[str, Entity], entity: Entity, path: tuple[str, ...]) -> Entity:
    """The entity that the last field of ``path`` belongs to."""
    for name in path[:-1]:
        field = entity.field(name)
        target = link_target(field, entity) if field else None
        if target is None or target not in entities:
            raise UnknownPath(path)
        entity = entities[target]
    return entity


def field_kind(entities: Mapping[str, Entity], holder: Entity, field: Field) -> str:
    """The kind of a field's value in conditions; raises UnknownPath for fields without one."""
    if field.name == "id":
        return kinds.LINK + holder.name
    if field.type == "computed":
        return _COMPUTED.get(str(field.options.get("as")), "")
    if field.type == "summary":
        return kinds.NUMBER
    if field.type == "lookup":
        path = tuple(field.options.get("path") or ("",))
        steps = walk_path(entities, holder, path)
        if any(step.type in ("lookup", "computed", "summary") for step in steps):
            raise UnknownPath(path)
        return field_kind(entities, holder_of(entities, holder, path), steps[-1])
    if field.encrypted:
        return kinds.ENCRYPTED
    kind = FIELD_TYPES.get(field.type).kind
    if kind == kinds.LINK:
        return kinds.LINK + str(link_target(field, holder))
    if not kind:
        raise UnknownPath((field.name,))
    return kind


def actor_kind(portal: Portal, path: tuple[str, ...]) -> str:
    """The kind of ``actor.person``, ``actor.account`` or ``actor.places``."""
    known = {
        "person": f"{kinds.LINK}{portal.person_entity}",
        "account": kinds.LINK + ACCOUNT,
        "places": kinds.PLACES,
    }
    name = path[1] if len(path) == 2 else ""
    if name not in known:
        raise UnknownPath(path, nearest(name, known))
    return known[name]
