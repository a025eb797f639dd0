"""Least fillings of the nursery's forms, and what a saved form leads to."""

from __future__ import annotations

import re
from typing import Any

from tests.support.portals import Portal


def base(portal: Portal, entity: str) -> dict[str, Any]:
    """What a form of this kind needs at least."""
    ids = portal.ids
    least: dict[str, dict[str, Any]] = {
        "bed": {"name": "新床"},
        "buyer": {"name": "新买家", "bed": ids["west"]},
        "gardener": {"name": "新园丁", "bed": ids["west"]},
        "plant": {
            "label_text": "新株",
            "species": ids["maple"],
            "bed": ids["west"],
            "healthy": "true",
        },
        "sale": {"buyer": ids["buyer"]},
        "species": {"name": "新种"},
        "task": {"name": "新任务", "bed": ids["west"]},
        "tool": {"name": "新工具"},
        "weather": {"at": "2026-06-15T12:00"},
        "treatment": {"plant": ids["plant1"], "given_on": "2026-06-01", "what": "施肥"},
        "measurement": {"plant": ids["plant1"], "at": "2026-06-01T10:00", "height": "1"},
    }
    return least[entity]


def pk_of(answer: Any) -> int:
    """The key of the record that a saved form leads to."""
    assert answer.status_code == 302, re.findall(
        r'class="errs-list.*?</ul>', answer.text, re.DOTALL
    )
    return int(answer.headers["Location"].rpartition("/")[2])
