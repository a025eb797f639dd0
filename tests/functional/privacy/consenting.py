"""Consents of the nursery: given, withdrawn, and rounds that want one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import text

from tests.support.portals import Portal

SPOT = "31.230000,121.470000"
INSTEAD = "在备注里写明地点即可"


def agree(
    portal: Portal,
    person: int,
    edition: str = "2",
    given: datetime | None = None,
    about: str = "spot",
) -> int:
    """A consent as somebody writes it down."""
    row = {"gardener": person, "about": about, "edition": edition,
           "given_at": given or portal.clock.now()}  # fmt: skip
    with portal.records() as records:
        return records.create("consent", row)


def end(portal: Portal, consent: int, at: datetime | None = None) -> None:
    """A withdrawal as somebody writes it down."""
    version = portal.scalar("SELECT version FROM consent WHERE id = :id", id=consent)
    with portal.records() as records:
        records.change("consent", consent, {"withdrawn_at": at or portal.clock.now()}, version)


def none_left(portal: Portal) -> None:
    """As if nobody had ever agreed to anything, and no round had been made."""
    with portal.engines.owner.begin() as connection:
        connection.execute(text("DELETE FROM round"))
        connection.execute(text("DELETE FROM consent"))


def a_round(portal: Portal, person: int, **values: Any) -> dict[str, Any]:
    """What is sent for a round."""
    return {"gardener": person, "bed": portal.ids["west"], "on_day": "2026-06-15", **values}


def rounds(portal: Portal) -> list[str | None]:
    """The spots of all rounds."""
    return portal.column("SELECT spot FROM round ORDER BY id")
