"""Every finding of dashboards has a dashboard that shows it."""

from __future__ import annotations

import pytest

from tests.unit.language.test_findings import DASHBOARDS, findings_of
from tests.unit.language.test_report_findings import FILES as REPORT_FILES

DASHBOARD = """
dashboard: harbour
label: {zh: 港口, en: Harbour}
for: [keeper]
figures:
  - {report: fleet, column: trips, trend: 6, params: {period: last_month}}
pictures:
  - {report: fleet, wide: true, params: {kind: ''}}
"""
FILES = {**REPORT_FILES, "harbour.yaml": DASHBOARD}
CASES = [
    ("S095", "report: fleet, column", "report: fleets, column"),
    ("S096", "report: fleet, wide: true, params: {kind: ''}", "report: boats"),
    ("S097", "column: trips", "column: tripz"),
    ("S098", "fleet, column: trips, trend: 6, params: {period: last_month}", "boats, column: name, trend: 6"),
    ("S099", "for: [keeper]", "for: [keeper, guest]"),
]  # fmt: skip
KNOWN = [
    ("S007", "params: {kind: ''}", "params: {kin: ''}"),
    ("S077", "for: [keeper]\n", ""),
    ("S083", "for: [keeper]", "for: [keepr]"),
]
GUEST = """
role: guest
label: {zh: 客人, en: Guest}
may: {boat: {read: true}}
"""


def test_a_good_dashboard_has_no_findings() -> None:
    assert findings_of(FILES) == {}


@pytest.mark.parametrize(("wanted", "old", "new"), [*CASES, *KNOWN])
def test_a_fault_of_a_dashboard_is_found_and_placed(wanted: str, old: str, new: str) -> None:
    assert old in DASHBOARD
    files = {**FILES, "harbour.yaml": DASHBOARD.replace(old, new, 1), "guest.yaml": GUEST}
    found = findings_of(files)
    assert wanted in found
    assert found[wanted].startswith("harbour.yaml")


def test_every_finding_of_dashboards_has_a_case() -> None:
    assert {case[0] for case in CASES} == DASHBOARDS
