"""Who attacks, and what is out of their reach."""

from __future__ import annotations

from dataclasses import dataclass

from tests.support.portals import Portal
from tests.support.strangers import plant_strangers, point_at_strangers

# Everybody who stands in the west bed, and somebody who holds no role at all.
INSIDERS = ("west", "helper", "inspector", "clerk", "bare")


@dataclass(frozen=True)
class West:
    """A portal, and the keys of the east's rows by entity: nobody of INSIDERS may see them."""

    portal: Portal
    foreign: dict[str, int]
    crossing: dict[str, int]


def west_of(nursery: Portal) -> West:
    """Accounts of every role in the west, rows in the east, and own rows that point at them."""
    for username in ("inspector", "clerk"):
        nursery.account(username, username, nursery.ids["west"])
    nursery.bare_account("bare")
    foreign = plant_strangers(nursery)
    return West(nursery, foreign, point_at_strangers(nursery, foreign))
