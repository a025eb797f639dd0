"""Lets requests go that nobody decided in time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from app.features.requests.service import expire
from app.kernel.messages import Label
from app.tasks.kinds import Schedule, TaskKind
from app.tasks.work import Work


def let_go(work: Work, arguments: Mapping[str, Any]) -> Mapping[str, int]:
    """End what waited too long."""
    return {"expired": expire(work.session, work.runtime)}


EXPIRE = TaskKind("requests_expire", Label("过期申请", "Let old requests go"), let_go)
EXPIRE_HOURLY = Schedule("requests_expire_hourly", EXPIRE.name, every=timedelta(hours=1))
