"""Consents in the language: whose a value is, and every way to get it wrong."""

from __future__ import annotations

import pytest

from app.language.compiler import compile_sources
from app.language.findings import SchemaInvalid
from tests.support.classes import PLAIN, WHY

PORTAL = """
portal: yard
label: {zh: 船坞, en: Boat yard}
tree: dock
person: {entity: sailor, account: account}
consents:
  entity: yes_given
  person: sailor
  topic: about
  edition: edition
  given: given_at
  withdrawn: ended_at
  topics:
    track:
      edition: "1"
      notice: {zh: 记录航迹, en: Your track is kept}
      instead: {zh: 写航海日志, en: write a log}
classes: {track: {label: {zh: 航迹, en: Track}, WHY, mask: all, consent: track}, PLAIN}
modules:
  main: {label: {zh: 主, en: Main}, entities: [dock, sailor, yes_given, trip, role_assignment]}
class: plain
""".replace("WHY", WHY).replace("PLAIN", PLAIN)
DOCK = """
entity: dock
label: {zh: 码头, en: Dock}
title: "{name}"
scope: self
fields:
  name: {type: text, label: {zh: 名称, en: Name}, required: true}
  upper: {type: parent, label: {zh: 上级, en: Above}}
"""
SAILOR = """
entity: sailor
label: {zh: 水手, en: Sailor}
title: "{name}"
scope: dock
subject: {also: [name]}
fields:
  name: {type: text, label: {zh: 姓名, en: Name}, required: true}
  dock: {type: link, to: dock, label: {zh: 码头, en: Dock}, required: true}
  account: {type: link, to: account, label: {zh: 账号, en: Account}, unique: true}
  home: {type: location, label: {zh: 住处, en: Home}, class: track}
"""
LEDGER = """
entity: yes_given
label: {zh: 同意, en: Consent}
title: "{edition}"
scope: sailor
fields:
  sailor: {type: link, to: sailor, label: {zh: 水手, en: Sailor}, required: true}
  about: {type: choice, label: {zh: 事项, en: About}, required: true, choices: {track: {zh: 航迹, en: Track}}}
  edition: {type: text, label: {zh: 版本, en: Edition}, required: true}
  given_at: {type: datetime, label: {zh: 同意, en: Given}, required: true}
  ended_at: {type: datetime, label: {zh: 撤回, en: Withdrawn}}
"""
TRIP = """
entity: trip
label: {zh: 航程, en: Trip}
title: "{note}"
scope: sailor
fields:
  sailor: {type: link, to: sailor, label: {zh: 水手, en: Sailor}, required: true}
  mate: {type: link, to: sailor, label: {zh: 同伴, en: Mate}}
  note: {type: text, label: {zh: 说明, en: Note}}
  spot: {type: location, label: {zh: 位置, en: Spot}, class: track}
"""
GOOD = {
    "portal.yaml": PORTAL, "dock.yaml": DOCK, "sailor.yaml": SAILOR, "ledger.yaml": LEDGER, "trip.yaml": TRIP,
}  # fmt: skip
MATE = "mate: {type: link, to: sailor, label: {zh: 同伴, en: Mate}"
REQUIRED_MATE = f"{MATE}, required: true"
NOT_REQUIRED = "sailor: {type: link, to: sailor, label: {zh: 水手, en: Sailor}}"
BLOCK = PORTAL[PORTAL.index("consents:") : PORTAL.index("classes:")]

