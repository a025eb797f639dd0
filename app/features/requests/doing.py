"""The door by which approved deeds are done: the decider's name, and just the rights that the deed needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from app.access.actor import system_actor
from app.features.requests.rules import Request
from app.kernel.errors import Conflict, NotFound, Refused
from app.kernel.messages import _l
from app.language.definitions import Rights
from app.records.gateway import Records, records_for
from app.records.tombstones import Cause


def stated_door(
    records: Records, request: Request, rights: Mapping[str, frozenset[Rights]]
) -> Records:
    """A door with the stated rights alone, in the decider's name and session."""
    door = named_door(records, rights, f"request {request.id}")
    door.because(Cause(request.id, request.reason))
    return door


def named_door(records: Records, rights: Mapping[str, frozenset[Rights]], purpose: str) -> Records:
    """A door with the stated rights alone, in the name of the actor of ``records``."""
    runtime, actor = records.runtime, records.access.actor
    stated = system_actor(runtime.schema, rights, purpose)
    named = replace(stated, account_id=actor.account_id, username=actor.username, name=actor.name)
    return records_for(runtime, records.session, named)


def unchanged(deed: Callable[[], object]) -> None:
    """Do a deed; raises Refused when its record is not what it was when this was asked for."""
    try:
        deed()
    except (Conflict, NotFound) as changed:
        text = _l(
            "A record has changed since this was asked for. Refuse it, and let it be asked anew."
        )
        raise Refused(text) from changed
