"""The demo chain as people meet it: full lists, the story in numbers, accounts that work."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import select, text

from app.access.permissions import Access
from app.cli.main import main
from app.features.demo.accounts import demo_accounts
from app.features.demo.service import load_demo
from app.kernel.errors import Refused
from app.records.loading_rules import broken_rules
from app.settings import ROOT
from tests.functional.demo.test_loading import portal_itself
from tests.support.portals import Browser, Portal, running_portal
from tests.support.servers import Servers
from tests.support.walls import actor_of, second_wall_alone, through_the_session

STORY = "SELECT id FROM staff WHERE name = '李建国' AND state = 'leaving'"
ACCOUNTS = {
    "owner": ("老板", None),
    "hr": ("人事", None),
    "admin": ("系统管理员", None),
    "finance": ("财务", None),
    "auditor": ("审计", None),
    "area1": ("区域经理", "广佛区"),
    "area2": ("区域经理", "深莞区"),
    "store1": ("店长", "广州体育西路店"),
    "store2": ("店长", "深圳科技园店"),
    "sales1": ("销售", "广州体育西路店"),
    "sales2": ("销售", "深圳科技园店"),
}


@pytest.fixture(scope="module")
def chain(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A portal with the demo."""
    home: Path = tmp_path_factory.mktemp("demo")
    with running_portal(servers, ROOT / "schema", home) as portal:
        load_demo(portal.runtime, portal.engines.owner, portal.engines.app)
        yield portal


def rows(portal: Portal, statement: str) -> list[Any]:
    with portal.engines.owner.connect() as connection:
        return list(connection.execute(text(statement)))


def test_no_list_is_empty(chain: Portal) -> None:
    names = [one.name for one in chain.schema.entities.values() if not one.external_table]
    empty = [name for name in names if not chain.scalar(f"SELECT count(*) FROM {name}")]
    assert empty == []


def test_every_row_keeps_every_rule(chain: Portal) -> None:
    access = Access(chain.schema, portal_itself(chain))
    for entity in chain.schema.entities.values():
        if entity.external_table:
            continue
        table = chain.runtime.models.metadata.tables[entity.name]
        with chain.engines.owner.connect() as connection:
            for rule in broken_rules(chain.runtime, access, entity):
                found = connection.scalars(select(table.c.id).where(rule.criterion).limit(3)).all()
                assert not found, (entity.name, rule.at, str(rule.say), found)


def test_it_has_the_stated_size(chain: Portal) -> None:
    assert chain.scalar("SELECT count(*) FROM store") == 24
    assert chain.scalar("SELECT count(*) FROM staff") == 400
    assert chain.scalar("SELECT count(*) FROM customer") >= 6000


def test_visits_fall_from_five_to_two_and_from_thirty_minutes_to_ten(chain: Portal) -> None:
    weeks = rows(
        chain,
        "SELECT (date '2026-06-15' - (checked_in_at AT TIME ZONE 'Asia/Shanghai')::date - 1) / 7 AS week,"
        " count(*) AS visits, avg(dwell) AS minutes FROM store_visit"
        f" WHERE staff_id = ({STORY}) GROUP BY 1 ORDER BY 1",
    )
    assert [one.visits for one in weeks[:12]] == [2] * 4 + [5] * 8
    assert all(9 <= one.minutes <= 11 for one in weeks[:4])
    assert all(26 <= one.minutes <= 34 for one in weeks[4:12])


def test_contacts_are_three_times_the_usual(chain: Portal) -> None:
    months = rows(
        chain,
        "SELECT (date '2026-06-15' - (l.contacted_at AT TIME ZONE 'Asia/Shanghai')::date - 1) / 30 AS month,"
        " count(*) AS contacts, count(*) FILTER (WHERE c.kind = 'company_purchase') AS with_groups"
        f" FROM contact_log l JOIN customer c ON c.id = l.customer_id WHERE l.staff_id = ({STORY})"
        " GROUP BY 1 ORDER BY 1",
    )
    assert [(one.contacts, one.with_groups) for one in months[:5]] == [(60, 42)] + [(20, 6)] * 4


