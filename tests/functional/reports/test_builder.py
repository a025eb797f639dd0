"""Reports that people make for themselves: built, saved, run and shared, and never more than one's rights."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from app.cli.main import main
from app.features.reports.drafts import draft_of, source_of
from app.features.reports.narrowing import narrowed
from app.features.reports.offers import Offers
from app.features.reports.saved import MOST_OWN, read_source
from app.features.reports.service import reports_for
from app.settings import ROOT
from tests.functional.reports.building import Builder, cells, problems
from tests.functional.reports.running import figures, records_of, run
from tests.support.portals import Portal, running_portal
from tests.support.servers import Servers
from tests.support.small_chain import build_chain

PEOPLE = """report: my_report
label: {zh: 人员, en: People}
help: {zh: 人员, en: People}
for: []
entity: staff
columns:
  name: name
"""
COUNTED = """report: my_report
label: {zh: 各店人数, en: Heads}
help: {zh: 各店人数, en: Heads}
for: [%s]
entity: staff
groups:
  unit: {path: org_unit}
columns:
  heads: {count: rows, label: {zh: 人数, en: Heads}, help: {zh: 人数, en: Heads}}
"""


@pytest.fixture(scope="module")
def chain(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A chain of its own, as what is saved and shared stays in the lists of its readers."""
    home: Path = tmp_path_factory.mktemp("builder")
    with running_portal(servers, ROOT / "schema", home) as portal:
        build_chain(portal)
        yield portal


def heads(chain: Portal, username: str = "hr", **more: Any) -> Builder:
    """A sheet that counts the people who have come by the unit that they belong to."""
    sheet = Builder(chain.browser(username)).change(entity="staff").change(kind="groups")
    sheet.change("add g").change(g0__path="org_unit").change("add w").change(w0__path="state")
    sheet.change(w0__operator="none", w0__value=["departed", "pending"])
    return sheet.change(label="各组织人数", **more)


def written(chain: Portal, username: str, source: str) -> str:
    """Save a text as somebody."""
    return Builder(chain.browser(username)).write(source).saved()


def faults(chain: Portal, username: str, source: str) -> list[str]:
    """What is wrong with a text by somebody."""
    with records_of(chain, username) as records:
        report, found = read_source(records, source)
        assert (report is None) == bool(found)
        return [one.id for one in found]


def test_a_list_is_built_saved_and_run(chain: Portal) -> None:
    sheet = Builder(chain.browser("hr")).change(entity="staff")
    while "c1.path" in sheet.sent:
        sheet.change("drop c1")
    sheet.change(new_column="name").change(new_column="position.level").change("drop c0")
    sheet.change("add w").change(w0__path="state")
    sheet.change(w0__operator="any", w0__value=["probation", "pending"])
    sheet.change(label="新人", s0__by="c0")
    assert sheet.table[0] == ["姓名", "岗位·级别"] or len(sheet.table[0]) == 2
    name = sheet.saved()
    table = run(chain, "hr", name)
    assert [tuple(line.values()) for line in table.lines] == [("吴待", 2), ("李试用", 2)]


def test_figures_by_group_are_those_worked_out_by_hand(chain: Portal) -> None:
    sheet = heads(chain).change("add m").change(m1__way="max").change(m1__path="hire_date")
    sheet.change(chart="bar").change(s0__by="m0", s0__down="true").change(s0__down="true")
    # 甲店 keeps 王店长, 李试用 and 赵兼职; 乙店 孙店长 and 周离开; 丙店 郑店长; the company two.
    name = sheet.saved()
    table = run(chain, "hr", name)
    counted = {
        line["org_unit"]: (line["count"], str(line["max_hire_date"])) for line in table.lines
    }
    assert counted == {
        "甲店": (3, "2026-05-20"), "乙店": (2, "2025-01-01"),
        "丙店": (1, "2024-01-01"), "栖禾": (2, "2024-01-01"),
    }  # fmt: skip
    assert table.column("count") == [3, 2, 2, 1]
    assert figures(table.total, "count") == [8]
    page = chain.browser("hr").get(f"/reports/{name}").text
    assert "data-chart" in page
    assert f"/reports/{name}/edit" in page


