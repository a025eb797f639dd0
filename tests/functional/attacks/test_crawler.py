"""Every address × everybody × own, foreign, absent, huge keys × every method: no foreign byte, no failure.

Reading changes nothing, writing changes nothing beyond the own bed, every answer forbids keeping
it, and whoever asks for what is out of reach stands in the trail.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.functional.attacks.cast import INSIDERS, West
from tests.functional.attacks.doors import ABSENT, HUGE, WIDE, addresses, digests, entity_of, rules
from tests.support.nursery import CANARY
from tests.support.portals import Browser, Portal

# Leaving and changing one's own password or language is everybody's right, and would end the walk.
OPEN_TO_ALL = ("/login/", "/lang/", "/api/v1/security/login")
LEFT_ALONE = ("/logout/", "/lang/", "/login/", "/password/", "/sessions/", "/second-factor/")
SENT = {"action": "delete", "ids": "1,2", "label_text": "x", "name": "x", "version": "1", "reason": "x",
        "q": "CANARY"}  # fmt: skip
FIELDS = {"version": 1, "name": "x", "label_text": "x"}


def keys(west: West) -> tuple[int, ...]:
    """An own key, an absent one, none, and some that few columns or none can hold."""
    return (west.portal.ids["plant1"], ABSENT, 0, WIDE, HUGE)


def harmless(answer: Any, path: str) -> None:
    """No failure, no foreign byte, nothing that a browser or a proxy would keep."""
    assert answer.status_code < 500, path
    assert CANARY not in answer.text, path
    assert answer.headers["Cache-Control"] == "no-store" or "/static/" in path, path


@pytest.mark.parametrize("username", INSIDERS)
def test_reading_every_address_shows_and_changes_nothing(west: West, username: str) -> None:
    portal = west.portal
    browser, api, before = portal.browser(username), portal.api(username), digests(portal)
    for path in addresses(portal, "GET", keys(west), west.foreign, LEFT_ALONE):
        harmless(browser.get(path), path)
        if path.endswith("/"):
            harmless(browser.get(path + "?q=CANARY"), path)
            harmless(browser.client.head(path), path)
        if path.startswith("/api/v1/"):
            harmless(api.call("GET", path.removeprefix("/api/v1/")), path)
    assert digests(portal) == before


@pytest.mark.parametrize("username", INSIDERS)
def test_writing_to_every_address_reaches_no_foreign_row(west: West, username: str) -> None:
    portal = west.portal
    browser, api, before = portal.browser(username), portal.api(username), foreign_rows(west)
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        for path in addresses(portal, method, (ABSENT, HUGE), west.foreign, LEFT_ALONE):
            if path.startswith("/api/v1/"):
                harmless(api.call(method, path.removeprefix("/api/v1/"), json=FIELDS), path)
            else:
                harmless(browser.post(path, SENT), path)
    assert foreign_rows(west) == before


def test_a_stranger_reads_nothing_at_all(west: West) -> None:
    portal, before = west.portal, digests(west.portal)
    for method in ("GET", "POST", "PUT", "DELETE"):
        for path in addresses(portal, method, (ABSENT, HUGE), west.foreign, OPEN_TO_ALL):
            browser = Browser(portal.door)
            answer = browser.client.open(path, method=method)
            harmless(answer, path)
            assert answer.status_code in (302, 400, 401, 403, 404, 405) or path == "/health", path
    assert digests(portal) == before


def test_every_method_that_is_not_meant_is_refused(west: West) -> None:
    browser = west.portal.browser("west")
    for path in addresses(
        west.portal, "GET", (west.portal.ids["plant1"],), west.foreign, LEFT_ALONE
    ):
        for method in ("TRACE", "CONNECT", "PROPFIND"):
            assert browser.client.open(path, method=method).status_code in (400, 405), path


def test_whoever_asks_for_what_is_out_of_reach_stands_in_the_trail(west: West) -> None:
    portal, key = west.portal, west.foreign["buyer"]
    browser, api = portal.browser("west"), portal.api("west")
    portal.forget_attempts()
    before = refusals(portal)
    assert browser.get(f"/buyer/show/{key}").status_code == 404
    assert browser.post(f"/buyer/delete/{key}", {"version": "1"}).status_code == 404
    assert api.call("PUT", f"buyer/{key}", json={"version": 1, "name": "x"}).status_code == 404
    assert browser.post("/buyer/bulk", {"action": "delete", "ids": str(key)}).status_code == 302
    assert browser.get(f"/buyer/show/{ABSENT}").status_code == 404
    noted = refusals(portal)[len(before) :]
    assert noted == [
        ["west", "buyer", number, method]
        for method, number in (
            ("GET", key), ("POST", key), ("PUT", key), ("POST", key), ("GET", ABSENT),
        )
    ]  # fmt: skip


def test_nobody_fills_the_trail_with_refusals(west: West) -> None:
    portal = west.portal
    browser = portal.browser("helper")
    portal.forget_attempts()
    before = len(refusals(portal))
    for number in range(40):
        assert browser.get(f"/buyer/show/{ABSENT + number}").status_code == 404
    assert len(refusals(portal)) - before == 30


def test_every_kind_of_record_has_its_addresses_walked(west: West) -> None:
    walked = {entity_of(west.portal, rule) for rule in rules(west.portal, "GET")} - {""}
    assert walked == {entity.name for entity in west.portal.schema.enabled_entities()}


def refusals(portal: Portal) -> list[Any]:
    """Who was kept from which record by which method, as the trail has it, in order."""
    return portal.column(
        "SELECT json_build_array(account_name, entity, record_id, changes->'method'->>1)"
        " FROM portal_audit WHERE action = 'access:refused' ORDER BY id"
    )


def foreign_rows(west: West) -> dict[str, str]:
    """The east's rows as they are."""
    return {
        name: str(west.portal.scalar(f'SELECT t::text FROM "{name}" t WHERE id = :key', key=key))
        for name, key in west.foreign.items()
    }
