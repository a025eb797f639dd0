"""What stands behind the door: one schema with its classes, and the time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from app.kernel.clock import Clock
from app.language.definitions import Entity, Schema
from app.language.evaluation import Moment
from app.storage.models import Models


@dataclass(frozen=True)
class Runtime:
    """One revision of a portal, shared by all its requests."""

    schema: Schema
    models: Models
    revision: int
    clock: Clock
    zone: ZoneInfo

    def moment(self) -> Moment:
        """Now, in the portal's zone."""
        return Moment(self.clock.now(), self.zone)

    @cached_property
    def memory(self) -> dict[Any, Any]:
        """What features worked out of this revision, kept as long as it is served."""
        return {}

    def entity(self, name: str) -> Entity:
        """The entity of that name; raises KeyError."""
        return self.schema.entities[name]
