"""Every finding of reminders has a schema that shows it, and texts are filled in but never evaluated."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from app.language.compiler import compile_sources
from app.language.findings import KINDS, SchemaInvalid
from app.language.reminder_definitions import parse_lead
from app.language.templates import MAX_RENDERED, render
from tests.support.classes import PLAIN, PLAIN_CLASS, WHY

PORTAL = (
    """
portal: yard
label: {zh: 船坞, en: Boat yard}
tree: dock
person: {entity: sailor, account: account, until: left_on}
holidays: {entity: feast, day: held_on, works: worked = true}
modules:
  main: {label: {zh: 主, en: Main}, entities: [dock, boat, sailor, feast]}
"""
    + PLAIN_CLASS
)
DOCK = """
entity: dock
label: {zh: 码头, en: Dock}
title: "{name}"
scope: self
fields:
  name: {type: text, label: {zh: 名称, en: Name}, required: true, search: true}
  upper: {type: parent, label: {zh: 上级, en: Above}}
"""
SAILOR = """
entity: sailor
label: {zh: 船员, en: Sailor}
title: "{name}"
scope: dock
fields:
  name: {type: text, label: {zh: 名称, en: Name}, required: true}
  dock: {type: link, to: dock, label: {zh: 码头, en: Dock}, required: true}
  account: {type: link, to: account, label: {zh: 账号, en: Account}}
  left_on: {type: date, label: {zh: 离开, en: Left on}}
"""
BOAT = """
entity: boat
label: {zh: 船, en: Boat}
title: "{name}"
scope: dock
fields:
  name: {type: text, label: {zh: 名称, en: Name}, required: true}
  dock: {type: link, to: dock, label: {zh: 码头, en: Dock}, required: true}
  captain: {type: link, to: sailor, label: {zh: 船长, en: Captain}}
  insured_to: {type: date, label: {zh: 保险到期, en: Insured until}}
  length: {type: decimal, label: {zh: 长度, en: Length}}
"""
FEAST = """
entity: feast
label: {zh: 节日, en: Feast}
title: "{held_on}"
scope: none
fields:
  held_on: {type: date, label: {zh: 日期, en: Held on}}
  worked: {type: yes_no, label: {zh: 上班, en: Worked}}
"""
ROLE = """
role: keeper
label: {zh: 管理员, en: Keeper}
may: {boat: {read: true}}
"""
REMINDER = """
reminder: insurance
code: B1
label: {zh: 保险到期, en: Insurance ends}
entity: boat
date: insured_to
where: length > 3
leads: [-30, 3w, {at: 0, where: length > 5}]
then: daily
to: [role:keeper, captain]
about: captain
quiet: 22:00-08:00
channels: [in_app, mail]
escalate:
  - {at: 7, where: length > 9, to: [head:keeper, captain.account], red: true}
text:
  title: {zh: "{record} {when}到期", en: "{record} ends {when}"}
  body: {zh: "{due|date} {captain} {length|number}", en: "{due|date} {captain} {length|number}"}
