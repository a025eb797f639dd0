"""Under which heading of an audit report each deed is counted: under one, and one alone."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from app.audit.actions import AuditAction as Did

LOOKED, EXPORTED, CHANGED, RIGHTS = "looked", "exported", "changed", "rights"
FROZEN, BLOCKED, BUDGET, DECIDED = "frozen", "blocked", "budget", "decided"
SIGNED_IN, TRAIL, OTHER = "signed_in", "trail", "other"
# In the order of the report; what no heading is for is counted, too.
KINDS: Mapping[str, tuple[Did, ...]] = MappingProxyType(
    {
        LOOKED: (Did.RECORDS_SHOWN, Did.VALUES_READ, Did.VALUE_REVEALED, Did.SEARCHED, Did.CANARY_SEEN,
                 Did.VIEWING_READ, Did.TRAIL_READ),
        EXPORTED: (Did.EXPORT_MADE, Did.EXPORT_TAKEN, Did.REPORT_TAKEN, Did.EVIDENCE_TAKEN, Did.TRAIL_EXPORTED),
        CHANGED: (Did.RECORD_CREATED, Did.RECORD_CHANGED, Did.RECORD_MOVED, Did.RECORD_REMOVED, Did.RECORD_RESTORED,
                  Did.RECORD_ERASED, Did.RECORD_PUT_AWAY, Did.RECORD_FETCHED_BACK, Did.DEEDS_UNDONE,
                  Did.RECORDS_LOADED, Did.SCHEMA_APPLIED, Did.SCHEMA_PURGED,
                  Did.REPORT_SAVED, Did.REPORT_DELETED, Did.REPORT_SCHEDULED,
                  Did.REPORT_UNSCHEDULED, Did.SNAPSHOT_REMOVED, Did.REMINDER_CHANGED, Did.REMINDER_RESTORED,
                  Did.CONSENT_GIVEN, Did.CONSENT_WITHDRAWN),
        RIGHTS: (Did.ROLE_GIVEN_ALONE, Did.ROLE_CHANGED, Did.ROLE_CREATED, Did.ROLE_REMOVED, Did.ROLES_RESET,
                 Did.ACCOUNT_CREATED, Did.ACCOUNT_OPENED, Did.PASSWORD_SET, Did.RESET_SENT, Did.HELP_ASKED,
                 Did.FACTOR_SET, Did.FACTOR_REMOVED, Did.BREAK_GLASS_ASKED, Did.BREAK_GLASS_CANCELLED,
                 Did.BREAK_GLASS_DONE),
        FROZEN: (Did.ACCOUNT_CLOSED, Did.SESSION_ENDED, Did.SESSIONS_ENDED, Did.HOLD_SET, Did.HOLD_LIFTED),
        BLOCKED: (Did.ACCESS_REFUSED, Did.EXPORT_BLOCKED, Did.SIGN_IN_REFUSED, Did.FACTOR_REFUSED),
        BUDGET: (Did.VIEWING_STOPPED, Did.REVEALING_STOPPED),
        DECIDED: (Did.REQUEST_ASKED, Did.REQUEST_APPROVED, Did.REQUEST_REFUSED, Did.REQUEST_WITHDRAWN,
                  Did.REQUEST_EXPIRED),
        SIGNED_IN: (Did.SIGNED_IN, Did.SIGNED_OUT, Did.PROVED_AGAIN),
        TRAIL: (Did.AUDIT_REPORTED, Did.VALUES_ERASED, Did.KEY_ANNOUNCED, Did.KEY_CHANGED, Did.LOG_RESTORED,
                Did.BACKUP_MADE, Did.BACKUP_RESTORED,
                Did.CANARY_SET, Did.CANARY_CLEARED),
        OTHER: (Did.TASK_CANCELLED, Did.TASK_RETRIED, Did.DUPLICATE_KEPT),
    }
)  # fmt: skip
# Whoever holds which role is a record itself.
HOLDING_ROLES, RECORDS = "role_assignment", "record:"
_KIND_OF = MappingProxyType({str(deed): kind for kind, deeds in KINDS.items() for deed in deeds})


def kind_of(action: str, entity: str | None) -> str:
    """The heading of a deed; what is done to the records of who holds which role is about rights."""
    if entity == HOLDING_ROLES and action.startswith(RECORDS):
        return RIGHTS
    return _KIND_OF.get(action, OTHER)
