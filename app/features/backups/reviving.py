"""What a restored portal still needs: its trail verified, told and signed anew, and reminders without their mails."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine, text, update

from app.access.session_scope import install
from app.audit.checking import Verification
from app.audit.checkpoints import announcements, open_log, rotate_key
from app.audit.keys import has_key, load_key, public_bytes
from app.features.backups.calming import WITHHELD
from app.features.backups.container import Manifest
from app.features.backups.gathering import trail_of
from app.features.reminders.service import remind
from app.kernel.messages import Message, _l
from app.records.runtime import Runtime
from app.storage.database import make_sessions, unit_of_work
from app.storage.notice_tables import DELIVERY


def trail_faults(engine: Engine, home: Path, manifest: Manifest) -> Iterator[Message]:
    """Everything that does not fit in the restored trail, held against the checkpoints and the root of the backup."""
    with engine.connect() as connection:
        run = Verification(connection, home, archives=True)
        yield from (found.says for found in run.findings() if not found.note)
    with engine.connect() as connection:
        if trail_of(connection) != (
            manifest.audit_origin,
            manifest.audit_size,
            manifest.audit_root,
        ):
            yield _l("The trail is not the one that the backup was made of.")


def take_up_trail(engine: Engine, home: Path, now: datetime, by: str) -> str | None:
    """Tell of the restore in the trail, and sign on; the fingerprint of a new key where the old one is not there."""
    open_log(engine, home, now, by)
    with engine.connect() as connection:
        named = announcements(connection)
    if has_key(home) and named and public_bytes(load_key(home)) == named[-1].public:
        return None
    return rotate_key(engine, home, now, by, lost=True)


def remind_quietly(engine: Engine, runtime: Runtime) -> None:
    """Put what is due into the inboxes without mails: those of the days since the backup were sent once already."""
    sessions = make_sessions(engine)
    install(sessions)
    try:
        with unit_of_work(sessions()) as session:
            remind(session, runtime, runtime.clock.now())
            waiting = update(DELIVERY).where(DELIVERY.c.state == "waiting")
            session.execute(waiting.values(state="withheld", error=WITHHELD))
    finally:
        sessions.remove()


def renew_statistics(engine: Engine) -> None:
    """Let the planner know the tables, which a dump does not tell of."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("ANALYZE"))
