"""A portal whose clock moves: plans are made, their moments come, and tasks are done in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text

from app.access.accounts import load_actor
from app.access.session_scope import install
from app.factory import Workshops
from app.features.catalogue import TASKS
from app.features.reports import schedules
from app.features.reports.author import Author
from app.features.reports.schedules import Plan, Recipients
from app.features.reports.turns import BEGIN_REPORTS_OFTEN
from app.records.gateway import Records, records_for
from app.settings import ROOT
from app.storage.database import make_sessions, unit_of_work
from app.tasks import slots
from app.tasks.runner import run
from tests.support.portals import Portal, running_portal
from tests.support.servers import Servers
from tests.support.small_chain import build_chain

ZONE = ZoneInfo("Asia/Shanghai")
MONDAY = date(2026, 6, 15)
TITLES = {kind.name: kind.label for kind in TASKS}
FORGOTTEN = ("portal_report_turn", "portal_report_schedule", "portal_report_snapshot", "portal_delivery",
             "portal_notice_document", "portal_notice", "portal_breaker", "portal_task", "portal_slot",
             "portal_notice_preference")  # fmt: skip


class Desk:
    """The small chain with its plans."""

    def __init__(self, portal: Portal) -> None:
        self.portal = portal
        self.workshops = Workshops(portal.settings, portal.clock)

    def forget(self) -> None:
        """Nothing is planned, kept or told; it is Monday noon."""
        self.at(MONDAY, 12)
        self.change(f"TRUNCATE {', '.join(FORGOTTEN)}")
        self.change("UPDATE ab_user SET active = true, email = username || '@chain.example'")

    def at(self, day: date, hour: int, minute: int = 0) -> datetime:
        """Set the clock to a local time."""
        now = datetime.combine(day, time(hour, minute), ZONE).astimezone(UTC)
        self.portal.clock.moment = now
        return now

    def account(self, username: str) -> int:
        """The id of an account."""
        return self.portal.ids[f"account {username}"]

    def change(self, statement: str, **values: Any) -> None:
        """Something that happens behind the portal's back."""
        with self.portal.engines.owner.begin() as connection:
            connection.execute(text(statement), values)

    def rows(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        """Rows straight from the database."""
        with self.portal.engines.owner.connect() as connection:
            return [tuple(row) for row in connection.execute(text(statement), values)]

    @contextmanager
    def records(self, username: str) -> Iterator[Records]:
        """The door with somebody's rights, saved at the end."""
        sessions = make_sessions(self.portal.engines.app)
        install(sessions)
        session, runtime = sessions(), self.portal.runtime
        today = runtime.moment().today
        actor = load_actor(session, runtime.schema, runtime.models, self.account(username), today)
        try:
            with unit_of_work(session):
                yield records_for(runtime, session, actor, "zh")
        finally:
            sessions.remove()

    def plan(self, username: str, **values: Any) -> int:
        """A plan of the headcount, every Monday at eight in Chinese as Excel, unless said otherwise."""
        usual = {
            "report": "headcount_by_store", "asked": {}, "format": "xlsx", "rhythm": "week:0", "at": time(8),
            "recipients": Recipients(), "mail": False, "language": "zh",
        }  # fmt: skip
        with self.records(username) as records:
            return schedules.add(Author(records), Plan(**{**usual, **values}))

    def tick(self) -> None:
        """What a scheduler does each second."""
        shop = self.workshops.newest()
        with shop.engine.begin() as connection:
            slots.serve(connection, shop.runtime, (BEGIN_REPORTS_OFTEN,), TITLES)

    def do(self, kind: str = "") -> list[str]:
        """Do every waiting task, of one kind when said; how they ended."""
        ended = []
        while found := self.waiting(kind):
            ended += [run(self.workshops.newest(), number, "test") for number in found]
        return ended

    def waiting(self, kind: str = "") -> list[int]:
        """The tasks that wait and are due."""
        due = "state = 'ready' AND run_at <= clock_timestamp() AND kind <> 'deliver'"
        only = " AND kind = :kind" if kind else ""
        query = f"SELECT id FROM portal_task WHERE {due}{only} ORDER BY id"
        return [row[0] for row in self.rows(query, kind=kind)]

    def turns(self) -> dict[str, str]:
        """The state of each recipient's newest turn by the name of the account."""
        query = ("SELECT u.username, t.state FROM portal_report_turn t"
                 " JOIN ab_user u ON u.id = t.account_id ORDER BY t.slot, t.id")  # fmt: skip
        return {row[0]: row[1] for row in self.rows(query)}

    def kept(self, username: str) -> list[tuple[Any, ...]]:
        """What is kept for somebody: id, digest, lines and the texts of what was asked."""
        query = "SELECT id, sha256, lines, asked FROM portal_report_snapshot WHERE account_id = :id ORDER BY id"
        return self.rows(query, id=self.account(username))

    def file(self, digest: str) -> Path:
        """The file of a snapshot on disk."""
        return Path(self.portal.settings.files_url) / "snapshots" / digest[:2] / digest


@contextmanager
def open_desk(servers: Servers, home: Path) -> Iterator[Desk]:
    """A desk over a chain of its own."""
    with running_portal(servers, ROOT / "schema", home) as portal:
        build_chain(portal)
        desk = Desk(portal)
        try:
            yield desk
        finally:
            desk.workshops.engine.dispose()
