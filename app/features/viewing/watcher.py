"""The watcher of a request: counts and notes what is about to be shown, unless this process knows that it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.features.viewing.noting import digest_of, hour_of, note_reads, note_search
from app.features.viewing.service import Viewer, count_views
from app.language.definitions import Entity
from app.records.guarding import on_notice
from app.web.state import Scope

MOST_SEARCHES = 1000


@dataclass(frozen=True)
class Watcher:
    """Hears what one reader is about to be shown; what cannot be noted is not shown."""

    here: Scope

    def shown(self, entity: Entity, ids: Sequence[int]) -> None:
        """Count records of an entity with a budget; raises TooManySeen."""
        viewing = entity.viewing
        if viewing is None:
            return
        seen = self._noted("shown", entity.name, self._today)
        fresh = sorted(set(ids) - seen)
        if not fresh:
            return
        roles = tuple(role.name for role in self.here.actor.roles)
        pace = viewing.pace(roles, leaving=on_notice(self._viewer, self.here.actor))
        count_views(self._viewer, entity, pace, fresh)
        seen.update(fresh)

    def read(self, entity: Entity, classes: Mapping[int, frozenset[str]]) -> None:
        """Note whose values of logged classes are shown in clear."""
        noted = self._noted("read", entity.name, self._today)
        found = {
            n: names for n, said in classes.items() if (names := said - _known(noted, n, said))
        }
        if not found:
            return
        note_reads(self._viewer, entity, found)
        noted.update((number, name) for number, names in found.items() for name in names)

    def searched(self, entity: str | None, words: str) -> None:
        """Note that something is looked for."""
        digest = digest_of(self.here.session, words)
        noted = self._noted("searched", hour_of(self.here.state.runtime.clock.now()))
        if (entity, digest) in noted:
            return
        note_search(self._viewer, entity, digest)
        if len(noted) < MOST_SEARCHES:
            noted.add((entity, digest))

    # Private

    @property
    def _today(self) -> Any:
        return self.here.state.runtime.moment().today

    @property
    def _viewer(self) -> Viewer:
        return Viewer(self.here.state.runtime, self.here.session, self.here.access)

    def _noted(self, *what: Any) -> set[Any]:
        known = self.here.known
        return known.noted.setdefault(what, set()) if known is not None else set()


# Private


def _known(noted: set[Any], number: int, names: frozenset[str]) -> frozenset[str]:
    return frozenset(name for name in names if (number, name) in noted)
