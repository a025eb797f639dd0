"""The features of the product: their pages, their background tasks, and what begins by itself."""

from __future__ import annotations

from app.features.accounts.break_glass import BREAK_GLASS, BREAK_GLASS_OFTEN
from app.features.accounts.break_glass_pages import register as broken_glass
from app.features.accounts.factor_pages import register as factors
from app.features.accounts.oidc_pages import register as oidc
from app.features.accounts.pages import register as accounts
from app.features.accounts.resets import SEND_RESET
from app.features.accounts.session_pages import register as sessions
from app.features.accounts.step_pages import register as steps
from app.features.background.pages import register as background
from app.features.background.purging import PURGE, PURGE_DAILY
from app.features.background.service import ROLES, ROLES_DAILY, TIDY, TIDY_DAILY
from app.features.backups.tasks import BACKUP, BACKUP_NIGHTLY
from app.features.exports.kind import EXPORT
from app.features.exports.making import EXPORT_FILE, EXPORTS_SWEEP, SWEEP_HOURLY
from app.features.exports.pages import register as exports
from app.features.keys.tasks import CHANGE_KEY
from app.features.notifications.pages import register as notifications
from app.features.notifications.tasks import DELIVER_OFTEN, deliver_kind
from app.features.privacy.archive_pages import register as archives
from app.features.privacy.consent_pages import register as consents
from app.features.privacy.correction_pages import register as corrections
from app.features.privacy.corrections import CORRECTION
from app.features.privacy.erasure import ERASURE
from app.features.privacy.pages import register as privacy
from app.features.privacy.register_pages import register as processing
from app.features.privacy.retention import PUT_AWAY_TASK, RETENTION, RETENTION_DAILY
from app.features.reminders.pages import register as reminders
from app.features.reminders.tasks import REMIND, REMIND_DAILY, REMIND_HOURLY
from app.features.reports.ask_pages import register as report_asking
from app.features.reports.builder_pages import register as report_builder
from app.features.reports.dashboard_pages import register as dashboards
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
from app.features.requests.changing import CHANGE
from app.features.requests.deletion import DELETION
from app.features.requests.pages import register as requests
from app.features.requests.tasks import EXPIRE, EXPIRE_HOURLY
from app.features.rights.book_pages import register as rule_book
from app.features.rights.edit_pages import register as role_edit
from app.features.rights.kind import RIGHTS
from app.features.rights.pages import register as rights
from app.features.trail.archiving import ARCHIVE, ARCHIVE_DAILY
from app.features.trail.pages import register as trail
from app.features.trail.report_pages import register as audit_reports
from app.features.trail.reporting import REPORT
from app.features.trail.signing import SIGN, SIGN_OFTEN
from app.features.trail.verifying import VERIFY, VERIFY_DAILY
from app.features.undo.pages import register as undo
from app.features.viewing.account_pages import register as look_backs
from app.features.viewing.canary_pages import register as canary_marks
from app.features.viewing.duplicate_pages import register as duplicates
from app.features.viewing.duplicates import DUPLICATES, DUPLICATES_OFTEN
from app.features.viewing.leavers import LEAVERS, LEAVERS_OFTEN
from app.features.viewing.pages import register as viewing
from app.features.viewing.reveal_pages import register as revealing
from app.tasks.kinds import Schedule, TaskKind
from app.web.portal import Register

FEATURES: tuple[Register, ...] = (
    accounts,
    sessions,
    steps,
    factors,
    oidc,
    broken_glass,
    rights,
    rule_book,
    role_edit,
    trail,
    audit_reports,
    background,
    notifications,
    requests((DELETION, CHANGE, EXPORT, RIGHTS, ERASURE, CORRECTION)),
    exports,
    undo,
    viewing,
    look_backs,
    canary_marks,
    duplicates,
    revealing,
    privacy,
    consents,
    archives,
    corrections,
    processing,
    reminders,
    dashboards,
    reports,
    report_asking,
    report_builder,
    report_schedules,
    report_snapshots,
)
TASKS: tuple[TaskKind, ...] = (
    TIDY,
    PURGE,
    ROLES,
    SEND_RESET,
    BREAK_GLASS,
    REMIND,
    deliver_kind({DOCUMENT: attachment}),
    KEEP_SNAPSHOT,
    EXPIRE,
    EXPORT_FILE,
    EXPORTS_SWEEP,
    BEGIN_REPORTS,
    SCHEDULED_REPORT,
    SIGN,
    REPORT,
    VERIFY,
    ARCHIVE,
    CHANGE_KEY,
    RETENTION,
    PUT_AWAY_TASK,
    LEAVERS,
    DUPLICATES,
    BACKUP,
)
SCHEDULES: tuple[Schedule, ...] = (
    SIGN_OFTEN,
    VERIFY_DAILY,
    ARCHIVE_DAILY,
    RETENTION_DAILY,
    TIDY_DAILY,
    PURGE_DAILY,
    ROLES_DAILY,
    BREAK_GLASS_OFTEN,
    REMIND_DAILY,
    REMIND_HOURLY,
    DELIVER_OFTEN,
    EXPIRE_HOURLY,
    SWEEP_HOURLY,
    BEGIN_REPORTS_OFTEN,
    LEAVERS_OFTEN,
    DUPLICATES_OFTEN,
    BACKUP_NIGHTLY,
)
