"""The background work of notices: sending what waits to go out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from app.features.notifications.delivering import deliver
from app.kernel.messages import Label
from app.tasks.kinds import Schedule, TaskKind
from app.tasks.work import Work


def send_waiting(work: Work, arguments: Mapping[str, Any]) -> Mapping[str, int]:
    """Send what is due."""
    return deliver(work.engine, work.runtime, work.settings, work.runtime.clock.now())


DELIVER = TaskKind("deliver", Label("\u53d1\u9001\u901a\u77e5", "Send notices"), send_waiting)
DELIVER_OFTEN = Schedule("deliver_often", DELIVER.name, every=timedelta(minutes=5), catch_up="skip")
