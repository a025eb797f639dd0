"""What of somebody's deeds can be put back: a record that nobody else has touched since."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Verdict(StrEnum):
    """What can be done about a record."""

    RESTORE = "restore"
    ADDED = "added"
    CONFLICT = "conflict"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that was done to a record; ``version`` is the one that it led to."""

    id: int
    at: datetime
    account_id: int | None
    deed: str
    entity: str
    record_id: int
    version: int


@dataclass(frozen=True, slots=True)
class Item:
    """A record with what one account did to it since a moment, and what can be done about it."""

    entity: str
    record_id: int
    deeds: tuple[Deed, ...]
    verdict: Verdict

    @property
    def first(self) -> Deed:
        """The first of the deeds: what stood before it is put back."""
        return self.deeds[0]


def judge(deeds: Sequence[Deed], later: Iterable[Deed], version: int | None) -> Verdict:
    """What can be done about a record: ``deeds`` are the account's, ``later`` all since the first of them.

    ``version`` is the one that stands now, None when the row is gone.
    """
    last = deeds[-1]
    if deeds[0].deed == "created":
        return Verdict.ADDED
    if any(other.account_id != last.account_id for other in later):
        return Verdict.CONFLICT
    if version is None:
        return Verdict.RESTORE if last.deed == "removed" else Verdict.GONE
    return Verdict.RESTORE if version == last.version else Verdict.CONFLICT
