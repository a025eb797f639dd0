"""T08: lines that tell of records leave by the door of exports, whatever the report calls itself."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from app.cli.main import main
from app.features.viewing.canaries import set_canary
from app.storage.database import make_sessions, unit_of_work
from tests.functional.reports.telling import BUYERS, FIGURES, SALES, grouped, listed, own_report
from tests.functional.requests.asking import decide, run
from tests.functional.requests.exporting import fetched, left_on_disk, lines, link, make, work
from tests.support.portals import Browser, Portal

KINDS = ("xlsx", "csv", "pdf", "json")
GRANTS = "SELECT count(*) FROM portal_export_grant"


@pytest.fixture(scope="module")
def sold(nursery: Portal) -> Portal:
    """A sale, so that reports of sales have a line."""
    with nursery.records() as records:
        records.create("sale", {"buyer": nursery.ids["buyer"], "total": 12})
    return nursery


@pytest.fixture
def west(sold: Portal) -> Browser:
    browser = sold.browser("west")
    browser.post("/lang/zh")
    return browser


@pytest.fixture(autouse=True)
def nothing_waits(sold: Portal) -> Iterator[None]:
    """What one test began is not done by the next."""
    yield
    run(sold, "UPDATE portal_task SET state = 'cancelled' WHERE state = 'ready'")


@pytest.fixture(scope="module")
def made(sold: Portal) -> dict[str, dict[str, str]]:
    """Every report, as made by the keeper and by the owner."""
    every = {**BUYERS, **SALES, **FIGURES}
    return {who: {what: own_report(sold, who, source) for what, source in every.items()}
            for who in ("west", "boss")}  # fmt: skip


def attached(answer: object) -> bool:
    """Whether an answer is a file to be saved."""
    return "attachment" in answer.headers.get("Content-Disposition", "")  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("what", [*BUYERS, *SALES])
def test_nobody_takes_records_at_once(
    sold: Portal, west: Browser, made: dict[str, dict[str, str]], what: str, kind: str
) -> None:
    name, before = made["west"][what], sold.scalar(GRANTS)
    page = west.get(f"/reports/{name}")
    assert page.status_code == 200
    assert "西边花店" in page.text or what not in ("buyers by name", "list of buyers")
    assert f"{name}/file" not in page.text
    assert (f"{name}/ask" in page.text) == (what in BUYERS)
    sent = west.post(f"/reports/{name}/file", {"format": kind})
    assert sent.status_code == (302 if what in BUYERS else 403)
    assert sent.headers.get("Location", "").startswith(f"/reports/{name}/ask") == (what in BUYERS)
    assert not attached(sent)
    if kind != "json":
        assert west.post(f"/reports/{name}/keep", {"format": kind}).status_code == 403
        plan = {"report": name, "format": kind, "rhythm": "week:0", "at": "08:00", "language": "zh"}
        assert west.post("/reports/schedules/new", plan).status_code == 422
    assert sold.scalar(GRANTS) == before
    boss = sold.browser("boss")
    boss.get("/")
    sent = boss.post(f"/reports/{made['boss'][what]}/file", {"format": kind})
    assert not attached(sent)
    assert re.fullmatch(r"/exports/\d+", sent.headers["Location"])
    assert sold.scalar(GRANTS) == before + 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("what", FIGURES)
def test_figures_of_many_are_taken_at_once(
    sold: Portal, west: Browser, made: dict[str, dict[str, str]], what: str, kind: str
) -> None:
    name, before = made["west"][what], sold.scalar(GRANTS)
    west.get(f"/reports/{name}")
    sent = west.post(f"/reports/{name}/file", {"format": kind})
    assert sent.status_code == 200
    assert attached(sent)
    assert sold.scalar(GRANTS) == before


def asked(west: Browser, name: str, **more: str) -> str:
    """Ask for a report as a file; where that leads."""
    address = f"/reports/{name}/ask"
    assert west.get(address).status_code == 200
    usual = {"format": "csv", "most_rows": "10", "reason": "对账"}
    return str(west.post(address, {**usual, **more}).headers.get("Location", ""))


def granted(portal: Portal, west: Browser, name: str, **more: str) -> int:
    """A grant that the boss gave; its number."""
    request = int(asked(west, name, **more).removeprefix("/requests/"))
    boss = portal.browser("boss")
    page = boss.get(f"/requests/{request}").text
    assert "自制" in page
    assert decide(boss, request) == 302
    return int(west.get(f"/exports/of/{request}").headers["Location"].rpartition("/")[2])


@pytest.mark.parametrize("what", ["buyers by name", "sales by name", "list of buyers"])
def test_asked_for_granted_marked_traced_and_gone(
    sold: Portal, west: Browser, made: dict[str, dict[str, str]], what: str
) -> None:
    number = granted(sold, west, made["west"][what])
    answer = fetched(sold, west, number)
    assert attached(answer)
    rows = lines(answer)
    request = sold.scalar("SELECT request_id FROM portal_export_grant WHERE id = :id", id=number)
    assert all(
        part in rows[0][-1] for part in ("west", "2026-06-15 12:00", str(number), str(request))
    )
    leaked = next(row[-1] for row in rows if row[0] == "西边花店")
    settings = sold.settings
    environment = {
        "PORTAL_HOME": str(settings.home), "PORTAL_SCHEMA": str(settings.schema), "PORTAL_LANGUAGE": "en",
        "PORTAL_DATABASE_URL": settings.database_url, "PORTAL_DATABASE_OWNER_URL": settings.database_owner_url,
        "PORTAL_SECRET_KEY": settings.secret_key,
    }  # fmt: skip
    words = ["exports", "trace", "buyer", str(sold.ids["buyer"]), leaked]
    traced = CliRunner().invoke(main, words, env=environment, catch_exceptions=False)
    assert traced.output.startswith(f"{number}  west  2026-06-15 12:00")
    state = "SELECT state FROM portal_export_grant WHERE id = :id"
    assert sold.scalar(state, id=number) == "taken"
    assert make(sold, west, number).status_code == 410
    assert left_on_disk(sold) == []


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_file_bears_its_head(
    sold: Portal, made: dict[str, dict[str, str]], kind: str
) -> None:
    boss, name = sold.browser("boss"), made["boss"]["buyers by name"]
    boss.get("/")
    sent = boss.post(f"/reports/{name}/file", {"format": kind})
    number = int(sent.headers["Location"].rpartition("/")[2])
    assert work(sold)[-1] == "done"
    address = link(boss, number)
    assert attached(boss.get(address))
    assert boss.get(address).status_code == 410


def test_a_report_that_was_changed_since_is_another_one(sold: Portal, west: Browser) -> None:
    name = own_report(sold, "west", grouped("buyer", "name"))
    number = granted(sold, west, name)
    own_report(sold, "west", listed("buyer", "name", "licence"), name)
    assert make(sold, west, number).status_code == 302
    assert work(sold)[-1] in ("failed", "refused")
    assert left_on_disk(sold) == []


def test_more_lines_than_granted_leave_nothing_behind(sold: Portal, west: Browser) -> None:
    name = own_report(sold, "west", grouped("buyer", "name"))
    number = granted(sold, west, name, most_rows="1")
    with sold.records() as records:
        records.create("buyer", {"name": "另一家", "bed": sold.ids["west"]})
    assert make(sold, west, number).status_code == 302
    assert work(sold)[-1] == "failed"
    assert left_on_disk(sold) == []


def test_nonsense_is_refused_in_words(
    sold: Portal, west: Browser, made: dict[str, dict[str, str]]
) -> None:
    name = made["west"]["buyers by name"]
    for more in ({"format": "exe"}, {"most_rows": "0"}, {"most_rows": "x"}, {"reason": ""}):
        assert asked(west, name, **more) == ""
    assert west.get(f"/reports/{made['west']['buyers by bed']}/ask").status_code == 404
    assert west.get(f"/reports/{made['west']['list of sales']}/ask").status_code == 403


def test_a_canary_among_the_names_is_told_of(sold: Portal, made: dict[str, dict[str, str]]) -> None:
    noted = "SELECT count(*) FROM portal_audit_entry WHERE action = 'viewing:canary' AND account_name = 'boss'"
    with unit_of_work(make_sessions(sold.engines.app)()) as session:
        set_canary(session, sold.runtime, "buyer", sold.ids["buyer"], "test")
    before, boss = sold.scalar(noted), sold.browser("boss")
    boss.get("/")
    boss.post(f"/reports/{made['boss']['buyers by name']}/file", {"format": "csv"})
    assert work(sold)[-1] == "done"
    assert sold.scalar(noted) == before + 1


def test_the_terminal_marks_what_it_writes(
    sold: Portal, made: dict[str, dict[str, str]], tmp_path: object
) -> None:
    place = f"{tmp_path}/x.csv"
    settings = sold.settings
    environment = {
        "PORTAL_HOME": str(settings.home), "PORTAL_SCHEMA": str(settings.schema),
        "PORTAL_DATABASE_URL": settings.database_url, "PORTAL_DATABASE_OWNER_URL": settings.database_owner_url,
        "PORTAL_SECRET_KEY": settings.secret_key,
    }  # fmt: skip
    for who, good in (("boss", True), ("west", False)):
        name, before = made[who]["buyers by name"], sold.scalar(GRANTS)
        done = CliRunner().invoke(
            main, ["report", "run", name, "--as", who, "--out", place], env=environment
        )
        assert (done.exit_code == 0) == good
        assert sold.scalar(GRANTS) == before + good
    with open(place, encoding="utf-8-sig", newline="") as file:  # noqa: PTH123 - as a spreadsheet reads it
        rows = list(csv.reader(io.StringIO(file.read())))
    assert "boss" in rows[0][-1]
    assert len({row[-1] for row in rows[1:-1]}) == len(rows) - 2
