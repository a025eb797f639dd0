"""Steps from state to state, and what comes with them: changes of other records, and new ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from app.kernel.messages import Label
from app.language.expressions import Expression
from app.language.source import Place


class EffectKind(StrEnum):
    """Which records an effect is about."""

    # The record that a link of the step's record leads to.
    LINKED = "change"
    # All rows of an entity that meet a condition.
    EACH = "change_each"
    NEW = "create"


@dataclass(frozen=True, slots=True)
class Effect:
    """One deed that comes with a step, by the right to take the step alone.

    ``target`` is a link of the step's record for LINKED, else an entity. ``when`` and the values of ``sets``
    are about the step's record; ``where`` and ``must`` are about the records changed, where ``record.x`` is the step's.
    """

    kind: EffectKind
    target: str
    place: Place
    when: Expression | None
    where: Expression | None
    must: Expression | None
    say: Label | None
    # A step of the record itself, taken along.
    takes: str | None
    sets: Mapping[str, Expression]


@dataclass(frozen=True, slots=True)
class Move:
    """A named step from some states to another."""

    name: str
    label: Label
    sources: tuple[str, ...]
    target: str
    place: Place
    guard: Expression | None = None
    say: Label | None = None
    tone: str = "primary"
    asks: tuple[str, ...] = ()
    offers: tuple[str, ...] = ()
    sets: Mapping[str, Expression] = field(default_factory=dict, hash=False)
    effects: tuple[Effect, ...] = field(default=(), hash=False)
    # Whether the guard against much at once counts it as a deletion.
    deletes: bool = False