def test_key_customers_order_a_fifth(chain: Portal) -> None:
    months = rows(
        chain,
        "SELECT o.customer_id, sum(o.amount) AS amount,"
        " (date '2026-06-15' - (o.ordered_at AT TIME ZONE 'Asia/Shanghai')::date - 1) / 30 AS month"
        " FROM customer_order o JOIN customer c ON c.id = o.customer_id"
        f" WHERE c.owner_id = ({STORY}) AND c.grade = 'a' GROUP BY 1, 3 ORDER BY 1, 3",
    )
    lately = [one.amount for one in months if one.month == 0]
    before = [one.amount for one in months if 1 <= one.month <= 6]
    assert len(lately) == 3
    assert all(18_000 <= amount <= 22_000 for amount in lately)
    assert all(90_000 <= amount <= 105_000 for amount in before)


def test_two_days_of_leave_a_week_for_three_weeks(chain: Portal) -> None:
    weeks = rows(
        chain,
        "SELECT (date '2026-06-15' - starts_on - 1) / 7 AS week, sum(day_count) AS days FROM leave_record"
        f" WHERE staff_id = ({STORY}) AND kind = 'casual' GROUP BY 1 ORDER BY 1",
    )
    assert [(one.week, one.days) for one in weeks] == [(0, 2), (1, 2), (2, 2)]


def test_fifteen_customers_are_being_handed_over(chain: Portal) -> None:
    assert chain.scalar(f"SELECT count(*) FROM customer WHERE owner_id = ({STORY})") == 15
    case = rows(
        chain, f"SELECT state, last_day_agreed FROM offboarding_case WHERE staff_id = ({STORY})"
    )
    assert [one.state for one in case] == ["handing_over"]
    lines = (
        "SELECT count(*) FROM checklist_task_line l JOIN checklist_task t ON t.id = l.checklist_task_id"
        " JOIN checklist_run r ON r.id = t.checklist_run_id"
        f" WHERE r.staff_id = ({STORY}) AND l.subject LIKE 'customer:%'"
    )
    assert chain.scalar(lines) == 15


def test_everybody_can_sign_in_and_nobody_sees_another_area(chain: Portal) -> None:
    with chain.engines.owner.connect() as connection:
        found = demo_accounts(connection, chain.schema, "zh")
    assert {one.username: (one.role, one.scope) for one in found} == ACCOUNTS
    passwords = {one.username: one.password for one in found}
    assert len(set(passwords.values())) == len(passwords)
    browser = Browser(chain.door)
    assert browser.sign_in("area1", passwords["area1"]).status_code == 302
    assert browser.get("/customer/list/?q=云帆信息").get_data(as_text=True).count("云帆信息") >= 1
    far = chain.scalar(
        "SELECT min(id) FROM customer WHERE store_id = (SELECT id FROM store WHERE name = '深圳科技园店')"
    )
    assert browser.get(f"/customer/show/{far}").status_code == 404


@pytest.mark.parametrize("username", ACCOUNTS)
def test_both_walls_let_everybody_through_to_the_same_rows(chain: Portal, username: str) -> None:
    """The scope of the session alone, that of PostgreSQL alone, and the one behind the other."""
    number = chain.scalar("SELECT id FROM ab_user WHERE username = :name", name=username)
    actor = actor_of(chain, number)
    through = through_the_session(chain, actor, second_wall=False)
    assert through_the_session(chain, actor, second_wall=True) == through
    found = second_wall_alone(chain, actor)
    assert {name: found[name] for name in through} == through
    assert not any(rows for name, rows in found.items() if name not in through)


