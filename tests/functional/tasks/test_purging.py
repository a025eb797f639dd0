"""What was dropped from the schema goes for good once its time is over, and those who look after it hear of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from app.factory import Workshops, apply
from app.features.background.purging import PURGE, PURGE_DAILY
from app.features.catalogue import SCHEDULES, TASKS
from app.kernel.messages import Label
from app.language.compiler import compile_sources
from app.storage.database import unit_of_work
from app.tasks.outbox import NewTask, enqueue
from app.tasks.runner import run as run_task
from tests.support.nursery import planted
from tests.support.portals import SCHEMAS, Portal, running_portal
from tests.support.servers import Servers

NOTE = "  shop: {type: url, label: {zh: 网店, en: Shop}}\n"
COLUMNS = "SELECT count(*) FROM pg_attribute WHERE attname = 'aside_2_shop' AND NOT attisdropped"


@pytest.fixture(scope="module")
def portal(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A nursery whose tools have lost the address of their shop."""
    with running_portal(servers, SCHEMAS / "nursery", tmp_path_factory.mktemp("home")) as made:
        planted(made)
        sources = dict(made.schema.sources)
        assert NOTE in sources["tool.yaml"]
        sources["tool.yaml"] = sources["tool.yaml"].replace(NOTE, "")
        apply(made.engines, compile_sources(sources), by="test", allow_loss=True)
        yield made


def night(portal: Portal) -> str:
    """The task of the night, done by a worker with the application's role; how it ended."""
    with Session(portal.engines.app) as session, unit_of_work(session):
        number = enqueue(session, portal.runtime, NewTask(PURGE.name, Label("清除", "Drop")))
    assert number is not None
    shops = Workshops(portal.settings, portal.clock)
    try:
        return run_task(shops.newest(), number, "test")
    finally:
        shops.engine.dispose()


def told(portal: Portal) -> list[int]:
    """Who was told."""
    return portal.column("SELECT account_id FROM portal_notice WHERE kind = 'schema' ORDER BY 1")


def test_it_stands_in_the_plan_of_every_night() -> None:
    assert PURGE in TASKS
    assert PURGE_DAILY in SCHEDULES


def test_before_its_time_nothing_is_dropped_and_nobody_told(portal: Portal) -> None:
    assert night(portal) == "done"
    assert portal.scalar(COLUMNS) == 1
    assert told(portal) == []


def test_the_application_can_neither_hasten_nor_drop_it(portal: Portal) -> None:
    for statement in (
        "UPDATE portal_set_aside SET purge_on = current_date",
        "INSERT INTO portal_set_aside (table_name, kept_as, purge_on) VALUES ('plant', 'plant', current_date)",
        "ALTER TABLE tool DROP COLUMN aside_2_shop",
    ):
        with portal.engines.app.connect() as connection, pytest.raises(ProgrammingError):
            connection.execute(text(statement))


def test_after_its_time_it_is_gone_and_told(portal: Portal) -> None:
    with portal.engines.owner.begin() as connection:
        connection.execute(text("UPDATE portal_set_aside SET purge_on = current_date"))
    assert night(portal) == "done"
    assert portal.scalar(COLUMNS) == 0
    assert portal.scalar("SELECT count(*) FROM portal_set_aside") == 0
    assert told(portal) == [portal.ids["account_boss"]]
    assert "tool.shop" in str(
        portal.scalar("SELECT texts::text FROM portal_notice WHERE kind = 'schema'")
    )
    acts = portal.column("SELECT action FROM portal_audit_entry WHERE action = 'schema:purged'")
    assert acts == ["schema:purged"]
    assert night(portal) == "done"
    assert len(told(portal)) == 1