"""
GOOD = {
    "portal.yaml": PORTAL,
    "dock.yaml": DOCK,
    "sailor.yaml": SAILOR,
    "boat.yaml": BOAT,
    "feast.yaml": FEAST,
    "keeper.yaml": ROLE,
    "insurance.yaml": REMINDER,
}
CASES = [
    ("S080", "date: insured_to", "date: length"),
    ("S081", "leads: [-30,", "leads: [-30x,"),
    ("S081", "{at: 0,", "{at: soon,"),
    ("S082", "3w,", "3h,"),
    ("S083", "role:keeper", "role:kepeer"),
    ("S084", "captain]\nabout", "length]\nabout"),
    ("S084", "captain.account", "captain.dock"),
    ("S085", "{captain} {length|number}", "{capain} {length|number}"),
    ("S086", "length|number", "length|digits"),
    ("S087", "reminder: insurance", "reminder: insurance"),
    ("S088", "leads: [-30, 3w, {at: 0, where: length > 5}]", "leads: []"),
    ("S088", "to: [role:keeper, captain]", "to: []"),
    ("S089", "about: captain", "about: dock"),
    ("S090", "where: length > 3", "where: captain = actor.person"),
    ("S091", "{due|date}", "{{due|date}}"),
    ("S008", "leads: [-30, 3w, {at: 0, where: length > 5}]\n", ""),
    ("S007", "then: daily", "than: daily"),
    ("S015", "then: daily", "then: weekly"),
    ("S015", "channels: [in_app, mail]", "channels: [in_app, pigeon]"),
    ("S016", "quiet: 22:00-08:00", "quiet: at night"),
    ("S020", "entity: boat", "entity: boot"),
    ("S031", "where: length > 3", "where: lenght > 3"),
    ("S031", "where: length > 5", "where: lenght > 5"),
    ("S031", "where: length > 9", "where: lenght > 9"),
]
# What a hostile hand may write into a text: engines, look-ups, formats, bombs.
PAYLOADS = [
    "{{7*7}}",
    "${7*7}",
    "#{7*7}",
    "<%= 7*7 %>",
    "{7*7}",
    "{{7*'7'}}",
    "{%print(7*7)%}",
    "{{=7*7}}",
    "[[7*7]]",
    "@(7*7)",
    "{{config}}",
    "{{config.items()}}",
    "{{self}}",
    "{{self.__init__.__globals__}}",
    "{{request.environ}}",
    "{{''.__class__}}",
    "{{''.__class__.__mro__[1].__subclasses__()}}",
    "{{cycler.__init__.__globals__.os.popen('id').read()}}",
    "{{''|attr('__class__')}}",
    "{{''|attr('format')}}",
    "{% for x in range(10**9) %}x{% endfor %}",
    "{% import os %}{{os.system('id')}}",
    "{0.__class__}",
    "{0}",
    "{}",
    "{!r}",
    "{name.__class__}",
    "{name!r}",
    "{name:>10}",
    "{name:>1000000000}",
    "{name.__class__.__mro__}",
    "{name[0]}",
    "{name.__init__.__globals__[secret]}",
    "{name|__class__}",
    "{name|attr}",
    "{name|map}",
    "{name|format('x')}",
    "{name|e}",
    "{name|safe}",
    "{name|date|date}",
    "{ name }",
    "{name",
    "name}",
    "{{name}}",
    "{{{name}}}",
    "{na\nme}",
    "{NAME}",
    "{name..x}",
    "{.name}",
    "{name.}",
    "{_name}",
    "{__name__}",
    "{name;drop}",
    "{{lipsum.__globals__}}",
    "{{joiner.__init__}}",
    "{{namespace.__init__}}",
    "{{range(10**10)|list}}",
    "%(name)s%n%n%s",
    "%s" * 1000,
    "{" * 100_000,
    "}" * 100_000,
    "{a" * 50_000,
    "{name}" * 50_000,
    "{a." * 30_000,
    "\x00{name}",
    "{name\x00}",
    "\u202e{name}",
    "{name|" + "x" * 10_000 + "}",
    "{" + "a." * 10_000 + "a}",
    "T(java.lang.Runtime).getRuntime()",
    "<#assign x=7*7>${x}",
    "{{constructor.constructor('return 1')()}}",
    "{{#with 's'}}{{/with}}",
]
ZONE = ZoneInfo("Asia/Shanghai")


def findings_of(sources: dict[str, str]) -> set[str]:
    """The ids of what is wrong."""
    try:
        compile_sources(sources)
    except SchemaInvalid as invalid:
        return {finding.id for finding in invalid.findings}
    return set()


def test_the_good_reminder_has_no_findings() -> None:
    assert findings_of(GOOD) == set()
    reminder = compile_sources(GOOD).reminders["insurance"]
    assert [lead.text for lead in reminder.all_leads] == ["-30", "3w", "0", "7"]
    assert [one.text for one in reminder.recipients] == [
        "role:keeper", "captain", "head:keeper", "captain.account"
    ]  # fmt: skip


@pytest.mark.parametrize(("wanted", "old", "new"), CASES, ids=lambda value: str(value)[:20])
def test_a_fault_is_found(wanted: str, old: str, new: str) -> None:
    assert old in REMINDER
    sources = {**GOOD, "insurance.yaml": REMINDER.replace(old, new, 1)}
    if wanted == "S087":
        sources["again.yaml"] = REMINDER.replace("reminder: insurance", "reminder: again")
    assert wanted in findings_of(sources)


def test_sensitive_fields_cannot_be_shown() -> None:
    secret = f"secret: {{label: {{zh: 密, en: Secret}}, {WHY}, mask: all}}"
    portal = PORTAL.replace(PLAIN, f"{PLAIN}, {secret}")
    boat = BOAT.replace("length: {type: decimal,", "length: {type: decimal, class: secret,")
    assert "S085" in findings_of({**GOOD, "portal.yaml": portal, "boat.yaml": boat})


def test_the_portal_names_days_that_exist() -> None:
    for old, new, wanted in (
        ("until: left_on", "until: name", "S026"),
        ("until: left_on", "until: gone_on", "S021"),
        ("day: held_on", "day: worked", "S026"),
        ("works: worked = true", "works: worket = true", "S031"),
        ("entity: feast", "entity: faest", "S020"),
    ):
        assert wanted in findings_of({**GOOD, "portal.yaml": PORTAL.replace(old, new, 1)})


def test_every_finding_of_reminders_has_a_case() -> None:
    assert {case[0] for case in CASES} >= {name for name in KINDS if "S080" <= name <= "S091"}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("-15", (-15, "d")), ("+3", (3, "d")), ("3w", (3, "w")), ("-2h", (-2, "h")), ("0", (0, "d"))],
)
def test_leads_are_read(text: str, wanted: tuple[int, str]) -> None:
    lead = parse_lead(text)
    assert lead is not None
    assert (lead.amount, lead.unit) == wanted


@pytest.mark.parametrize("text", ["", "x", "1.5", "--1", "99999", "1 d", "1m", "٣", "1d1d", "-"])
def test_other_texts_are_no_leads(text: str) -> None:
    assert parse_lead(text) is None


def test_t24_there_are_many_payloads() -> None:
    assert len(set(PAYLOADS)) >= 60


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_t24_a_payload_stays_text(payload: str) -> None:
    class Trap(str):
        """A value that tells when somebody looks behind it."""

        __slots__ = ()

        def __format__(self, spec: str) -> str:
            raise AssertionError(spec)

    begun = time.process_time()
    shown = render(payload, {("name",): Trap("王{name}{{7*7}}"), ("hidden",): object()}, "zh", ZONE)
    assert time.process_time() - begun < 1
    assert "49" not in shown.replace("王{name}{{7*7}}", "")
    assert "object" not in shown
    assert "built-in" not in shown
    assert len(shown) <= MAX_RENDERED


def test_values_are_written_as_people_write_them() -> None:
    values: dict[tuple[str, ...], object] = {
        ("day",): date(2026, 6, 30),
        ("at",): datetime(2026, 6, 30, 16, 5, tzinfo=UTC),
        ("sum",): Decimal("12345.5"),
        ("done",): True,
        ("none",): None,
        ("thing",): object(),
        ("lines",): "一\n二",
    }
    said = "{day} {at} {at|time} {sum|money} {done} {none} {thing} {lines} {day|month}"
    zh = "2026-06-30 2026-07-01 00:05 00:05 12,345.50 是 – – 一 二 2026-06"
    assert render(said, values, "zh", ZONE) == zh
    assert render("{done}", values, "en", ZONE) == "yes"
