"""Fields that are hidden while a condition holds, and through copies of roles and the layer over them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.access.lattice import differences
from app.language.compiler import compile_schema, compile_sources
from app.language.findings import SchemaInvalid
from tests.functional.rights.changing import apply_now, change
from tests.support.nursery import planted
from tests.support.portals import SCHEMAS, Portal, running_portal
from tests.support.servers import Servers

PICKER = """
role: picker
label: {zh: 采摘工, en: Picker}
may:
  bed: {read: true}
  buyer:
    read: true
    create: true
    edit: [name, region, mobile]
    export: true
    show: [mobile]
    hide_when: {when: region is null, fields: [mobile, turnover]}
  sale: {read: true}
"""
NEW, KNOWN = "13612340001", "13612340002"


@pytest.fixture(scope="module")
def portal(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """The nursery with a picker, to whom buyers without a region are not yet open."""
    home: Path = tmp_path_factory.mktemp("hidden")
    folder = home / "schema"
    shutil.copytree(SCHEMAS / "nursery", folder)
    (folder / "role_picker.yaml").write_text(PICKER, encoding="utf-8")
    with running_portal(servers, folder, home) as made:
        planted(made)
        made.account("picker", "picker", made.ids["west"])
        with made.records() as records:
            bed = made.ids["west"]
            made.ids["new"] = records.create("buyer", {"name": "新客", "bed": bed, "mobile": NEW})
            known = {"name": "熟客", "bed": bed, "mobile": KNOWN, "region": "310101"}
            made.ids["known"] = records.create("buyer", known)
        yield made


def test_each_record_shows_what_its_condition_lets_through(portal: Portal) -> None:
    picker, api = portal.browser("picker"), portal.api("picker")
    page = picker.get("/buyer/list/").text
    assert "新客" in page
    assert "熟客" in page
    for path in (
        "/buyer/list/",
        f"/buyer/show/{portal.ids['new']}",
        f"/buyer/history/{portal.ids['new']}",
    ):
        assert NEW not in picker.get(path).text, path
    assert KNOWN in picker.get(f"/buyer/show/{portal.ids['known']}").text
    found = {row["id"]: row for row in api.call("GET", "buyer/").json["result"]}
    assert "mobile" not in api.call("GET", f"buyer/{portal.ids['new']}").json["result"]
    assert found[portal.ids["new"]].get("mobile") is None
    assert api.call("GET", f"buyer/{portal.ids['known']}").json["result"]["mobile"] == KNOWN
    asked = f"(filters:!((col:mobile,opr:eq,value:'{NEW}')))"
    assert api.call("GET", f"buyer/?q={asked}").status_code == 422


def test_who_enters_it_may_fill_it_in_and_sees_it_no_more(portal: Portal) -> None:
    api, phone = portal.api("picker"), "13612340003"
    sent = {"name": "刚来的", "bed": portal.ids["west"], "mobile": phone}
    made = api.call("POST", "buyer/", json=sent)
    assert made.status_code == 201, made.text
    assert phone not in made.text
    assert phone not in api.call("GET", f"buyer/{made.json['id']}").text


def test_a_copy_hides_the_same_and_the_layer_keeps_it(portal: Portal) -> None:
    boss = portal.browser("boss")
    boss.get("/rights/picker/copy")
    sent = {"name": "stand_in", "zh": "替班", "en": "Stand-in"}
    assert boss.post("/rights/picker/copy", sent).status_code == 302
    assert change(boss, "picker", "buyer", right_create="no").status_code == 302
    assert apply_now(portal)
    for role in ("picker", "stand_in"):
        hidden = portal.runtime.schema.roles[role].may["buyer"].hide_when
        assert hidden is not None, role
        assert hidden.text == "region is null → mobile, turnover"
    portal.account("stands", "stand_in", portal.ids["west"])
    assert NEW not in portal.browser("stands").get(f"/buyer/show/{portal.ids['new']}").text
    assert "region is null" in boss.get("/rights/picker/buyer").text


def test_showing_more_of_it_waits_for_a_second_person(tmp_path: Path) -> None:
    """Without the condition, with another one, or with a field less, the role sees more than before."""
    folder = tmp_path / "schema"
    shutil.copytree(SCHEMAS / "nursery", folder)
    (folder / "role_picker.yaml").write_text(PICKER, encoding="utf-8")
    before = compile_schema(folder)
    line = "    hide_when: {when: region is null, fields: [mobile, turnover]}\n"
    for other, waits in (
        ("", True),
        (line.replace("is null", "is not null"), True),
        (line.replace(", turnover", ""), True),
        (line.replace("turnover", "turnover, licence"), False),
    ):
        (folder / "role_picker.yaml").write_text(PICKER.replace(line, other), encoding="utf-8")
        found = differences(before, compile_schema(folder))
        assert [(one.what, one.waits) for one in found] == [("hide_when", waits)], other


def test_its_names_and_its_condition_are_checked() -> None:
    sources = {
        path.name: path.read_text(encoding="utf-8") for path in (SCHEMAS / "nursery").glob("*.yaml")
    }
    wrong = PICKER.replace("region is null, fields: [mobile,", "religion is null, fields: [moblie,")
    with pytest.raises(SchemaInvalid) as fault:
        compile_sources({**sources, "role_picker.yaml": wrong})
    assert {finding.id for finding in fault.value.findings} >= {"S021"}
    assert "mobile" in " ".join(one.text("en") for one in fault.value.findings)
