"""Work of somebody who was frozen: refused at its start, at each step, and in the transaction that publishes it."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from app.factory import Workshops
from app.kernel.messages import Label
from app.records.accounts import set_active
from app.storage.database import unit_of_work
from app.tasks import outbox
from app.tasks.kinds import TaskKind
from app.tasks.runner import run
from app.tasks.work import Work
from tests.support.people import queue
from tests.support.portals import Portal

TITLE = Label("导出", "Export")
FILES = "SELECT count(*) FROM portal_file WHERE entity = 'portal_task' AND record_id = :id"


def freeze(portal: Portal, username: str) -> None:
    """Close an account and commit that."""
    with Session(portal.engines.app) as session, unit_of_work(session):
        set_active(session, username, active=False, now=portal.clock.now(), by="test")


def does(portal: Portal, number: int, chore: Any) -> str:
    """Do a task in this process."""
    workshops = Workshops(portal.settings, portal.clock, [TaskKind("chore", TITLE, chore)])
    try:
        return run(workshops.newest(), number, "test")
    finally:
        workshops.engine.dispose()


@pytest.mark.parametrize("again", [False, True], ids=["closed", "closed and opened"])
def test_what_waits_never_begins(nursery: Portal, again: bool) -> None:
    username, begun = f"waits{again}", []
    number = queue(nursery, nursery.account(username, "owner", None))
    freeze(nursery, username)
    if again:
        with Session(nursery.engines.app) as session, unit_of_work(session):
            set_active(session, username, active=True, now=nursery.clock.now(), by="test")

    def chore(work: Work, arguments: Mapping[str, Any]) -> None:
        begun.append(work)

    assert does(nursery, number, chore) == "refused"
    assert begun == []
    with Session(nursery.engines.app) as session:
        assert outbox.task(session, number).problem is not None


def test_what_runs_stops_at_its_next_step_and_leaves_no_file(
    nursery: Portal, tmp_path: Path
) -> None:
    number = queue(nursery, nursery.account("runs", "owner", None))
    place, steps = tmp_path / "rows.csv", []

    def export(work: Work, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            with place.open("w") as file:
                for row in range(10_000):
                    file.write(f"{row}\n")
                    steps.append(row)
                    time.sleep(0.002)
                    work.progress(row, 10_000)
                    if row == 300:
                        freeze(nursery, "runs")
            return {"file": work.keep_file(place, "rows.csv", "csv")}
        finally:
            place.unlink()

    assert does(nursery, number, export) == "refused"
    assert 300 < len(steps) < 5_000
    assert nursery.scalar(FILES, id=number) == 0
    assert not place.exists()


@pytest.mark.parametrize("delay", [0.0, 0.005, 0.01, 0.02, 0.03, 0.05])
def test_whoever_closes_waits_for_what_is_being_published_or_is_seen(
    nursery: Portal, tmp_path: Path, delay: float
) -> None:
    """The last look and the publication are one: no file appears after the closing is committed."""
    username, made = f"race{int(delay * 1000)}", tmp_path / "made.csv"
    number, ready, seen = (
        queue(nursery, nursery.account(username, "owner", None)),
        threading.Event(),
        [],
    )
    made.write_text("x")

    def export(work: Work, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        kept = work.keep_file(made, "x.csv", "csv")
        ready.set()
        time.sleep(0.02)
        return {"file": kept}

    def close() -> None:
        ready.wait(60)
        time.sleep(delay)
        freeze(nursery, username)
        seen.append(nursery.scalar(FILES, id=number))

    closer = threading.Thread(target=close)
    closer.start()
    ended = does(nursery, number, export)
    closer.join()
    assert [nursery.scalar(FILES, id=number)] == seen == [1 if ended == "done" else 0]
