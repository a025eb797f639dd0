"""Every finding has a schema that shows it, and says it in both languages with a place."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from app.kernel.messages import Label
from app.language.compiler import compile_schema, compile_sources
from app.language.findings import KINDS, SchemaInvalid
from tests.support.classes import PLAIN, WHY

PORTAL = """
portal: yard
label: {zh: 船坞, en: Boat yard}
tree: dock
classes: {contact: {label: {zh: 联系, en: Contact}, WHY, mask: phone, encrypt: true}, PLAIN}
modules:
  main: {label: {zh: 主, en: Main}, entities: [dock, boat, trip]}
class: plain
""".replace("WHY", WHY).replace("PLAIN", PLAIN)
DOCK = """
entity: dock
label: {zh: 码头, en: Dock}
title: "{name}"
scope: self
fields:
  name: {type: text, label: {zh: 名称, en: Name}, required: true, search: true}
  upper: {type: parent, label: {zh: 上级, en: Above}}
"""
BOAT = """
entity: boat
label: {zh: 船, en: Boat}
title: "{name}"
scope: dock
fields:
  name: {type: text, label: {zh: 名称, en: Name}, required: true}
  dock: {type: link, to: dock, label: {zh: 码头, en: Dock}, required: true}
  phone: {type: phone, class: contact, label: {zh: 电话, en: Phone}}
  length: {type: decimal, label: {zh: 长度, en: Length}}
  kind: {type: choice, label: {zh: 种类, en: Kind}, choices: {sail: {zh: 帆, en: Sail}}}
states:
  moored: {label: {zh: 停泊, en: Moored}, start: true}
  away: {label: {zh: 出航, en: Away}}
moves:
  leave: {label: {zh: 出航, en: Leave}, from: [moored], to: away}
list: {columns: [name, length], sort: name, filters: [kind]}
"""
TRIP = """
entity: trip
label: {zh: 航程, en: Trip}
title: "{note}"
scope: boat
fields:
  boat: {type: link, to: boat, label: {zh: 船, en: Boat}, required: true}
  note: {type: text, label: {zh: 说明, en: Note}}
"""
ROLE = """
role: keeper
label: {zh: 管理员, en: Keeper}
may: {boat: {read: true}}
"""
GOOD = {
    "portal.yaml": PORTAL,
    "dock.yaml": DOCK,
    "boat.yaml": BOAT,
    "trip.yaml": TRIP,
    "keeper.yaml": ROLE,
}

CYCLE = """\
  a: {type: computed, as: integer, value: b, label: {zh: 一, en: A}}
  b: {type: computed, as: integer, value: a, label: {zh: 二, en: B}}
