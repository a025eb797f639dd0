"""The features of the product: their pages, their background tasks, and what begins by itself."""

from __future__ import annotations

from app.features.accounts.pages import register as accounts
from app.features.background.pages import register as background
from app.features.background.service import ROLES, ROLES_DAILY, TIDY, TIDY_DAILY
from app.tasks.kinds import Schedule, TaskKind
from app.web.portal import Register

FEATURES: tuple[Register, ...] = (accounts, background)
TASKS: tuple[TaskKind, ...] = (TIDY, ROLES)
SCHEDULES: tuple[Schedule, ...] = (TIDY_DAILY, ROLES_DAILY)
