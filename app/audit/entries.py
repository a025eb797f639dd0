"""What an entry of the audit trail says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.audit.actions import AuditAction


@dataclass(frozen=True, slots=True)
class Entry:
    """A deed. ``changes`` maps a field to its value before and after, masked where sensitive.

    ``changes`` and ``record_title`` can be erased later, ``facts`` never: they say nothing of persons.
    """

    at: datetime
    account_id: int | None
    account_name: str
    action: AuditAction
    revision: int
    entity: str | None = None
    record_id: int | None = None
    record_title: str | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    address: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