def test_the_command_prints_the_accounts(chain: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTAL_HOME", str(chain.settings.home))
    monkeypatch.setenv("PORTAL_DATABASE_URL", chain.settings.database_url)
    monkeypatch.setenv("PORTAL_DATABASE_OWNER_URL", chain.settings.database_owner_url)
    answer = CliRunner().invoke(main, ["demo", "accounts", "--json"])
    assert answer.exit_code == 0, answer.output
    found = json.loads(answer.stdout)
    assert [set(one) for one in found] == [{"username", "password", "role", "scope"}] * len(
        ACCOUNTS
    )
    assert {one["username"] for one in found} == set(ACCOUNTS)
    again = CliRunner().invoke(main, ["demo", "load"])
    assert again.exit_code == 1


def test_it_is_loaded_only_once(chain: Portal) -> None:
    with pytest.raises(Refused):
        load_demo(chain.runtime, chain.engines.owner, chain.engines.app)
    assert chain.scalar("SELECT count(*) FROM store") == 24


def test_hr_uncovers_a_customers_phone_with_a_reason_and_the_area_manager_does_not(
    chain: Portal,
) -> None:
    """The one looks after records, the other is who would take the region along."""
    number = chain.scalar("SELECT min(id) FROM customer")
    stored = chain.scalar("SELECT mobile FROM customer WHERE id = :id", id=number)
    mobile = chain.plain(stored)
    with chain.engines.app.connect() as connection:
        accounts = demo_accounts(connection, chain.schema, "zh")
    passwords = {one.username: one.password for one in accounts}
    statuses = {}
    for account in ("hr", "area1", "area2", "auditor", "finance"):
        browser = Browser(chain.door)
        browser.sign_in(account, passwords[account])
        browser.get(f"/customer/show/{number}")
        sent = {"field": "mobile", "choice": "核对身份", "reason": ""}
        answer = browser.post(f"/customer/reveal/{number}", sent)
        statuses[account] = answer.status_code
        assert (mobile in answer.text) == (account == "hr")
    assert statuses["hr"] == 200
    assert {status for account, status in statuses.items() if account != "hr"} == {403, 404}


def test_each_region_has_three_canaries_that_tell_of_whoever_opens_one(chain: Portal) -> None:
    regions = chain.scalar("SELECT count(*) FROM org_unit WHERE kind = 'region'")
    marked = chain.column(
        "SELECT record_id FROM portal_canary WHERE entity = 'customer' ORDER BY record_id"
    )
    assert len(marked) == 3 * regions > 0
    phones = [chain.plain(one) for one in chain.column(
        "SELECT mobile FROM customer WHERE id = ANY(:ids)", ids=marked)]  # fmt: skip
    assert all(phone.startswith("1909") for phone in phones)
    before = chain.scalar("SELECT count(*) FROM portal_notice WHERE kind = 'canary'")
    assert signed_in(chain, "hr").get(f"/customer/show/{marked[0]}").status_code == 200
    assert chain.scalar("SELECT count(*) FROM portal_notice WHERE kind = 'canary'") > before


def test_ordinary_pages_leave_most_of_the_budget(chain: Portal) -> None:
    """Every list with its second page, and the first three records of each: the names in lists count."""
    seen: dict[str, int] = {}
    for account in ("store1", "area1", "hr"):
        browser = signed_in(chain, account)
        before = chain.scalar("SELECT count(*) FROM portal_viewed")
        for entity in chain.schema.enabled_entities():
            page = browser.get(f"/{entity.name}/list/")
            browser.get(f"/{entity.name}/list/?page=2")
            keys = dict.fromkeys(re.findall(rf'href="(/{entity.name}/show/\d+)"', page.text))
            for address in list(keys)[:3]:
                browser.get(address)
        seen[account] = chain.scalar("SELECT count(*) FROM portal_viewed") - before
    stopped = "SELECT count(*) FROM portal_audit_entry WHERE action = 'viewing:stopped'"
    assert chain.scalar(stopped) == 0
    assert seen["store1"] <= 150, seen
    assert seen["area1"] <= 180, seen
    assert seen["hr"] <= 300, seen


def signed_in(chain: Portal, account: str) -> Browser:
    """A browser of one of the demo's accounts."""
    with chain.engines.app.connect() as connection:
        passwords = {
            one.username: one.password for one in demo_accounts(connection, chain.schema, "zh")
        }
    browser = Browser(chain.door)
    assert browser.sign_in(account, passwords[account]).status_code == 302
    return browser
