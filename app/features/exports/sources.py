"""What else leaves by this door beside lists and copies: features say what is asked for, and write the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from app.features.exports.rules import Grant
from app.features.requests.kinds import Line
from app.kernel.messages import Label, Message
from app.kernel.registry import Registry
from app.records.gateway import Records
from app.tasks.work import Work


class Hand(Protocol):
    """What whoever writes a file is given."""

    @property
    def work(self) -> Work:
        """The task that makes the file, with the rights of whoever takes it."""

    @property
    def grant(self) -> Grant:
        """The right to this one file."""

    @property
    def words(self) -> Callable[[Message | Label], str]:
        """Says sentences in the reader's language."""

    def look_again(self, done: int, total: int | None = None) -> None:
        """Raise unless the grant, the account and its rights are what they were at the start."""

    def tell_of_canaries(self, entity: str, ids: Sequence[int]) -> None:
        """Tell of canaries among the records that go into the file, whether or not it is ever finished."""


@dataclass(frozen=True, slots=True)
class Source:
    """Something whose files leave by this door.

    ``check`` raises unless the actor could be given what is asked for, just as it was asked.
    ``describe`` tells whoever decides what it is. ``write`` writes the file and says how many rows it has.
    """

    check: Callable[[Records, Mapping[str, Any]], object]
    describe: Callable[[Records, Mapping[str, Any]], Iterator[Line]]
    write: Callable[[Hand, Path], int]


SOURCES: Registry[Source] = Registry("source of exports")


def source_of(asked: Mapping[str, Any]) -> Source | None:
    """The source of what is asked for; None for lists and copies."""
    name = next((name for name in SOURCES if name in asked), None)
    return SOURCES.get(name) if name is not None else None