def test_dates_are_grouped_and_a_period_is_asked(chain: Portal) -> None:
    sheet = Builder(chain.browser("hr")).change(entity="staff").change(kind="groups")
    sheet.change("add g").change(g0__path="hire_date").change(g0__each="quarter")
    sheet.change(when="hire_date").change(period="this_year", label="入职")
    name = sheet.saved()
    table = run(chain, "hr", name)
    # 钱离职 came on 1 March, 李试用 on 20 May, 吴待 comes on 20 June.
    assert {str(line["hire_date"]): line["count"] for line in table.lines} == {
        "2026-01-01": 1,
        "2026-04-01": 2,
    }
    assert figures(run(chain, "hr", name, period="always").total, "count") == [10]


def test_form_and_text_never_disagree(chain: Portal) -> None:
    sheet = heads(chain, roles=["area_manager"])
    sheet.write(sheet.source.replace("各组织人数", "改名"))
    assert sheet.sent["label"] == "改名"
    sheet.change("add m").change(m1__way="average").change(m1__path="contract_count")
    assert "average: contract_count" in sheet.source
    assert "改名" in sheet.source
    # What the form cannot say is left to the text alone.
    sheet.write(sheet.source.replace("average: contract_count", "average: contract_count * 2"))
    assert "b-entity" not in sheet.page.text
    assert "contract_count * 2" in sheet.source
    name = sheet.saved()
    again = Builder(chain.browser("hr"), f"/reports/{name}/edit")
    assert "contract_count * 2" in again.source
    assert "b-entity" not in again.page.text


def test_every_condition_of_the_form_comes_back_from_its_text(chain: Portal) -> None:
    source = PEOPLE + (
        "where: \"name != 'x''y' and contains(name, '王') and starts_with(staff_no, 'S') and not state in"
        " ['departed', 'pending'] and gender = 'male' and hire_date >= date('2020-01-01') and hire_date <="
        " today() and contract_count > -1 and org_unit in actor.places and regular_date is null and"
        ' day(created_at) <= today() + days(7) and minor = false"\n'
    )
    with records_of(chain, "hr") as records:
        report, found = read_source(records, source.replace("hire_date <= today() and ", ""))
        assert found == ()
        assert report is not None
        schema = narrowed(records.access)
        draft = draft_of(report, schema)
        assert draft is not None
        assert len(draft.conditions) == 11
        again, _ = read_source(records, source_of(draft, Offers(schema, "staff")))
        assert again is not None
        # Rows cannot say this one.
        report, _ = read_source(records, source)
        assert report is not None
        assert draft_of(report, schema) is None


def test_a_shared_report_shows_each_reader_the_own_rows(chain: Portal) -> None:
    name = heads(chain, roles=["area_manager", "store_manager"]).saved()
    assert figures(run(chain, "hr", name).total, "count") == [8]
    assert {line["org_unit"]: line["count"] for line in run(chain, "area", name).lines} == {
        "甲店": 3,
        "乙店": 2,
    }
    assert [line["count"] for line in run(chain, "store", name).lines] == [3]
    for username, status in (("area", 200), ("sales", 404), ("finance", 404), ("owner", 404)):
        browser = chain.browser(username)
        assert browser.get(f"/reports/{name}").status_code == status
        link = f'href="/reports/{name}"'
        assert (link in browser.get("/reports/").text) == (status == 200)
        assert browser.get(f"/reports/{name}/edit").status_code == 404
    page = chain.browser("area").get("/reports/").text
    assert "共享给我的" in page


