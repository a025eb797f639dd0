"""What an export asks for, the mark of each of its rows, and the link to its file."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

READY, MAKING, MADE, TAKEN, EXPIRED = "ready", "making", "made", "taken", "expired"
FORMATS = ("xlsx", "csv")
GRANTED_FOR = timedelta(hours=72)
KEPT_FOR = timedelta(hours=24)
MOST_ROWS = 1_000_000
MARK_LENGTH = 10


@dataclass(frozen=True, slots=True)
class Grant:
    """The right to one file; ``asked`` is what was asked for, sealed by ``digest``."""

    id: int
    request_id: int | None
    account_id: int
    entity: str
    asked: Mapping[str, Any]
    digest: str
    most_rows: int
    created_at: datetime
    expires_at: datetime
    state: str
    task_id: int | None
    rows: int | None
    name: str | None
    storage_key: str | None
    made_at: datetime | None
    taken_at: datetime | None


def digest_of(asked: Mapping[str, Any]) -> str:
    """The SHA-256 of what is asked for: entity, filters, search, view, order, columns and format."""
    text = json.dumps(asked, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def mark_of(secret: str, grant: int, entity: str, record_id: int) -> str:
    """The mark of a row in the file of a grant: a keyed digest that nobody else can make or guess.

    One leaked row tells by its mark from which file it is.
    """
    return _keyed(secret, f"export-row:{grant}:{entity}:{record_id}")[:MARK_LENGTH]


def token_of(secret: str, grant: Grant) -> str:
    """The last part of the link to a file, known only to whoever is shown it."""
    said = f"export-file:{grant.id}:{grant.account_id}:{grant.storage_key}"
    return _keyed(secret, said)[:32].lower()


def same_token(secret: str, grant: Grant, token: str) -> bool:
    """Whether a link is the one to the file of a grant."""
    return hmac.compare_digest(token_of(secret, grant).encode(), token.encode())


# Private


def _keyed(secret: str, text: str) -> str:
    digest = hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()
    return base64.b32encode(digest).decode().rstrip("=")
