"""Somebody with every way in that an account has: browser, copied cookie, tokens, work in the background."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import jwt
from sqlalchemy.orm import Session
from werkzeug.test import Client

from app.access.accounts import load_actor
from app.access.session_scope import install
from app.factory import Workshops
from app.features.reports import schedules
from app.features.reports.author import Author
from app.features.reports.schedules import Plan, Recipients
from app.features.reports.turns import BEGIN_REPORTS, SCHEDULED_REPORT
from app.kernel.messages import Label
from app.records.gateway import records_for
from app.settings import ROOT
from app.storage.database import make_sessions, unit_of_work
from app.tasks import outbox
from app.tasks.kinds import TaskKind
from app.tasks.outbox import NewTask
from app.tasks.runner import run
from app.tasks.work import Work
from tests.support.portals import PASSWORD, Browser, Portal

LOGIN = "/api/v1/security/login"
TITLE = Label("杂务", "Chore")
COOKIE = "portal"


def cookie_of(browser: Browser) -> str:
    """The session cookie that a browser holds."""
    found = browser.client.get_cookie(COOKIE)
    assert found is not None
    return found.value


def opens(portal: Portal, cookie: str) -> bool:
    """Whether a cookie, copied to another machine, opens the home page."""
    client = Client(portal.door)
    client.set_cookie(COOKIE, cookie)
    return client.get("/").status_code == 200


def tokens_of(portal: Portal, username: str, password: str = PASSWORD) -> Mapping[str, str]:
    """An access token, and one to renew it with."""
    body = {"username": username, "password": password, "provider": "db", "refresh": True}
    answer: Any = Client(portal.door).post(LOGIN, json=body)
    assert answer.status_code == 200, answer.text
    found: Mapping[str, str] = answer.json
    return found


def token_opens(portal: Portal, token: str) -> int:
    """What a list of the API answers to a token."""
    headers = {"Authorization": f"Bearer {token}"}
    return Client(portal.door).get("/api/v1/bed/", headers=headers).status_code


def renews(portal: Portal, token: str) -> int:
    """What the renewal answers to a token."""
    headers = {"Authorization": f"Bearer {token}"}
    return Client(portal.door).post("/api/v1/security/refresh", headers=headers).status_code


def queue(portal: Portal, account: int) -> int:
    """A task that an account asks for."""
    with Session(portal.engines.app) as session, unit_of_work(session):
        return outbox.enqueue(session, portal.runtime, NewTask("chore", TITLE, account_id=account))


def do(portal: Portal, number: int, before_end: Callable[[], None], made: Path) -> str:
    """Do a task that writes a file; what happens ``before_end`` happens while it runs."""

    def chore(work: Work, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        made.write_text("编号,名称")
        before_end()
        return {"file": work.keep_file(made, "名单.csv", "csv")}

    workshops = Workshops(portal.settings, portal.clock, [TaskKind("chore", TITLE, chore)])
    try:
        return run(workshops.newest(), number, "test")
    finally:
        workshops.engine.dispose()


def plan(portal: Portal, account: int) -> int:
    """A report that comes to an account every Monday morning."""
    sessions = make_sessions(portal.engines.app)
    install(sessions)
    session, runtime = sessions(), portal.runtime
    actor = load_actor(session, runtime.schema, runtime.models, account, runtime.moment().today)
    wanted = Plan(
        "measurements", {}, "csv", "week:0", time(8), Recipients(), mail=False, language="zh"
    )
    try:
        with unit_of_work(session):
            return schedules.add(Author(records_for(runtime, session, actor, "zh")), wanted)
    finally:
        sessions.remove()


def comes(portal: Portal, account: int) -> bool:
    """Whether the planned report comes to the account a week later."""
    kept, clock = "SELECT count(*) FROM portal_report_snapshot WHERE account_id = :id", portal.clock
    before, now = portal.scalar(kept, id=account), clock.moment
    workshops = Workshops(portal.settings, clock)
    clock.moment = now + timedelta(days=8)
    try:
        with Session(portal.engines.app) as session, unit_of_work(session):
            begun = outbox.enqueue(session, portal.runtime, NewTask(BEGIN_REPORTS.name, TITLE))
        run(workshops.newest(), begun, "test")
        waiting = "SELECT min(id) FROM portal_task WHERE kind = :kind AND state = 'ready'"
        while number := portal.scalar(waiting, kind=SCHEDULED_REPORT.name):
            run(workshops.newest(), number, "test")
    finally:
        clock.moment = now
        workshops.engine.dispose()
    return bool(portal.scalar(kept, id=account) > before)


@contextmanager
def signed_in(portal: Portal, username: str) -> Iterator[Browser]:
    """A browser that has just opened a page with forms."""
    browser = portal.browser(username)
    browser.get("/accounts/")
    yield browser


def command(portal: Portal, *words: str) -> str:
    """What ``portal …`` says when somebody types it on the server."""
    environment = os.environ | portal.settings.to_environment()
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", *words],
        env=environment, cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def claims_of(token: str) -> dict[str, Any]:
    """What a token says."""
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


def key_of(portal: Portal) -> str:
    """The key that tokens are signed with."""
    found: str = portal.door.application().config["JWT_SECRET_KEY"]  # type: ignore[attr-defined]
    return found


def expired(portal: Portal, username: str = "boss") -> str:
    """A token that was good two hours ago."""
    claims = claims_of(tokens_of(portal, username)["access_token"])
    past = datetime.now(UTC) - timedelta(hours=2)
    return jwt.encode({**claims, "iat": past, "nbf": past, "exp": past}, key_of(portal), "HS256")
