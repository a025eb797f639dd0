"""Whoever is frozen, has another password or loses a role is out by every door, and stays out.

Each row of the table is a deed, each column a way in that was open before it. What is measured
here stands in README.md; ``WRITE_README=1`` writes it there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from werkzeug.test import Client

from app.features.accounts import resets
from app.features.accounts.service import Desk
from app.features.notifications.delivering import deliver, public_url
from app.features.notifications.service import NewNotice, notify
from app.kernel.messages import Label
from app.settings import ROOT
from tests.functional.rights.changing import change
from tests.support.letters import letters
from tests.support.people import (
    comes,
    command,
    cookie_of,
    do,
    opens,
    plan,
    queue,
    renews,
    token_opens,
    tokens_of,
)
from tests.support.portals import PASSWORD, Browser, Portal

NEW = "quite other words 7"
TOLD = Label("枫树", "A maple")
DOORS = ("cookie", "copied cookie", "access token", "refresh token", "one-time link", "waiting task",
         "running task", "finished file", "scheduled report", "notice by mail")  # fmt: skip
OUT, IN = "refused", "open"
BEGIN, END = "<!-- every-door begin -->\n", "<!-- every-door end -->\n"


@dataclass
class Victim:
    """An account with all its doors open, and what its holder knows."""

    portal: Portal
    username: str
    number: int
    browser: Browser
    boss: Browser
    password: str = PASSWORD
    may_return: bool = True
    found: dict[str, str] = field(default_factory=dict)

    def administer(self, deed: str, data: dict[str, str] | None = None) -> str:
        """What the administrator does on the page of accounts; the page that follows."""
        self.boss.get("/accounts/")
        assert self.boss.post(f"/accounts/{self.number}/{deed}", data).status_code == 302
        return self.boss.get("/accounts/").text


def freeze(one: Victim) -> None:
    one.administer("active", {"active": "0"})
    one.may_return = False


def unfreeze(one: Victim) -> None:
    freeze(one)
    one.administer("active", {"active": "1"})
    one.may_return = True


def sign_out(one: Victim) -> None:
    assert one.browser.post("/logout/").status_code == 302


def sign_out_everywhere(one: Victim) -> None:
    one.administer("sessions/end")


def own_password(one: Victim) -> None:
    elsewhere = one.portal.browser(one.username)
    elsewhere.get("/password/")
    sent = {"old": PASSWORD, "password": NEW, "again": NEW}
    assert elsewhere.post("/password/", sent).status_code == 302
    assert elsewhere.get("/").status_code == 200
    one.password = NEW


def password_by_administrator(one: Victim) -> None:
    said = re.search(rf"{one.username} 的密码是 (\w+)", one.administer("password"))
    assert said
    one.password = said[1]


def password_by_command(one: Victim) -> None:
    one.password = command(one.portal, "users", "set-password", one.username).split()[-1]


def role_removed(one: Victim) -> None:
    held = one.portal.scalar("SELECT id FROM role_assignment WHERE account_id = :id", id=one.number)
    with one.portal.records() as records:
        records.remove("role_assignment", held, 1)


def role_added(one: Victim) -> None:
    with one.portal.records() as records:
        more = {"account": one.number, "role": "helper", "held_at": one.portal.ids["west"]}
        records.create("role_assignment", more)


def role_changed(one: Victim) -> None:
    one.boss.get("/rights/keeper")
    assert change(one.boss, "keeper", "weather", right_read="no").status_code == 302


def deleted(one: Victim) -> None:
    with one.portal.engines.owner.begin() as connection:
        for table, column in (
            ("role_assignment", "account_id"),
            ("ab_user_role", "user_id"),
            ("ab_user", "id"),
        ):
            connection.exec_driver_sql(f"DELETE FROM {table} WHERE {column} = {one.number}")
    one.may_return = False


EVERY = dict.fromkeys(DOORS, OUT)
# What comes to its reader with the rights that he has by then.
COMES = {**EVERY, "scheduled report": IN, "notice by mail": IN}
DEEDS: dict[str, tuple[Callable[[Victim], None], dict[str, str]]] = {
    "account closed": (freeze, EVERY),
    "account closed and opened again": (unfreeze, {**EVERY, "notice by mail": IN}),
    "account deleted in the database": (deleted, EVERY),
    "signed out": (sign_out, {**dict.fromkeys(DOORS, IN), "cookie": OUT, "copied cookie": OUT}),
    "all sessions ended": (sign_out_everywhere, COMES),
    "password changed by its holder": (own_password, COMES),
    "password set by an administrator": (password_by_administrator, COMES),
    "password set on the server": (password_by_command, COMES),
    "role taken away": (role_removed, EVERY),
    "role given": (role_added, COMES),
    "role changed in the browser": (role_changed, COMES),
}


@pytest.fixture(scope="module")
def post() -> Iterator[str]:
    """The address of a mail server."""
    with letters() as (_, address):
        yield address


@pytest.mark.parametrize("deed", DEEDS)
def test_every_door(nursery: Portal, post: str, tmp_path: Path, deed: str) -> None:
    happen, expected = DEEDS[deed]
    username = f"t10-{list(DEEDS).index(deed)}"
    number = nursery.account(username, "owner", None)
    if happen is role_changed:
        with nursery.records() as records:
            row = {"account": number, "role": "keeper", "held_at": nursery.ids["west"]}
            records.create("role_assignment", row)
    assert measured(nursery, username, happen, (tmp_path / "made.csv", post)) == expected


def measured(
    portal: Portal, username: str, happen: Callable[[Victim], None], means: tuple[Path, str]
) -> dict[str, str]:
    """Open every door, let it happen while a task runs, and try each door."""
    made, post = means
    number = int(portal.scalar("SELECT id FROM ab_user WHERE username = :name", name=username))
    one = Victim(portal, username, number, portal.browser(username), portal.browser("boss"))
    copied, tokens = cookie_of(portal.browser(username)), tokens_of(portal, username)
    own = cookie_of(one.browser)
    finished, running, waiting = (queue(portal, number) for _ in range(3))
    assert do(portal, finished, lambda: None, made) == "done"
    plan(portal, number)
    link = linked_and_told(portal, number)
    assert Client(portal.door).get(link).status_code == 200
    if happen is sign_out:
        copied = own
    assert (opens(portal, own), opens(portal, copied)) == (True, True)
    assert (
        token_opens(portal, tokens["access_token"]),
        renews(portal, tokens["refresh_token"]),
    ) == (200, 200)
    assert one.browser.get(f"/tasks/{finished}/file").status_code == 200
    ended = do(portal, running, lambda: happen(one), made)
    files = portal.scalar(
        "SELECT count(*) FROM portal_file WHERE entity = 'portal_task' AND record_id = :id",
        id=running,
    )
    assert files == (ended == "done")
    return {
        "cookie": IN if opens(portal, own) else OUT,
        "copied cookie": IN if opens(portal, copied) else OUT,
        "access token": IN if token_opens(portal, tokens["access_token"]) == 200 else OUT,
        "refresh token": IN if renews(portal, tokens["refresh_token"]) == 200 else OUT,
        "one-time link": IN if Client(portal.door).get(link).status_code == 200 else OUT,
        "waiting task": IN if do(portal, waiting, lambda: None, made) == "done" else OUT,
        "running task": IN if ended == "done" else OUT,
        "finished file": IN if still_there(one, finished) else OUT,
        "scheduled report": IN if comes(portal, number) else OUT,
        "notice by mail": IN if mailed(portal, number, post) else OUT,
    }


def linked_and_told(portal: Portal, number: int) -> str:
    """A link for a new password, and a notice about a plant that waits to go out by mail; the link's path."""
    with portal.engines.owner.begin() as connection:
        connection.exec_driver_sql(
            f"UPDATE ab_user SET email = 't{number}@chain.example' WHERE id = {number}"
        )
    with portal.records() as records:
        desk = Desk(records.session, records.access.actor, portal.clock.now())
        resets.send_link(desk, portal.runtime, number)
        told = NewNotice(
            number, f"t10:{number}", "test", TOLD, TOLD, "plant", portal.ids["plant1"], red=True
        )
        notify(records.session, [told], portal.clock.now())
    nonce = portal.scalar("SELECT nonce FROM portal_reset WHERE account_id = :id", id=number)
    return resets.link_of(portal.settings, number, nonce).removeprefix(public_url(portal.settings))


