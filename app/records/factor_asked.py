"""Ends the sessions of those whose roles ask for a second factor from a revision on and did not before."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, text

from app.language.compiler import compile_sources
from app.language.definitions import Role, Schema
from app.language.findings import SchemaInvalid
from app.records.accounts import ROLE_ASSIGNMENT
from app.records.sessions import end_sessions
from app.storage.applying import revisions

_HOLDERS = text(
    "SELECT DISTINCT account_id FROM role_assignment WHERE role = ANY(:roles)"
    " AND deleted_at IS NULL AND (valid_to IS NULL OR valid_to >= :today)"
)


def end_without_factor(connection: Connection, after: Schema, now: datetime) -> None:
    """Whoever holds such a role signs in anew, browsers and programs alike, and sets the factor up first.

    Called once ``after`` is recorded as the newest revision.
    """
    if ROLE_ASSIGNMENT not in after.entities:
        return
    old = _roles_before(connection)
    newly = [
        name
        for name, role in after.roles.items()
        if role.second_factor and not (name in old and old[name].second_factor)
    ]
    if newly:
        holders = connection.scalars(_HOLDERS, {"roles": newly, "today": now.date()}).all()
        end_sessions(connection, holders, now)


# Private


def _roles_before(connection: Connection) -> Mapping[str, Role]:
    """The roles of the revision before the newest; none where this version cannot read it any more."""
    former = revisions(connection, 2)[1:]
    try:
        return compile_sources(former[0].sources).roles if former else {}
    except SchemaInvalid:
        return {}
