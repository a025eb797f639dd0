"""Who acts: an account with the roles that it holds today, each at a place of the tree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from app.kernel.messages import Label
from app.language.definitions import EntityRights, Rights, Role, RowRule, Schema
from app.language.source import Place

SYSTEM_NAME = "system"


@dataclass(frozen=True, slots=True)
class Grant:
    """A role held at some places; ``places`` None stands for the whole tree."""

    role: Role
    places: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Actor:
    """An account at work, with what it holds today."""

    account_id: int | None
    username: str
    name: str
    person_id: int | None
    grants: tuple[Grant, ...]
    language: str | None = None
    # The portal's own work is not counted by the guard against much at once.
    watched: bool = True

    @property
    def roles(self) -> tuple[Role, ...]:
        """The different roles held, in the order of the grants."""
        return tuple({grant.role.name: grant.role for grant in self.grants}.values())

    @property
    def places(self) -> tuple[int, ...] | None:
        """All places at which a role is held, with what lies below; None for the whole tree."""
        if any(grant.places is None for grant in self.grants):
            return None
        return tuple(sorted({place for grant in self.grants for place in grant.places or ()}))

    def administers(self, part: str) -> bool:
        """Whether a role lets the actor administer a part of the portal itself."""
        return any(part in grant.role.administers for grant in self.grants)


NOBODY = Actor(None, "", "", None, ())


def system_actor(schema: Schema, entities: Mapping[str, frozenset[Rights]], purpose: str) -> Actor:
    """The portal itself at work, with just the stated rights on the stated entities."""
    place = Place("", 0)
    role = Role(
        name=SYSTEM_NAME,
        label=Label("系统", "System"),
        place=place,
        help=None,
        sees=MappingProxyType({name: RowRule("all", None, place) for name in entities}),
        may=MappingProxyType(
            {
                name: EntityRights(rights, None, None, None, (), (), None, place)
                for name, rights in entities.items()
                if name in schema.entities
            }
        ),
    )
    grants = (Grant(role, None),)
    return Actor(None, f"{SYSTEM_NAME}: {purpose}", SYSTEM_NAME, None, grants, watched=False)
