"""Who attacks, and what is out of their reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.support.nursery import CANARY
from tests.support.portals import Portal
from tests.support.strangers import plant_strangers, point_at_strangers

# Everybody who stands in the west bed, and somebody who holds no role at all.
INSIDERS = ("west", "helper", "inspector", "clerk", "bare")


@dataclass(frozen=True)
class Reach:
    """A portal, keys of rows by entity that somebody may not see, and the words that stand in them."""

    portal: Portal
    foreign: Mapping[str, int]
    canaries: tuple[str, ...] = field(default=(CANARY,), kw_only=True)


@dataclass(frozen=True)
class West(Reach):
    """The nursery; the keys are of the east's rows, which nobody of INSIDERS may see."""

    foreign: dict[str, int]
    crossing: dict[str, int]


def west_of(nursery: Portal) -> West:
    """Accounts of every role in the west, rows in the east, and own rows that point at them."""
    for username in ("inspector", "clerk"):
        nursery.account(username, username, nursery.ids["west"])
    nursery.bare_account("bare")
    foreign = plant_strangers(nursery)
    return West(nursery, foreign, point_at_strangers(nursery, foreign))
