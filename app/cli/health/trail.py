"""The doctor's look at the audit trail: whether it shrank, and how old its newest checkpoint is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from app.audit.checkpoints import log_size, newest
from app.audit.hashing import hash_of_log
from app.audit.sealing import too_small
from app.audit.shelf import latest
from app.cli.health.finding import Finding, faulty, fine
from app.kernel.clock import SystemClock
from app.kernel.errors import SettingsError
from app.kernel.messages import _l
from app.settings import Settings
from app.storage.audit_tables import AUDIT_ENTRY
from app.storage.looking import other_hash

OVERDUE = timedelta(hours=24)


def look_at_trail(settings: Settings, connection: Connection) -> Iterator[Finding]:
    """The log is as long as what was signed, and was signed within a day."""
    yield _hash(settings, connection)
    size, outside = log_size(connection), latest(settings.home)
    if outside is not None and size < outside.checkpoint.size:
        yield faulty("audit_log", too_small(size, outside.checkpoint.size))
        return
    known = outside.checkpoint if outside else newest(connection)
    signed, since = (known.size, known.at) if known else (0, None)
    oldest = _noted_at(connection, signed + 1)
    if oldest is None:
        yield fine(
            "audit_log", _l("The audit trail has %(size)s entries, all of them signed.", size=size)
        )
        return
    when = f"{since:%Y-%m-%d %H:%M} UTC" if since else "–"
    if SystemClock().now() - oldest > OVERDUE:
        yield faulty("audit_log", _l(
            "The audit trail has had no checkpoint for a day (last: %(when)s); look at the task “%(task)s”, "
            "or run: portal audit checkpoint", when=when, task="trail_sign",
        ))  # fmt: skip
    elif known is None:
        yield fine("audit_log", _l(
            "The audit trail was not signed yet; a running portal does that every ten minutes."
        ))  # fmt: skip
    else:
        yield fine("audit_log", _l("The audit trail has %(size)s entries; %(signed)s of them were signed at %(when)s.",
                                   size=size, signed=signed, when=when))  # fmt: skip


# Private


def _hash(settings: Settings, connection: Connection) -> Finding:
    """What the trail is hashed with, beside what was asked for."""
    other = other_hash(connection, settings.audit_hash)
    if other is not None:
        return faulty("audit_hash", other)
    try:
        name = hash_of_log(connection).name
    except SettingsError as fault:
        return faulty("audit_hash", fault.message)
    return fine(
        "audit_hash", _l("The tree over the audit trail is hashed with %(hash)s.", hash=name)
    )


def _noted_at(connection: Connection, seq: int) -> datetime | None:
    """When an entry was sealed."""
    found: datetime | None = connection.scalar(
        select(AUDIT_ENTRY.c.noted_at).where(AUDIT_ENTRY.c.id == seq)
    )
    return found
