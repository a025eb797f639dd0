"""Kept snapshots: made in the background, handed out only unchanged and only with the rights of then."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from datetime import date, timedelta
from io import BytesIO

import pytest
from click.testing import CliRunner
from python_calamine import CalamineWorkbook
from sqlalchemy.orm import Session

from app.cli.main import main
from app.features.background.service import TIDY
from app.kernel.messages import Label
from app.language.compiler import compile_sources
from app.storage.database import unit_of_work
from app.tasks.outbox import NewTask, enqueue
from tests.functional.reports.scheduling import MONDAY, Desk, open_desk
from tests.support.portals import Browser
from tests.support.servers import Servers

ROLE = "UPDATE role_assignment SET {column} = :value WHERE account_id = :id"


@pytest.fixture(scope="module")
def whole_desk(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with open_desk(servers, tmp_path_factory.mktemp("desk")) as desk:
        yield desk


@pytest.fixture
def desk(whole_desk: Desk) -> Desk:
    whole_desk.forget()
    return whole_desk


def keep(desk: Desk, username: str, kind: str = "xlsx", **asked: str) -> tuple[Browser, int]:
    """A snapshot that somebody asked for on the page of the headcount: his browser and its id."""
    browser = desk.portal.browser(username)
    browser.post("/lang/zh")
    answer = browser.post("/reports/headcount_by_store/keep", {"format": kind, **asked})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/reports/snapshots")
    assert "正在生成快照" in browser.get("/reports/snapshots").text
    assert set(desk.do()) == {"done"}
    return browser, desk.kept(username)[-1][0]


def deeds(desk: Desk) -> list[tuple[object, ...]]:
    """What the trail says of reports, newest first."""
    return desk.rows("SELECT action, account_name, changes FROM portal_audit WHERE action LIKE 'report:%'"
                     " ORDER BY id DESC LIMIT 3")  # fmt: skip


def tidy(desk: Desk) -> None:
    """Let the portal tidy up."""
    with Session(desk.portal.engines.app) as session, unit_of_work(session):
        enqueue(session, desk.portal.runtime, NewTask(TIDY.name, Label("整理", "Tidy")))
    assert desk.do(TIDY.name) == ["done"]


def test_a_snapshot_is_kept_and_comes_back_as_it_was(desk: Desk) -> None:
    browser, number = keep(desk, "area", period="2026-05")
    page = browser.get("/reports/snapshots").text
    digest = desk.kept("area")[0][1]
    assert digest in page
    assert f"{digest[:12]}…" in page
    assert "期间：2026-05-01 – 2026-05-31" in page
    sent = browser.get(f"/reports/snapshots/{number}/file")
    assert "R1_headcount_by_store_2026-06-15.xlsx" in sent.headers["Content-Disposition"]
    assert hashlib.sha256(sent.data).hexdigest() == digest
    sheet = CalamineWorkbook.from_filelike(BytesIO(sent.data)).get_sheet_by_index(0).to_python()
    assert {"甲店", "乙店"} <= {row[1] for row in sheet}
    assert "丙店" not in {row[1] for row in sheet}
    kept = desk.rows(
        "SELECT size, lines, schema_digest, made_at, kept_until FROM portal_report_snapshot"
    )[0]
    assert kept[:3] == (len(sent.data), 2, desk.portal.schema.digest)
    assert kept[4] - kept[3] == timedelta(days=400)
    taken = deeds(desk)[0]
    assert taken[:2] == ("report:taken", "area")
    assert taken[2]["snapshot"] == number  # type: ignore[index] # a JSON object
    assert taken[2]["lines"] == 2  # type: ignore[index] # a JSON object


def test_a_snapshot_stays_as_it_was_when_records_change(desk: Desk) -> None:
    browser, number = keep(desk, "owner", "csv")
    before = browser.get(f"/reports/snapshots/{number}/file").data
    desk.change("UPDATE store SET headcount_plan = headcount_plan + 1")
    try:
        assert browser.get(f"/reports/snapshots/{number}/file").data == before
    finally:
        desk.change("UPDATE store SET headcount_plan = headcount_plan - 1")


def test_a_file_that_was_changed_or_lost_is_refused(desk: Desk) -> None:
    browser, number = keep(desk, "owner")
    place = desk.file(desk.kept("owner")[0][1])
    kept, url = place.read_bytes(), f"/reports/snapshots/{number}/file"
    place.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
    answer = browser.get(url)
    assert answer.status_code == 409
    assert "校验值不一致" in answer.text
    place.unlink()
    assert browser.get(url).status_code == 409
    place.write_bytes(kept)
    assert browser.get(url).status_code == 200


def test_others_do_not_know_of_it(desk: Desk) -> None:
    _, number = keep(desk, "area")
    for username in ("owner", "store"):
        browser = desk.portal.browser(username)
        for path in (f"/reports/snapshots/{number}", f"/reports/snapshots/{number}/file"):
            assert browser.get(path).status_code == 404
        assert browser.post(f"/reports/snapshots/{number}/delete").status_code == 404
        assert f"snapshots/{number}" not in browser.get("/reports/snapshots").text


@pytest.mark.parametrize(
    ("column", "value", "status"),
    [("valid_to", date(2026, 6, 14), 404), ("role", "store_manager", 404), ("held_at_id", "乙店", 403)],
    ids=["no role", "another role", "a smaller place"],
)  # fmt: skip
def test_rights_that_were_lost_since_hold_it_back(
    desk: Desk, column: str, value: str | date, status: int
) -> None:
    browser, number = keep(desk, "area")
    account, url = desk.account("area"), f"/reports/snapshots/{number}/file"
    statement = ROLE.format(column=column)
    before = desk.rows(f"SELECT {column} FROM role_assignment WHERE account_id = :id", id=account)
    wanted = desk.portal.ids[str(value)] if column == "held_at_id" else value
    desk.change(statement, value=wanted, id=account)
    desk.change("UPDATE portal_counter SET value = value + 1 WHERE name = 'access'")
    try:
        browser = desk.portal.browser("area")
        assert browser.get(url).status_code == status
    finally:
        desk.change(statement, value=before[0][0], id=account)
        desk.change("UPDATE portal_counter SET value = value + 1 WHERE name = 'access'")
    assert desk.portal.browser("area").get(url).status_code == 200


def test_what_may_not_be_taken_is_not_kept(desk: Desk) -> None:
    browser = desk.portal.browser("area")
    assert browser.post("/reports/order_drops/keep", {"format": "xlsx"}).status_code == 403
    assert browser.post("/reports/headcount_by_store/keep", {"format": "exe"}).status_code == 404
    assert browser.post("/reports/statutory_roster/keep", {"format": "xlsx"}).status_code == 404
    assert desk.portal.browser("sales").get("/reports/headcount_by_store").status_code == 404


def test_what_was_deleted_goes_from_the_disk_when_the_portal_tidies_up(desk: Desk) -> None:
    browser, number = keep(desk, "owner")
    _, other = keep(desk, "owner", "csv")
    gone, stays = (desk.file(row[1]) for row in desk.kept("owner"))
    assert browser.post(f"/reports/snapshots/{number}/delete").status_code == 302
    assert deeds(desk)[0][0] == "report:snapshot_removed"
    for place in (gone, stays):
        os.utime(place, (0, desk.portal.clock.now().timestamp()))
    tidy(desk)
    assert gone.exists(), "a file that was just stored may belong to a row that is not saved yet"
    desk.at(MONDAY + timedelta(days=2), 3)
    tidy(desk)
    assert not gone.exists()
    assert stays.exists()
    assert [row[0] for row in desk.kept("owner")] == [other]


def test_a_snapshot_goes_when_it_was_kept_long_enough(desk: Desk) -> None:
    keep(desk, "owner")
    place = desk.file(desk.kept("owner")[0][1])
    os.utime(place, (0, desk.portal.clock.now().timestamp()))
    desk.at(MONDAY + timedelta(days=400), 11)
    tidy(desk)
    assert len(desk.kept("owner")) == 1
    desk.at(MONDAY + timedelta(days=400), 13)
    tidy(desk)
    assert desk.kept("owner") == []
    assert place.exists()
    tidy(desk)
    assert not place.exists()


def test_the_portal_file_says_how_long_snapshots_stay(desk: Desk) -> None:
    sources = dict(desk.portal.schema.sources)
    name = next(name for name in sources if name.endswith("portal.yaml"))
    sources[name] += "\nkeep_snapshots_days: 30\n"
    assert compile_sources(sources).portal.keep_snapshots_days == 30


def test_the_terminal_lists_and_verifies(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    known = desk.portal.settings
    for name, value in known.to_environment().items():
        if name in ("PORTAL_HOME", "PORTAL_DATABASE_URL", "PORTAL_DATABASE_OWNER_URL"):
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("PORTAL_LANGUAGE", "zh")
    keep(desk, "owner", period="last_month")
    _, number = keep(desk, "owner", "pdf")
    listed = CliRunner().invoke(main, ["report", "snapshots", "--json"])
    found = json.loads(listed.stdout)
    assert [one["format"] for one in found] == ["pdf", "xlsx"]
    assert found[1]["said"] == [["期间", "2026-05-01 – 2026-05-31"]]
    assert {one["sha256"] for one in found} == {row[1] for row in desk.kept("owner")}
    assert CliRunner().invoke(main, ["report", "verify"]).exit_code == 0
    place = desk.file(desk.kept("owner")[1][1])
    place.write_bytes(b"%PDF-nothing")
    done = CliRunner().invoke(main, ["report", "verify"])
    assert done.exit_code == 1
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    assert len(lines) == 1
    assert str(number) in lines[0]
