"""T22: whoever has only the server waits a day for a role, told to all owners at once, and any of them stops it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy.orm import Session

from app.access.session_scope import install
from app.cli.main import main
from app.factory import Workshops
from app.features.accounts import break_glass
from app.kernel.errors import Invalid, Refused
from app.kernel.messages import Label
from app.storage.database import make_sessions, unit_of_work
from app.tasks import outbox
from app.tasks.outbox import NewTask
from app.tasks.runner import run
from tests.support.portals import NOON, Portal

HELD = "SELECT count(*) FROM role_assignment WHERE deleted_at IS NULL AND account_id = :id AND role = 'owner'"
NOTED = (
    "SELECT array_agg(action ORDER BY id) FROM portal_audit"
    " WHERE action LIKE 'break_glass:%' AND record_title = :what"
)
TOLD = "SELECT count(*) FROM portal_notice WHERE key LIKE :key AND account_id = :id AND urgency = 'red'"


@pytest.fixture(autouse=True)
def _noon(nursery: Portal) -> Iterator[None]:
    nursery.clock.moment = NOON
    yield
    nursery.clock.moment = NOON


@contextmanager
def session_of(portal: Portal) -> Iterator[Session]:
    """A session as commands have one."""
    sessions = make_sessions(portal.engines.app)
    install(sessions)
    session = sessions()
    try:
        with unit_of_work(session):
            yield session
    finally:
        sessions.remove()


def broken(portal: Portal, username: str, why: str = "两位老板都联系不上") -> int:
    """Break the glass for the role of owner; its number."""
    with session_of(portal) as session:
        due = break_glass.ask(session, portal.runtime, (username, "owner", why), "portal users")
    assert due == portal.clock.moment + timedelta(hours=24)
    return int(portal.scalar("SELECT max(id) FROM portal_break_glass"))


def time_passes(portal: Portal, **spent: int) -> None:
    """Let time pass, and the scheduler's task come by."""
    portal.clock.moment += timedelta(**spent)
    workshops = Workshops(portal.settings, portal.clock)
    try:
        with session_of(portal) as session:
            new = NewTask(break_glass.BREAK_GLASS.name, Label("", ""))
            number = outbox.enqueue(session, portal.runtime, new)
        assert run(workshops.newest(), number, "test") == "done"
    finally:
        workshops.engine.dispose()


def test_a_day_later_it_is_given(nursery: Portal) -> None:
    number = nursery.bare_account("rescuer")
    other = nursery.account("absent", "owner", None)
    with nursery.engines.owner.begin() as connection:
        connection.exec_driver_sql(
            f"UPDATE ab_user SET email = 'absent@chain.example' WHERE id = {other}"
        )
    glass = broken(nursery, "rescuer")
    for owner in (nursery.ids["account_boss"], other):
        assert nursery.scalar(TOLD, key=f"break_glass:{glass}:asked:%", id=owner) == 1
    mailed = (
        "SELECT count(*) FROM portal_delivery d JOIN portal_notice n ON n.id = d.notice_id"
        " WHERE n.account_id = :id"
    )
    assert nursery.scalar(mailed, id=other) == 1
    time_passes(nursery, hours=23, minutes=59)
    assert nursery.scalar(HELD, id=number) == 0
    time_passes(nursery, minutes=1)
    assert nursery.scalar(HELD, id=number) == 1
    time_passes(nursery, hours=24)
    assert nursery.scalar(HELD, id=number) == 1
    assert nursery.scalar(NOTED, what="rescuer · owner") == [
        "break_glass:asked",
        "break_glass:done",
    ]
    assert nursery.scalar(TOLD, key=f"break_glass:{glass}:done:%", id=other) == 1


def test_any_owner_stops_it(nursery: Portal) -> None:
    number = nursery.bare_account("intruder")
    glass = broken(nursery, "intruder")
    keeper, boss = nursery.browser("west"), nursery.browser("boss")
    assert keeper.get("/break-glass/").status_code == 404
    keeper.get("/")
    assert keeper.post(f"/break-glass/{glass}/stop").status_code == 404
    assert "两位老板都联系不上" in boss.get("/break-glass/").text
    assert boss.post(f"/break-glass/{glass}/stop").status_code == 302
    boss.get("/break-glass/")
    assert boss.post(f"/break-glass/{glass}/stop").status_code == 404
    time_passes(nursery, hours=48)
    assert nursery.scalar(HELD, id=number) == 0
    assert nursery.scalar(NOTED, what="intruder · owner") == [
        "break_glass:asked",
        "break_glass:cancelled",
    ]


def test_it_says_why_and_stands_once(nursery: Portal) -> None:
    nursery.bare_account("twice")
    with pytest.raises(Invalid):
        broken(nursery, "twice", " ")
    broken(nursery, "twice")
    with pytest.raises(Refused):
        broken(nursery, "twice")


def test_the_commands(nursery: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    """``grant`` gives nothing that weighs once there is an owner, and owners hear of passwords set on the server."""
    for name, value in nursery.settings.to_environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PORTAL_LANGUAGE", "en")

    def call(*words: str) -> Any:
        return CliRunner().invoke(main, ["users", *words])

    number = nursery.bare_account("operator")
    refused = call("grant", "operator", "owner")
    assert refused.exit_code == 1
    assert "portal users break-glass operator owner" in refused.output
    done = call("break-glass", "operator", "owner", "--why", "fire")
    assert done.exit_code == 0, done.output
    assert nursery.scalar(HELD, id=number) == 0
    assert (
        nursery.scalar("SELECT count(*) FROM portal_break_glass WHERE account_id = :id", id=number)
        == 1
    )
    assert call("set-password", "operator").exit_code == 0
    assert nursery.scalar(TOLD, key=f"server:{number}:%", id=nursery.ids["account_boss"]) == 1
