"""R1 to R8: people, contracts, leaving, access; every figure was worked out by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from tests.functional.reports.running import figures, run
from tests.support.portals import Portal


def test_r1_headcount_by_store(chain: Portal) -> None:
    table = run(chain, "owner", "headcount_by_store")
    assert [(line["region"], line["store"]) for line in table.lines] == [
        ("东区", "甲店"), ("东区", "乙店"), ("南区", "丙店"),
    ]  # fmt: skip
    names = ("plan", "actual", "gap", "gap_share", "full_time", "part_time", "on_probation",
             "joiners", "leavers", "transfers_in", "transfers_out", "awaited_heads")  # fmt: skip
    by = table.by("store")
    assert figures(by["甲店"], *names) == [5, 3, -2, -40.0, 2, 1, 1, 0, 0, 1, 0, 1]
    assert figures(by["乙店"], *names) == [4, 2, -2, -50.0, 2, 0, 0, 0, 1, 0, 1, 0]
    assert figures(by["丙店"], *names) == [3, 1, -2, -66.7, 1, 0, 0, 0, 0, 0, 0, 0]
    assert figures(table.total, *names) == [12, 6, -6, -50.0, 5, 1, 1, 0, 1, 1, 1, 1]
    may = run(chain, "owner", "headcount_by_store", period="2026-05").by("store")["甲店"]
    assert figures(may, "joiners", "leavers") == [1, 1]


def test_r1_compares_with_the_period_before(chain: Portal) -> None:
    table = run(chain, "owner", "headcount_by_store", period="2026-06")
    before = dict(zip(table.column("store"), table.before, strict=True))
    assert before["甲店"] == {"joiners": 1, "leavers": 1}
    assert before["丙店"] == {"joiners": 0, "leavers": 0}


def test_r1_is_narrowed_by_place_and_position(chain: Portal) -> None:
    table = run(chain, "owner", "headcount_by_store", unit="东区", position=str(chain.ids["SM"]))
    assert dict(zip(table.column("store"), table.column("actual"), strict=True)) == {
        "甲店": 1,
        "乙店": 1,
    }
    assert any("编制" in str(note.values["column"].zh) for note in table.result.notes)


def test_r2_statutory_roster(chain: Portal) -> None:
    table = run(chain, "hr", "statutory_roster")
    assert sorted(table.column("name")) == sorted(
        ["王店长", "李试用", "赵兼职", "孙店长", "周离开", "郑店长", "何人事", "冯财务"]
    )
    wang, li = table.by("name")["王店长"], table.by("name")["李试用"]
    assert (wang["legal_entity"], wang["contract_kind"], wang["contract_from"], wang["contract_to"]) == (
        "栖禾餐饮", "open", date(2024, 1, 1), None,
    )  # fmt: skip
    assert len(wang["id_no"]) == 18
    assert wang["hukou_address"] == "王店长的户籍"
    assert (li["legal_entity"], li["hire_date"]) == (None, date(2026, 5, 20))


def test_r3_turnover(chain: Portal) -> None:
    table = run(chain, "hr", "turnover", period="2026-05")
    names = ("opening", "joiners", "leavers", "closing", "mean_heads", "turnover_rate", "voluntary_rate",
             "early_30", "early_90", "rolling_rate", "manager_days")  # fmt: skip
    by = table.by("store")
    # 31 + 31 + 10 + 12 days of May make a mean of 84 / 31; of the year 365 + 365 + 71 + 12 days.
    assert figures(by["甲店"], *names) == [3, 1, 1, 3, 2.71, 36.9, 100.0, 0, 1, 44.9, 896]
    assert figures(by["乙店"], *names) == [2, 0, 0, 2, 2.0, 0.0, None, 0, 0, 0.0, 896]
    assert by["甲店"]["top_reasons"] == (("pay", 1),)
    assert figures(table.total, "opening", "joiners", "leavers", "closing") == [6, 1, 1, 6]


def test_r4_contracts_due(chain: Portal) -> None:
    table = run(chain, "hr", "contracts_due")
    assert len(table.lines) == 1
    line = table.lines[0]
    assert (line["staff"], line["store"], line["sequence"]) == ("孙店长 S06", "乙店", 2)
    assert (line["days_left"], line["open_ended_due"], line["renewal"]) == (16, True, "to_sign")
    assert "days_left" in table.alerts[0]


def test_r5_unsigned_contracts(chain: Portal) -> None:
    table = run(chain, "hr", "unsigned_contracts")
    line = table.by("staff")["赵兼职 S03"]
    assert (line["days_since"], line["double_from"], line["double_days"]) == (
        61,
        date(2026, 5, 15),
        31,
    )
    assert line["cost"] == Decimal("3100.00")
    renewal = table.by("staff")["孙店长 S06"]
    # A year after the start of use double pay ends: from 2 August 2024 to 2 July 2025.
    assert renewal["double_days"] == 334
    assert table.total["double_days"] == 31 + 334


def test_r5_probation_ending(chain: Portal) -> None:
    table = run(chain, "hr", "probation_ending")
    assert table.column("staff") == ["李试用 S02"]
    assert (table.lines[0]["days_left"], table.lines[0]["evaluations"]) == (5, 0)
    assert table.alerts == [{"days_left"}]


def test_r6_overtime_and_attendance(chain: Portal) -> None:
    table = run(chain, "hr", "overtime_and_attendance", period="2026-05")
    names = (
        "on_workdays",
        "on_rest_days",
        "on_holidays",
        "overtime_total",
        "late_days",
        "absent_days",
        "missing_punches",
    )
    by = table.by("staff")
    assert figures(by["王店长 S01"], *names) == [2, 27.5, 8, 37.5, 1, 0, 0]
    assert figures(by["孙店长 S06"], *names) == [1.5, 0, 0, 1.5, 0, 1, 1]
    assert [by[name]["over_limit"] for name in ("王店长 S01", "孙店长 S06")] == [True, False]
    assert figures(table.total, *names) == [3.5, 27.5, 8, 39, 1, 1, 1]


def test_r7_offboarding_progress(chain: Portal) -> None:
    table = run(chain, "hr", "offboarding_progress")
    assert table.column("staff") == ["周离开 S07"]
    names = (
        "days_left",
        "tasks_done",
        "tasks",
        "customers_moved",
        "customers",
        "unsettled",
        "approvals_missing",
    )
    assert figures(table.lines[0], *names) == [2, 1, 3, 1, 2, 500, 1]
    assert [
        table.lines[0][name] for name in ("certificate_open", "insurance_open", "pay_open")
    ] == [False, True, True]


def test_r7_handover_pace(chain: Portal) -> None:
    table = run(chain, "hr", "handover_pace")
    names = ("handovers", "handover_days", "tasks_all", "tasks_missing", "missing_rate")
    assert table.column("month") == [date(2026, 5, 1)]
    assert figures(table.lines[0], *names) == [1, 8, 2, 1, 50.0]


def test_r8_access_and_assets(chain: Portal) -> None:
    table = run(chain, "hr", "access_and_assets")
    by = table.by("staff")
    assert {name: line["requires_met"] for name, line in by.items()} == {
        "钱离职 S04": True, "王店长 S01": True, "孙店长 S06": False,
    }  # fmt: skip
    assert by["王店长 S01"]["non_competes"] == 1
    assert [line["held_by_leaver"] for line in table.lines] == [True, False, False]
    assert table.alerts[0] == {"held_by_leaver"}
    leavers = run(chain, "hr", "access_and_assets", left_only="true")
    assert leavers.column("staff") == ["钱离职 S04"]
