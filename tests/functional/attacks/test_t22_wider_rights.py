"""T22: nobody agrees to wider rights that he asked for, or that are his own, by whatever way he comes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from tests.functional.attacks.registry import registry
from tests.functional.requests.asking import decide, run, state_of, today
from tests.functional.rights.changing import apply_now, change
from tests.support.portals import Portal
from tests.support.servers import Servers

NO = (403, 404)
KEPT = "SELECT count(*) FROM portal_overlay"


@pytest.fixture(scope="module")
def portal(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with registry(
        servers, tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("schema")
    ) as made:
        yield made


def asked(portal: Portal, entity: str, username: str = "boss", **cells: Any) -> int:
    """A request for wider rights of the keeper; its number."""
    answer = change(portal.browser(username), "keeper", entity, **cells)
    assert answer.status_code == 302, answer.text
    assert "/requests/" in answer.headers["Location"]
    return int(answer.headers["Location"].rsplit("/", 1)[1])


def give_role(portal: Portal, account: int, role: str) -> int:
    """Another role of an account."""
    with portal.records() as records:
        row = {"account": account, "role": role, "held_at": None, "valid_from": today()}
        return records.create("role_assignment", row)


def take_role(portal: Portal, number: int) -> None:
    """End a role."""
    with portal.records() as records:
        records.remove("role_assignment", number, 1)


def test_nothing_is_wider_before_somebody_else_agrees(portal: Portal) -> None:
    number = asked(portal, "tool", right_export="yes")
    assert not apply_now(portal)
    assert portal.scalar(KEPT) == 0
    boss = portal.browser("boss")
    page = boss.get(f"/requests/{number}")
    assert f"/requests/{number}/decide" not in page.text
    assert decide(boss, number) in NO
    api = portal.api("boss")
    answer = api.client.post(f"/requests/{number}/decide", headers=api.headers,
                             data={"verdict": "approve", "why": "x", "version": "1"})  # fmt: skip
    assert answer.status_code in (302, 400, 401, 403, 404)
    assert state_of(portal, number) == "pending"
    # Whoever administers roles, but does not have the right himself, is no second person.
    assert decide(portal.browser("registrar"), number) in NO
    second = portal.browser("second")
    page = second.get(f"/requests/{number}?_l_=en")
    assert "no → yes" in page.text
    assert decide(second, number) == 302
    assert apply_now(portal)
    assert portal.scalar("SELECT new FROM portal_overlay WHERE entity = 'tool'") is True
    assert portal.scalar("SELECT by <> approved_by FROM portal_overlay WHERE entity = 'tool'")
    told = "SELECT count(*) FROM portal_audit WHERE action = 'role:changed' AND changes->'export' = '[false, true]'"
    assert portal.scalar(told) == 1


def test_less_is_not_held_up_by_more(portal: Portal) -> None:
    """In one form: export is asked for, and creating is over at once."""
    number = asked(portal, "species", right_export="yes", right_read="yes")
    assert state_of(portal, number) == "pending"
    page = change(
        portal.browser("boss"), "keeper", "treatment", right_export="yes", right_create="no"
    )
    assert "/requests/" in page.headers["Location"]
    assert portal.scalar("SELECT new FROM portal_overlay WHERE entity = 'treatment'") is False
    assert portal.scalar("SELECT key FROM portal_overlay WHERE entity = 'treatment'") == "create"


def test_a_second_account_of_the_same_person(portal: Portal) -> None:
    card = "11010519491231002X"
    run(
        portal,
        "UPDATE gardener SET id_card = NULL, account_id = NULL WHERE split_part(id_card, '.', 2) = :card",
        card=portal.blind_index(card),
    )
    twin = portal.account("boss_twin", "owner", None)
    row = {"bed": portal.ids["all"]}
    with portal.records() as records:
        first = records.create(
            "gardener",
            {**row, "name": "主", "account": portal.ids["account_boss"], "id_card": card},
        )
    run(portal, "UPDATE gardener SET deleted_at = now() WHERE id = :id", id=first)
    with portal.records() as records:
        records.create("gardener", {**row, "name": "主二", "account": twin, "id_card": card})
    number = asked(portal, "weather", right_export="yes")
    browser = portal.browser("boss_twin")
    assert decide(browser, number) in NO
    assert state_of(portal, number) == "pending"


def test_whoever_holds_the_role_does_not_agree_to_it(portal: Portal) -> None:
    """The one who profits: a second owner who is a keeper as well."""
    number = asked(portal, "measurement", right_export="yes")
    role = give_role(portal, portal.ids["second"], "keeper")
    try:
        assert decide(portal.browser("second"), number) in NO
        # Nor does he ask for it.
        answer = change(portal.browser("second"), "keeper", "measurement", right_print="yes")
        assert answer.status_code == 403
    finally:
        take_role(portal, role)
    assert state_of(portal, number) == "pending"


def test_standing_in_and_changing_roles_do_not_help(portal: Portal) -> None:
    """The one who asked becomes somebody else's stand-in; the one who decides is no owner any more."""
    number = asked(portal, "task_step", right_export="yes")
    role = give_role(portal, portal.ids["account_boss"], "owner")
    assert decide(portal.browser("boss"), number) in NO
    take_role(portal, role)
    third = portal.bare_account("third")
    own = give_role(portal, third, "owner")
    browser = portal.browser("third")
    assert f"/requests/{number}/decide" in browser.get(f"/requests/{number}").text
    take_role(portal, own)
    browser.sign_in("third")
    assert decide(browser, number) in NO
    assert state_of(portal, number) == "pending"


