"""Every address × everybody × own, foreign, absent, huge keys × every method: no foreign byte, no failure.

Reading changes nothing, writing changes nothing beyond the own bed, every answer forbids keeping
it, and whoever asks for what is out of reach stands in the trail.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.functional.attacks.cast import INSIDERS, West
from tests.functional.attacks.crawling import (
    LEFT_ALONE,
    OPEN_TO_ALL,
    foreign_rows,
    harmless,
    read_everything,
    walker,
    write_everywhere,
)
from tests.functional.attacks.doors import ABSENT, HUGE, WIDE, addresses, digests, entity_of, rules
from tests.support.portals import Browser, Portal


def keys(west: West) -> tuple[int, ...]:
    """An own key, an absent one, none, and some that few columns or none can hold."""
    return (west.portal.ids["plant1"], ABSENT, 0, WIDE, HUGE)


@pytest.mark.parametrize("username", INSIDERS)
def test_reading_every_address_shows_and_changes_nothing(west: West, username: str) -> None:
    who, before = walker(west, username), digests(west.portal)
    read_everything(west, who, keys(west))
    assert digests(west.portal) == before


@pytest.mark.parametrize("username", INSIDERS)
def test_writing_to_every_address_reaches_no_foreign_row(west: West, username: str) -> None:
    before = foreign_rows(west)
    write_everywhere(west, walker(west, username), (ABSENT, HUGE))
    assert foreign_rows(west) == before


def test_a_stranger_reads_nothing_at_all(west: West) -> None:
    portal, before = west.portal, digests(west.portal)
    for method in ("GET", "POST", "PUT", "DELETE"):
        for path in addresses(portal, method, (ABSENT, HUGE), west.foreign, OPEN_TO_ALL):
            browser = Browser(portal.door)
            answer = browser.client.open(path, method=method)
            harmless(west, answer, path)
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