def test_only_its_owner_changes_a_report_and_an_administrator_may_delete_it(chain: Portal) -> None:
    name = written(chain, "hr", COUNTED % "area_manager")
    area = chain.browser("area")
    area.get("/reports/")
    assert area.post(f"/reports/{name}/edit", {"do": "save"}).status_code == 404
    assert area.post(f"/reports/{name}/delete").status_code == 403
    sales = chain.browser("sales")
    assert sales.post(f"/reports/{name}/delete").status_code == 404
    chain.account("keeper", "admin", None)
    keeper = chain.browser("keeper")
    assert "各店人数" in keeper.get("/reports/").text
    assert keeper.get(f"/reports/{name}").status_code == 404
    assert keeper.post(f"/reports/{name}/delete").status_code == 302
    assert area.get(f"/reports/{name}").status_code == 404
    said = "SELECT count(*) FROM portal_audit WHERE action = :deed AND changes ->> 'report' = :name"
    assert chain.scalar(said, deed="report:saved", name=name) == 1
    assert chain.scalar(said, deed="report:deleted", name=name) == 1


def test_what_is_hidden_or_masked_can_neither_be_chosen_nor_named(chain: Portal) -> None:
    offered = Builder(chain.browser("store")).change(entity="staff").page.text
    assert 'value="mobile"' in offered
    for field in ("id_no", "bank_account", "birth_date", "line_manager.id_no"):
        assert f'value="{field}"' not in offered
        assert faults(chain, "store", PEOPLE + f"  it: {field}\n") != []
        assert faults(chain, "store", PEOPLE + f'where: "{field} is null"\n') != []
    # A fault never tells the name of a field that is hidden.
    with records_of(chain, "store") as records:
        _, found = read_source(records, PEOPLE + "  it: bank_accoun\n")
        assert "bank_account'" not in " ".join(one.text("en") for one in found)
        assert faults(chain, "store", PEOPLE.replace("staff", "staff_wage", 1)) == ["S020"]
    # What is seen in part, as by the auditor, is not named either.
    assert faults(chain, "auditor", PEOPLE + "  it: id_no\n") != []
    assert faults(chain, "hr", PEOPLE + "  it: id_no\n") == []


def test_a_shared_report_masks_and_withholds_for_its_reader(chain: Portal) -> None:
    listed = PEOPLE.replace("for: []", "for: [auditor, store_manager]") + "  id_no: id_no\n"
    name = written(chain, "hr", listed)
    mine = run(chain, "hr", name).by("name")["王店长"]["id_no"]
    assert len(mine) == 18
    seen = run(chain, "auditor", name).by("name")["王店长"]["id_no"]
    assert seen != mine
    assert "*" in seen
    page = chain.browser("store").get(f"/reports/{name}").text
    assert "王店长" in page
    assert mine[6:14] not in page
    ranked = COUNTED % "store_manager" + "having: oldest < date('1991-01-01')\n"
    ranked += "  oldest: {min: birth_date, label: {zh: 最早, en: First}}\n"
    ranked = ranked.replace("having: oldest < date('1991-01-01')\n", "")
    ranked = ranked.replace("groups:", "having: oldest < date('1991-01-01')\ngroups:")
    name = written(chain, "hr", ranked)
    assert run(chain, "hr", name).lines
    assert chain.browser("store").get(f"/reports/{name}").status_code == 409