def test_whoever_asked_must_still_have_it(portal: Portal) -> None:
    fourth = portal.account("fourth", "owner", None)
    number = asked(portal, "tag_group", "fourth", right_export="yes")
    second = portal.browser("second")
    second.get(f"/requests/{number}")
    run(portal, "UPDATE ab_user SET active = false WHERE id = :id", id=fourth)
    assert decide(second, number) == 409
    run(portal, "UPDATE ab_user SET active = true WHERE id = :id", id=fourth)
    run(portal, "UPDATE role_assignment SET role = 'inspector' WHERE account_id = :id", id=fourth)
    assert decide(second, number) == 409
    assert state_of(portal, number) == "pending"


def test_what_has_moved_meanwhile_is_asked_for_anew(portal: Portal) -> None:
    """Of two requests for the same, the second finds something else than what it was written for."""
    first, later = (asked(portal, "sale", right_export="yes") for _ in range(2))
    second = portal.browser("second")
    second.get(f"/requests/{first}")
    assert decide(second, first) == 302
    assert decide(second, later) == 409
    assert state_of(portal, later) == "pending"


def test_the_database_itself_refuses_one_person_alone(portal: Portal) -> None:
    row = (
        "INSERT INTO portal_overlay (role, entity, key, ids, old, new, wider, by, at, approved_by, revision)"
        " VALUES ('keeper', 'bed', 'export', '{}', 'false', 'true', :wider, 1, now(), :second, 1)"
    )
    for wider, second in ((True, 1), (False, 1), (True, None)):
        with pytest.raises(IntegrityError), portal.engines.app.begin() as connection:
            connection.execute(text(row), {"wider": wider, "second": second})
    with portal.engines.app.connect() as connection:
        connection.execute(text(row), {"wider": True, "second": 2})
        connection.rollback()
    request = (
        "INSERT INTO portal_request (kind, entity, requester_id, beneficiary_id, payload, digest, reason,"
        " state, created_at, expires_at, decided_by, decided_at)"
        " VALUES ('rights', '', 1, 2, '{}', '', '', 'approved', now(), now(), :by, now())"
    )
    for by in (1, 2):
        with pytest.raises(IntegrityError), portal.engines.app.begin() as connection:
            connection.execute(text(request), {"by": by})
