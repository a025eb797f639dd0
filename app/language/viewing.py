"""How many different records somebody may look at, and how many masked values uncover, in an hour and a day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.kernel.messages import Label
from app.language.source import Place


@dataclass(frozen=True, slots=True)
class Pace:
    """So many different records in an hour, and in a day."""

    hour: int
    day: int


@dataclass(frozen=True, slots=True)
class Viewing:
    """The budget of an entity: the usual one, that of roles, and that of people about to leave."""

    usual: Pace
    notice: Pace
    roles: Mapping[str, Pace]
    place: Place

    def pace(self, roles: tuple[str, ...], *, leaving: bool) -> Pace:
        """The budget of somebody who holds ``roles``: the largest of them, or the one for leaving."""
        if leaving:
            return self.notice
        named = [self.roles[role] for role in roles if role in self.roles]
        return max(named, key=lambda pace: (pace.day, pace.hour), default=self.usual)


@dataclass(frozen=True, slots=True)
class Revealing:
    """How many masked values an account may uncover, over all entities, and the reasons it may choose from."""

    usual: Pace = Pace(20, 60)
    notice: Pace = Pace(3, 6)
    reasons: tuple[Label, ...] = ()
