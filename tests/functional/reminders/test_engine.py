"""Every lead once: over a year, after pauses, with several runners; and never to somebody who may not see it."""

from __future__ import annotations

import os
import threading
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.access.accounts import load_actor
from app.features.reminders.changes import Desk, Wish, change, find, restore, wish_of
from app.features.reminders.service import remind
from app.features.reminders.workdays import Workdays
from app.kernel.errors import Forbidden, Invalid
from app.kernel.messages import Label
from tests.support.chain import ZONE, Chain

# TEST_CONTRACTS=1000 is the full size.
CONTRACTS = int(os.environ.get("TEST_CONTRACTS", "60"))
LEADS = ("-60", "-45", "-30", "-15", "-7", "0")


def contracts(chain: Chain, ends: list[date]) -> list[int]:
    """A contract for each end, all of the same person: only the dates matter here."""
    person = chain.person("批量")
    first = chain.contract(person, ends[0])
    made = [first]
    with chain.portal.engines.owner.begin() as connection:
        columns = ", ".join(
            name
            for name in (
                column.name for column in chain.portal.runtime.models.metadata.tables["contract"].c
            )
            if name not in ("id", "uuid", "code", "ends_on")
        )
        for number, end in enumerate(ends[1:]):
            made.append(
                connection.scalar(
                    text(
                        f"INSERT INTO contract ({columns}, code, ends_on) SELECT {columns}, :code, :end"
                        " FROM contract WHERE id = :first RETURNING id"
                    ),
                    {"code": f"X{number}", "end": end, "first": first},
                )
            )
    return made


def served(chain: Chain, state: str = "sent") -> Counter[tuple[int, str, int]]:
    """How often each lead of each contract was served for each account."""
    with chain.portal.engines.owner.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT record_id, lead, account_id FROM portal_reminded"
                " WHERE reminder = 'contract_due' AND state = :state"
            ),
            {"state": state},
        )
        return Counter(tuple(row) for row in rows)


