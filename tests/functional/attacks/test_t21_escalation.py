"""T21: somebody who administers accounts and roles raises himself, or acts on those above him, by every route."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.functional.attacks.registry import registry
from tests.functional.requests.asking import decide, run, state_of, today
from tests.functional.rights.changing import apply_now, change
from tests.support.portals import PASSWORD, Browser, Portal
from tests.support.servers import Servers

NO = (403, 404, 422)
KEPT = "SELECT count(*) FROM portal_overlay"
HELD = "SELECT count(*) FROM role_assignment WHERE deleted_at IS NULL AND account_id = :account"
# What Flask-AppBuilder has for users, roles and passwords.
THEIRS = (
    "/users/list/", "/users/add", "/users/edit/1", "/users/show/1", "/users/userinfo/", "/roles/list/",
    "/roles/add", "/roles/edit/1", "/resetpassword/form?pk=1", "/resetmypassword/form", "/userinfoeditview/form",
    "/permissions/list/", "/permissionviews/list/", "/viewmenus/list/", "/userstatschartview/chart/",
    "/registeruser/list/", "/groups/list/", "/api/v1/security/users/", "/api/v1/security/users/1",
    "/api/v1/security/roles/", "/api/v1/security/roles/1", "/api/v1/security/roles/1/permissions",
    "/api/v1/security/permissions/", "/api/v1/security/permissions-resources/", "/api/v1/security/groups/",
    "/api/v1/security/resources/",
)  # fmt: skip


@pytest.fixture(scope="module")
def portal(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with registry(
        servers, tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("schema")
    ) as made:
        yield made


def give(browser: Browser, account: int, role: str, place: Any = "") -> Any:
    """Fill in the form that gives a role."""
    browser.get("/role_assignment/add")
    return browser.post(
        "/role_assignment/add",
        {"account": account, "role": role, "held_at": place, "valid_from": today().isoformat()},
    )


def assignment(portal: Portal, username: str) -> int:
    """The newest assignment of an account."""
    return int(
        portal.scalar(
            "SELECT max(r.id) FROM role_assignment r JOIN ab_user u ON u.id = r.account_id"
            " WHERE u.username = :name",
            name=username,
        )
    )


def test_by_the_page_of_roles(portal: Portal) -> None:
    registrar = portal.browser("registrar")
    kept = portal.scalar(KEPT)
    tries: tuple[tuple[str, str, dict[str, Any]], ...] = (
        # His own role, wider or narrower.
        ("registrar", "buyer", {"right_read": "yes"}),
        ("registrar", "plant", {"right_export": "yes"}),
        ("registrar", "plant", {"right_print": "no"}),
        # What he does not have himself, for somebody who could hand it on.
        ("keeper", "buyer", {"right_export": "yes"}),
        ("inspector", "plant", {"right_edit": "yes"}),
        ("inspector", "gardener", {"field_mobile": "clear"}),
        # Somebody above him.
        ("owner", "plant", {"right_delete": "no"}),
        ("owner", "buyer", {"right_read": "no"}),
    )
    for role, entity, cells in tries:
        assert change(registrar, role, entity, **cells).status_code == 403, (role, entity, cells)
    assert portal.scalar(KEPT) == kept
    assert portal.scalar("SELECT count(*) FROM portal_request") == 0


def test_by_a_copy_of_a_role(portal: Portal) -> None:
    """A copy of the owner's role has of it what the copier has, and neither its duties nor its decisions."""
    registrar = portal.browser("registrar")
    registrar.get("/rights/owner/copy")
    sent = {"name": "shadow", "zh": "影子", "en": "Shadow"}
    assert registrar.post("/rights/owner/copy", sent).status_code == 302
    apply_now(portal)
    shadow = portal.scalar(
        "SELECT sources->>'overlay:shadow.yaml' FROM portal_revision ORDER BY number DESC LIMIT 1"
    )
    assert "buyer" not in shadow
    assert "plant" not in shadow
    assert "administers" not in shadow
    assert "approves" not in shadow


