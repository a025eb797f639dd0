"""Before somebody leaves: a lower budget, and the look-back at what he has seen (T14)."""

from __future__ import annotations

import io
import json
import re
import zipfile
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.audit.checkpoints import make_checkpoint
from app.factory import Workshops
from app.features.viewing.leavers import LEAVERS
from app.features.viewing.looking_back import Period, looked_at
from app.storage.database import unit_of_work
from app.tasks.outbox import NewTask, enqueue
from app.tasks.runner import run as run_task
from tests.functional.viewing.test_t07_page_scraping import walk
from tests.support.portals import Portal


def seed(nursery: Portal, account: int, ago: int, records: range, hour: int = 4) -> None:
    """Views of a day, at an hour in UTC; 4 is noon in China."""
    at = nursery.clock.now().replace(hour=hour) - timedelta(days=ago)
    with nursery.engines.owner.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO portal_viewed (account_id, entity, day, record_id, first_at)"
                " SELECT :account, 'buyer', CAST(:at AS timestamptz)::date, n, :at"
                " FROM unnest(CAST(:ids AS bigint[])) n"
            ),
            {"account": account, "at": at, "ids": list(records)},
        )


@pytest.fixture(scope="module")
def ramp(nursery: Portal) -> None:
    """Ninety days: ten a day of the same forty, and in the last thirty two hundred more, some at night."""
    account = nursery.ids["account_west"]
    for ago in range(31, 60):
        seed(nursery, account, ago, range(1000 + (ago % 4) * 10, 1010 + (ago % 4) * 10))
    for ago in range(1, 21):
        seed(nursery, account, ago, range(2000 + ago * 10, 2010 + ago * 10), 4 if ago > 5 else 15)


def test_the_look_back_counts_what_was_seen(nursery: Portal, ramp: None) -> None:
    today = nursery.runtime.moment().today
    with nursery.engines.app.connect() as connection:
        (found,) = looked_at(connection, nursery.runtime, Period("buyer", 30, today))  # type: ignore[arg-type]
    assert (found.records, found.before) == (200, 40)
    # Fifteen hours in UTC are eleven at night in China.
    assert (found.days, found.most, found.late) == (20, 10, 50)
    with nursery.engines.app.connect() as connection:
        (longer,) = looked_at(connection, nursery.runtime, Period("buyer", 60, today))  # type: ignore[arg-type]
    assert (longer.records, longer.before) == (240, 0)


def test_its_page_is_for_those_who_look_after_the_trail(nursery: Portal, ramp: None) -> None:
    assert nursery.browser("west").get("/viewing/").status_code == 404
    page = nursery.browser("boss").get("/viewing/?entity=buyer&days=30")
    assert page.status_code == 200
    row = re.search(r"<tr><td class=\"first\">.*?</tr>", page.text, re.S)
    assert row
    assert ">200<" in row[0]
    assert "tone-danger" in row[0]


def test_whoever_leaves_may_see_less(nursery: Portal) -> None:
    with nursery.records() as records:
        for n in range(40):
            records.create("buyer", {"name": f"留{n:02}", "bed": nursery.ids["west"]})
        keeper = records.get("gardener", nursery.ids["wang"])
        records.change("gardener", keeper.id, {"hourly_pay": 0}, keeper.values["version"])
    nursery.clock.moment += timedelta(days=1)
    assert walk(nursery.api("west"), 3) == [429] * 3
    assert nursery.api("west").call("GET", "buyer/?q=(page_size:8)").status_code == 200


def test_the_look_back_at_an_account_tells_what_it_searched_and_took(nursery: Portal) -> None:
    """Counted by hand: two searches among buyers, one everywhere, one among plants; one identity number."""
    nursery.clock.moment += timedelta(days=1)
    boss = nursery.browser("boss")
    searches = (
        "/buyer/list/?q=花店",
        "/buyer/list/?q=花",
        "/search/?q=花店",
        "/plant/list/?q=丽水",
        "/buyer/list/?q=花店",
    )
    for address in searches:
        assert boss.get(address).status_code == 200
    for _ in range(2):
        boss.get(f"/gardener/show/{nursery.ids['wang']}")
        boss.get(f"/buyer/show/{nursery.ids['buyer']}")
    account, today = nursery.ids["account_boss"], nursery.runtime.moment().today
    with nursery.engines.app.connect() as connection:
        buyers, gardeners = (
            looked_at(connection, nursery.runtime, Period(name, 30, today, account))[0]  # type: ignore[arg-type]
            for name in ("buyer", "gardener")
        )
    shown = (
        "SELECT count(*) FROM portal_viewed WHERE account_id = :a AND entity = 'buyer' AND day = :d"
    )
    assert buyers.records == nursery.scalar(shown, a=account, d=today)
    assert (buyers.searches, buyers.values) == (3, 0)
    assert (gardeners.searches, gardeners.values, gardeners.records) == (1, 1, 0)


