"""The background work of notices: sending what waits to go out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from app.features.notifications.delivering import Guard, deliver
from app.kernel.messages import Label
from app.tasks.kinds import Schedule, TaskKind
from app.tasks.work import Work


def deliver_kind(guards: Mapping[str, Guard]) -> TaskKind:
    """Sends what is due; ``guards`` by kind of document hand over the files of mails."""

    def send_waiting(work: Work, arguments: Mapping[str, Any]) -> Mapping[str, int]:
        now = work.runtime.clock.now()
        return deliver(work.engine, work.runtime, work.settings, now, guards)

    return TaskKind("deliver", Label("\u53d1\u9001\u901a\u77e5", "Send notices"), send_waiting)


DELIVER = deliver_kind({})
DELIVER_OFTEN = Schedule("deliver_often", DELIVER.name, every=timedelta(minutes=5), catch_up="skip")
