"""Reports as files that are opened again, as pages, from the terminal and in the background."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import pypdf
import pytest
from click.testing import CliRunner
from python_calamine import CalamineWorkbook
from sqlalchemy import text

from app.audit.checkpoints import make_checkpoint, newest
from app.cli.main import main
from app.features.reports.files import write_report
from app.features.reports.formats import Setting
from app.features.reports.passages import own_passage
from app.kernel.errors import Forbidden
from app.storage.encryption import ring_of
from app.web.catalogs import words_of
from tests.functional.reports.running import opened
from tests.support.portals import Portal


def written(chain: Portal, place: Path, username: str, name: str, kind: str, **given: str) -> Path:
    """A report as a file."""
    words = words_of(chain.settings.home, "zh")
    with opened(chain, username, name, **given) as report:
        setting = Setting("zh", chain.runtime.zone, words, chain.clock.now())
        passage = own_passage(report, kind, chain.settings.secret_key)
        write_report(report, kind, place / f"report.{kind}", setting, passage)
    return place / f"report.{kind}"


def test_excel_holds_typed_cells_totals_and_a_chart(chain: Portal, tmp_path: Path) -> None:
    place = written(chain, tmp_path, "owner", "headcount_by_store", "xlsx")
    book = CalamineWorkbook.from_path(place)
    figures, meanings = (book.get_sheet_by_index(number).to_python() for number in (0, 1))
    assert figures[0][:4] == ["大区", "门店", "编制", "在册"]
    assert figures[1][:6] == ["东区", "甲店", 5.0, 3.0, -2.0, -0.4]
    assert figures[4][:4] == ["合计", "", 12.0, 6.0]
    assert ["编制", "门店档案里的编制人数，不分岗位。"] in [row[:2] for row in meanings]
    with zipfile.ZipFile(place) as archive:
        assert any(name.startswith("xl/charts/chart") for name in archive.namelist())
        assert 'state="frozen"' in archive.read("xl/worksheets/sheet1.xml").decode()


def test_dates_and_money_are_values_in_excel(chain: Portal, tmp_path: Path) -> None:
    place = written(chain, tmp_path, "hr", "unsigned_contracts", "xlsx")
    rows = CalamineWorkbook.from_path(place).get_sheet_by_index(0).to_python()
    line = next(row for row in rows if row[0] == "赵兼职 S03")
    assert line[2] == date(2026, 4, 15)
    assert line[7] == 3100.0


def test_a_text_is_never_a_formula(chain: Portal, tmp_path: Path) -> None:
    change = "UPDATE staff SET hukou_address = :value WHERE id = :id"
    with chain.engines.owner.begin() as connection:
        connection.execute(
            text(change),
            {"value": ring_of(connection.dialect).encrypted("=1+1"), "id": chain.ids["李试用"]},
        )
    place = written(chain, tmp_path, "hr", "statutory_roster", "csv")
    raw = place.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"))))
    assert {row["姓名"]: row["户籍地址"] for row in rows}["李试用"] == "'=1+1"
    sheet = written(chain, tmp_path, "hr", "statutory_roster", "xlsx")
    cells = CalamineWorkbook.from_path(sheet).get_sheet_by_index(0).to_python()
    assert "=1+1" in {row[4] for row in cells}


def test_json_is_for_programs(chain: Portal, tmp_path: Path) -> None:
    found: Any = json.loads(
        written(chain, tmp_path, "owner", "headcount_by_store", "json").read_text("utf-8")
    )
    assert (found["code"], found["count"]) == ("R1", 3)
    assert (
        found["rows"][0] | {"region": "东区", "store": "甲店", "plan": 5, "gap_share": -40}
        == found["rows"][0]
    )
    assert found["total"]["actual"] == 6
    assert {"name": "plan", "kind": "integer"}.items() <= found["columns"][2].items()


def test_a_pdf_speaks_both_languages_and_numbers_its_pages(chain: Portal, tmp_path: Path) -> None:
    now, home = chain.clock.now(), chain.settings.home
    checkpoint = make_checkpoint(chain.engines.app, home, now, "test")
    place = written(chain, tmp_path, "owner", "headcount_by_store", "pdf")
    pages = [page.extract_text() for page in pypdf.PdfReader(place).pages]
    whole = "\n".join(pages)
    assert "人员周报" in whole
    assert "Headcount by store" in whole
    assert "甲店" in whole
    assert "合计" in whole
    assert f"1 / {len(pages)}" in whole
    # Whoever holds the paper can tell a later log with another history.
    assert checkpoint is not None
    assert checkpoint.checkpoint.short in whole


def test_lines_that_are_records_leave_only_with_the_right_to_export(
    chain: Portal, tmp_path: Path
) -> None:
    for username, name in (
        ("area", "order_drops"),
        ("store", "overtime_and_attendance"),
        ("auditor", "statutory_roster"),
    ):
        with pytest.raises(Forbidden):
            written(chain, tmp_path, username, name, "csv")
    setting = Setting("zh", chain.runtime.zone, str, chain.clock.now())
    with opened(chain, "owner", "statutory_roster") as report, pytest.raises(Forbidden):
        write_report(report, "csv", tmp_path / "none.csv", setting, None)
    assert not (tmp_path / "none.csv").exists()
    written(chain, tmp_path, "area", "headcount_by_store", "csv")


def test_figures_bear_who_took_them_and_when(chain: Portal, tmp_path: Path) -> None:
    with chain.engines.app.connect() as connection:
        sealed = newest(connection)
    assert sealed is not None
    signed = f"{sealed.at.astimezone(chain.runtime.zone):%Y-%m-%d %H:%M}"
    parts = ["(area)", "2026-06-15 12:00", sealed.short, signed]
    for kind in ("csv", "json"):
        text_ = written(chain, tmp_path, "area", "headcount_by_store", kind).read_text("utf-8-sig")
        assert all(part in text_ for part in parts), kind
    sheet = written(chain, tmp_path, "area", "headcount_by_store", "xlsx")
    with zipfile.ZipFile(sheet) as archive:
        inside = [
            archive.read(f"{name}.xml").decode()
            for name in ("docProps/core", "xl/worksheets/sheet1")
        ]
    assert all(part in one for one in inside for part in parts)
    paper = written(chain, tmp_path, "area", "headcount_by_store", "pdf")
    pages = [page.extract_text() for page in pypdf.PdfReader(paper).pages]
    assert all(part in page for page in pages for part in parts)


def test_a_page_has_figures_with_meanings_filters_and_files(chain: Portal) -> None:
    browser = chain.browser("owner")
    browser.post("/lang/zh")
    assert 'href="/reports/headcount_by_store"' in browser.get("/reports/").text
    page = browser.get("/reports/headcount_by_store?period=2026-05")
    assert page.status_code == 200
    assert "门店档案里的编制人数" in page.text
    assert 'value="xlsx"' in page.text
    assert "data-chart=" in page.text
    assert "echarts.common.min.js" in page.text
    link = re.search(r'href="(/reports/headcount_by_store/rows\?column=joiners[^"]+)"', page.text)
    assert link is not None
    rows = browser.get(link[1].replace("&amp;", "&"))
    assert "李试用" in rows.text
    assert "王店长" not in rows.text.split("<main")[1]
    sent = browser.post("/reports/headcount_by_store/file", {"format": "csv", "period": "2026-05"})
    assert sent.headers["Content-Type"].startswith("text/csv")
    assert "R1_headcount_by_store_2026-06-15.csv" in sent.headers["Content-Disposition"]
    assert "甲店" in sent.data.decode("utf-8-sig")


def test_every_report_opens_in_both_languages_for_its_readers(chain: Portal) -> None:
    for username in ("owner", "hr", "finance", "auditor", "area", "store"):
        browser = chain.browser(username)
        for language in ("zh", "en"):
            browser.post(f"/lang/{language}")
            links = re.findall(r'href="(/reports/\w+)"', browser.get("/reports/").text)
            for link in set(links):
                answer = browser.get(link)
                assert answer.status_code == 200, (username, link, answer.text[-600:])


def test_pages_that_are_not_for_the_reader_do_not_exist(chain: Portal) -> None:
    browser = chain.browser("sales")
    for path in ("/reports/headcount_by_store", "/reports/headcount_by_store/rows?column=plan",
                 "/reports/headcount_by_store/lookup/unit"):  # fmt: skip
        assert browser.get(path).status_code == 404
    assert browser.post("/reports/headcount_by_store/file", {"format": "csv"}).status_code == 404
    assert browser.get("/reports/headcount_by_store?period=nonsense").status_code == 404


def test_nonsense_in_an_address_is_said_on_the_page(chain: Portal) -> None:
    page = chain.browser("owner").get("/reports/headcount_by_store?period=nonsense&unit=999999")
    assert page.status_code == 200
    assert 'role="alert"' in page.text


def test_a_parameter_finds_records_as_one_types(chain: Portal) -> None:
    found: Any = chain.browser("area").get("/reports/headcount_by_store/lookup/unit?q=").json
    assert {row["text"] for row in found["results"]} == {"沪区", "甲店", "乙店"}


def test_reports_run_from_the_terminal(
    chain: Portal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTAL_HOME", str(chain.settings.home))
    monkeypatch.setenv("PORTAL_DATABASE_URL", chain.settings.database_url)
    monkeypatch.setenv("PORTAL_DATABASE_OWNER_URL", chain.settings.database_owner_url)
    monkeypatch.setenv("PORTAL_LANGUAGE", "zh")
    listed = CliRunner().invoke(main, ["report", "list", "--json"])
    codes = [one["code"] for one in json.loads(listed.stdout)]
    assert {f"R{number}" for number in range(1, 17)} <= set(codes)
    assert codes.index("R2") < codes.index("R10")
    place = tmp_path / "r1.csv"
    words = [
        "report",
        "run",
        "headcount_by_store",
        "--as",
        "area",
        "--format",
        "csv",
        "--out",
        str(place),
    ]
    done = CliRunner().invoke(main, [*words, "--param", "period=2026-05"])
    assert done.exit_code == 0, done.output
    assert place.read_text("utf-8-sig").count("店") >= 2
    assert "丙店" not in place.read_text("utf-8-sig")
    taken = chain.scalar(
        "SELECT changes->>'report' FROM portal_audit WHERE action = 'report:taken' ORDER BY id DESC LIMIT 1"
    )
    assert taken == "headcount_by_store"
    for wrong in (["report", "run", "nothing", "--as", "owner", "--out", str(place)],
                  ["report", "run", "headcount_by_store", "--as", "nobody", "--out", str(place)],
                  [*words, "--param", "period=soon"]):  # fmt: skip
        assert CliRunner().invoke(main, wrong).exit_code != 0
