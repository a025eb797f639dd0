"""The features of the product: their pages, their background tasks, and what begins by itself."""

from __future__ import annotations

from app.features.accounts.pages import register as accounts
from app.features.background.pages import register as background
from app.features.background.service import ROLES, ROLES_DAILY, TIDY, TIDY_DAILY
from app.features.notifications.pages import register as notifications
from app.features.notifications.tasks import DELIVER_OFTEN, deliver_kind
from app.features.reminders.pages import register as reminders
from app.features.reminders.tasks import REMIND, REMIND_DAILY, REMIND_HOURLY
from app.features.reports.builder_pages import register as report_builder
from app.features.reports.dashboard_pages import register as dashboards
from app.features.reports.making import REPORT_FILE
from app.features.reports.pages import register as reports
from app.features.reports.schedule_pages import register as report_schedules
from app.features.reports.snapshot_pages import register as report_snapshots
from app.features.reports.snapshots import KEEP_SNAPSHOT
from app.features.reports.turns import (
    BEGIN_REPORTS,
    BEGIN_REPORTS_OFTEN,
    DOCUMENT,
    SCHEDULED_REPORT,
    attachment,
)
from app.features.rights.pages import register as rights
from app.tasks.kinds import Schedule, TaskKind
from app.web.portal import Register

FEATURES: tuple[Register, ...] = (
    accounts,
    rights,
    background,
    notifications,
    reminders,
    dashboards,
    reports,
    report_builder,
    report_schedules,
    report_snapshots,
)
TASKS: tuple[TaskKind, ...] = (
    TIDY,
    ROLES,
    REMIND,
    deliver_kind({DOCUMENT: attachment}),
    REPORT_FILE,
    KEEP_SNAPSHOT,
    BEGIN_REPORTS,
    SCHEDULED_REPORT,
)
SCHEDULES: tuple[Schedule, ...] = (
    TIDY_DAILY,
    ROLES_DAILY,
    REMIND_DAILY,
    REMIND_HOURLY,
    DELIVER_OFTEN,
    BEGIN_REPORTS_OFTEN,
)
