"""What the templates of scheduled reports receive: texts are already in the reader's language."""

from __future__ import annotations

from dataclasses import dataclass

from app.web.contexts import Crumb


@dataclass(frozen=True, slots=True)
class TurnLine:
    """How the last slot went for one recipient."""

    who: str
    state: str
    tone: str
    why: str


@dataclass(frozen=True, slots=True)
class ScheduleLine:
    """A plan in the list; an empty address stands for a button that is not there.

    ``outcomes`` are the numbers of turns by state, each with its tone.
    """

    id: int
    title: str
    asked: str
    owner: str
    when: str
    next: str
    to: str
    channels: str
    format: str
    active: bool
    last: str
    outcomes: tuple[tuple[str, str], ...]
    turns: tuple[TurnLine, ...]
    left_out: int
    edit_url: str
    steer_url: str
    delete_url: str


@dataclass(frozen=True, slots=True)
class SchedulesContext:
    """``reports/schedules.html``; ``every`` when the plans of everybody are shown."""

    title: str
    lines: tuple[ScheduleLine, ...]
    new_url: str
    every: bool
    breadcrumbs: tuple[Crumb, ...]