HOSTILE = [
    "", "{}", "[]", "report", "report:", "report: [x]", "report: x\nentity: {a: b}", "a: &x [*x]", "\t- : : {",
    "report: x\n" * 3, "report: my_1\n---\nreport: my_2", "entity: staff", "role: owner\nlabel: {zh: a, en: a}",
    PEOPLE.replace("staff", "no_such"), PEOPLE.replace("name: name", "name: {}"),
    PEOPLE.replace("name: name", "name: {field: name, count: rows}"), PEOPLE + "sort: [none]\n",
    PEOPLE + "where: \"name = 'a\\0b'\"\n", PEOPLE + 'where: "1 +"\n', PEOPLE + 'where: "((((((("\n',
    PEOPLE + "limit: 99999999999999\n", PEOPLE + "chart: {type: cake, x: name, series: [name]}\n",
    PEOPLE + "params: {period: {type: period, label: {zh: 期, en: P}}}\nfilters: {period: position}\n",
    PEOPLE + "for: [nobody_is_this]\n", PEOPLE + "  it: {field: name, of: contract.staff}\n",
    PEOPLE + "  it: {field: name, total: true}\n", PEOPLE + "  it: {top: state, of: contract.staff}\n",
    PEOPLE + "".join(f"  c{n}: name\n" for n in range(100)), PEOPLE + "#" * 21_000, "report: x\n" + "a: [" * 50,
    PEOPLE + "groups: {g: {path: org_unit}}\n", PEOPLE.replace("my_report", "x" * 400),
]  # fmt: skip


