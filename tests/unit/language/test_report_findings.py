"""Every finding of reports has a report that shows it."""

from __future__ import annotations

import pytest

from tests.unit.language.test_findings import GOOD, REPORTS, findings_of

REPORT = """
report: fleet
code: R1
label: {zh: 船队, en: Fleet}
help: {zh: 每个码头的船, en: The boats of every dock}
module: main
for: [keeper]
params:
  period: {type: period, default: this_month, label: {zh: 期间, en: Period}}
  unit: {type: place, label: {zh: 码头, en: Dock}}
  kind: {type: choice, choices_of: boat.kind, label: {zh: 种类, en: Kind}}
groups:
  dock: {label: {zh: 码头, en: Dock}}
parts:
  boats:
    entity: boat
    where: length > 1
    by: {dock: dock}
    filters: {kind: kind}
  trips:
    entity: trip
    when: created_at
    by: {dock: boat.dock}
columns:
  boats: {part: boats, count: rows, label: {zh: 船, en: Boats}, help: {zh: 船数, en: How many boats}}
  metres: {part: boats, sum: length, label: {zh: 总长, en: Metres}, help: {zh: 总长, en: Their length}}
  trips: {part: trips, count: rows, label: {zh: 航程, en: Trips}, help: {zh: 航程数, en: How many trips}}
  each: {value: trips / boats, label: {zh: 每船, en: Each}, help: {zh: 每船航程, en: Trips of a boat}}
  part: {share: [trips, boats], enough: boats >= 20, label: {zh: 率, en: Rate}, help: {zh: 率, en: Rate}}
sort: [-boats]
compare: [trips]
chart: {type: bar, x: dock, series: [boats]}
"""
LISTED = """
report: boats
label: {zh: 船, en: Boats}
help: {zh: 全部的船, en: All boats}
for: [keeper]
entity: boat
columns:
  name: name
  dock: dock.name
  double: {field: length * 2, label: {zh: 两倍, en: Twice}, help: {zh: 两倍长, en: Twice the length}}
"""
FILES = {**GOOD, "fleet.yaml": REPORT, "boats.yaml": LISTED}
CASES = [
    ("S070", "fleet.yaml", "{part: boats, count: rows,", "{part: boats, count: rows, sum: length,"),
    ("S070", "fleet.yaml", "value: trips / boats, ", ""),
    ("S071", "fleet.yaml", "sum: length", "sum: name"),
    ("S071", "fleet.yaml", "sum: length", "median: dock"),
    ("S071", "fleet.yaml", "sum: length", "top: name"),
    ("S071", "fleet.yaml", "when: created_at", "when: note"),
    ("S072", "fleet.yaml", ", help: {zh: 船数, en: How many boats}", ""),
    ("S072", "boats.yaml", ", help: {zh: 两倍长, en: Twice the length}", ""),
    ("S073", "fleet.yaml", "series: [boats]", "series: [boots]"),
    ("S073", "fleet.yaml", "part: trips, count", "part: trip, count"),
    ("S073", "fleet.yaml", "filters: {kind: kind}", "filters: {kinds: kind}"),
    ("S073", "fleet.yaml", "module: main", "module: man"),
    ("S074", "fleet.yaml", "dock: boat.dock", "dock: note.dock"),
    ("S074", "boats.yaml", "dock: dock.name", "dock: name.dock"),
    ("S075", "fleet.yaml", "by: {dock: boat.dock}", "by: {}"),
    ("S076", "fleet.yaml", "dock: boat.dock", "dock: boat"),
    ("S077", "boats.yaml", "for: [keeper]\n", ""),
    ("S078", "boats.yaml", "  name: name\n", "  n: {count: rows, label: {zh: 数, en: N}}\n  name: name\n"),
    ("S079", "fleet.yaml", "    filters: {kind: kind}\n", ""),
]  # fmt: skip
# Faults that have an id already are found in reports too.
KNOWN = [
    ("S008", "boats.yaml", "help: {zh: 全部的船, en: All boats}\n", ""),
    ("S015", "fleet.yaml", "default: this_month", "default: this_moon"),
    ("S020", "boats.yaml", "entity: boat", "entity: boot"),
    ("S021", "fleet.yaml", "dock: boat.dock", "dock: boot.dock"),
    ("S031", "fleet.yaml", "sum: length", "sum: lenght"),
    ("S031", "fleet.yaml", "value: trips / boats", "value: trips / later"),
    ("S031", "fleet.yaml", "where: length > 1", "where: length > param.least"),
    ("S032", "fleet.yaml", "where: length > 1", "where: length > param.period.from"),
    ("S033", "fleet.yaml", "where: length > 1", "where: length"),
    ("S083", "fleet.yaml", "for: [keeper]", "for: [keepr]"),
]


def test_the_good_reports_have_no_findings() -> None:
    assert findings_of(FILES) == {}


@pytest.mark.parametrize(("wanted", "file", "old", "new"), [*CASES, *KNOWN])
def test_a_fault_of_a_report_is_found_and_placed(
    wanted: str, file: str, old: str, new: str
) -> None:
    assert old in FILES[file]
    found = findings_of({**FILES, file: FILES[file].replace(old, new, 1)})
    assert wanted in found
    assert found[wanted].startswith(file)


def test_every_finding_of_reports_has_a_case() -> None:
    assert {case[0] for case in CASES} == REPORTS
