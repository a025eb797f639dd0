"""Entries that are older than the portal keeps them at hand go to archives, every night."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from typing import Any

from app.audit.archives import archive
from app.audit.keys import has_key
from app.kernel.clock import SystemClock
from app.kernel.messages import Label
from app.tasks.kinds import Schedule, TaskKind
from app.tasks.work import Work


def put_away(work: Work, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Archive what is old enough, where the key is; why nothing was archived is the result, too."""
    settings = work.settings
    if not has_key(settings.home):
        return {"skipped": "another home has the key"}
    # The time of the machine, which the trail is compared with; never one that was set for something else.
    done = archive(work.engine, settings.home, SystemClock().now(), settings.audit_days)
    return {"first": done.first, "last": done.last, "reason": str(done.reason or "")}


ARCHIVE = TaskKind(
    "trail_archive", Label("归档旧审计记录", "Archive old audit entries"), put_away, attempts=1
)
ARCHIVE_DAILY = Schedule("trail_archive_daily", ARCHIVE.name, at=time(4, 40))