def mailed(portal: Portal, number: int, post: str) -> bool:
    """Whether the notice goes out."""
    settings = replace(portal.settings, mail_url=post)
    deliver(portal.engines.app, portal.runtime, settings, portal.clock.now())
    state = "SELECT d.state FROM portal_delivery d JOIN portal_notice n ON n.id = d.notice_id WHERE n.key = :key"
    return bool(portal.scalar(state, key=f"t10:{number}") == "sent")


def still_there(one: Victim, task: int) -> bool:
    """Whether somebody who signs in anew finds the file of an old task."""
    browser = Browser(one.portal.door)
    signed_in = browser.sign_in(one.username, one.password).status_code == 302
    assert signed_in == one.may_return
    return browser.get(f"/tasks/{task}/file").status_code == 200


def test_the_table_in_the_readme_says_just_this() -> None:
    lines = [f"| | {' | '.join(DOORS)} |", f"|{' --- |' * (len(DOORS) + 1)}"]
    lines += [f"| {deed} | {' | '.join(expected[door] for door in DOORS)} |"
              for deed, (_, expected) in DEEDS.items()]  # fmt: skip
    table, readme = "\n".join(lines) + "\n", ROOT / "README.md"
    before, _, rest = readme.read_text("utf-8").partition(BEGIN)
    kept, _, after = rest.partition(END)
    if os.environ.get("WRITE_README"):
        readme.write_text(f"{before}{BEGIN}{table}{END}{after}", "utf-8")
        return
    assert kept == table, "WRITE_README=1 scripts/test <this file> writes it anew"
