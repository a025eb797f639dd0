"""One spelling for each value."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from app.audit.canonical import canonical, moment_text, spelled


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [True, None]}, '{"a":[true,null],"b":1}'),
        ("e\u0301", '"\u00e9"'),
        ({"e\u0301": 1}, '{"\u00e9":1}'),
        (1.50, '"1.5"'),
        (Decimal("1.50"), '"1.50"'),
        (2**53 - 1, "9007199254740991"),
        (-(2**53), '"-9007199254740992"'),
        (date(2026, 6, 15), '"2026-06-15"'),
        ("a\0b\n\x1f", '"a\ufffdb\\n\\u001f"'),
        ("\ud800", '"?"'),
        ({"b", "a"}, '["a","b"]'),
    ],
)
def test_a_value_has_one_text(value: object, text: str) -> None:
    assert canonical(value) == text


def test_what_was_spelled_once_is_spelled_so_again() -> None:
    text = canonical({"名": ["é", 1.5, {"z": 1, "a": 2}], "n": 12})
    assert spelled(json.loads(text)) == text


def test_a_moment_is_told_in_utc() -> None:
    china = datetime(2026, 6, 15, 12, 0, 0, 5, tzinfo=timezone(timedelta(hours=8)))
    assert moment_text(china) == "2026-06-15T04:00:00.000005Z"
    assert moment_text(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01T00:00:00.000000Z"
