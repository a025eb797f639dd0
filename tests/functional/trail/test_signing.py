"""Checkpoints by themselves: the task, who is told, the doctor, and the footer of documents."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.audit.chain import append
from app.audit.checkpoints import newest
from app.audit.shelf import latest_size, shelved
from app.cli.health.finding import Grade
from app.cli.health.trail import look_at_trail
from app.factory import Workshops
from app.features.trail.signing import SIGN, ask_when_due
from app.storage.database import unit_of_work
from app.tasks import runner
from app.tasks.outbox import NewTask, enqueue, task
from tests.functional.trail.test_chain import deed
from tests.support.nursery import planted
from tests.support.portals import SCHEMAS, Portal, running_portal
from tests.support.servers import Servers


@pytest.fixture
def nursery(servers: Servers, tmp_path: Path) -> Iterator[Portal]:
    """A portal of its own for each test."""
    tmp_path.chmod(0o700)
    with running_portal(servers, SCHEMAS / "nursery", tmp_path) as portal:
        planted(portal)
        yield portal


def signed(portal: Portal) -> dict[str, object]:
    """The result of the task, done as a worker does it."""
    shops = Workshops(portal.settings, portal.clock)
    with Session(portal.engines.app) as session:
        with unit_of_work(session):
            number = enqueue(session, portal.runtime, NewTask(SIGN.name, SIGN.label))
        assert runner.run(shops.newest(), number, "test") == "done"
        session.rollback()
        found = dict(task(session, number).result)
    shops.engine.dispose()
    return found


def told(portal: Portal) -> list[tuple[str, str]]:
    """Urgency and English title of every notice about the trail."""
    with portal.engines.owner.connect() as connection:
        found = connection.execute(
            text(
                "SELECT urgency, texts->'title'->>'en' FROM portal_notice WHERE kind = 'trail' ORDER BY id"
            )
        )
        return [(row[0], row[1]) for row in found]


def test_the_task_signs_and_tells_the_owner_once_a_day(nursery: Portal) -> None:
    size = signed(nursery)["size"]
    assert (
        size
        == latest_size(nursery.settings.home)
        == nursery.scalar("SELECT size FROM portal_audit_head")
    )
    assert signed(nursery)["size"] == size
    with nursery.engines.app.begin() as connection:
        append(connection, deed())
    assert signed(nursery)["size"] == int(str(size)) + 1
    assert [note.checkpoint.size for note in shelved(nursery.settings.home)] == [
        size,
        int(str(size)) + 1,
    ]
    assert len(told(nursery)) == 1
    nursery.clock.moment += timedelta(days=1)
    with nursery.engines.app.begin() as connection:
        append(connection, deed())
    signed(nursery)
    assert len(told(nursery)) == 2
    note = shelved(nursery.settings.home)[0]
    body = nursery.scalar(
        "SELECT texts->'body'->>'zh' FROM portal_notice WHERE kind = 'trail' ORDER BY id LIMIT 1"
    )
    assert note.text in body
    mails = "SELECT count(*) FROM portal_delivery d JOIN portal_notice n ON n.id = d.notice_id WHERE n.kind = 'trail'"
    assert nursery.scalar(mails + " AND d.channel <> 'mail'") == 0


def test_a_log_that_was_changed_is_not_signed_and_the_owner_hears_of_it(nursery: Portal) -> None:
    signed(nursery)
    with nursery.engines.owner.begin() as connection:
        connection.execute(text("ALTER TABLE portal_audit_entry DISABLE TRIGGER USER"))
        connection.execute(text("UPDATE portal_audit_entry SET leaf = sha256('x') WHERE id = 3"))
    with nursery.engines.app.begin() as connection:
        append(connection, deed())
    assert "no longer holds" in str(signed(nursery)["refused"])
    assert told(nursery)[-1] == ("red", "The audit trail may have been changed")


def test_another_home_leaves_signing_to_the_one_with_the_key(
    nursery: Portal, tmp_path: Path
) -> None:
    signed(nursery)
    other = tmp_path / "other"
    other.mkdir(mode=0o700)
    elsewhere = replace(nursery, settings=replace(nursery.settings, home=other))
    assert signed(elsewhere) == {"skipped": "another home has the key"}


def test_a_thousand_entries_ask_for_a_checkpoint_once(nursery: Portal) -> None:
    with nursery.engines.app.begin() as connection:
        assert ask_when_due(connection, nursery.runtime) == 0
        for _ in range(1000):
            append(connection, deed())
    with nursery.engines.app.begin() as connection:
        assert ask_when_due(connection, nursery.runtime) == 1
        ask_when_due(connection, nursery.runtime)
    assert nursery.scalar("SELECT count(*) FROM portal_task WHERE kind = 'trail_sign'") == 1
    signed(nursery)
    with nursery.engines.app.begin() as connection:
        assert ask_when_due(connection, nursery.runtime) == 0


def test_the_doctor_tells_of_a_log_that_shrank_and_of_a_day_without_a_checkpoint(
    nursery: Portal,
) -> None:
    def looked() -> tuple[Grade, str]:
        with nursery.engines.app.connect() as connection:
            looks = look_at_trail(nursery.settings, connection)
            found = next(one for one in looks if one.check == "audit_log")
        return found.grade, str(found.says)

    assert looked()[0] is Grade.OK
    signed(nursery)
    assert looked()[1].endswith("all of them signed.")
    with nursery.engines.app.begin() as connection:
        append(connection, deed())
    assert looked()[0] is Grade.OK
    with nursery.engines.owner.begin() as connection:
        connection.execute(text("ALTER TABLE portal_audit_entry DISABLE TRIGGER USER"))
        connection.execute(
            text("UPDATE portal_audit_entry SET noted_at = noted_at - interval '25 hours'")
        )
    grade, says = looked()
    assert grade is Grade.FAULT
    assert "no checkpoint for a day" in says
    with nursery.engines.owner.begin() as connection:
        connection.execute(text("UPDATE portal_audit_head SET size = 5"))
    grade, says = looked()
    assert grade is Grade.FAULT
    assert "log size 5 < last checkpoint" in says


def test_newest_is_what_the_database_remembers(nursery: Portal) -> None:
    with nursery.engines.app.connect() as connection:
        assert newest(connection) is None
    signed(nursery)
    with nursery.engines.app.connect() as connection:
        found = newest(connection)
    assert found is not None
    assert found.short == f"{found.size}-{found.root[:8].hex()}"
