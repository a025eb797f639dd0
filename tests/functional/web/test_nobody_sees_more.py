"""Every address, for every role, with own, foreign and absent keys: no foreign byte, no failure."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from flask import Flask

from tests.support.nursery import CANARY
from tests.support.portals import Portal

SENT = {
    "action": "delete",
    "ids": "1",
    "label_text": "x",
    "name": "x",
    "version": "1",
    "q": "CANARY",
}
LEFT_ALONE = ("/logout/", "/lang/", "/login/", "/password/", "/accounts/")


def application(portal: Portal) -> Flask:
    """The Flask application that is served now."""
    found = portal.door.application()
    assert isinstance(found, Flask)
    return found


def addresses(portal: Portal, method: str) -> list[str]:
    """Every address for a method, with keys of all kinds put in."""
    keys = [
        portal.ids[name]
        for name in (
            "plant1",
            "far_plant",
            "far",
            "far_task",
            "far_buyer",
            "far_measurement",
            "east",
        )
    ]
    found: set[str] = set()
    for rule in application(portal).url_map.iter_rules():
        if method not in (rule.methods or ()) or rule.rule.startswith(LEFT_ALONE):
            continue
        for key in (*keys, 0, 999_999):
            values: dict[str, Any] = dict.fromkeys(rule.arguments, key)
            values |= dict.fromkeys(rule.arguments & {"field"}, "doer")
            values |= dict.fromkeys(rule.arguments & {"name"}, "finish")
            values |= dict.fromkeys(rule.arguments & {"key"}, "task.doer")
            built = rule.build(values, append_unknown=False)
            assert built
            found.add(built[1])
    return sorted(found)


def fingerprint(portal: Portal) -> str:
    """A digest of every business row."""
    tables = [
        name
        for name, table in portal.runtime.models.metadata.tables.items()
        if not table.info.get("external")
    ]
    parts = [
        f"(SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM \"{name}\" t)"
        for name in tables
    ]
    return str(portal.scalar("SELECT " + " || ".join(parts)))


def test_a_helper_sees_only_his_own_tasks(nursery: Portal) -> None:
    page = nursery.browser("helper").get("/task/list/").text
    assert "拔草" in page
    assert "浇水" not in page


@pytest.mark.parametrize("username", ["west", "helper"])
def test_reading_every_address(nursery: Portal, username: str) -> None:
    browser, before = nursery.browser(username), fingerprint(nursery)
    for path in addresses(nursery, "GET"):
        for suffix in ("", "?q=CANARY"):
            answer = browser.get(path + suffix)
            assert answer.status_code < 500, path
            assert CANARY not in answer.text, path
    assert fingerprint(nursery) == before


@pytest.mark.parametrize("username", ["west", "helper"])
def test_writing_to_every_foreign_address(nursery: Portal, username: str) -> None:
    browser = nursery.browser(username)
    foreign = "SELECT string_agg(t::text, '|' ORDER BY id) FROM plant t WHERE place_id = :place"
    before = nursery.scalar(foreign, place=nursery.ids["east"])
    for path in addresses(nursery, "POST"):
        answer = browser.post(path, SENT)
        assert answer.status_code < 500, path
        assert CANARY not in answer.text, path
    assert nursery.scalar(foreign, place=nursery.ids["east"]) == before


def test_readers_at_once_never_see_each_others_filters(nursery: Portal) -> None:
    wrong: list[str] = []

    def read(number: int) -> None:
        browser = nursery.browser("west")
        for _ in range(15):
            page = browser.get(f"/plant/list/?price={number * 10}..{number * 10}").text
            others = [n for n in range(10, 30) if n != number and f"丽水槭树{n:02d}" in page]
            if others:
                wrong.append(f"{number}: {others}")

    threads = [threading.Thread(target=read, args=[number]) for number in range(12, 18)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