@pytest.mark.parametrize("source", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_texts_give_findings(chain: Portal, source: str) -> None:
    sheet = Builder(chain.browser("hr")).write(source)
    assert problems(sheet.page.text) != []
    assert sheet.save().status_code == 422
    assert "Traceback" not in sheet.page.text


def test_what_the_database_refuses_is_said(chain: Portal) -> None:
    source = (
        PEOPLE + "  big: {field: 999999999 * 999999999 * 999999999 * contract_count, as: integer}\n"
    )
    source = source.replace(
        "as: integer", "as: integer, label: {zh: 大, en: B}, help: {zh: 大, en: B}"
    )
    sheet = Builder(chain.browser("hr")).write(
        source.replace("999999999 *", "999999999999999999 *")
    )
    assert sheet.page.status_code == 200
    answer = sheet.save()
    assert answer.status_code in (302, 422)
    if answer.status_code == 422:
        assert problems(answer.text) != []


def test_what_is_not_filled_in_is_shown_beside_its_field(chain: Portal) -> None:
    sheet = Builder(chain.browser("hr")).change(entity="staff").change("add w")
    sheet.change(w0__path="name")
    answer = sheet.save()
    assert answer.status_code == 422
    assert 'id="e-label"' in answer.text
    assert 'id="e-w0"' in answer.text


@pytest.mark.parametrize(
    "broken",
    [
        {"entity": "no_such"},
        {"c0.said": "{", "c1.said": '{"of": 1}', "c2.said": "[]"},
        {"c0.said": '{"of": "field staff_no ", "name": "a\\nb", "label": ["\\ud800", "x"]}'},
        {"kind": "groups", "m0.said": "null", "m0.way": "cake", "g0.said": "", "g0.path": "x"},
        {"chart": "bar", "x": "zz", "series": "c99", "s0.by": "c99", "limit": "１２"},
        {"w0.path": "state", "w0.operator": "le", "w0.value": "x' or 1=1", "any_of": "xor"},
    ],
    ids=range(6),
)
def test_a_form_that_nobody_could_have_filled_in_does_no_harm(
    chain: Portal, broken: dict[str, str]
) -> None:
    sheet = Builder(chain.browser("hr")).change(entity="staff")
    for do in ("show", "drop c99", "up m7", "add z", "down c0"):
        sheet.sent |= broken
        assert sheet.change(do).page.status_code == 200


def test_of_two_who_change_the_same_report_the_second_is_told(chain: Portal) -> None:
    name = written(chain, "hr", COUNTED % "")
    first, second = (Builder(chain.browser("hr"), f"/reports/{name}/edit") for _ in range(2))
    first.change(label="甲").saved()
    second.change(label="乙")
    answer = second.save()
    assert answer.status_code == 409
    assert "乙" in second.page.text
    with records_of(chain, "hr") as records:
        assert "甲" in {one.label.zh for one in reports_for(records)}
    third = Builder(chain.browser("hr"), f"/reports/{name}/edit").change(label="丙")
    assert third.saved() == name
    with records_of(chain, "hr") as records:
        labels = {one.label.zh for one in reports_for(records)}
        assert "丙" in labels
        assert "甲" not in labels


def test_a_report_of_the_schema_becomes_ones_own(chain: Portal) -> None:
    browser = chain.browser("hr")
    assert "/reports/new?from=statutory_roster" in browser.get("/reports/statutory_roster").text
    assert "/reports/new?from=" not in browser.get("/reports/headcount_by_store").text
    sheet = Builder(browser, "/reports/new?from=statutory_roster")
    assert "for: []" in sheet.source
    assert "code:" not in sheet.source
    name = sheet.saved()
    own, given = run(chain, "hr", name), run(chain, "hr", "statutory_roster")
    assert own.lines == given.lines
    shared = Builder(browser, f"/reports/new?from={heads(chain).saved()}")
    assert "b-entity" in shared.page.text


def test_saved_reports_are_taken_as_files_and_from_the_terminal(
    chain: Portal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = written(chain, "hr", COUNTED % "area_manager")
    browser = chain.browser("hr")
    browser.get(f"/reports/{name}")
    taken = browser.post(f"/reports/{name}/file", {"format": "csv"})
    assert taken.status_code == 200
    assert "甲店" in taken.data.decode("utf-8-sig")
    for key, value in (
        ("PORTAL_HOME", str(chain.settings.home)),
        ("PORTAL_DATABASE_URL", chain.settings.database_url),
        ("PORTAL_DATABASE_OWNER_URL", chain.settings.database_owner_url),
    ):
        monkeypatch.setenv(key, str(value))
    listed = CliRunner().invoke(main, ["report", "list", "--json", "--as", "area"])
    assert name in {one["name"] for one in json.loads(listed.output)}
    out = tmp_path / "x.csv"
    done = CliRunner().invoke(main, ["report", "run", name, "--as", "area", "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "丙店" not in out.read_text("utf-8-sig")


def test_nobody_keeps_more_than_fifty(chain: Portal) -> None:
    chain.account("collector", "hr", None)
    insert = (
        "INSERT INTO portal_report (owner_id, label, source)"
        " SELECT (SELECT id FROM ab_user WHERE username = 'collector'), 'x', :source"
        " FROM generate_series(1, :count) RETURNING 1"
    )
    with chain.engines.owner.begin() as connection:
        connection.execute(text(insert), {"source": PEOPLE, "count": MOST_OWN})
    sheet = Builder(chain.browser("collector")).write(PEOPLE)
    answer = sheet.save()
    assert answer.status_code == 409
    assert "50" in problems(answer.text)[-1]


def test_a_report_that_no_longer_fits_can_be_mended_by_its_owner(chain: Portal) -> None:
    name = written(chain, "hr", COUNTED % "area_manager")
    change = "UPDATE portal_report SET source = replace(source, 'org_unit', 'gone'), version = 9 WHERE name = :n"
    with chain.engines.owner.begin() as connection:
        connection.execute(text(change), {"n": name})
    owner, reader = chain.browser("hr"), chain.browser("area")
    assert reader.get(f"/reports/{name}").status_code == 409
    assert f"/reports/{name}" not in reader.get("/reports/").text
    assert f"/reports/{name}/edit" in owner.get("/reports/").text
    sheet = Builder(owner, f"/reports/{name}/edit")
    assert "gone" in problems(sheet.page.text)[0]
    sheet.write(sheet.source.replace("gone", "org_unit")).saved()
    assert reader.get(f"/reports/{name}").status_code == 200


def test_cells_of_the_preview_are_those_of_the_page(chain: Portal) -> None:
    sheet = heads(chain)
    shown = [row for row in sheet.table if row]
    name = sheet.saved()
    page = chain.browser("hr").get(f"/reports/{name}").text
    assert [row[1:] for row in cells(page)[1:]] == [row[1:] for row in shown[1:]]
