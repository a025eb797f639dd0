"""Deeds that a second person has to decide: handed to the feature that asks for them."""

from __future__ import annotations

from typing import Any

from app.kernel.errors import ToBeDecided
from app.web.shell import holder
from app.web.state import Scope


def held(here: Scope, fault: ToBeDecided, reason: str | None = None) -> str:
    """The address where a deed waits for a second person, or is asked for; raises the fault without any."""
    hold = holder()
    if hold is None:
        raise fault
    return hold(here, fault, reason)


def together(faults: list[ToBeDecided]) -> ToBeDecided:
    """Several records as one thing to decide."""
    first = faults[0]
    records: list[Any] = []
    for fault in faults:
        found: Any = fault.payload["records"]
        records += found
    guard = next((fault.guard for fault in faults if fault.guard), "")
    return ToBeDecided(first.kind, first.entity, {"records": records}, guard)