def test_by_the_page_and_the_api_of_assignments(portal: Portal) -> None:
    registrar, api = portal.browser("registrar"), portal.api("registrar")
    own, friend = portal.ids["registrar"], portal.ids["friend"]
    before = portal.scalar(HELD, account=own)
    for account, role in ((own, "owner"), (own, "keeper"), (own, "shadow"), (friend, "owner")):
        assert give(registrar, account, role).status_code in NO, role
        body = {"account": account, "role": role, "valid_from": today().isoformat()}
        assert api.call("POST", "role_assignment/", json=body).status_code in NO, role
    mine = assignment(portal, "registrar")
    for role in ("owner", "keeper"):
        answer = api.call("PUT", f"role_assignment/{mine}", json={"role": role, "version": 1})
        assert answer.status_code in NO
    # The friend's, turned into another one; the owner's, taken away.
    boss = assignment(portal, "boss")
    assert api.call("DELETE", f"role_assignment/{boss}?version=1").status_code in NO
    assert (
        api.call("PUT", f"role_assignment/{boss}", json={"account": own, "version": 1}).status_code
        in NO
    )
    peeper = assignment(portal, "peeper")
    for values in ({"role": "owner"}, {"account": own}, {"role": "keeper"}):
        answer = api.call("PUT", f"role_assignment/{peeper}", json={**values, "version": 1})
        assert answer.status_code in NO, values
    assert portal.scalar(HELD, account=own) == before
    assert portal.scalar(HELD, account=friend) == 0


def test_by_a_second_account_of_himself(portal: Portal) -> None:
    """Two accounts that share an identity card are one person, for giving roles as well."""
    card = "11010519491231002X"
    run(
        portal,
        "UPDATE gardener SET id_card = NULL, account_id = NULL WHERE split_part(id_card, '.', 2) = :card",
        card=portal.blind_index(card),
    )
    twin = portal.bare_account("twin")
    with portal.records() as records:
        row = {"bed": portal.ids["all"]}
        first = records.create(
            "gardener", {**row, "name": "管", "account": portal.ids["registrar"], "id_card": card}
        )
    run(portal, "UPDATE gardener SET deleted_at = now() WHERE id = :id", id=first)
    with portal.records() as records:
        records.create("gardener", {**row, "name": "管二", "account": twin, "id_card": card})
    answer = give(portal.browser("registrar"), twin, "inspector")
    assert answer.status_code in NO
    assert portal.scalar(HELD, account=twin) == 0


def test_what_goes_beyond_him_waits_for_the_owner(portal: Portal) -> None:
    registrar, friend = portal.browser("registrar"), portal.ids["friend"]
    answer = give(registrar, friend, "keeper", portal.ids["west"])
    assert answer.status_code == 302
    number = int(answer.headers["Location"].rsplit("/", 1)[1])
    assert portal.scalar(HELD, account=friend) == 0
    assert decide(registrar, number) in NO
    boss = portal.browser("boss")
    page = boss.get(f"/requests/{number}?_l_=en").text
    assert "friend" in page
    assert "Keeper" in page
    assert decide(boss, number) == 302
    assert state_of(portal, number) == "used"
    assert portal.scalar(HELD, account=friend) == 1


def test_on_the_accounts_of_those_above(portal: Portal) -> None:
    registrar = portal.browser("registrar")
    registrar.get("/accounts/")
    boss, helper = portal.ids["account_boss"], portal.ids["account_helper"]
    for path, data in (
        ("password", {}),
        ("active", {"active": "0"}),
        ("sessions/end", {}),
        ("sessions/1/end", {}),
    ):
        assert registrar.post(f"/accounts/{boss}/{path}", data).status_code == 403, path
    assert Browser(portal.door).sign_in("boss", PASSWORD).status_code == 302
    registrar.get("/accounts/")
    assert registrar.post(f"/accounts/{helper}/active", {"active": "0"}).status_code == 302
    assert registrar.post(f"/accounts/{helper}/active", {"active": "1"}).status_code == 302


def test_by_the_pages_and_endpoints_of_the_toolkit(portal: Portal) -> None:
    registrar, api = portal.browser("registrar"), portal.api("registrar")
    held = "SELECT string_agg(user_id || ':' || role_id, ',' ORDER BY user_id, role_id) FROM ab_user_role"
    before = portal.scalar(held)
    for path in THEIRS:
        assert registrar.get(path).status_code == 404, path
        assert registrar.post(
            path, {"roles": "1", "password": "x", "conf_password": "x"}
        ).status_code in (404, 405)
        for method in ("POST", "PUT", "DELETE"):
            url = re.sub("^/api/v1/", "", path)
            answer = api.call(method, url, json={"roles": [1], "password": "x"})
            assert answer.status_code in (404, 405), path
    assert portal.scalar(held) == before