# A finding, the file and line where it is told, what is replaced in that file and by what.
CASES = [
    ("S104", "portal.yaml:6", BLOCK, ""),
    ("S105", "portal.yaml:18", "consent: track", "consent: trak"),
    ("S106", "portal.yaml:14", "    track:", "    route:"),
    ("S107", "trip.yaml:10", MATE, REQUIRED_MATE),
    ("S107", "trip.yaml:10", f"{NOT_REQUIRED[:-1]}, required: true}}", NOT_REQUIRED),
    ("S108", "portal.yaml:18", "consent: track", "consent: track, must_keep_months: 12"),
    ("S109", "trip.yaml:10", "class: track", "class: track, required: true"),
    ("S109", "trip.yaml:10", "class: track", "class: track, require_when: note is null"),
    ("S111", "portal.yaml:7", "person: {entity: sailor, account: account}\n", "\n"),
    ("S111", "sailor.yaml|portal.yaml:7", "subject: {also: [name]}\n", "\n"),
    ("S020", "portal.yaml:7", "entity: yes_given", "entity: yes_givn"),
    ("S021", "portal.yaml:7", "topic: about", "topic: aboutt"),
    ("S026", "portal.yaml:7", "topic: about", "topic: edition"),
    ("S026", "portal.yaml:7", "given: given_at", "given: about"),
    ("S026", "portal.yaml:7", "given: given_at", "given: ended_at"),
    ("S026", "portal.yaml:7", "withdrawn: ended_at", "withdrawn: given_at"),
    ("S026", "ledger.yaml|portal.yaml:7", "to: sailor", "to: dock"),
    ("S026", "trip.yaml:10", "class: track", "class: track, whose: note"),
    ("S021", "trip.yaml:10", "class: track", "class: track, whose: nobody"),
    ("S026", "trip.yaml:9", "en: Note}", "en: Note}, whose: mate"),
    ("S026", "trip.yaml:10", "type: location", "type: computed, as: text, value: note"),
    ("S007", "portal.yaml:16", 'edition: "1"', 'edition: "1"\n      until: 3'),
    ("S008", "portal.yaml:15", "      instead: {zh: 写航海日志, en: write a log}\n", ""),
    ("S008", "portal.yaml:7", "  withdrawn: ended_at\n", ""),
]  # fmt: skip


def lines_of(sources: dict[str, str]) -> list[str]:
    """Each finding as ``file:line id``."""
    try:
        compile_sources(sources)
    except SchemaInvalid as invalid:
        return [f"{finding.place} {finding.id}" for finding in invalid.findings]
    return []


def test_a_value_is_that_of_the_only_required_person() -> None:
    entities = compile_sources(GOOD).entities
    trip, home = entities["trip"].fields["spot"].consent, entities["sailor"].fields["home"].consent
    assert trip is not None
    assert (trip.topic, trip.link) == ("track", "sailor")
    assert home is not None
    assert (home.topic, home.link) == ("track", "id")
    assert entities["trip"].fields["note"].consent is None


def test_of_several_persons_one_is_named() -> None:
    named = TRIP.replace(MATE, REQUIRED_MATE).replace("class: track", "class: track, whose: mate")
    found = compile_sources({**GOOD, "trip.yaml": named}).entities["trip"].fields["spot"].consent
    assert found is not None
    assert found.link == "mate"


@pytest.mark.parametrize(
    ("wanted", "where", "old", "new"),
    CASES,
    ids=[f"{case[0]}-{number}" for number, case in enumerate(CASES)],
)
def test_a_fault_is_found_and_placed(wanted: str, where: str, old: str, new: str) -> None:
    file = where.partition(":")[0].partition("|")[0]
    assert old in GOOD[file]
    found = lines_of({**GOOD, file: GOOD[file].replace(old, new, 1)})
    assert f"{where.rpartition('|')[2]} {wanted}" in found


def test_a_hint_says_which_links_there_are() -> None:
    bad = {**GOOD, "trip.yaml": TRIP.replace(MATE, REQUIRED_MATE)}
    with pytest.raises(SchemaInvalid) as caught:
        compile_sources(bad)
    (found,) = caught.value.findings
    assert found.text("en").endswith("say `whose`: sailor, mate")
    assert "whose" in found.text("zh")


def test_every_finding_has_a_case() -> None:
    assert {f"S{number}" for number in (*range(104, 110), 111)} <= {case[0] for case in CASES}
