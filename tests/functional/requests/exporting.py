"""Takes exports as people do, and does the background work in this process."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

from sqlalchemy import text
from werkzeug.test import TestResponse

from app.factory import Workshops
from app.tasks.runner import run
from tests.functional.requests.asking import decide
from tests.support.portals import Browser, Portal

COLUMNS = ["label_text", "bed", "price"]


def ask_export(browser: Browser, entity: str, query: str = "", **more: Any) -> TestResponse:
    """Send the form that asks for an export, or makes it at once."""
    address = f"/exports/new/{entity}{'?' + query if query else ''}"
    assert browser.get(address).status_code == 200
    usual = {"columns": COLUMNS, "format": "csv", "most_rows": "100", "reason": "盘点"}
    return browser.post(address, {**usual, **more})


def requested(browser: Browser, entity: str, query: str = "", **more: Any) -> int:
    """Ask for an export; the number of the request."""
    answer = ask_export(browser, entity, query, **more)
    found = re.fullmatch(r"/requests/(\d+)", answer.headers.get("Location", ""))
    assert found, answer.text
    return int(found[1])


def granted(portal: Portal, browser: Browser, entity: str, query: str = "", **more: Any) -> int:
    """A grant that the boss approved; its number."""
    request = requested(browser, entity, query, **more)
    boss = portal.browser("boss")
    boss.get(f"/requests/{request}")
    assert decide(boss, request) == 302
    answer = browser.get(f"/exports/of/{request}")
    return int(answer.headers["Location"].rpartition("/")[2])


def make(portal: Portal, browser: Browser, number: int, **more: Any) -> TestResponse:
    """Press the button that makes the file."""
    page = browser.get(f"/exports/{number}").text
    found = re.search(r'name="asked" value="(\w+)"', page)
    asked = found[1] if found else portal.scalar(
        "SELECT digest FROM portal_export_grant WHERE id = :id", id=number
    )  # fmt: skip
    return browser.post(f"/exports/{number}/make", {"asked": asked, **more})


def work(portal: Portal) -> list[str]:
    """Do every waiting export; how each ended."""
    shops = Workshops(portal.settings, portal.clock)
    try:
        with portal.engines.owner.connect() as connection:
            waiting = (
                connection.execute(
                    text(
                        "SELECT id FROM portal_task WHERE state = 'ready' AND kind LIKE 'export%' ORDER BY id"
                    )
                )
                .scalars()
                .all()
            )
        return [run(shops.newest(), number, "test") for number in waiting]
    finally:
        shops.engine.dispose()


def link(browser: Browser, number: int) -> str:
    """The link to the file on the page of the export."""
    found = re.search(
        rf'href="(/exports/{number}/file/\w+)"', browser.get(f"/exports/{number}").text
    )
    assert found
    return found[1]


def fetched(portal: Portal, browser: Browser, number: int) -> TestResponse:
    """Make the file of a grant and fetch it."""
    assert make(portal, browser, number).status_code == 302
    assert work(portal) == ["done"]
    return browser.get(link(browser, number))


def lines(answer: TestResponse) -> list[list[str]]:
    """The rows of a CSV file."""
    return list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))


def left_on_disk(portal: Portal) -> list[Path]:
    """Every file of an export that lies on disk."""
    folder = Path(portal.settings.files_url) / "exports"
    return [path for path in folder.rglob("*") if path.is_file()]
