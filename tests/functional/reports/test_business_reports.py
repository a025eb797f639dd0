"""R9 to R16: non-competes, customers, risk, labour, learning, audit; worked out by hand."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from app.audit.actions import AuditAction
from app.audit.chain import Entry, append
from tests.functional.reports.running import figures, run
from tests.support.portals import Portal


def test_r9_non_compete_ledger(chain: Portal) -> None:
    table = run(chain, "finance", "non_compete_ledger")
    line = table.by("staff")["钱离职 S04"]
    assert figures(line, "compensation_month", "compensation_floor", "due", "paid", "unpaid_days") == [
        2000, 2500, 4000, 2000, 5,
    ]  # fmt: skip
    assert (line["below_floor"], line["voucher"]) == (True, "PZ1")
    assert table.total["paid"] == Decimal(2000)
    # Finance does not see what the secret is.
    withheld = {column.name for column in table.result.columns if column.withheld}
    assert withheld == {"secret_basis"}


def test_r9_non_compete_liability(chain: Portal) -> None:
    table = run(chain, "finance", "non_compete_liability")
    assert [(line["month"], line["people"], line["amount"]) for line in table.lines] == [
        (date(2026, 7, 1), 1, Decimal(2000)),
    ]  # fmt: skip


def test_r10_ownership_concentration(chain: Portal) -> None:
    table = run(chain, "owner", "ownership_concentration")
    by = {(line["store"], line["owner"]): line for line in table.lines}
    names = ("customers", "grade_a", "grade_b", "grade_c", "sales", "store_share", "region_share", "unowned",
             "receivable", "no_backup")  # fmt: skip
    assert figures(by["甲店", "王店长 S01"], *names) == [2, 1, 0, 1, 1000, 83.3, 40.0, 0, 30, 1]
    assert figures(by["甲店", "赵兼职 S03"], *names) == [1, 0, 1, 0, 200, 16.7, 8.0, 0, 30, 0]
    assert figures(by["甲店", None], *names) == [1, 0, 0, 1, 0, 0.0, 0.0, 1, 40, 0]
    assert figures(by["乙店", "孙店长 S06"], *names) == [1, 1, 0, 0, 1300, 100.0, 52.0, 0, 50, 0]
    flags = {key: line["concentrated"] for key, line in by.items()}
    assert flags["甲店", "王店长 S01"] is True
    assert flags["甲店", "赵兼职 S03"] is False


def test_r11_customer_follow_up(chain: Portal) -> None:
    table = run(chain, "owner", "customer_follow_up")
    by = table.by("owner")
    names = ("customers", "contacted_7", "contacted_30", "overdue_a", "overdue_b", "overdue_c", "contacts",
             "contacts_week", "new_contacts", "update_misses")  # fmt: skip
    assert figures(by["王店长 S01"], *names) == [2, 2, 2, 1, 0, 0, 3, 3.0, 4, 1]
    assert figures(by["赵兼职 S03"], *names) == [1, 0, 1, 0, 1, 0, 0, 0.0, 0, 0]
    assert figures(by["郑店长 S08"], *names[:6]) == [20, 0, 0, 0, 0, 20]
    before = dict(zip(table.column("owner"), table.before, strict=True))
    assert float(before["王店长 S01"]["contacts_week"]) == 1.0


def test_r12_order_drops(chain: Portal) -> None:
    table = run(chain, "owner", "order_drops", period="2026-05")
    assert table.column("customer") == ["客户06", "客户07", "客户08", "客户09", "客户10", "客户01"]
    line = table.by("customer")["客户01"]
    assert figures(line, "mean_month", "this_month", "change", "peer_change") == [
        300,
        100,
        -66.7,
        0.0,
    ]
    assert line["owner"] == "王店长 S01"
    assert figures(table.by("customer")["客户06"], "mean_month", "this_month", "change", "peer_change") == [
        3.33, 0, -100.0, -100.0,
    ]  # fmt: skip


def test_r12_customer_loss_needs_twenty_customers(chain: Portal) -> None:
    table = run(chain, "owner", "customer_loss", day="2026-03-01")
    by = table.by("store")
    names = ("active_before", "lost", "churn", "repurchase")
    assert figures(by["丙店"], *names) == [20, 15, 75.0, 10.0]
    small = by["甲店"]
    assert (small["active_before"], small["lost"], small["churn"]) == (1, 0, "too few")


def test_r13_risk_overview(chain: Portal) -> None:
    table = run(chain, "hr", "risk_overview")
    names = ("red_open", "amber_open", "warned_people", "heads", "watched_share", "age", "found_true", "found_false",
             "precision", "precision_low", "precision_high")  # fmt: skip
    east = table.by("region")["东区"]
    # Wilson's interval of 3 of 4 is 30.06 % to 95.44 %.
    assert figures(east, *names) == [1, 1, 4, 5, 80.0, 10, 3, 1, 75.0, 30.1, 95.4]
    assert table.by("region")["南区"]["precision"] is None


def test_r14_labour_productivity(chain: Portal) -> None:
    table = run(chain, "owner", "labour_productivity", period="2026-05")
    names = ("sales", "fte", "sales_per_head", "sales_per_hour", "labour_cost", "cost_rate", "plan", "against_plan",
             "region_median", "against_median")  # fmt: skip
    by = table.by("store")
    # 53 full days and 31 half days of 31 are 2.21 people; 甲 worked 8 hours that are on record.
    assert figures(by["甲店"], *names) == [
        300,
        2.21,
        135.75,
        37.5,
        9000,
        3000.0,
        5,
        -2.79,
        317.88,
        -57.3,
    ]
    assert figures(by["乙店"], *names) == [
        1000,
        2.0,
        500.0,
        125.0,
        500,
        50.0,
        4,
        -2.0,
        317.88,
        57.3,
    ]
    assert figures(by["丙店"], "sales", "fte", "cost_rate") == [0, 1.0, None]


def test_r15_training_and_certificates(chain: Portal) -> None:
    table = run(chain, "hr", "training_and_certificates")
    names = ("assigned", "course_rate", "policy_rate", "expiring", "expired", "accounts", "heads")
    assert figures(table.by("store")["甲店"], *names) == [3, 66.7, 50.0, 1, 1, 2, 3]
    assert figures(table.by("store")["乙店"], *names) == [0, None, None, 0, 0, 0, 2]
    # Of the two who own customers at 甲 one has written down a contact in the last 30 days.
    entered = run(chain, "owner", "training_and_certificates").by("store")["甲店"]
    assert figures(entered, "entry_rate") == [50.0]


def test_r16_audit_month(chain: Portal) -> None:
    with chain.engines.owner.begin() as connection:
        for when, action, entity, who in (
            ("2026-03-02 01:00+00", AuditAction.SIGN_IN_REFUSED, None, "a"),
            ("2026-03-02 02:00+00", AuditAction.SIGN_IN_REFUSED, None, "b"),
            ("2026-03-02 17:00+00", AuditAction.REPORT_TAKEN, None, "a"),
            ("2026-03-03 01:00+00", AuditAction.RECORD_CREATED, "role_assignment", "a"),
            ("2026-02-27 01:00+00", AuditAction.REPORT_TAKEN, None, "a"),
        ):
            append(
                connection, Entry(datetime.fromisoformat(when), None, who, action, 1, entity=entity)
            )
    table = run(chain, "auditor", "audit_month", period="2026-03")
    names = ("failed_logins", "exports", "rights_changed", "created", "people")
    by = table.by("day")
    assert figures(by[date(2026, 3, 2)], *names) == [2, 0, 0, 0, 2]
    # 17:00 in London is the next day in China.
    assert figures(by[date(2026, 3, 3)], *names) == [0, 1, 1, 1, 1]
    assert figures(table.total, *names) == [2, 1, 1, 1, 2]
    assert table.result.total is not None
    assert table.result.total.before == {"failed_logins": 0, "exports": 1}
