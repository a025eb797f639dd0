"""A role that comes to ask for a second factor holds open sessions of its holders until they have set it up."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from app.factory import apply
from app.language.compiler import compile_schema
from tests.functional.sessions.test_second_factor import code_of
from tests.support.nursery import planted
from tests.support.portals import NOON, SCHEMAS, Browser, Portal, running_portal
from tests.support.servers import Servers


@pytest.fixture(scope="module")
def strict(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    home: Path = tmp_path_factory.mktemp("held")
    folder = home / "schema"
    shutil.copytree(SCHEMAS / "nursery", folder)
    with running_portal(servers, folder, home, PORTAL_SECOND_FACTOR="yes") as portal:
        planted(portal)
        yield portal


def set_up(portal: Portal, browser: Browser) -> None:
    """Enrol as the page of the sign-in asks for."""
    assert browser.get("/login/").headers["Location"] == "/login/enrol"
    page = browser.get("/login/enrol").text
    secret = page.partition("<code>")[2].partition("</code>")[0].replace(" ", "")
    assert browser.post("/login/enrol", {"code": code_of(portal, secret)}).status_code == 200


def test_a_role_that_begins_on_a_day_holds_the_session_on_that_day(strict: Portal) -> None:
    """Nothing is written when the day comes: what the session has shown is compared with the roles of today."""
    number = strict.account("climber", "helper", strict.ids["west"])
    with strict.records() as records:
        held = {"account": number, "role": "owner", "held_at": None}
        records.create("role_assignment", {**held, "valid_from": NOON.date() + timedelta(days=1)})
    strict.clock.moment = NOON + timedelta(hours=11, minutes=50)
    climber = strict.browser("climber")
    assert climber.get("/task/list/").status_code == 200
    # Ten past midnight.
    strict.clock.moment = NOON + timedelta(hours=12, minutes=10)
    answers = [climber.get("/task/list/").status_code for _ in range(2)]
    set_up(strict, climber)
    answers.append(climber.get("/task/list/").status_code)
    strict.clock.moment = NOON
    assert answers == [302, 302, 200]


def test_a_schema_that_asks_for_it_ends_the_sessions_of_its_holders(strict: Portal) -> None:
    helper, api = strict.browser("helper"), strict.api("helper")
    assert helper.get("/task/list/").status_code == 200
    assert api.call("GET", "task/").status_code == 200
    file = strict.settings.schema / "role_helper.yaml"
    file.write_text(
        file.read_text(encoding="utf-8") + "second_factor: required\n", encoding="utf-8"
    )
    apply(strict.engines, compile_schema(strict.settings.schema), by="test", clock=strict.clock)
    strict.door.refresh()
    assert helper.get("/task/list/").status_code == 302
    assert api.call("GET", "task/").status_code == 401
    assert helper.sign_in("helper").status_code == 302
    assert helper.get("/task/list/").status_code == 302
    set_up(strict, helper)
    assert helper.get("/task/list/").status_code == 200
    # Whoever has shown it is not bothered by the next revision.
    file = strict.settings.schema / "tool.yaml"
    file.write_text(file.read_text(encoding="utf-8") + "\n# later\n", encoding="utf-8")
    apply(strict.engines, compile_schema(strict.settings.schema), by="test", clock=strict.clock)
    strict.door.refresh()
    assert helper.get("/task/list/").status_code == 200
