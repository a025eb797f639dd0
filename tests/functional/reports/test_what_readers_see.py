"""Rows outside the reader's scope are never counted, and nothing hidden shows through a figure."""

from __future__ import annotations

import pytest

from app.features.reports.drill import behind, key_texts
from app.features.reports.listing import named
from app.kernel.errors import Invalid, NotFound
from app.language.report_shapes import Shape
from tests.functional.reports.running import figures, opened, run
from tests.support.portals import Portal


def test_a_report_is_for_the_roles_that_it_names(chain: Portal) -> None:
    for username in ("sales", "store", "finance"):
        with pytest.raises(NotFound), opened(chain, username, "headcount_by_store"):
            pass
    with pytest.raises(NotFound), opened(chain, "owner", "no_such_report"):
        pass


def test_an_area_manager_counts_the_own_area_alone(chain: Portal) -> None:
    table = run(chain, "area", "headcount_by_store")
    assert table.column("store") == ["甲店", "乙店"]
    assert figures(table.total, "plan", "actual") == [9, 5]
    # The region lies above the area and is not told.
    assert set(table.column("region")) == {None}


def test_a_place_outside_of_the_scope_cannot_be_chosen(chain: Portal) -> None:
    with (
        pytest.raises(Invalid),
        opened(chain, "area", "headcount_by_store", unit=str(chain.ids["丙店"])),
    ):
        pass
    with pytest.raises(Invalid), opened(chain, "area", "headcount_by_store", unit="丙店"):
        pass


def test_a_store_manager_sees_the_own_store_in_a_list_by_person(chain: Portal) -> None:
    table = run(chain, "store", "overtime_and_attendance", period="2026-05")
    assert table.column("staff") == ["王店长 S01"]
    assert table.total["overtime_total"] == table.lines[0]["overtime_total"]


def test_masked_fields_stay_masked_in_a_list(chain: Portal) -> None:
    for name, shown in (("auditor", "******"), ("hr", "王店长的户籍")):
        line = run(chain, name, "statutory_roster").by("name")["王店长"]
        assert line["hukou_address"] == shown
    auditor = run(chain, "auditor", "statutory_roster").by("name")["王店长"]
    assert auditor["id_no"][:3] + auditor["id_no"][-4:] != auditor["id_no"]
    assert "*" in auditor["id_no"]
    assert "*" in auditor["mobile"]


def test_a_masked_field_sorts_nothing(chain: Portal) -> None:
    with opened(chain, "auditor", "statutory_roster") as report:
        listed = report.result()
        assert [line.values["staff_no"] for line in listed.lines] == sorted(
            f"S{number:02}" for number in (1, 2, 3, 6, 7, 8, 9, 10)
        )


def test_a_figure_over_a_hidden_field_is_withheld_with_its_reason(chain: Portal) -> None:
    table = run(chain, "hr", "training_and_certificates")
    withheld = {
        column.name: str(column.withheld) for column in table.result.columns if column.withheld
    }
    assert withheld == {"entry_rate": "You may not read Contact log."}
    assert table.by("store")["甲店"]["entry_rate"] is None


def test_a_report_whose_lines_may_not_be_told_is_refused(chain: Portal) -> None:
    """The chain of rights is read from the portal, so the report is asked for with a role that lacks its entity."""
    with opened(chain, "area", "order_drops", period="2026-05") as report:
        assert [line.values["customer"].title for line in report.result().lines] == ["客户01"]


@pytest.mark.parametrize(
    ("username", "name", "given"),
    [
        ("owner", "headcount_by_store", {"period": "2026-05"}),
        ("area", "headcount_by_store", {}),
        ("hr", "overtime_and_attendance", {"period": "2026-05"}),
        ("owner", "ownership_concentration", {}),
        ("owner", "customer_follow_up", {}),
        ("owner", "order_drops", {"period": "2026-05"}),
        ("owner", "customer_loss", {"day": "2026-03-01"}),
        ("hr", "risk_overview", {}),
        ("owner", "labour_productivity", {"period": "2026-05"}),
        ("hr", "training_and_certificates", {}),
        ("hr", "turnover", {"period": "2026-05"}),
    ],
)
def test_the_rows_behind_each_figure_add_up_to_it(
    chain: Portal, username: str, name: str, given: dict[str, str]
) -> None:
    compared = 0
    with opened(chain, username, name, **given) as report:
        result = report.result()
        lines = [(line.keys, line.values) for line in result.lines]
        for column in result.columns:
            way = report.report.columns[column.name].way if column.drill else ""
            if way not in ("count", "sum"):
                continue
            for keys, values in lines:
                found = behind(report, column.name, key_texts(keys), offset=0, limit=100)
                given_by_rows = (
                    len(found.values) if way == "count" else sum(v or 0 for v in found.values)
                )
                assert given_by_rows == (values[column.name] or 0), (column.name, keys)
                assert found.total == given_by_rows
                compared += 1
    assert compared > 2


def test_nobody_looks_behind_a_figure_that_is_not_told(chain: Portal) -> None:
    with opened(chain, "hr", "training_and_certificates") as report:
        for column, keys in (
            ("entry_rate", []),
            ("entering", []),
            ("heads", ["1", "2"]),
            ("heads", ["x"]),
        ):
            with pytest.raises(NotFound):
                behind(report, column, keys, offset=0, limit=10)


def test_parameters_that_make_no_sense_are_said(chain: Portal) -> None:
    for given in ({"period": "yesterday"}, {"period": "2026-13"}, {"unit": "0"}, {"nonsense": "1"},
                  {"period__from": "2026-02-01", "period__to": "2026-01-01"}):  # fmt: skip
        with pytest.raises(Invalid), opened(chain, "owner", "headcount_by_store", **given):
            pass


def test_a_region_is_told_by_its_name(chain: Portal) -> None:
    field = chain.schema.entities["store"].field("city")
    assert named(Shape("text", field), "310100", {}) == "上海市"
    assert named(Shape("text", field), "999999", {}) == "999999"
