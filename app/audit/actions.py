"""The names of what can be done."""

from __future__ import annotations

from enum import StrEnum


class AuditAction(StrEnum):
    """One kind of deed."""

    RECORD_CREATED = "record:created"
    RECORD_CHANGED = "record:changed"
    RECORD_MOVED = "record:moved"
    RECORD_REMOVED = "record:removed"
    RECORDS_LOADED = "record:loaded"
    REPORT_TAKEN = "report:taken"
    REPORT_SAVED = "report:saved"
    REPORT_DELETED = "report:deleted"
    REPORT_SCHEDULED = "report:scheduled"
    REPORT_UNSCHEDULED = "report:unscheduled"
    SNAPSHOT_REMOVED = "report:snapshot_removed"
    SCHEMA_APPLIED = "schema:applied"
    SIGNED_IN = "session:signed_in"
    SIGN_IN_REFUSED = "session:refused"
    SIGNED_OUT = "session:signed_out"
    PASSWORD_SET = "account:password_set"  # noqa: S105  # the name of a deed
    ACCOUNT_CREATED = "account:created"
    ACCOUNT_OPENED = "account:opened"
    ACCOUNT_CLOSED = "account:closed"
    TASK_CANCELLED = "task:cancelled"
    TASK_RETRIED = "task:retried"
    REMINDER_CHANGED = "reminder:changed"
    REMINDER_RESTORED = "reminder:restored"
