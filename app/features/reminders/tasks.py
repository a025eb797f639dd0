"""The background work of reminders: every morning, and on the hour for what hangs on it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from app.features.notifications.tasks import DELIVER
from app.features.reminders.rules import MORNING
from app.features.reminders.service import remind
from app.kernel.messages import Label
from app.tasks.kinds import Schedule, TaskKind
from app.tasks.outbox import NewTask, enqueue
from app.tasks.work import Work


def remind_people(work: Work, arguments: Mapping[str, Any]) -> Mapping[str, int]:
    """Tell what is due, and have it sent as soon as this is saved."""
    counts = remind(
        work.session, work.runtime, work.runtime.clock.now(), hourly=bool(arguments.get("hourly"))
    )
    if counts.get("sent"):
        enqueue(work.session, work.runtime, NewTask(DELIVER.name, DELIVER.label))
    return counts


REMIND = TaskKind("remind", Label("\u53d1\u51fa\u63d0\u9192", "Remind people"), remind_people)
REMIND_DAILY = Schedule("remind_daily", REMIND.name, at=MORNING)
REMIND_HOURLY = Schedule(
    "remind_hourly", REMIND.name, every=timedelta(hours=1), arguments={"hourly": True}
)