def test_a_year_tells_each_lead_exactly_once(chain: Chain) -> None:
    """Ends spread over the year; the runner rests for days now and then, and runs twice on some."""
    begin = date(2026, 1, 5)
    ends = [begin + timedelta(days=62 + number * 240 // CONTRACTS) for number in range(CONTRACTS)]
    made = contracts(chain, ends)
    day = begin
    while day <= begin + timedelta(days=365):
        number = (day - begin).days
        if number % 41 not in (7, 8, 9):
            chain.remind(day)
        if number % 50 == 0:
            chain.remind(day, 9)
        day += timedelta(days=1)
    told, covered = served(chain), served(chain, "covered")
    assert set(told.values()) == {1}
    assert not set(told) & set(covered)
    people = {chain.accounts[name] for name in ("head", "east_hr", "store")}
    both = told + covered
    for contract in made:
        for lead in LEADS:
            assert {who for who in people if both[contract, lead, who] == 1} == people
    # A rest of three days hides two leads of one contract at the most, which lie at least seven days apart.
    assert len(covered) < len(told) / 10
    # Nobody is told a lead before it is reached.
    early = chain.portal.scalar(
        "SELECT count(*) FROM portal_reminded r JOIN contract c ON c.id = r.record_id WHERE r.reminder = 'contract_due'"
        " AND (r.at AT TIME ZONE 'Asia/Shanghai')::date < c.ends_on + r.lead::int"
    )
    assert early == 0


def test_of_leads_that_passed_meanwhile_the_newest_is_told_and_covers_the_others(
    chain: Chain,
) -> None:
    contract = chain.contract(chain.person("停机"), date(2026, 6, 30))
    chain.remind(date(2026, 6, 24))
    states = Counter(chain.states("contract_due", contract))
    assert [lead for _, lead, _ in chain.told("contract_due", contract)] == ["-7"] * 4
    assert states["-60", "covered"] == states["-15", "covered"] - 1 == 3


def test_what_lies_too_far_back_is_let_go(chain: Chain) -> None:
    old = chain.contract(chain.person("很久"), date(2026, 1, 10))
    chain.remind(date(2026, 6, 24))
    assert chain.told("contract_due", old) == []


def test_two_runners_tell_nothing_twice(chain: Chain) -> None:
    contracts(chain, [date(2026, 6, 30)] * 40)
    threads = [threading.Thread(target=chain.remind, args=(date(2026, 6, 15),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(served(chain).values()) == {1}
    assert len(served(chain)) == 40 * 4
    assert chain.portal.scalar("SELECT count(*) FROM portal_notice") == 40 * 4


def test_a_run_that_dies_leaves_nothing_and_is_made_up_for(chain: Chain) -> None:
    contract = chain.contract(chain.person("中断"), date(2026, 6, 30))
    begin = chain.portal.scalar("SELECT count(*) FROM portal_notice")
    now = chain.at(date(2026, 6, 15))

    def die() -> None:
        with chain.session() as session:
            remind(session, chain.portal.runtime, now)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        die()
    assert chain.portal.scalar("SELECT count(*) FROM portal_notice") == begin
    assert chain.states("contract_due", contract) == []
    chain.remind(date(2026, 6, 15), 10)
    assert len(chain.told("contract_due", contract)) == 4


def test_the_preview_is_what_is_sent(chain: Chain) -> None:
    person = chain.person("预览", hire_date=date(2026, 7, 1), use_from=date(2026, 7, 1))
    chain.contract(chain.people["seller"], date(2026, 9, 3))
    chain.customer(grade="a")
    chain.change(
        "customer", chain.customer(grade="a"), last_contact_at=chain.at(date(2026, 8, 5), 10)
    )
    chain.grant(
        temporary_until=chain.at(date(2026, 8, 11), 18), temporary_reason="交接", state="temporary"
    )
    first, days = date(2026, 7, 27), 30
    hints = chain.preview(first, days)
    foreseen = {
        (
            hint.at,
            hint.told.reminder.name,
            hint.told.record_id,
            hint.told.lead,
            hint.told.account_id,
            hint.told.title.zh,
        )
        for hint in hints
    }
    for number in range(days):
        day = first + timedelta(days=number)
        chain.remind(day)
        for hour in range(24):
            moment = chain.at(day, 9) + timedelta(hours=hour)
            local = moment.astimezone(ZONE)
            chain.remind(local.date(), local.hour, 0, hourly=True)
    with chain.portal.engines.owner.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT created_at, key, account_id, texts FROM portal_notice WHERE kind LIKE 'reminder:%'"
            )
        ).all()
    sent = set()
    for row in rows:
        _, name, record, *_, lead, account = row.key.split(":")
        sent.add((row.created_at, name, int(record), lead, int(account), row.texts["title"]["zh"]))
    assert len(sent) > 40
    assert {one[1:] for one in foreseen} == {one[1:] for one in sent}
    assert foreseen == sent
    assert person in {one[2] for one in sent}


def test_somebody_who_may_not_see_the_record_is_not_told(chain: Chain) -> None:
    """The line manager of a person in another store holds no role there."""
    person = chain.person("外店", at="S2", above="seller")
    contract = chain.contract(person, date(2026, 6, 30), work_place=chain.stores["S2"])
    chain.remind(date(2026, 6, 15))
    who = {name for _, _, name in chain.told("contract_due", contract)}
    assert who == {"boss", "head", "east_hr"}
    assert ("-15", "withheld") in chain.states("contract_due", contract)
    assert chain.portal.scalar(
        "SELECT count(*) FROM portal_notice WHERE account_id = :id", id=chain.accounts["seller"]
    ) == 0  # fmt: skip


def test_a_hidden_value_stands_as_a_dash(chain: Chain) -> None:
    """Finance reads cases but not where people go; a text that names it shows finance a dash."""
    case = chain.leaving(
        chain.person("去向"), date(2026, 8, 3), default_successor=chain.people["seller"]
    )
    title = Label("{staff} 原因 {reason_code} 通知 {submitted_on}", "x")
    wish = Wish(
        True, ("0",), ("role:hr", "role:finance"), ("in_app",), title, Label("{freeze_plan}", "y")
    )
    with chain.session() as session:
        change(desk(chain, session, "head"), "leaving_duties", wish)
    chain.remind(date(2026, 8, 3))
    with chain.portal.engines.owner.connect() as connection:
        rows = connection.execute(
            text("SELECT account_id, texts FROM portal_notice WHERE record_id = :id"), {"id": case}
        ).all()
    shown = {row.account_id: row.texts["title"]["zh"] for row in rows}
    assert "原因 发展空间 通知 2026-07-14" in shown[chain.accounts["head"]]
    assert set(shown) == {chain.accounts[name] for name in ("head", "east_hr", "money")}


def test_a_leaver_is_told_until_the_last_day_and_then_the_one_above(chain: Chain) -> None:
    customer = chain.customer(contract_to=date(2026, 9, 30))
    paper = chain.add("certificate", staff=chain.people["seller"], kind="qualification", expires_on=date(2026, 9, 30),
                      state="valid")  # fmt: skip
    chain.change("staff", chain.people["seller"], leave_date=date(2026, 8, 20))
    try:
        chain.on("08-03", "08-17", "08-21", "08-31")
        owner = [(day, who) for day, _, who in chain.told("customer_contract", customer)]
        assert owner == [("2026-08-03", "store"), ("2026-08-03", "seller"), ("2026-08-31", "store")]
        assert {day for day, _, _ in chain.told("certificate_expiry", paper)} == {"2026-08-17"}
    finally:
        chain.change("staff", chain.people["seller"], leave_date=None)


def test_a_person_without_an_account_is_told_through_the_one_above(chain: Chain) -> None:
    owner = chain.person("无账号", above="seller")
    customer = chain.customer(contract_to=date(2026, 9, 30), owner=owner)
    chain.remind(date(2026, 8, 3))
    # The seller is the one above, and sees own customers only: nothing of a colleague's is told.
    assert chain.told("customer_contract", customer) == [("2026-08-03", "-60", "store")]
    assert ("-60", "withheld") in chain.states("customer_contract", customer)


def test_the_own_holidays_go_before_the_calendar(chain: Chain) -> None:
    contract = chain.contract(chain.person("店庆"), date(2026, 8, 13))
    chain.add("holiday", holiday_on=date(2026, 8, 13), name="公司日", kind="rest_day", country="CN")
    chain.add(
        "holiday", holiday_on=date(2026, 8, 15), name="补班", kind="working_day", country="CN"
    )
    chain.on("08-13", "08-14", "08-15")
    assert {(day, lead) for day, lead, _ in chain.told("contract_due", contract)} == {
        ("2026-08-14", "0")
    }
    other = chain.contract(chain.person("补班"), date(2026, 8, 15))
    chain.on("08-15")
    assert {day for day, _, _ in chain.told("contract_due", other)} == {"2026-08-15"}


@pytest.mark.parametrize(
    ("day", "count", "wanted"),
    [
        ("2026-08-07", 1, "2026-08-10"),
        ("2026-08-10", -1, "2026-08-07"),
        ("2026-09-30", 1, "2026-10-08"),
        ("2026-09-18", 1, "2026-09-20"),
        ("2027-06-04", 1, "2027-06-07"),
        ("2026-08-08", 0, "2026-08-08"),
    ],
)
def test_working_days_are_counted(day: str, count: int, wanted: str) -> None:
    assert Workdays().move(date.fromisoformat(day), count) == date.fromisoformat(wanted)


def desk(chain: Chain, session: Session, who: str) -> Desk:
    """Somebody at the desk of reminders."""
    runtime = chain.portal.runtime
    actor = load_actor(
        session, runtime.schema, runtime.models, chain.accounts[who], date(2026, 6, 1)
    )
    return Desk(session, runtime, actor, chain.portal.clock.now())


def test_an_administrator_changes_a_reminder_and_takes_it_back(chain: Chain) -> None:
    contract = chain.contract(chain.person("改提前量"), date(2026, 8, 31))
    with chain.session() as session:
        reminder, changed = find(session, chain.portal.runtime, "contract_due")
        assert not changed
        wish = wish_of(reminder)
        new = Wish(True, ("-10", "-5 if sequence = 1", "-4 if sequence = 2"), ("role:hr",), ("in_app",),
                   Label("快到期了：{staff}", "Soon: {staff}"), Label("", ""))  # fmt: skip
        change(desk(chain, session, "admin"), "contract_due", new)
        assert find(session, chain.portal.runtime, "contract_due")[1]
    chain.on("08-21", "08-26", "08-27")
    assert chain.told("contract_due", contract) == [
        (day, lead, who)
        for day, lead in (("2026-08-21", "-10"), ("2026-08-26", "-5"))
        for who in ("boss", "head", "east_hr")
    ]
    assert chain.portal.scalar(
        "SELECT texts->'title'->>'en' FROM portal_notice LIMIT 1"
    ).startswith("Soon: ")
    noted = "SELECT changes->'leads'->1->>0 FROM portal_audit WHERE action = 'reminder:changed'"
    assert chain.portal.scalar(f"{noted} ORDER BY id DESC LIMIT 1") == "-10"
    with chain.session() as session:
        restore(desk(chain, session, "head"), "contract_due")
        reminder, changed = find(session, chain.portal.runtime, "contract_due")
    assert not changed
    assert wish_of(reminder) == wish
    assert (
        chain.portal.scalar("SELECT count(*) FROM portal_audit WHERE action = 'reminder:restored'")
        == 1
    )


@pytest.mark.parametrize(
    ("field", "change_to"),
    [
        ("leads", {"leads": ("soon",)}),
        ("leads", {"leads": ("-2h",)}),
        ("leads", {"leads": ()}),
        ("leads", {"leads": ("-3 if nothing = 1",)}),
        ("leads", {"leads": ("-3 if staff = actor.person",)}),
        ("leads", {"leads": ("-3 if (",)}),
        ("leads", {"to": ()}),
        ("to", {"to": ("role:nobody",)}),
        ("to", {"to": ("staff.org_unit",)}),
        ("title_zh", {"title": Label("{wage_month}", "x")}),
        ("title_zh", {"title": Label("{staff.id_no}", "x")}),
        ("title_zh", {"title": Label("{nothing}", "x")}),
        ("title_zh", {"title": Label("{{7*7}}", "x")}),
        ("title_zh", {"title": Label("{code|attr}", "x")}),
        ("title_zh", {"title": Label("", "")}),
    ],
)
def test_a_wrong_change_is_refused(chain: Chain, field: str, change_to: dict[str, Any]) -> None:
    with chain.session() as session:
        reminder, _ = find(session, chain.portal.runtime, "contract_due")
        wish = replace(wish_of(reminder), **change_to)
        with pytest.raises(Invalid) as caught:
            change(desk(chain, session, "admin"), "contract_due", wish)
        assert field in caught.value.problems


def test_others_may_not_change_reminders(chain: Chain) -> None:
    with chain.session() as session:
        wish = wish_of(find(session, chain.portal.runtime, "contract_due")[0])
        for who in ("store", "area", "seller", "money"):
            with pytest.raises(Forbidden):
                change(desk(chain, session, who), "contract_due", wish)


def test_thousands_that_are_due_at_once_are_told_in_packets(chain: Chain) -> None:
    """How long ten thousand take is measured by scripts/bench."""
    count = 500
    contracts(chain, [date(2026, 6, 30)] * count)
    with chain.portal.statements() as said:
        counts = chain.remind(date(2026, 6, 23))
    assert counts["sent"] == 4 * count
    assert len(said) < count
