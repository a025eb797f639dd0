"""T09: what is typed into a field is never a formula in a file, and comes back just as it was."""

from __future__ import annotations

import csv
import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from app.kernel.cells import DANGEROUS, plain_cell, safe_cell
from tests.functional.requests.exporting import ask_export, link, work
from tests.support.portals import Portal

PAYLOADS = [
    "=1+1", "+1", "-1", "@SUM(A1)", "=cmd|' /C calc'!A0", '=HYPERLINK("http://x","y")', "＝1+1", "＋1", "－1",
    "＠x", " =1+1", "'=1+1", "''=1", "'plain", "plain", "\u3000=1",
]  # fmt: skip


@pytest.fixture(scope="module")
def filled(nursery: Portal) -> Portal:
    with nursery.records() as records:
        for number, text in enumerate(PAYLOADS):
            records.create("tool", {"name": f"{text}_{number}"})
    return nursery


def exported(portal: Portal, kind: str) -> bytes:
    """The tools as a file."""
    boss = portal.browser("boss")
    answer = ask_export(boss, "tool", columns=["name"], format=kind)
    number = int(answer.headers["Location"].removeprefix("/exports/"))
    assert work(portal) == ["done"]
    return boss.get(link(boss, number)).data


def test_excel_holds_strings_and_no_formula(filled: Portal) -> None:
    data = exported(filled, "xlsx")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            if name.startswith("xl/worksheets/sheet"):
                assert b"<f>" not in archive.read(name)
                assert b"<f " not in archive.read(name)
    rows = CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0).to_python()
    stored = filled.scalar("SELECT array_agg(name ORDER BY name) FROM tool")
    assert sorted(row[0] for row in rows[1:]) == sorted(stored)


def test_csv_puts_an_apostrophe_before_and_reading_takes_it_away(filled: Portal) -> None:
    rows = list(csv.reader(io.StringIO(exported(filled, "csv").decode("utf-8-sig"))))[1:]
    stored = filled.scalar("SELECT array_agg(name ORDER BY name) FROM tool")
    assert not [row for row in rows if row[0].lstrip(" \u3000").startswith(DANGEROUS)]
    assert sorted(plain_cell(row[0]) for row in rows) == sorted(stored)
    assert "'=1+1_0" in {row[0] for row in rows}


@given(st.text(alphabet=st.sampled_from("=+-@'＝ \t\r\u3000ab1"), max_size=6))
def test_any_text_is_harmless_and_comes_back(text: str) -> None:
    cell = safe_cell(text)
    assert not cell.lstrip(" \u3000\u00a0\ufeff").startswith(DANGEROUS)
    assert plain_cell(cell) == text
