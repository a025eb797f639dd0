"""One spelling for each value: JSON with sorted keys, no floats, NFC and UTF-8, a subset of RFC 8785."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any

# Beyond it JSON readers of other languages round whole numbers (RFC 8785, 3.2.2.3).
LARGEST_NUMBER = 2**53 - 1
ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def canonical(value: Any) -> str:
    """The text of ``value``; what JSON has no exact form for becomes a text before."""
    return spelled(_plain(value))


def spelled(value: Any) -> str:
    """As ``canonical``, for a value that is plain already: to compare with what was kept."""
    return ENCODER.encode(value)


def moment_text(moment: datetime) -> str:
    """A moment in UTC with microseconds, as ``2026-06-15T04:00:00.000000Z``."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


# Private


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) <= LARGEST_NUMBER else str(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        return {_text(str(name)): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        parts = [_plain(part) for part in value]
        return sorted(parts, key=str) if isinstance(value, set | frozenset) else parts
    if isinstance(value, datetime):
        return moment_text(value) if value.tzinfo else value.isoformat()
    return value.isoformat() if isinstance(value, date | time) else _text(str(value))


def _text(text: str) -> str:
    """NFC, and nothing that PostgreSQL or UTF-8 cannot hold."""
    if text.isascii():
        return text.replace("\0", "\ufffd")
    kept = text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")
    return unicodedata.normalize("NFC", kept)
