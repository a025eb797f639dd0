"""Stable identities of entities, fields and roles: a rename keeps one, a new thing of an old name gets another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from app.language.definitions import Entity, Field, Schema

# By entity: the identity of each field by its name; the entity's own stands under SELF.
Identities = Mapping[str, Mapping[str, str]]
SELF = ""
# Roles stand beside the entities, which cannot be called so.
ROLES = "@roles"
OVERLAY_PREFIX = "overlay:"


def identities(schema: Schema, former: Identities, number: int) -> dict[str, dict[str, str]]:
    """The identities of a schema that becomes revision ``number``, where ``former`` were before it."""
    found: dict[str, dict[str, str]] = {}
    taken = _taken(schema.entities.values(), former)
    for entity in schema.entities.values():
        before = _before(entity.name, entity.was, former)
        known = former.get(before, {}) if before != entity.name or before not in taken else {}
        own = {SELF: known.get(SELF, f"{number}:{entity.name}")}
        gone = _taken(entity.fields.values(), known)
        own |= {name: _kept(entity, name, known, gone, number) for name in entity.fields}
        found[entity.name] = own
    known = former.get(ROLES, {})
    # A role that administrators have removed is still one of the files.
    laid = {name.removeprefix(OVERLAY_PREFIX).removesuffix(".yaml")
            for name in schema.sources if name.startswith(OVERLAY_PREFIX)}  # fmt: skip
    names = {*schema.roles, *(laid & set(known))}
    found[ROLES] = {name: known.get(name, f"{number}:{name}") for name in sorted(names)}
    return found


# Private


def _before(name: str, was: str | None, known: Mapping[str, object]) -> str:
    return was if was is not None and name not in known and was in known else name


def _taken(things: Iterable[Entity | Field], known: Mapping[str, object]) -> set[str]:
    """Former names that a rename takes along: what bears one of them now is new."""
    pairs = ((thing.name, _before(thing.name, thing.was, known)) for thing in things)
    return {before for name, before in pairs if before != name}


def _kept(entity: Entity, name: str, known: Mapping[str, str], taken: set[str], number: int) -> str:
    before = _before(name, entity.fields[name].was, known)
    new = f"{number}:{entity.name}.{name}"
    return new if before == name and name in taken else known.get(before, new)
