"""T21: one person alone makes nobody powerful, whatever he may do himself; T22: one of the powerful always stays."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from app.kernel.errors import Refused
from tests.functional.attacks.registry import registry
from tests.functional.requests.asking import decide, run, state_of, today
from tests.functional.rights.changing import apply_now
from tests.support.portals import NOON, Browser, Portal
from tests.support.servers import Servers

HELD = "SELECT count(*) FROM role_assignment WHERE deleted_at IS NULL AND account_id = :account AND role = :role"
OWN = "SELECT id FROM role_assignment WHERE deleted_at IS NULL AND account_id = :account"
ALONE = "SELECT count(*) FROM portal_audit WHERE action = 'role:given_alone'"


@pytest.fixture(scope="module")
def portal(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with registry(
        servers, tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("schema")
    ) as made:
        yield made


def give(browser: Browser, account: int, role: str, **more: Any) -> Any:
    """Fill in the form that gives a role."""
    browser.get("/role_assignment/add")
    sent = {"account": account, "role": role, "held_at": "", "valid_from": today().isoformat()}
    return browser.post("/role_assignment/add", {**sent, **more})


def held(portal: Portal, account: int, role: str) -> int:
    """How often an account holds a role."""
    return int(portal.scalar(HELD, account=account, role=role))


def press(browser: Browser, number: int, *, active: str) -> int:
    """Open or close an account; the status."""
    browser.get("/accounts/")
    return browser.post(f"/accounts/{number}/active", {"active": active}).status_code


def test_not_even_what_one_has_oneself(portal: Portal) -> None:
    """A stolen owner's session alone makes nobody an owner, and no exporter by a copied role."""
    boss, friend = portal.browser("boss"), portal.ids["friend"]
    boss.get("/rights/owner/copy")
    copied = boss.post("/rights/owner/copy", {"name": "twin", "zh": "孪生", "en": "Twin"})
    assert copied.status_code == 302
    assert apply_now(portal)
    boss = portal.browser("boss")
    for role in ("owner", "twin", "registrar"):
        answer = give(boss, friend, role)
        number = int(answer.headers["Location"].rsplit("/requests/", 1)[1])
        assert held(portal, friend, role) == 0
        assert decide(boss, number) in (403, 404)
        second = portal.browser("second")
        page = second.get(f"/requests/{number}?_l_=en").text
        assert "E-mail" in page
        if role != "twin":
            assert decide(second, number, "refuse") == 302
            continue
        assert decide(second, number) == 302
        assert held(portal, friend, role) == 1
        assert state_of(portal, number) == "used"
    body = {"account": friend, "role": "owner", "valid_from": today().isoformat()}
    assert portal.api("boss").call("POST", "role_assignment/", json=body).status_code == 202
    assert held(portal, friend, "owner") == 0
    # What neither exports nor administers nor decides is given at once.
    assert "/requests/" not in give(boss, friend, "inspector").headers["Location"]
    assert held(portal, friend, "inspector") == 1


def test_nor_by_prolonging_what_ends(portal: Portal) -> None:
    ends = NOON.date() + timedelta(days=3)
    number = portal.bare_account("temporary")
    with portal.records() as records:
        row = {"account": number, "role": "owner", "held_at": None, "valid_to": ends}
        own = records.create("role_assignment", {**row, "valid_from": today()})
    api = portal.api("boss")
    change = {"valid_to": None, "version": 1}
    assert api.call("PUT", f"role_assignment/{own}", json=change).status_code == 403
    shorter = {"valid_to": NOON.date().isoformat(), "version": 1}
    assert api.call("PUT", f"role_assignment/{own}", json=shorter).status_code == 200
    run(portal, "UPDATE ab_user SET active = false WHERE id = :id", id=number)


def test_nor_by_closing_those_who_could_say_no(portal: Portal) -> None:
    boss, number = portal.browser("boss"), portal.bare_account("confederate")
    assert press(boss, portal.ids["second"], active="0") == 302
    try:
        assert give(boss, number, "owner").status_code == 409
        assert held(portal, number, "owner") == 0
    finally:
        assert press(boss, portal.ids["second"], active="1") == 302


def test_an_old_proof_gives_no_role_and_decides_nothing(portal: Portal) -> None:
    boss, second, number = (
        portal.browser("boss"), portal.browser("second"), portal.bare_account("waits"),
    )  # fmt: skip
    asked = int(give(boss, number, "owner").headers["Location"].rsplit("/", 1)[1])
    api, at = portal.api("boss"), portal.clock.moment
    body = {"account": number, "role": "inspector", "valid_from": today().isoformat()}
    portal.clock.moment = at + timedelta(minutes=11)
    try:
        second.get(f"/requests/{asked}")
        answer = second.post(
            f"/requests/{asked}/decide", {"verdict": "approve", "why": "x", "version": "1"}
        )
        assert answer.headers["Location"].startswith("/prove/")
        assert state_of(portal, asked) == "pending"
        assert boss.get("/role_assignment/add").headers["Location"].startswith("/prove/")
        assert give(boss, number, "inspector").headers["Location"].startswith("/prove/")
        assert api.call("POST", "role_assignment/", json=body).status_code == 403
        assert (
            second.post("/undo/apply", {"account": number, "since": today()})
            .headers["Location"]
            .startswith("/prove/")
        )
        assert held(portal, number, "inspector") == 0
    finally:
        portal.clock.moment = at


def test_t22_the_last_one_stays(portal: Portal) -> None:
    """Closed, demoted, ended on a day, or left to somebody who is there for a while only: none of it."""
    boss, second = portal.ids["account_boss"], portal.ids["second"]
    assert press(portal.browser("second"), boss, active="0") == 302
    own = portal.scalar(OWN, account=second)
    until = NOON.date() + timedelta(days=30)
    for change in ({"role": "keeper"}, {"valid_to": until}, {"held_at": portal.ids["west"]}):
        with pytest.raises(Refused), portal.records() as records:
            records.change("role_assignment", own, change, 1)
    with pytest.raises(Refused), portal.records() as records:
        records.remove("role_assignment", own, 1)
    # A third owner, who goes in a month, may not close the last one who stays.
    third = portal.bare_account("third")
    with portal.records() as records:
        row = {"account": third, "role": "owner", "held_at": None, "valid_to": until}
        records.create("role_assignment", {**row, "valid_from": today()})
    browser = portal.browser("third")
    assert press(browser, second, active="0") == 409
    assert portal.scalar("SELECT active FROM ab_user WHERE id = :id", id=second)
    assert press(browser, boss, active="1") == 302
    assert press(browser, second, active="0") == 302
    assert press(browser, second, active="1") == 302


def test_the_first_owners_of_a_new_portal(portal: Portal) -> None:
    """While nobody else ever decided, one gives alone; that stands in the trail, and every owner is told."""
    boss, first = portal.ids["account_boss"], portal.bare_account("first")
    run(portal, "DELETE FROM role_assignment WHERE role = 'owner' AND account_id <> :id", id=boss)
    browser = portal.browser("boss")
    before = portal.scalar(ALONE)
    answer = give(browser, first, "owner")
    assert "/role_assignment/show/" in answer.headers["Location"]
    assert held(portal, first, "owner") == 1
    assert portal.scalar(ALONE) == before + 1
    told = "SELECT array_agg(account_id ORDER BY account_id) FROM portal_notice WHERE key LIKE 'role:alone:%'"
    assert set(portal.scalar(told)) >= {boss, first}
    again = give(portal.browser("boss"), portal.bare_account("next"), "owner")
    assert "/requests/" in again.headers["Location"]