"""

# A finding, the file that is changed, what is replaced in it and by what.
CASES = [
    ("S001", "boat.yaml", "码头", "\x00"),
    ("S002", "boat.yaml", "fields:", "fields: ]"),
    ("S003", "boat.yaml", "entity: boat", "entity: &x boat"),
    ("S003", "boat.yaml", "entity: boat", "entity: !!python/object/apply:os.system boat"),
    ("S003", "boat.yaml", "list: {", "---\nlist: {"),
    ("S004", "boat.yaml", "scope: dock", "scope: dock\nscope: dock"),
    ("S006", "boat.yaml", "entity: boat", "thing: boat"),
    ("S007", "boat.yaml", "scope: dock", "scope: dock\nscoop: dock"),
    ("S008", "boat.yaml", "scope: dock\n", ""),
    ("S009", "boat.yaml", "required: true}", "required: 'yes'}"),
    ("S010", "boat.yaml", "label: {zh: 船, en: Boat}", "label: {zh: 船}"),
    ("S011", "boat.yaml", "  name:", "  Name:"),
    ("S012", "boat.yaml", "  length:", "  select:"),
    ("S013", "trip.yaml", "entity: trip", "entity: boat"),
    ("S015", "boat.yaml", "scope: dock", "scope: dock\ndelete: never_ever"),
    ("S016", "boat.yaml", "length: {type: decimal,", "length: {type: decimal, places: 99,"),
    ("S020", "trip.yaml", "to: boat", "to: boot"),
    ("S021", "boat.yaml", "columns: [name, length]", "columns: [name, lenght]"),
    ("S022", "boat.yaml", "type: decimal", "type: decimall"),
    ("S023", "boat.yaml", "type: decimal,", "type: decimal, unique: true,"),
    ("S024", "boat.yaml", "type: decimal", "type: code"),
    ("S025", "boat.yaml", "name: {type: text,", "name: {type: text, pattern: '(a+)+',"),
    ("S026", "boat.yaml", "type: decimal", "type: json"),
    ("S027", "boat.yaml", "class: contact", "class: contacts"),
    ("S030", "boat.yaml", "list: {", "checks: [{that: 'length >', say: {zh: 一, en: One}}]\nlist: {"),
    ("S031", "boat.yaml", "list: {", "checks: [{that: 'lenght > 1', say: {zh: 一, en: One}}]\nlist: {"),
    ("S032", "boat.yaml", "list: {", "checks: [{that: \"length > 'x'\", say: {zh: 一, en: One}}]\nlist: {"),
    ("S033", "boat.yaml", "list: {", "checks: [{that: length + 1, say: {zh: 一, en: One}}]\nlist: {"),
    ("S040", "boat.yaml", "to: away", "to: awya"),
    ("S041", "boat.yaml", ", start: true", ""),
    ("S042", "boat.yaml", "to: away", "to: moored"),
    ("S043", "keeper.yaml", "read: true", "read: true, move: [leaf]"),
    ("S050", "boat.yaml", "scope: dock", "scope: name"),
    ("S051", "boat.yaml", "en: Dock}, required: true}", "en: Dock}}"),
    ("S052", "dock.yaml", "  upper: {type: parent, label: {zh: 上级, en: Above}}\n", ""),
    ("S054", "portal.yaml", "entities: [dock, boat, trip]", "entities: [dock, boat]"),
    ("S055", "portal.yaml", "entities: [dock, boat, trip]", "entities: [dock, boat, trip, boat]"),
    ("S057", "boat.yaml", "list: {", "form: [{section: {zh: 一, en: One}, fields: [name]}]\nlist: {"),
    ("S058", "trip.yaml", "fields:", "form: [{section: {zh: 一, en: One}, fields: [boat, note, note]}]\nfields:"),
    ("S059", "boat.yaml", 'title: "{name}"', 'title: "{phone}"'),
    ("S060", "boat.yaml", "  length:", CYCLE + "  length:"),
    ("S100", "keeper.yaml", "read: true", "read: true, delete: request"),
    ("S015", "keeper.yaml", "may: {", "second_factor: maybe\nmay: {"),
    ("S101", "keeper.yaml", "may: {", "approves: {delete: [trip]}\nmay: {"),
    ("S015", "keeper.yaml", "read: true", "read: true, export: perhaps"),
    ("S007", "keeper.yaml", "may: {", "approves: {deleting: [boat]}\nmay: {"),
    ("S102", "portal.yaml", "tree: dock", "tree: dock\nguard: {on_notice: {when: 'true'}}"),
    ("S016", "portal.yaml", "tree: dock", "tree: dock\nguard: {window: 0}"),
    ("S007", "portal.yaml", "tree: dock", "tree: dock\nguard: {on_notice: {delete: 1}}"),
    ("S110", "portal.yaml", "tree: dock", "tree: dock\nbases: {a: {zh: 甲, en: A}}"),
    ("S115", "portal.yaml", "class: plain", ""),
    ("S116", "portal.yaml", "open: true", "open: true, encrypt: true"),
    ("S116", "portal.yaml", "open: true", "open: true, keep_months: 12"),
    ("S117", "portal.yaml", "class: plain", "class: contact"),
    ("S117", "boat.yaml", "scope: dock", "scope: dock\nclass: contact"),
    ("S027", "trip.yaml", "scope: boat", "scope: boat\nclass: plane"),
    ("S008", "portal.yaml", ", keep_months: 12", ""),
    ("S008", "portal.yaml", "basis: need, open", "open"),
    ("S008", "portal.yaml", "purpose: {zh: 经营, en: Business}, ", ""),
    ("S112", "boat.yaml", "to: away}", "to: away, then: [{sets: {length: '1'}}]}"),
    ("S113", "boat.yaml", "to: away}", "to: away, then: [{change_each: role_assignment, where: 'true'}]}"),
    ("S114", "boat.yaml", "to: away}", "to: away, then: [{create: trip, sets: {note: name}}]}"),
    ("S020", "boat.yaml", "to: away}", "to: away, then: [{create: trips, sets: {note: name}}]}"),
    ("S021", "boat.yaml", "to: away}", "to: away, then: [{change: docks, sets: {name: name}}]}"),
    ("S026", "boat.yaml", "to: away}", "to: away, then: [{change: name, sets: {name: name}}]}"),
    ("S033", "boat.yaml", "to: away}", "to: away, then: [{change: dock, sets: {name: length}}]}"),
    ("S040", "trip.yaml", "scope: boat", "scope: boat\nthen: [{change: boat, take: leaf}]"),
    ("S026", "boat.yaml", "list: {", "history: {dock: {in: trip, of: boat, now: note, since: id, until: id}}\nlist: {"),
    ("S026", "boat.yaml", "list: {", "apart: [{by: [dock], since: name, until: id, say: {zh: 一, en: A}}]\nlist: {"),
    ("S024", "boat.yaml", "list: {", "apart: [{by: [], say: {zh: 一, en: One}}]\nlist: {"),
    ("S103", "boat.yaml", "list: {", "apart: [{by: [phone], say: {zh: 一, en: One}}]\nlist: {"),
    ("S026", "boat.yaml", "length: {type: decimal,", "length: {type: decimal, default: length + 1,"),
    ("S026", "trip.yaml", "note: {type: text,", "note: {type: text, default: boat.phone,"),
    ("S026", "boat.yaml", "  phone:", "  paper: {type: id_card, born: kind, label: {zh: 证, en: A}}\n  phone:"),
    ("S026", "trip.yaml", "boat: {type: link,", "boat: {type: link, search: true,"),
    ("S061", "boat.yaml", "class: contact,", "class: contact, search: true,"),
    ("S103", "boat.yaml", "sort: name", "sort: phone"),
    ("S103", "boat.yaml", "{type: phone,", "{type: date,"),
    ("S103", "boat.yaml", "list: {", "unique: [[phone, dock]]\nlist: {"),
    ("S032", "boat.yaml", "list: {", "checks: [{that: \"phone = '1'\", say: {zh: 一, en: One}}]\nlist: {"),
    ("S032", "boat.yaml", "list: {", "checks: [{that: len(phone) > 1, say: {zh: 一, en: One}}]\nlist: {"),
]  # fmt: skip
# Those of reports have their cases in test_report_findings.
REPORTS = {f"S07{number}" for number in range(10)}
# And those of reminders in test_reminder_findings.
REMINDERS = {f"S{number:03}" for number in range(80, 92)}
# And those of dashboards in test_dashboard_findings.
DASHBOARDS = {f"S{number:03}" for number in range(95, 100)}
# And those of consents in test_consent_findings.
CONSENTS = {f"S{number}" for number in (*range(104, 110), 111)}
ELSEWHERE = {"S005", "S014"} | REPORTS | REMINDERS | DASHBOARDS | CONSENTS


def findings_of(sources: dict[str, str]) -> dict[str, str]:
    """The line of each finding by its id; empty for a good schema."""
    try:
        compile_sources(sources)
    except SchemaInvalid as invalid:
        return {finding.id: finding.line("en") for finding in invalid.findings}
    return {}


def test_the_good_schema_has_no_findings() -> None:
    assert findings_of(GOOD) == {}


@pytest.mark.parametrize(
    ("wanted", "file", "old", "new"),
    CASES,
    ids=[f"{case[0]}-{number}" for number, case in enumerate(CASES)],
)
def test_a_fault_is_found_and_placed(wanted: str, file: str, old: str, new: str) -> None:
    assert old in GOOD[file]
    found = findings_of({**GOOD, file: GOOD[file].replace(old, new, 1)})
    assert wanted in found
    assert found[wanted].split(":")[0].endswith(".yaml")


def test_every_finding_has_a_case_and_both_languages() -> None:
    assert {case[0] for case in CASES} | ELSEWHERE == set(KINDS)
    for label in KINDS.values():
        assert isinstance(label, Label)
        assert sorted(_names(label.zh)) == sorted(_names(label.en))


def test_all_faults_are_found_in_one_pass() -> None:
    bad = {
        **GOOD,
        "boat.yaml": BOAT.replace("type: decimal", "type: dezimal"),
        "trip.yaml": TRIP.replace("to: boat", "to: bot"),
    }
    assert {"S022", "S020"} <= set(findings_of(bad))


def test_a_hint_names_the_nearest() -> None:
    found = findings_of({**GOOD, "boat.yaml": BOAT.replace("type: decimal", "type: decimall")})
    assert "did you mean 'decimal'?" in found["S022"]


def test_without_a_portal_file() -> None:
    assert set(findings_of({"dock.yaml": DOCK})) == {"S014"}


@pytest.mark.parametrize(
    "text",
    [
        "a: " + "[" * 5000,
        "entity: " + "x" * 1_100_000,
        "entity: boat\n" + "".join(f"k{number}: 1\n" for number in range(100_000)),
        "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
        "!!python/name:os.system ''",
        "\ufeff",
        "- 1\n- 2\n",
        "? [a, b]\n: c\n",
        "entity: boat\nfields: {select: {type: text}, class: {type: text}, __dict__: {type: text}}\n",
        "portal: " + "{a: " * 300,
        "entity: 9\nlabel: 3\nfields: 7\nlist: []\nstates: 1\nmoves: x\nform: y\nrelated: 4\nchecks: 5\n",
        "role: r\nmay: [1]\nsees: {a: [1]}\n",
    ],
)  # fmt: skip
def test_t25_hostile_text_gives_findings_quickly(text: str) -> None:
    start = time.process_time()
    assert findings_of({**GOOD, "boat.yaml": text})
    assert time.process_time() - start < 3


def test_files_that_cannot_be_read_are_findings(tmp_path: Path) -> None:
    (tmp_path / "portal.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SchemaInvalid) as caught:
        compile_schema(tmp_path)
    assert {finding.id for finding in caught.value.findings} >= {"S001"}
    with pytest.raises(SchemaInvalid):
        compile_schema(tmp_path / "nowhere")


def _names(text: str) -> list[str]:
    return [part.split(")")[0] for part in text.split("%(")[1:]]
