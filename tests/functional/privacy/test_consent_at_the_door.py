"""What needs somebody's consent is written while it stands, by whatever way it comes (PIPL art. 14, 15, 29)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import date, timedelta
from html import unescape
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.access.actor import system_actor
from app.kernel.errors import Invalid
from app.language.definitions import Rights
from app.records.loading import load
from app.storage.database import unit_of_work
from tests.functional.privacy.consenting import (
    INSTEAD,
    SPOT,
    a_round,
    agree,
    end,
    none_left,
    rounds,
)
from tests.functional.requests.asking import run, version_of
from tests.support.portals import NOON, Browser, Portal


@pytest.fixture(autouse=True)
def nobody(nursery: Portal) -> Iterator[None]:
    """Nobody has agreed to anything."""
    nursery.clock.moment = NOON
    none_left(nursery)
    yield
    nursery.clock.moment = NOON


@pytest.fixture
def boss(nursery: Portal) -> Browser:
    browser = nursery.browser("boss")
    browser.post("/lang/zh")
    browser.get("/round/add")
    return browser


def test_without_consent_it_is_refused_and_nothing_is_lost(nursery: Portal, boss: Browser) -> None:
    sent = a_round(nursery, nursery.ids["wang"], spot=SPOT, note="西边缺水")
    answer = boss.post("/round/add", sent)
    page = unescape(answer.text)
    assert answer.status_code == 422
    assert "本人尚未同意“巡园定位”" in page
    assert INSTEAD in page
    assert f'value="{SPOT}"' in page
    assert "西边缺水" in page
    assert rounds(nursery) == []
    # Without the value it always works.
    assert boss.post("/round/add", {**sent, "spot": ""}).status_code == 302
    assert rounds(nursery) == [None]


def test_with_consent_it_works_until_it_is_withdrawn(nursery: Portal, boss: Browser) -> None:
    consent = agree(nursery, nursery.ids["wang"])
    sent = a_round(nursery, nursery.ids["wang"], spot=SPOT)
    assert boss.post("/round/add", sent).status_code == 302
    assert rounds(nursery) == [SPOT]
    # Somebody else's consent helps nobody.
    assert boss.post("/round/add", {**sent, "gardener": nursery.ids["far"]}).status_code == 422
    nursery.clock.moment += timedelta(minutes=5)
    end(nursery, consent)
    boss.get("/round/add")
    assert boss.post("/round/add", sent).status_code == 422
    assert rounds(nursery) == [SPOT]


def test_the_api_says_the_same(nursery: Portal) -> None:
    api, person = nursery.api("west"), nursery.ids["wang"]
    sent = a_round(nursery, person, spot=SPOT)
    answer = api.call("POST", "round/?_l_=zh", json=sent)
    assert answer.status_code == 422
    assert list(answer.json["errors"]) == ["spot"]
    assert INSTEAD in answer.json["errors"]["spot"][0]
    english = api.call("POST", "round/?_l_=en", json=sent).json["errors"]["spot"][0]
    assert "has not agreed to “Location on rounds”" in english
    assert "write the place into the note" in english
    made = api.call("POST", "round/", json={**sent, "spot": None})
    assert made.status_code == 201
    pk = made.json["id"]
    changed = api.call("PUT", f"round/{pk}", json={"version": 1, "spot": SPOT})
    assert (changed.status_code, list(changed.json["errors"])) == (422, ["spot"])
    moved = api.call(
        "POST", f"round/{pk}/move/finish", json={"version": 1, "values": {"spot": SPOT}}
    )
    assert moved.status_code == 422
    assert rounds(nursery) == [None]
    agree(nursery, person)
    assert api.call("PUT", f"round/{pk}", json={"version": 1, "spot": SPOT}).status_code == 200
    # What stays as it is asks nobody, and a value does not come to belong to somebody who has not agreed.
    other = {"version": 2, "gardener": nursery.ids["helper"]}
    assert list(api.call("PUT", f"round/{pk}", json=other).json["errors"]) == ["spot"]
    assert api.call("PUT", f"round/{pk}", json={"version": 2, "note": "补"}).status_code == 200
    assert rounds(nursery) == [SPOT]


@pytest.mark.parametrize(
    ("edition", "hours", "about"), [("1", -1, "spot"), ("2", 1, "spot"), ("2", -1, "photo")]
)
def test_another_edition_a_later_day_another_topic_do_not_help(
    nursery: Portal, edition: str, hours: int, about: str
) -> None:
    person = nursery.ids["wang"]
    agree(nursery, person, edition, NOON + timedelta(hours=hours), about)
    with pytest.raises(Invalid) as refused, nursery.records() as records:
        records.create("round", a_round(nursery, person, on_day=date(2026, 6, 15), spot=SPOT))
    assert list(refused.value.problems) == ["spot"]


def test_a_withdrawal_ends_every_consent_before_it(nursery: Portal) -> None:
    person = nursery.ids["wang"]
    agree(nursery, person, given=NOON - timedelta(days=9))
    second = agree(nursery, person, given=NOON - timedelta(days=8))
    end(nursery, second, NOON - timedelta(days=2))
    row = a_round(nursery, person, on_day=date(2026, 6, 15), spot=SPOT)
    with pytest.raises(Invalid), nursery.records() as records:
        records.create("round", row)
    agree(nursery, person, given=NOON - timedelta(days=1))
    with nursery.records() as records:
        records.create("round", row)
    assert rounds(nursery) == [SPOT]


def test_loading_many_names_the_rows(nursery: Portal) -> None:
    agree(nursery, nursery.ids["wang"])
    rows = [
        a_round(nursery, nursery.ids[name], on_day=date(2026, 6, 1), spot=spot)
        for name, spot in (("wang", SPOT), ("helper", None), ("far", SPOT), ("wang", SPOT))
    ]
    rights = {name: frozenset(Rights) for name in nursery.schema.entities}
    actor = system_actor(nursery.schema, rights, "test")

    def loaded(some: list[dict[str, Any]]) -> list[int]:
        with Session(nursery.engines.app) as session, unit_of_work(session):
            return load(nursery.runtime, session, actor, "round", some)

    with pytest.raises(Invalid) as refused:
        loaded(rows)
    assert list(refused.value.problems) == ["2.spot"]
    assert rounds(nursery) == []
    assert len(loaded([rows[0], rows[1], rows[3]])) == 3


def test_one_statement_and_only_when_it_is_needed(nursery: Portal) -> None:
    agree(nursery, nursery.ids["wang"])
    row = a_round(nursery, nursery.ids["wang"], on_day=date(2026, 6, 15))
    counts = []
    for spot in (None, SPOT):
        with nursery.statements() as said, nursery.records() as records:
            records.create("round", {**row, "spot": spot})
        counts.append(len([one for one in said if "FROM consent" in one]))
    assert counts == [0, 1]


def test_who_withdraws_first_is_heard(nursery: Portal) -> None:
    """The withdrawal is not saved yet when the value arrives: it is waited for, and then it holds."""
    person = nursery.ids["wang"]
    consent = agree(nursery, person, given=NOON - timedelta(days=1))
    row, ends = a_round(nursery, person, on_day=date(2026, 6, 15), spot=SPOT), list[object]()

    def write() -> None:
        try:
            with nursery.records() as records:
                records.create("round", row)
        except Invalid as refused:
            ends.append(list(refused.problems))
        else:
            ends.append("written")

    waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    thread = threading.Thread(target=write)
    with nursery.engines.owner.begin() as connection:
        ending = text("UPDATE consent SET withdrawn_at = :at, version = version + 1 WHERE id = :id")
        connection.execute(ending, {"at": NOON, "id": consent})
        thread.start()
        for _ in range(200):
            if nursery.scalar(waits) or not thread.is_alive():
                break
            thread.join(0.05)
        assert ends == []
    thread.join(20)
    assert ends == [["spot"]]
    assert rounds(nursery) == []


def test_undoing_brings_no_consent_and_no_such_value_back(nursery: Portal) -> None:
    person = nursery.ids["wang"]
    consent = agree(nursery, person)
    with nursery.records() as records:
        pk = records.create("round", a_round(nursery, person, on_day=date(2026, 6, 15), spot=SPOT))
    start = nursery.clock.moment = NOON + timedelta(hours=1)
    api = nursery.api("boss")
    emptied = {"version": 1, "spot": None, "note": "错了"}
    assert api.call("PUT", f"round/{pk}", json=emptied).status_code == 200
    ended = {"version": 1, "withdrawn_at": start.isoformat()}
    assert api.call("PUT", f"consent/{consent}", json=ended).status_code == 200
    nursery.clock.moment += timedelta(hours=1)
    if "undoer" not in nursery.ids:
        nursery.ids["undoer"] = nursery.account("undoer", "owner", None)
    undoer = nursery.browser("undoer")
    who = {"account": str(nursery.ids["account_boss"]), "since": "2026-06-15"}
    undoer.get("/undo/?account={account}&since={since}".format(**who))
    answer = undoer.post("/undo/apply", who)
    assert answer.status_code in (200, 302), answer.text
    assert rounds(nursery) == [None]
    assert nursery.scalar("SELECT note FROM round WHERE id = :id", id=pk) is None
    assert version_of(nursery, "consent", consent) == 2
    assert nursery.scalar("SELECT withdrawn_at FROM consent") is not None
    run(nursery, "DELETE FROM portal_before")
