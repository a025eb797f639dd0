"""The second wall around the portal's own tables that keep values of records, or what one account typed.

A row about a record is reached by whoever reaches the record, by the policy of the record's own table; a row of
an account by that account. Whoever looks after the trail, or decides, reaches what his office needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from app.language.definitions import Rights, Role, Schema
from app.language.field_types import TWICE_FOR
from app.storage.audit_tables import AUDIT_VALUE
from app.storage.deed_tables import BEFORE, TWICE
from app.storage.export_tables import EXPORT_BLOCKED, EXPORT_GRANT
from app.storage.notice_tables import NOTICE
from app.storage.privacy_tables import LEGAL_HOLD, PUT_AWAY
from app.storage.report_tables import PORTAL_REPORT
from app.storage.request_tables import REQUEST, TOMBSTONE
from app.storage.schedule_tables import REPORT_SCHEDULE, REPORT_SNAPSHOT
from app.storage.tables import FILE, SAVED_VIEW
from app.storage.task_tables import TASK
from app.storage.walls import Wall

PORTAL = "portal_wall_portal()"
MINE = "account_id = portal_wall_account()"
RECORD = "portal_wall_sees(entity, record_id)"


def side_walls(schema: Schema) -> list[Wall]:
    """The policies of the portal's own tables; what is appended may be about others."""
    keepers = _holds(schema, lambda role: "trail" in role.administers)
    builders = _holds(schema, lambda role: "schema" in role.administers)
    steerers = _holds(schema, lambda role: bool(role.administers & {"schema", "reminders"}))
    offices = _holds(schema, lambda role: bool(role.administers))
    task = f"entity = '{TASK.name}' AND EXISTS (SELECT FROM {TASK.name} t WHERE t.id = record_id)"
    rules = {
        # What stood before a deed and what was deleted hold every value in clear: only the portal itself reads them.
        BEFORE.name: (),
        TOMBSTONE.name: (),
        TWICE.name: (*_twice(schema),),
        AUDIT_VALUE.name: (keepers, _told(schema)),
        FILE.name: (
            "record_id IS NULL AND created_by = portal_wall_account()", task, RECORD,
        ),
        LEGAL_HOLD.name: (offices, RECORD),
        PUT_AWAY.name: (offices, RECORD),
        NOTICE.name: (MINE,),
        SAVED_VIEW.name: (MINE,),
        EXPORT_BLOCKED.name: (MINE,),
        REPORT_SNAPSHOT.name: (MINE,),
        REPORT_SCHEDULE.name: ("owner_id = portal_wall_account()", steerers),
        TASK.name: (f"account_id IS NULL OR {MINE}", builders),
        EXPORT_GRANT.name: (
            MINE, f"EXISTS (SELECT FROM {REQUEST.name} r WHERE r.id = request_id)",
        ),
        REQUEST.name: (*_asked(schema),),
        PORTAL_REPORT.name: (
            "owner_id = portal_wall_account()", *_shared(schema), builders,
        ),
    }  # fmt: skip
    return [
        Wall(table, " OR ".join(f"({part})" for part in (PORTAL, *parts)), "true")
        for table, parts in rules.items()
    ]


# Private


def _told(schema: Schema) -> str:
    """What the trail told is read with the record that it is about, whatever that was called then."""
    outside = [
        f"entry.entity = '{entity.name}' AND {_reads(schema, entity.name)}"
        for entity in schema.entities.values()
        if entity.external_table
    ]
    seen = "portal_wall_sees(portal_wall_named(entry.entity, entry.revision), entry.record_id)"
    either = " OR ".join(f"({part})" for part in (*outside, seen))
    return (
        f"EXISTS (SELECT FROM portal_audit_entry entry WHERE entry.id = {AUDIT_VALUE.name}.id"
        f" AND ({either}))"
    )


def _asked(schema: Schema) -> Iterable[str]:
    """A request: those whom it concerns, those whose office it is, and whoever reaches a record that it is about."""
    for column in ("requester_id", "beneficiary_id", "decided_by"):
        yield f"{column} = portal_wall_account()"
    names = _names(schema, lambda role: bool(role.approves or role.administers))
    yield f"portal_wall_whole({names}) OR places && portal_wall_places({names})"
    yield (
        "EXISTS (SELECT FROM portal_request_record about"
        f" WHERE about.request_id = {REQUEST.name}.id AND portal_wall_sees(about.entity, about.record_id))"
    )


def _twice(schema: Schema) -> Iterable[str]:
    """A value that stands twice: those who are told of it and reach the later record."""
    for entity in schema.entities.values():
        for field in entity.held_groups.values():
            told = f"portal_wall_holds({_array(field.options[TWICE_FOR])})"
            yield f"entity = '{entity.name}' AND field = '{field.name}' AND {told} AND {RECORD}"


def _shared(schema: Schema) -> Iterable[str]:
    """A report that is shared with a role: for the holders of the role."""
    for name in schema.roles:
        yield f"'{name}' = ANY (shared_with) AND portal_wall_holds('{{\"{name}\"}}')"


def _reads(schema: Schema, entity: str) -> str:
    def reads(role: Role) -> bool:
        return entity in role.may and Rights.READ in role.may[entity].rights

    return _holds(schema, reads)


def _holds(schema: Schema, wanted: Callable[[Role], bool]) -> str:
    return f"portal_wall_holds({_names(schema, wanted)})"


def _names(schema: Schema, wanted: Callable[[Role], bool]) -> str:
    return _array(role.name for role in schema.roles.values() if wanted(role))


def _array(names: Iterable[str]) -> str:
    listed = ",".join(f'"{name}"' for name in names)
    return f"'{{{listed}}}'::text[]"
