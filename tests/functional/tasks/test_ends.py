"""How a task ends: for people who were frozen, cancelled, or asked for what is gone; and who sees it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.access.accounts import epoch_counter
from app.factory import Workshops
from app.kernel.errors import Refused
from app.kernel.messages import Label
from app.language.definitions import Rights
from app.records.queries import Query
from app.storage.database import bump, unit_of_work
from app.tasks import outbox, slots
from app.tasks.claims import claim, finish
from app.tasks.kinds import Schedule, TaskKind
from app.tasks.outbox import NewTask, Task
from app.tasks.runner import run
from app.tasks.work import Work
from tests.support.portals import Portal

LAPSE = "UPDATE portal_task SET lease_until = now() - interval '1 s' WHERE id = :id"
FILES = "SELECT count(*) FROM portal_file WHERE entity = 'portal_task' AND record_id = :id"
TITLE = Label("杂务", "Chore")
Doing = Callable[[Work, Mapping[str, Any]], Mapping[str, Any] | None]


def account_of(portal: Portal, username: str) -> int:
    return int(portal.scalar("SELECT id FROM ab_user WHERE username = :name", name=username))


def queue(portal: Portal, username: str | None, **more: Any) -> int:
    """A task of one account."""
    account = account_of(portal, username) if username else None
    with Session(portal.engines.app) as session, unit_of_work(session):
        new = NewTask("chore", TITLE, account_id=account, **more)
        return outbox.enqueue(session, portal.runtime, new)


def do(portal: Portal, number: int, doing: Doing) -> str:
    """One attempt in this process."""
    kind = TaskKind("chore", TITLE, doing, rights=lambda schema: {"bed": frozenset({Rights.READ})})
    workshops = Workshops(portal.settings, portal.clock, [kind])
    try:
        return run(workshops.newest(), number, "test")
    finally:
        workshops.engine.dispose()


def seen(portal: Portal, number: int) -> Task:
    with Session(portal.engines.app) as session:
        return outbox.task(session, number)


def nothing(work: Work, arguments: Mapping[str, Any]) -> None:
    """No effect."""


def test_the_asker_sees_only_what_they_may(nursery: Portal) -> None:
    counted: list[int | None] = []

    def count(work: Work, arguments: Mapping[str, Any]) -> None:
        counted.append(work.records.find(Query("plant", ("label_text",))).total)

    do(nursery, queue(nursery, "boss"), count)
    do(nursery, queue(nursery, "west"), count)
    shown = [nursery.api(name).call("GET", "plant/").json["count"] for name in ("boss", "west")]
    assert counted == shown
    assert shown[0] > shown[1]


def test_the_system_has_only_the_rights_of_the_kind(nursery: Portal) -> None:
    found: list[Any] = []

    def look(work: Work, arguments: Mapping[str, Any]) -> None:
        found.append(work.records.find(Query("bed", ("name",))).total)
        work.records.find(Query("plant", ("label_text",)))

    number = queue(nursery, None)
    assert do(nursery, number, look) == "failed"
    assert found[0] > 1


def test_ended_sessions_stop_what_waits_and_what_runs(nursery: Portal) -> None:
    account = account_of(nursery, "west")

    def end_sessions() -> None:
        with nursery.engines.owner.begin() as connection:
            bump(connection, epoch_counter(account))

    waiting = queue(nursery, "west")
    end_sessions()
    assert do(nursery, waiting, nothing) == "refused"

    def freeze_in_the_middle(work: Work, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        end_sessions()
        return {}

    running = queue(nursery, "west")
    assert do(nursery, running, freeze_in_the_middle) == "refused"
    assert seen(nursery, running).result == {}
    assert "ended" in str(seen(nursery, running).problem)


def test_a_closed_account_gets_no_file(nursery: Portal, tmp_path: Path) -> None:
    made = tmp_path / "x.csv"
    made.write_text("1")

    def export(work: Work, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        with nursery.engines.owner.begin() as connection:
            connection.execute(text("UPDATE ab_user SET active = false WHERE username = 'west'"))
        return {"file": work.keep_file(made, "x.csv", "csv")}

    number = queue(nursery, "west")
    try:
        assert do(nursery, number, export) == "refused"
    finally:
        with nursery.engines.owner.begin() as connection:
            connection.execute(text("UPDATE ab_user SET active = true WHERE username = 'west'"))
    assert nursery.scalar(FILES, id=number) == 0


def test_a_file_is_given_to_its_asker_alone(nursery: Portal, tmp_path: Path) -> None:
    made = tmp_path / "x.csv"
    made.write_text("编号,名称")

    def export(work: Work, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"file": work.keep_file(made, "名单.csv", "csv")}

    number = queue(nursery, "west")
    assert do(nursery, number, export) == "done"
    answer = nursery.browser("west").get(f"/tasks/{number}/file")
    assert answer.data.decode() == "编号,名称"
    assert "attachment" in answer.headers["Content-Disposition"]
    answer.close()
    assert nursery.browser("boss").get(f"/tasks/{number}/file").status_code == 404


def test_cancelled_before_and_while_it_runs(nursery: Portal) -> None:
    number = queue(nursery, "boss")
    page = nursery.browser("boss")
    page.get("/tasks/")
    assert page.post(f"/tasks/{number}/cancel").status_code == 302
    assert do(nursery, number, nothing) == "busy"

    def cancelled(work: Work, arguments: Mapping[str, Any]) -> None:
        with Session(nursery.engines.app) as session, unit_of_work(session):
            outbox.cancel(session, work.claim.task_id)
        work.check(1, 2)

    second = queue(nursery, "boss")
    assert do(nursery, second, cancelled) == "cancelled"
    with Session(nursery.engines.app) as session, pytest.raises(Refused):
        outbox.cancel(session, second)
    page.post(f"/tasks/{second}/retry")
    assert do(nursery, second, nothing) == "done"


def test_tasks_of_others_look_absent(nursery: Portal) -> None:
    number = queue(nursery, "boss")
    page = nursery.browser("west")
    page.get("/tasks/")
    assert page.get("/tasks/all").status_code == 404
    assert page.post(f"/tasks/{number}/cancel").status_code == 404
    assert seen(nursery, number).state == "ready"
    do(nursery, number, nothing)


def test_a_record_that_is_gone_is_a_stated_end(nursery: Portal) -> None:
    def read(work: Work, arguments: Mapping[str, Any]) -> None:
        work.records.get("plant", 999_999)

    number = queue(nursery, "boss", language="zh")
    assert do(nursery, number, read) == "failed"
    assert "记录不存在" in nursery.browser("boss").get("/tasks/").text


def test_a_worker_of_the_past_cannot_end_a_task(nursery: Portal) -> None:
    number = queue(nursery, "boss")
    with nursery.engines.app.begin() as connection:
        old = claim(connection, number, "old")
        connection.execute(text(LAPSE), {"id": number})  # fmt: skip
    assert old is not None
    with nursery.engines.app.begin() as connection:
        new = claim(connection, number, "new")
    assert new is not None
    with Session(nursery.engines.app) as session, unit_of_work(session):
        assert not finish(session, old, {})
        assert finish(session, new, {})


def test_one_key_is_one_task(nursery: Portal) -> None:
    first = queue(nursery, None, key="once")
    assert queue(nursery, None, key="once") == first
    do(nursery, first, nothing)


def test_three_schedulers_and_two_hundred_slots(nursery: Portal) -> None:
    schedule = Schedule("minutely", "chore", every=timedelta(minutes=1), catch_up="all")
    begin = nursery.clock.now()

    def look() -> None:
        with nursery.engines.app.begin() as connection:
            slots.serve(connection, nursery.runtime, [schedule], {"chore": TITLE})

    look()
    nursery.clock.moment = begin + timedelta(minutes=200)
    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    nursery.clock.moment = begin
    look()
    made = "SELECT count(*) FROM portal_task WHERE key LIKE 'minutely@%'"
    assert nursery.scalar(made) == nursery.scalar("SELECT count(*) FROM portal_slot") == 201
