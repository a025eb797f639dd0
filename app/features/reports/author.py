"""Who works on reports of his own: saves them, plans them, keeps them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.access.actor import Actor
from app.records.gateway import Records


@dataclass(frozen=True, slots=True)
class Author:
    """Who works on reports, through which door, and from where."""

    records: Records
    address: str | None = None

    @property
    def session(self) -> Session:
        """The session of the door."""
        return self.records.session

    @property
    def actor(self) -> Actor:
        """Who acts."""
        return self.records.access.actor
