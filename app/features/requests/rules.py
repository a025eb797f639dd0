"""What a request is, how its content is sealed, and who is near enough to decide it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from app.access.actor import Actor

PENDING, APPROVED, REFUSED = "pending", "approved", "refused"
WITHDRAWN, EXPIRED, USED = "withdrawn", "expired", "used"
OPEN_FOR = timedelta(days=7)
LONGEST_REASON = 500


class Matter(NamedTuple):
    """What is to be decided, and around which places."""

    kind: str
    entity: str | None
    places: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it stands; ``guarded`` names the rule that held the deed back, if one did."""

    id: int
    kind: str
    entity: str | None
    places: tuple[int, ...] | None
    requester_id: int
    beneficiary_id: int
    payload: Mapping[str, Any]
    digest: str
    reason: str
    guarded: str | None
    state: str
    version: int
    created_at: datetime
    expires_at: datetime
    decided_by: int | None
    decided_at: datetime | None
    why: str | None
    used_at: datetime | None

    def state_at(self, now: datetime) -> str:
        """The state; one that waited too long is over, also before anybody wrote that down."""
        return EXPIRED if self.state == PENDING and now >= self.expires_at else self.state


def sealed(payload: Mapping[str, Any]) -> str:
    """The SHA-256 of a payload in its canonical form (RFC 8785 for the texts and whole numbers used here)."""
    text = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def is_whole(request: Request) -> bool:
    """Whether the payload is still the one that was asked for."""
    return sealed(request.payload) == request.digest


def covers(actor: Actor, kind: str, entity: str | None, places: tuple[int, ...] | None) -> bool:
    """Whether a role of the actor decides such requests, held at or above every one of ``places``."""
    for grant in actor.grants:
        if entity is not None and not grant.role.decides(kind, entity):
            continue
        if entity is None and grant.role.approves.get(kind, ()) is not None:
            continue
        if grant.places is None or (places is not None and set(places) <= set(grant.places)):
            return True
    return False
