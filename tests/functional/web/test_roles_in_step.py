"""Flask-AppBuilder's own table of roles held follows the role assignments."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from app.factory import Workshops
from app.features.background.service import ROLES
from app.kernel.messages import Label
from app.storage.database import unit_of_work
from app.tasks.outbox import NewTask, enqueue
from app.tasks.runner import run
from tests.support.portals import NOON, Portal

HELD = (
    "SELECT string_agg(r.name, ',' ORDER BY r.name) FROM ab_user_role h"
    " JOIN ab_role r ON r.id = h.role_id JOIN ab_user u ON u.id = h.user_id WHERE u.username = 'new'"
)


def test_roles_are_held_from_their_first_day_to_their_last(nursery: Portal) -> None:
    number = nursery.account("new", "keeper", nursery.ids["west"])
    assert nursery.scalar(HELD) == "keeper"
    tomorrow = NOON.date() + timedelta(days=1)
    with nursery.records() as records:
        later = {"account": number, "role": "helper", "held_at": None, "valid_from": tomorrow}
        second = records.create("role_assignment", later)
    assert nursery.scalar(HELD) == "keeper"
    nursery.clock.moment = NOON + timedelta(days=1)
    try:
        with Session(nursery.engines.app) as session, unit_of_work(session):
            task = enqueue(session, nursery.runtime, NewTask(ROLES.name, Label("角色", "Roles")))
        workshops = Workshops(nursery.settings, nursery.clock)
        assert run(workshops.newest(), task, "test") == "done"
        workshops.engine.dispose()
        assert nursery.scalar(HELD) == "helper,keeper"
        with nursery.records() as records:
            records.change("role_assignment", second, {"valid_to": tomorrow}, 1)
            records.remove("role_assignment", second, 2)
        assert nursery.scalar(HELD) == "keeper"
    finally:
        nursery.clock.moment = NOON
