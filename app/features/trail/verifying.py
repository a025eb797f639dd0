"""The whole trail is verified every night; those who look after it hear of every fault."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from typing import Any

from app.audit.checking import Verification
from app.features.notifications.service import notify
from app.features.trail.service import VERIFY_KIND
from app.features.trail.signing import notices_of
from app.kernel.messages import Label
from app.tasks.kinds import Schedule, TaskKind
from app.tasks.work import Work

MOST_TOLD = 5


def verify(work: Work, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Verify everything; what is found is the result of the task, and a red notice."""
    told: list[str] = []
    with work.engine.connect() as connection:
        run = Verification(connection, work.settings.home)
        for found in run.findings():
            if not found.note and len(told) < MOST_TOLD:
                told.append(str(found.says))
    if run.faults:
        day = work.runtime.moment().today
        title = Label(
            f"审计记录核验发现 {run.faults} 处问题", f"The audit trail has {run.faults} faults"
        )
        said = "\n".join(told)
        body = Label(f"{said}\n详见：portal audit verify", f"{said}\nSee: portal audit verify")
        key = f"trail_faults:{day}"
        notices = notices_of(work.session, work.runtime, key, title, body, red=True)
        notify(work.session, notices, work.runtime.clock.now())
    return {"first": run.first, "size": run.size, "faults": run.faults, "told": told}


VERIFY = TaskKind(VERIFY_KIND, Label("核验审计记录", "Verify the audit trail"), verify, attempts=1)
VERIFY_DAILY = Schedule("trail_verify_daily", VERIFY.name, at=time(4, 10))
