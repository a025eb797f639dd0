"""A table of things by name that suggests the nearest when a name is unknown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from typing import Generic, TypeVar

T = TypeVar("T")


class UnknownName(LookupError):
    """A name that was never registered."""

    def __init__(self, kind: str, name: str, nearest: str | None) -> None:
        hint = f"; did you mean {nearest!r}?" if nearest else ""
        super().__init__(f"no {kind} is called {name!r}{hint}")
        self.nearest = nearest


class Registry(Generic[T]):
    """Each name is registered once; asking for an unknown one says which is nearest."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._things: dict[str, T] = {}

    def add(self, name: str, thing: T) -> T:
        """Register ``thing``; raises ValueError when the name is taken."""
        if name in self._things:
            raise ValueError(f"{self._kind} {name!r} is registered twice")
        self._things[name] = thing
        return thing

    def register(self, *names: str) -> Callable[[T], T]:
        """A decorator that registers under each of ``names``."""

        def keep(thing: T) -> T:
            for name in names:
                self.add(name, thing)
            return thing

        return keep

    def get(self, name: str) -> T:
        """The thing of that name; raises UnknownName."""
        if name not in self._things:
            raise UnknownName(self._kind, name, nearest(name, self._things))
        return self._things[name]

    def __contains__(self, name: object) -> bool:
        return name in self._things

    def __iter__(self) -> Iterator[str]:
        return iter(self._things)

    def __len__(self) -> int:
        return len(self._things)


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The known name that looks most like ``name``, if any does."""
    found = get_close_matches(name, list(names), n=1, cutoff=0.6)
    return found[0] if found else None
