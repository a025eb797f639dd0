"""``portal users``: accounts, passwords and roles from the terminal."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from click.testing import CliRunner

from app.access.accounts import load_actor
from app.cli.main import main
from tests.support.portals import Browser, Portal


@pytest.fixture
def portal(nursery: Portal, monkeypatch: pytest.MonkeyPatch) -> Portal:
    """The nursery as the commands find it."""
    monkeypatch.setenv("PORTAL_HOME", str(nursery.settings.home))
    monkeypatch.setenv("PORTAL_DATABASE_URL", nursery.settings.database_url)
    monkeypatch.setenv("PORTAL_DATABASE_OWNER_URL", nursery.settings.database_owner_url)
    monkeypatch.setenv("PORTAL_LANGUAGE", "en")
    return nursery


def run(*words: str) -> Any:
    return CliRunner().invoke(main, ["users", *words])


def test_an_account_is_made_and_given_a_role(portal: Portal) -> None:
    made = run("create", "zhou", "--name", "周小青")
    assert made.exit_code == 0, made.output
    password = made.stdout.strip().splitlines()[-1]
    assert run("grant", "zhou", "keeper", "--at", "东床").exit_code == 0
    listed = run("list").stdout
    assert "周小青" in listed
    assert "Keeper@东床" in listed
    assert Browser(portal.door).sign_in("zhou", password).status_code == 302
    with portal.records() as records:
        account = portal.scalar("SELECT id FROM ab_user WHERE username = 'zhou'")
        later = date(2999, 1, 1)
        actor = load_actor(records.session, portal.schema, portal.runtime.models, account, later)
    assert [(grant.role.name, grant.places) for grant in actor.grants] == [
        ("keeper", (portal.ids["east"],))
    ]


def test_a_new_password_replaces_the_old_one(portal: Portal) -> None:
    old = run("create", "qian").stdout.strip().splitlines()[-1]
    new = run("set-password", "qian").stdout.strip().splitlines()[-1]
    assert Browser(portal.door).sign_in("qian", old).status_code != 302
    assert Browser(portal.door).sign_in("qian", new).status_code == 302


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("create", "west"), "There is already an account"),
        (("create", "a b"), "1 to 64 characters"),
        (("set-password", "nobody"), "There is no account nobody"),
        (("grant", "west", "king"), "There is no role king"),
        (("grant", "west", "keeper", "--at", "月球"), "There is no place 月球"),
        (("grant", "nobody", "keeper"), "There is no account nobody"),
    ],
)
def test_what_cannot_be_done_is_said(portal: Portal, words: tuple[str, ...], said: str) -> None:
    answer = run(*words)
    assert answer.exit_code == 1
    assert said in answer.output
    assert "Traceback" not in answer.output


def test_a_password_that_anybody_would_try_is_refused(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    for password in ("password123", "Administrator1", "caoyuan2026"):
        monkeypatch.setattr("app.cli.users.getpass.getpass", lambda typed=password: typed)
        done = run("create", "caoyuan", "--ask")
        assert done.exit_code == 1, password
        assert "one of the first that anybody would try" in done.output
        assert portal.scalar("SELECT count(*) FROM ab_user WHERE username = 'caoyuan'") == 0
    assert run("create", "caoyuan").exit_code == 0
    assert run("set-password", "caoyuan", "--ask").exit_code == 1