def test_the_look_back_is_sealed_with_every_entry_that_it_is_counted_from(nursery: Portal) -> None:
    """What was seen before is known from the trail alone: eight buyers, and four times one too many."""
    address = f"/viewing/account/{nursery.ids['account_west']}"
    with nursery.engines.owner.begin() as connection:
        connection.execute(text("DELETE FROM portal_viewed WHERE record_id >= 1000"))
    make_checkpoint(nursery.engines.app, nursery.settings.home, nursery.clock.now(), "test")
    nursery.clock.moment += timedelta(days=1)
    assert walk(nursery.api("west"), 1) == [429]
    assert nursery.api("west").call("GET", "buyer/?q=(page_size:8)").status_code == 200
    assert nursery.browser("west").get(address).status_code == 404
    assert nursery.browser("west").post(f"{address}/evidence").status_code == 404
    boss = nursery.browser("boss")
    page = boss.get(address)
    assert page.status_code == 200
    answer = boss.post(f"{address}/evidence")
    assert answer.mimetype == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.data)) as bundle:
        told = [
            json.loads(bundle.read(name))
            for name in bundle.namelist()
            if re.match(r"values/\d+\.txt", name)
        ]
        bodies = [
            bundle.read(name).decode()
            for name in bundle.namelist()
            if re.match(r"entries/\d+\.txt", name)
        ]
    (figures,) = (one["changes"]["figures"][1] for one in told if "figures" in one["changes"])
    mine = [json.loads(body[body.index("{") :]) for body in bodies]
    since = (nursery.runtime.moment().today - timedelta(days=29)).isoformat()
    shown: set[int] = set()
    for body, value in zip(mine, told, strict=True):
        if body["action"] == "viewing:shown" and body["at"][:10] >= since:
            shown |= set(value["changes"]["records"][1])
    assert figures["buyer 30"]["records"] == len(shown) == 8
    stopped = [
        body for body in mine if body["action"] == "viewing:stopped" and body["at"][:10] >= since
    ]
    assert figures["buyer 30"]["stopped"] == len(stopped) == 4


def tell_of_leavers(nursery: Portal) -> None:
    with Session(nursery.engines.app) as session, unit_of_work(session):
        number = enqueue(session, nursery.runtime, NewTask(LEAVERS.name, LEAVERS.label))
    shops = Workshops(nursery.settings, nursery.clock)
    try:
        assert run_task(shops.newest(), number, "test") == "done"
    finally:
        shops.engine.dispose()


def test_those_who_look_after_the_trail_hear_of_leavers_once(nursery: Portal) -> None:
    with nursery.engines.owner.begin() as connection:
        now = nursery.clock.now().replace(tzinfo=None)
        closed = text(
            "UPDATE ab_user SET active = false, changed_on = :now WHERE username = 'helper'"
        )
        connection.execute(closed, {"now": now})
    for _ in range(2):
        tell_of_leavers(nursery)
    rows = (
        "SELECT key FROM portal_notice WHERE kind = 'look_back' AND account_id = :boss ORDER BY key"
    )
    keys = nursery.column(rows, boss=nursery.ids["account_boss"])
    west, helper = nursery.ids["account_west"], nursery.ids["account_helper"]
    assert [key.split(":")[:3] for key in keys] == sorted(
        [["look_back", str(west), "leaving"], ["look_back", str(helper), "closed"]]
    )
    assert nursery.scalar("SELECT count(*) FROM portal_notice WHERE kind = 'look_back'") == 2
    path = "SELECT path FROM portal_notice_document d JOIN portal_notice n ON n.id = d.notice_id WHERE n.key = :key"
    assert nursery.scalar(path, key=keys[0]).startswith("/viewing/account/")
    page = nursery.browser("boss").get(f"/gardener/show/{nursery.ids['wang']}").text
    assert f'href="/viewing/account/{west}"' in page
    assert (
        "/viewing/account/"
        not in nursery.browser("west").get(f"/gardener/show/{nursery.ids['wang']}").text
    )
    assert f'href="/viewing/account/{west}"' in nursery.browser("boss").get("/accounts/").text
