"""T21: whoever administers accounts never gets into one that may more, helps its holder, and may always close it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from app.access.actor import Actor, Grant
from app.access.lattice import lacking
from app.factory import Workshops
from app.records.giving import decides_rights, may_hand_on
from app.tasks.runner import run as run_task
from tests.functional.attacks.registry import registry
from tests.functional.requests.asking import run
from tests.support.letters import Letters, letters
from tests.support.portals import NOON, PASSWORD, Browser, Portal
from tests.support.servers import Servers

CHOSEN = "Quite-other-words-7"
MAIL = "UPDATE ab_user SET email = :mail WHERE id = :id"
KEPT = "SELECT password FROM ab_user WHERE id = :id"
TOLD = "SELECT count(*) FROM portal_notice WHERE account_id = :id AND key LIKE :key"
NOTED = "SELECT count(*) FROM portal_audit WHERE action = :action AND record_title = :name"


@pytest.fixture(scope="module")
def post() -> Iterator[tuple[Letters, str]]:
    with letters() as made:
        yield made


@pytest.fixture(scope="module")
def portal(
    servers: Servers, tmp_path_factory: pytest.TempPathFactory, post: tuple[Letters, str]
) -> Iterator[Portal]:
    home, folder = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("schema")
    with registry(servers, home, folder, PORTAL_MAIL_URL=post[1]) as made:
        made.ids["keeper"] = made.account("keeper", "keeper", made.ids["west"])
        yield made


@pytest.fixture(autouse=True)
def _noon(portal: Portal) -> Iterator[None]:
    portal.clock.moment = NOON
    yield
    portal.clock.moment = NOON


def press(portal: Portal, number: int, deed: str, **data: str) -> tuple[int, str]:
    """What the registrar is answered, with the page that follows."""
    browser = portal.browser("registrar")
    browser.get("/accounts/")
    status = browser.post(f"/accounts/{number}/{deed}", data).status_code
    return status, browser.get("/accounts/?_l_=en").text


def posted(portal: Portal) -> None:
    """Let the newest mail with a link go out, as the worker does."""
    workshops = Workshops(portal.settings, portal.clock)
    newest = portal.scalar("SELECT max(id) FROM portal_task WHERE kind = 'account_reset_mail'")
    try:
        assert run_task(workshops.newest(), newest, "test") == "done"
    finally:
        workshops.engine.dispose()


def link_in(text: str) -> str:
    """The path that a mail leads to."""
    found = re.search(r"https?://[^/\s]+(/login/reset/\S+)", text)
    assert found, text
    return found[1]


def open_link(portal: Portal, path: str, password: str = CHOSEN) -> int:
    """Open a link as a stranger, and choose a password."""
    browser = Browser(portal.door)
    if browser.get(path).status_code != 200:
        return 410
    return browser.post(path, {"password": password, "again": password}).status_code


def sent_link(portal: Portal, post: tuple[Letters, str], number: int) -> str:
    """The path of a link that the registrar has let go out."""
    run(portal, MAIL, mail=f"holder{number}@chain.example", id=number)
    assert press(portal, number, "password")[0] == 302
    posted(portal)
    to, text = post[0].taken[-1]
    assert to == f"holder{number}@chain.example"
    return link_in(text)


def test_no_password_of_somebody_who_may_more(portal: Portal) -> None:
    """The keeper edits plants and sees buyers; the registrar does neither. Nor does a role help that begins later."""
    later = portal.bare_account("starts-later")
    with portal.records() as records:
        row = {"account": later, "role": "keeper", "held_at": portal.ids["west"]}
        tomorrow = NOON.date() + timedelta(days=1)
        records.create("role_assignment", {**row, "valid_from": tomorrow})
    for number in (portal.ids["keeper"], portal.ids["account_west"], later):
        before = portal.scalar(KEPT, id=number)
        status, page = press(portal, number, "password")
        assert status == 302
        assert not re.search(r"的密码是|has the password", page)
        assert portal.scalar(KEPT, id=number) == before
        # Those who stand high enough are told; the two owners of this portal.
        for owner in ("account_boss", "second"):
            told = portal.scalar(TOLD, id=portal.ids[owner], key=f"account:password:{number}:%")
            assert told == 1
        assert portal.scalar(TOLD, id=portal.ids["registrar"], key="account:password:%") == 0


def test_an_owner_who_was_told_does_it(portal: Portal) -> None:
    boss = portal.browser("boss")
    boss.get("/accounts/")
    number = portal.account("forgetful", "keeper", portal.ids["west"])
    assert boss.post(f"/accounts/{number}/password").status_code == 302
    found = re.search(r"forgetful 的密码是 (\w+)", boss.get("/accounts/").text)
    assert found
    assert Browser(portal.door).sign_in("forgetful", found[1]).status_code == 302


def test_an_account_without_more_rights_is_helped_at_once(portal: Portal) -> None:
    assert "的密码是" in press(portal, portal.ids["friend"], "password")[1]


def test_a_link_goes_to_the_holder_alone(portal: Portal, post: tuple[Letters, str]) -> None:
    number = portal.account("linked", "keeper", portal.ids["west"])
    open_before = portal.browser("linked")
    path = sent_link(portal, post, number)
    code = path.rsplit("/", 1)[1]
    _, page = press(portal, portal.ids["friend"], "password")
    assert code not in page
    kept = "SELECT coalesce(string_agg(x::text, ''), '') FROM {} x"
    tables = ("portal_task", "portal_notice", "portal_reset", "portal_audit_entry")
    assert not any(code in portal.scalar(kept.format(table)) for table in tables)
    # Nobody is locked out by it, and a weak password does not use it up.
    assert Browser(portal.door).sign_in("linked").status_code == 302
    assert open_link(portal, path[:-1] + ("A" if path[-1] != "A" else "B")) == 410
    assert open_link(portal, path, "linked2026") == 422
    assert open_link(portal, path) == 302
    assert open_before.get("/").status_code == 302
    assert Browser(portal.door).sign_in("linked", CHOSEN).status_code == 302
    assert Browser(portal.door).sign_in("linked").status_code == 401
    assert open_link(portal, path, "Another-of-them-8") == 410
    assert portal.scalar(NOTED, action="account:reset_sent", name="linked") == 1
    assert portal.scalar(TOLD, id=number, key="account:reset:%") == 1


@pytest.mark.parametrize("deed", ["an hour", "closed", "another link"])
def test_a_link_does_not_outlive(portal: Portal, post: tuple[Letters, str], deed: str) -> None:
    name = f"late-{deed.replace(' ', '-')}"
    number = portal.account(name, "keeper", portal.ids["west"])
    path = sent_link(portal, post, number)
    if deed == "an hour":
        portal.clock.moment += timedelta(hours=1)
    elif deed == "closed":
        assert press(portal, number, "active", active="0")[0] == 302
    else:
        assert link_in(post[0].taken[-1][1]) == path
        assert sent_link(portal, post, number) != path
    assert open_link(portal, path) == 410
    assert portal.scalar("SELECT active FROM ab_user WHERE id = :id", id=number) is (
        deed != "closed"
    )


def test_closing_is_at_once_and_opening_is_not(portal: Portal) -> None:
    """Somebody who left is let in again by no one who may less: the registrar may know the old password."""
    number, active = portal.ids["keeper"], "SELECT active FROM ab_user WHERE id = :id"
    assert press(portal, number, "active", active="0")[0] == 302
    assert not portal.scalar(active, id=number)
    assert press(portal, number, "active", active="1")[0] == 302
    assert not portal.scalar(active, id=number)
    assert portal.scalar(TOLD, id=portal.ids["second"], key=f"account:open:{number}:%") == 1
    boss = portal.browser("boss")
    boss.get("/accounts/")
    assert boss.post(f"/accounts/{number}/active", {"active": "1"}).status_code == 302
    assert portal.scalar(active, id=number)
    assert portal.browser("keeper").get("/").status_code == 200
    assert Browser(portal.door).sign_in("registrar", PASSWORD).status_code == 302


def test_of_any_two_accounts_none_gets_into_one_that_may_more(portal: Portal) -> None:
    """For every role as actor with ``accounts`` and every role as target: what is handed out lies within."""
    roles = portal.schema.roles
    for one in roles.values():
        actor: Any = Actor(1, "a", "a", None, (Grant(one, None),))
        for other in roles.values():
            if may_hand_on(portal.schema, actor, other) and not decides_rights(actor):
                assert not any(lacking(portal.schema, actor, other, name) for name in other.may)
                assert other.administers <= one.administers
                assert set(other.approves) <= set(one.approves)
