"""Reads reminder files."""

from __future__ import annotations

from app.language.reading import Keys, good_name
from app.language.reminder_definitions import Reminder


def read_reminder(keys: Keys) -> Reminder | None:
    """A reminder file; None when it has no usable name."""
    name = keys.text("reminder", required=True)
    if not good_name(name, keys.place_of("reminder"), keys.findings):
        return None
    found = Reminder(name, keys.needed_label(), keys.place)
    keys.done()
    return found
