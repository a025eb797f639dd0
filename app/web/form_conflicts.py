"""What somebody else saved while a form was being filled in, to be kept apart from it or taken over."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from app.language.definitions import Field
from app.records.preparing import FILE_TYPES
from app.web.controls import posted
from app.web.form_contexts import Option
from app.web.form_reading import Submission

LINKING = ("link", "parent", "links", "reference")
# A secret is never shown again, and no script can put a file into a form.
NOT_TAKEN = ("secret", *FILE_TYPES)


def differs(item: Field, sent: Submission, value: Any) -> bool:
    """Whether the saved ``value`` is another one than what was typed."""
    if item.type in FILE_TYPES:
        return True
    if item.name not in sent.values:
        return item.name in sent.typed
    mine = sent.values[item.name]
    empty: tuple[Any, ...] = (None, [])
    return mine != value and not (mine in empty and value in empty)


def their_value(item: Field, value: Any, options: Iterable[Option], zone: ZoneInfo) -> str:
    """The saved ``value`` as the control takes it; nothing where it cannot be taken.

    ``options`` name what the value points to: without a name the reader does not see the record.
    """
    if item.type in NOT_TAKEN:
        return ""
    names = {option.value: option.label for option in options}
    texts = posted(item, value, zone)
    if item.type in LINKING and any(text and text not in names for text in texts):
        return ""
    pairs = [{"value": text, "text": names.get(text, text)} for text in texts]
    return json.dumps(pairs, ensure_ascii=False)


def on_top(
    sent: Iterable[Mapping[str, Any]], saved: Mapping[int, Any]
) -> tuple[list[Mapping[str, Any]], bool]:
    """The sent rows of a table, such that saving them again overwrites; and whether the saved ones differ.

    ``saved`` has the versions by number. A row that is gone is added anew.
    """
    rows = list(sent)
    known = {row["id"]: row.get("version") for row in rows if row.get("id") is not None}
    made: list[Mapping[str, Any]] = [
        {**row, "version": saved[row["id"]]}
        if row.get("id") in saved
        else {name: value for name, value in row.items() if name not in ("id", "version")}
        for row in rows
    ]
    return made, known != dict(saved)
