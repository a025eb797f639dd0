"""What is due is told, put away by two people, found by number, and restored equal (F136)."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.factory import Workshops
from app.features.keys.service import usage
from app.kernel.messages import Label
from app.storage.database import unit_of_work
from app.storage.encryption import ring_of
from app.tasks.outbox import NewTask, enqueue
from app.tasks.runner import run as run_task
from tests.functional.privacy.asking import agreed, asked, dump, faults
from tests.functional.requests.asking import run, state_of, version_of
from tests.support.portals import NOON, Browser, Portal

MOBILE, PHONE, CARD = "13644445555", "020-87654321", "6222021234567899999"
SAME = ("version", "updated_at", "updated_by", "search_text", "sort_key")


def task(portal: Portal, kind: str) -> list[str]:
    """Do every waiting task of a kind; how each ended."""
    shops = Workshops(portal.settings, portal.clock)
    waiting = portal.column(
        "SELECT id FROM portal_task WHERE state = 'ready' AND kind = :kind ORDER BY id", kind=kind
    )
    try:
        return [run_task(shops.newest(), number, "test") for number in waiting]
    finally:
        shops.engine.dispose()


def look(portal: Portal) -> None:
    """The task of the night."""
    with Session(portal.engines.app) as session, unit_of_work(session):
        enqueue(session, portal.runtime, NewTask("retention", Label("到期", "Due")))
    assert task(portal, "retention") == ["done"]


def row_of(portal: Portal, number: int) -> dict[str, Any]:
    found: dict[str, Any] = portal.column(
        "SELECT to_jsonb(g) FROM gardener g WHERE id = :id", id=number
    )[0]
    return {name: value for name, value in found.items() if name not in SAME}


def put_away(portal: Portal, browser: Browser, *numbers: int) -> int:
    """Ask for it on the page; the number of the request."""
    browser.get("/privacy/due")
    pairs = [f"{one}.{version_of(portal, 'gardener', one)}" for one in numbers]
    sent = {"entity": "gardener", "records": pairs, "reason": "期限已到"}
    answer = browser.post("/privacy/due", sent)
    assert answer.status_code == 302, answer.text
    return int(answer.headers["Location"].rpartition("/")[2])


@pytest.fixture
def left(nursery: Portal) -> Iterator[int]:
    """Somebody who left thirteen months ago: the contact details are due, the rest is not."""
    nursery.clock.moment += timedelta(days=1)
    if "second" not in nursery.ids:
        nursery.ids["second"] = nursery.account("second", "owner", None)
    with nursery.records() as records:
        number = records.create(
            "gardener",
            {"name": "郑到期", "bed": nursery.ids["west"], "mobile": MOBILE, "phone": PHONE, "bank_card": CARD,
             "left_on": date(2025, 5, 1)},
        )  # fmt: skip
    yield number
    run(nursery, "UPDATE gardener SET left_on = NULL WHERE id = :id", id=number)
    nursery.clock.moment = NOON + timedelta(days=20)


def test_archived_found_by_number_and_restored_equal(nursery: Portal, left: int) -> None:
    second, before = nursery.browser("second"), row_of(nursery, left)
    look(nursery)
    told = "SELECT count(*) FROM portal_notice WHERE kind = 'retention' AND account_id = :id"
    assert nursery.scalar(told, id=nursery.ids["second"]) == 1
    assert nursery.scalar(told, id=nursery.ids["account_west"]) == 0
    assert f'value="{left}.1"' in second.get("/privacy/due?entity=gardener").text
    request = put_away(nursery, second, left)
    agreed(nursery, request)
    assert row_of(nursery, left) == before
    assert task(nursery, "privacy_put_away") == ["done"]
    assert state_of(nursery, request) == "used"
    after = row_of(nursery, left)
    assert (after["mobile"], after["phone"]) == (None, None)
    assert (nursery.plain(after["bank_card"]), after["name"]) == (CARD, "郑到期")
    rest = dump(nursery)
    assert MOBILE not in rest
    assert PHONE not in rest
    assert faults(nursery) == []
    # On the disk nothing can be read, by nobody else.
    folder = Path(nursery.settings.home) / "archive"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (sealed,) = folder.glob("*.sealed")
    assert stat.S_IMODE(sealed.stat().st_mode) == 0o600
    assert MOBILE.encode() not in sealed.read_bytes()
    entries = [json.loads(line) for line in (folder / "index.jsonl").read_text().splitlines()]
    assert [(one["entity"], one["record_id"], one["name"]) for one in entries] == [
        ("gardener", left, sealed.name)
    ]
    assert "郑到期" not in (folder / "index.jsonl").read_text()
    # Its values inside of the file need the key of the fields.
    needed = "SELECT field_keys FROM portal_put_away WHERE record_id = :id"
    newest = ring_of(nursery.engines.app.dialect).keys().newest.number
    assert nursery.scalar(needed, id=left) == [newest]
    with Session(nursery.engines.app) as session:
        held = usage(session, nursery.runtime)[newest]
        session.execute(text("UPDATE portal_put_away SET field_keys = '{}'"))
        assert usage(session, nursery.runtime)[newest] == held - 1
    # It is no longer due, and found by its number.
    assert f'value="{left}.' not in second.get("/privacy/due?entity=gardener").text
    boss = nursery.browser("boss")
    boss.get("/privacy/archive")
    sent = boss.post("/privacy/archive", {"q": str(left)})
    assert sent.status_code == 303
    assert re.fullmatch(r"/privacy/archive\?_s=[\w-]+", sent.headers["Location"])
    assert f"/gardener/show/{left}" in boss.get(sent.headers["Location"]).text
    assert second.get(sent.headers["Location"]).status_code == 409
    assert f"/gardener/show/{left}" not in boss.get("/privacy/archive?q=999999").text
    number = nursery.scalar("SELECT id FROM portal_put_away WHERE record_id = :id", id=left)
    fetch = f"/privacy/archive/{number}/fetch"
    assert boss.post(fetch, {"reason": ""}).status_code == 422
    assert boss.post(fetch, {"reason": "劳动仲裁需要"}).status_code == 302
    assert row_of(nursery, left) == before
    assert boss.post(fetch, {"reason": "再来一次"}).status_code == 404
    assert faults(nursery) == []


def test_what_was_told_lately_stays_in_the_trail(nursery: Portal, left: int) -> None:
    """Half a year of logs is what the law asks for; older values go with the record."""
    told = (
        "SELECT count(*) FROM portal_audit_value v JOIN portal_audit_entry e USING (id)"
        " WHERE e.entity = 'gardener' AND e.record_id = :id AND e.action = 'record:created'"
    )
    agreed(nursery, put_away(nursery, nursery.browser("second"), left))
    assert task(nursery, "privacy_put_away") == ["done"]
    assert nursery.scalar(told, id=left) == 1
    # Eighteen months later the next step takes the name, and what was told of it long ago.
    nursery.clock.moment += timedelta(days=540)
    # Nobody has to choose another password meanwhile.
    run(nursery, "UPDATE portal_password SET set_at = '2040-01-01'")
    look(nursery)
    agreed(nursery, put_away(nursery, nursery.browser("second"), left))
    assert task(nursery, "privacy_put_away") == ["done"]
    assert nursery.scalar(told, id=left) == 0
    after = row_of(nursery, left)
    assert (after["name"], after["bank_card"]) == ("—", None)
    assert faults(nursery) == []


def test_a_hold_and_a_change_stop_it(nursery: Portal, left: int) -> None:
    second, boss = nursery.browser("second"), nursery.browser("boss")
    request = put_away(nursery, second, left)
    boss.get(f"/privacy/gardener/{left}")
    assert boss.post(f"/privacy/gardener/{left}/hold", {"reason": "仲裁"}).status_code == 302
    assert f'value="{left}.' not in second.get("/privacy/due").text
    agreed(nursery, request)
    assert task(nursery, "privacy_put_away") != ["done"]
    assert nursery.plain(row_of(nursery, left)["mobile"]) == MOBILE
    assert boss.post(f"/privacy/gardener/{left}/lift", {"reason": "结案"}).status_code == 302
    assert f'value="{left}.' in second.get("/privacy/due").text


def test_a_forged_or_lost_file_is_not_restored(nursery: Portal, left: int) -> None:
    agreed(nursery, put_away(nursery, nursery.browser("second"), left))
    assert task(nursery, "privacy_put_away") == ["done"]
    name, number = (
        nursery.scalar(f"SELECT {what} FROM portal_put_away WHERE record_id = :id", id=left)
        for what in ("name", "id")
    )
    place = Path(nursery.settings.home) / "archive" / name
    content = bytearray(place.read_bytes())
    content[-1] ^= 1
    place.write_bytes(content)
    boss = nursery.browser("boss")
    boss.get("/privacy/archive")
    assert boss.post(f"/privacy/archive/{number}/fetch", {"reason": "试试看"}).status_code == 409
    place.unlink()
    assert boss.post(f"/privacy/archive/{number}/fetch", {"reason": "试试看"}).status_code == 410
    assert row_of(nursery, left)["mobile"] is None


def test_who_is_erased_is_erased_from_the_archive_too(nursery: Portal, left: int) -> None:
    second = nursery.browser("second")
    agreed(nursery, put_away(nursery, second, left))
    assert task(nursery, "privacy_put_away") == ["done"]
    name = nursery.scalar("SELECT name FROM portal_put_away WHERE record_id = :id", id=left)
    place = Path(nursery.settings.home) / "archive" / name
    os.utime(place, (0, 0))
    look(nursery)
    assert place.exists()
    agreed(nursery, asked(second, "gardener", left, "erase"))
    assert f"/gardener/show/{left}" not in second.get(f"/privacy/archive?q={left}").text
    look(nursery)
    assert not place.exists()


def test_others_see_neither_page(nursery: Portal, left: int) -> None:
    west = nursery.browser("west")
    for address in ("/privacy/due", "/privacy/archive"):
        assert west.get(address).status_code == 404
    assert "/privacy/due" not in west.get("/").text


def test_the_pages_need_few_statements(nursery: Portal, left: int) -> None:
    second = nursery.browser("second")
    for address in ("/privacy/due", "/privacy/archive"):
        second.get(address)
        with nursery.statements() as said:
            assert second.get(address).status_code == 200
        assert len(said) <= 8, said
