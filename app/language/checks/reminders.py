"""Rules over reminders."""

from __future__ import annotations

from collections.abc import Mapping

from app.language.checks.context import Context
from app.language.reminder_definitions import Reminder


def check_reminders(context: Context, reminders: Mapping[str, Reminder]) -> None:
    """Note every fault of the reminders."""
