"""Puts and reads requests as people do, through pages."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import text

from tests.support.portals import NOON, Browser, Portal

REASON = "重复登记"


def version_of(portal: Portal, entity: str, number: int) -> int:
    """The version of a record."""
    return int(portal.scalar(f"SELECT version FROM {entity} WHERE id = :id", id=number))


def ask_deletion(portal: Portal, browser: Browser, entity: str, *numbers: int) -> int:
    """Ask for the deletion of records; the number of the request."""
    pairs = ",".join(f"{one}.{version_of(portal, entity, one)}" for one in numbers)
    address = f"/requests/delete/{entity}?records={pairs}"
    assert browser.get(address).status_code == 200
    answer = browser.post(address, {"reason": REASON})
    assert answer.status_code == 302, answer.text
    found = re.fullmatch(r"/requests/(\d+)", answer.headers["Location"])
    assert found, answer.headers["Location"]
    return int(found[1])


def decide(browser: Browser, number: int, verdict: str = "approve", **more: Any) -> int:
    """Decide a request; the status of the answer."""
    data = {"verdict": verdict, "why": "属实", "version": "1", **more}
    return browser.post(f"/requests/{number}/decide", data).status_code


def state_of(portal: Portal, number: int) -> str:
    """Where a request stands."""
    return str(portal.scalar("SELECT state FROM portal_request WHERE id = :id", id=number))


def buyer(portal: Portal, name: str) -> int:
    """Another buyer in the western bed."""
    with portal.records() as records:
        return records.create("buyer", {"name": name, "bed": portal.ids["west"]})


def run(portal: Portal, statement: str, **values: Any) -> None:
    """A statement straight in the database."""
    with portal.engines.owner.begin() as connection:
        connection.execute(text(statement), values)


def another_boss(portal: Portal, username: str) -> int:
    """A second account that may decide."""
    if username not in portal.ids:
        portal.ids[username] = portal.account(username, "owner", None)
    return portal.ids[username]


def gardener(portal: Portal, name: str, account: int, **values: Any) -> int:
    """A person with an account."""
    with portal.records() as records:
        row = {"name": name, "bed": portal.ids["all"], "account": account, **values}
        return records.create("gardener", row)


def today() -> Any:
    """The day of the portal's clock."""
    return NOON.date()
