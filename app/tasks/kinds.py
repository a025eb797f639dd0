"""What can be done in the background, and when it begins by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta
from typing import TYPE_CHECKING, Any

from app.kernel.messages import Label
from app.language.definitions import Rights, Schema

if TYPE_CHECKING:
    from app.tasks.work import Work

Result = Mapping[str, Any]
SystemRights = Callable[[Schema], Mapping[str, frozenset[Rights]]]


def no_rights(schema: Schema) -> Mapping[str, frozenset[Rights]]:
    """The rights of a task that touches no record on its own account."""
    return {}


@dataclass(frozen=True, slots=True)
class TaskKind:
    """A kind of background work.

    ``run`` gets the work at hand and the arguments that were queued, which are plain JSON values and
    identifiers only; what it returns is kept as the result. It may be run again after a crash, so its
    effects belong into ``work.session``, which is committed together with the task's end.
    ``rights`` are those of the system, for tasks that no account asked for.
    """

    name: str
    label: Label
    run: Callable[[Work, Mapping[str, Any]], Result | None]
    attempts: int = 3
    rights: SystemRights = no_rights


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a task begins by itself: daily ``at`` a local time, or ``every`` so often.

    ``catch_up`` says what happens to moments missed while nothing ran: ``once`` serves the
    newest, ``skip`` none that is older than one period, ``all`` each of them.
    """

    name: str
    kind: str
    at: time | None = None
    every: timedelta | None = None
    catch_up: str = "once"
    arguments: Mapping[str, Any] = field(default_factory=dict, hash=False)
