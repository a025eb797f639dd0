"""T08: nothing leaves the portal as a file but by a grant: for one account, one question, one file, once."""

from __future__ import annotations

import re
from typing import Any

import pytest
from click.testing import CliRunner

from app.cli.main import main
from app.features.exports.rules import mark_of
from app.features.reports.telling import told_by
from tests.functional.requests.asking import decide, run, state_of
from tests.functional.requests.exporting import (
    ask_export,
    fetched,
    granted,
    left_on_disk,
    lines,
    link,
    make,
    requested,
    work,
)
from tests.support.nursery import CANARY
from tests.support.portals import Browser, Portal


@pytest.fixture
def west(nursery: Portal) -> Browser:
    browser = nursery.browser("west")
    browser.post("/lang/zh")
    return browser


def test_the_whole_way(nursery: Portal, west: Browser) -> None:
    assert 'href="/exports/new/plant?healthy=true"' in west.get("/plant/list/?healthy=true").text
    request = requested(west, "plant", "healthy=true", most_rows="30")
    boss = nursery.browser("boss")
    page = boss.get(f"/requests/{request}").text
    assert "盘点" in page
    assert "30" in page
    assert west.get(f"/exports/of/{request}").status_code == 404
    assert decide(boss, request) == 302
    number = int(west.get(f"/exports/of/{request}").headers["Location"].rpartition("/")[2])
    answer = fetched(nursery, west, number)
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert state_of(nursery, request) == "used"
    rows = lines(answer)
    assert len(rows) == 31
    assert CANARY not in answer.text
    # Who, when and by which request stands at the head; each row bears its own mark.
    assert rows[0][:3] == ["标牌", "苗床", "价格"]
    head = rows[0][3]
    assert all(part in head for part in ("west", "2026-06-15 12:00", str(request)))
    plant = nursery.ids["plant3"]
    marked = mark_of(nursery.settings.secret_key, number, "plant", plant)
    assert ["丽水槭树03", "西床", "30.00", marked] in rows
    assert left_on_disk(nursery) == []


def test_a_used_grant_and_a_used_link_are_gone(nursery: Portal, west: Browser) -> None:
    number = granted(nursery, west, "plant")
    assert make(nursery, west, number).status_code == 302
    assert make(nursery, west, number).status_code == 410
    assert work(nursery) == ["done"]
    address = link(west, number)
    assert west.client.head(address, environ_overrides=west.address).status_code == 404
    assert nursery.browser("boss").get(address).status_code == 404
    assert west.get(address[:-1] + "0").status_code == 404
    assert west.get(address).status_code == 200
    assert west.get(address).status_code == 410
    assert make(nursery, west, number).status_code == 410


def test_a_file_that_is_lost_is_gone(nursery: Portal, west: Browser) -> None:
    number = granted(nursery, west, "plant")
    assert make(nursery, west, number).status_code == 302
    assert work(nursery) == ["done"]
    address = link(west, number)
    for path in left_on_disk(nursery):
        path.unlink()
    assert west.get(address).status_code == 410


def test_another_question_than_the_granted_one_is_refused(nursery: Portal, west: Browser) -> None:
    number = granted(nursery, west, "plant", "healthy=true")
    assert make(nursery, west, number, asked="0" * 64).status_code == 403
    # Not by changing what is stored of it either.
    run(nursery, "UPDATE portal_export_grant SET asked = jsonb_set(asked, '{filters}', '{}')"
                 " WHERE id = :id", id=number)  # fmt: skip
    assert make(nursery, west, number).status_code == 403
    run(nursery, "UPDATE portal_export_grant SET state = 'making' WHERE id = :id", id=number)
    assert left_on_disk(nursery) == []


def test_what_is_changed_in_the_store_while_the_file_waits_is_refused(
    nursery: Portal, west: Browser
) -> None:
    number = granted(nursery, west, "plant", "healthy=true")
    assert make(nursery, west, number).status_code == 302
    run(nursery, "UPDATE portal_export_grant SET asked = jsonb_set(asked, '{filters}', '{}')"
                 " WHERE id = :id", id=number)  # fmt: skip
    assert work(nursery) == ["failed"]
    assert left_on_disk(nursery) == []


def test_more_rows_than_granted_leave_nothing_behind(nursery: Portal, west: Browser) -> None:
    number = granted(nursery, west, "plant", most_rows="29")
    assert make(nursery, west, number).status_code == 302
    assert work(nursery) == ["failed"]
    assert left_on_disk(nursery) == []
    page = west.get(f"/exports/{number}").text
    assert "/file/" not in page
    assert "29" in page
    assert nursery.scalar("SELECT rows FROM portal_export_grant WHERE id = :id", id=number) is None


def test_a_grant_ends_with_its_time(nursery: Portal, west: Browser) -> None:
    number = granted(nursery, west, "plant")
    run(
        nursery,
        "UPDATE portal_export_grant SET expires_at = '2026-06-15T03:59Z' WHERE id = :id",
        id=number,
    )
    assert make(nursery, west, number).status_code == 410


@pytest.mark.parametrize("deed", ["closed", "role ended", "grant ended"])
def test_what_changes_while_the_file_is_made_stops_it(
    nursery: Portal, west: Browser, deed: str
) -> None:
    number = granted(nursery, west, "plant")
    assert make(nursery, west, number).status_code == 302
    undo = {
        "closed": ("UPDATE ab_user SET active = false WHERE username = 'west'",
                   "UPDATE ab_user SET active = true WHERE username = 'west'"),
        "role ended": ("UPDATE role_assignment SET role = 'inspector' WHERE account_id = :west",
                       "UPDATE role_assignment SET role = 'keeper' WHERE account_id = :west"),
        "grant ended": ("UPDATE portal_export_grant SET expires_at = '2026-06-15T03:59Z' WHERE id = :id", "SELECT 1"),
    }[deed]  # fmt: skip
    values = {"id": number, "west": nursery.ids["account_west"]}
    run(nursery, undo[0], **values)
    try:
        assert work(nursery) in (["failed"], ["refused"])
    finally:
        run(nursery, undo[1], **values)
    assert left_on_disk(nursery) == []
    assert (
        nursery.scalar("SELECT state FROM portal_export_grant WHERE id = :id", id=number)
        == "making"
    )


def test_whoever_may_export_at_once_gets_a_grant_to_himself(nursery: Portal) -> None:
    boss = nursery.browser("boss")
    answer = ask_export(boss, "plant", most_rows="31")
    number = int(answer.headers["Location"].removeprefix("/exports/"))
    assert work(nursery) == ["done"]
    rows = lines(boss.get(link(boss, number)))
    assert len(rows) == 32
    kept = "SELECT concat_ws('|', request_id, account_id, rows, state) FROM portal_export_grant WHERE id = :id"
    assert nursery.scalar(kept, id=number) == f"{nursery.ids['account_boss']}|31|taken"
    told = "SELECT count(*) FROM portal_audit WHERE action = 'export:taken' AND changes->>'export' = :id"
    assert nursery.scalar(told, id=str(number)) == 1


def test_masked_and_hidden_columns_are_neither_offered_nor_taken(
    nursery: Portal, west: Browser
) -> None:
    page = west.get("/exports/new/buyer").text
    assert 'value="name"' in page
    assert 'value="mobile"' not in page
    answer = ask_export(west, "buyer", columns=["name", "mobile"])
    assert answer.status_code == 422
    request = requested(west, "buyer", columns=["name"])
    sealed = nursery.scalar(
        "SELECT payload->'asked'->'columns' FROM portal_request WHERE id = :id", id=request
    )
    assert sealed == ["name"]


def test_without_any_right_there_is_no_button_and_tries_are_told(nursery: Portal) -> None:
    helper = nursery.browser("helper")
    assert "/exports/new" not in helper.get("/task/list/").text
    helper.get("/")
    told = "SELECT count(*) FROM portal_notice WHERE kind = 'export_blocked' AND account_id = :id"
    boss = nursery.ids["account_boss"]
    for wanted in (0, 0, 1, 1, 1, 2):
        assert helper.post("/exports/new/task", {"columns": ["name"]}).status_code == 403
        assert nursery.scalar(told, id=boss) == wanted
    body = nursery.scalar("SELECT texts->'body'->>'zh' FROM portal_notice WHERE kind = 'export_blocked'"
                          " AND account_id = :id ORDER BY id LIMIT 1", id=boss)  # fmt: skip
    assert body.count("POST /exports/new/task") == 3
    blocked = "SELECT count(*) FROM portal_audit WHERE action = 'export:blocked' AND account_name = 'helper'"
    assert nursery.scalar(blocked) == 6


def test_nonsense_is_refused_in_words(nursery: Portal, west: Browser) -> None:
    faults: list[dict[str, Any]] = [
        {"columns": []},
        {"format": "exe"},
        {"most_rows": "0"},
        {"most_rows": "x"},
        {"reason": ""},
        {"columns": ["nothing"]},
        {"most_rows": "99999999999"},
    ]
    for more in faults:
        assert ask_export(west, "plant", **more).status_code == 422, more
    assert west.get("/exports/new/nothing").status_code == 404
    assert west.get("/exports/999999").status_code == 404


def test_a_leaked_row_tells_which_file_it_is_from(nursery: Portal, west: Browser) -> None:
    numbers = [granted(nursery, west, "plant", "healthy=true") for _ in range(2)]
    files = [lines(fetched(nursery, west, number)) for number in numbers]
    marks = [{row[3] for row in rows} for rows in files]
    assert not marks[0] & marks[1]
    plant = nursery.ids["plant3"]
    leaked = next(row[3] for row in files[1] if row[0] == "丽水槭树03")
    settings = nursery.settings
    environment = {
        "PORTAL_HOME": str(settings.home), "PORTAL_SCHEMA": str(settings.schema), "PORTAL_LANGUAGE": "en",
        "PORTAL_DATABASE_URL": settings.database_url, "PORTAL_DATABASE_OWNER_URL": settings.database_owner_url,
        "PORTAL_SECRET_KEY": settings.secret_key,
    }  # fmt: skip
    words = ["exports", "trace", "plant", str(plant), leaked]
    answer = CliRunner().invoke(main, words, env=environment, catch_exceptions=False)
    assert answer.exit_code == 0
    assert answer.output.startswith(f"{numbers[1]}  west  2026-06-15 12:00")
    none = CliRunner().invoke(main, [*words[:-1], "A" * 10], env=environment)
    assert none.exit_code == 1


def attached(answer: Any) -> bool:
    """Whether an answer is a file to be saved."""
    return "attachment" in answer.headers.get("Content-Disposition", "")


def test_no_page_hands_out_a_file_without_a_grant(nursery: Portal) -> None:
    """Every address that pages link to or that is known, as each account, with each kind of file."""
    run(nursery, "DELETE FROM portal_export_grant WHERE request_id IS NULL")
    known = [f"/{name}/{part}" for name in nursery.schema.entities
             for part in ("list/", "list/?size=1000000", "show/1", "edit/1", "history/1", "lookup/bed")]  # fmt: skip
    known += ["/reports/", "/reports/snapshots", "/tasks/", "/notices/", "/requests/", "/search/?q=a", "/tasks/1/file",
              *(f"/api/v1/{name}/?q=(page_size:100000)" for name in nursery.schema.entities)]  # fmt: skip
    for username in ("helper", "west", "boss"):
        browser = nursery.browser(username)
        waiting, seen = [*known, "/"], set[str]()
        while waiting and len(seen) < 400:
            address = waiting.pop()
            if address in seen or address.startswith(("/logout", "/lang")):
                continue
            seen.add(address)
            answer = browser.get(address)
            assert answer.status_code < 500, address
            assert not attached(answer), address
            if answer.mimetype == "text/html":
                waiting += [
                    one.replace("&amp;", "&")
                    for one in re.findall(r'href="(/[^"#]*)"', answer.text)
                ]
        before = nursery.scalar("SELECT count(*) FROM portal_export_grant")
        for report in nursery.schema.reports.values():
            if browser.get(f"/reports/{report.name}").status_code == 404:
                continue
            for kind in ("xlsx", "csv", "json", "pdf"):
                answer = browser.post(f"/reports/{report.name}/file", {"format": kind})
                after = nursery.scalar("SELECT count(*) FROM portal_export_grant")
                tells = bool(told_by(nursery.schema, report))
                # Figures are taken at once; records by a grant, which is given to whoever may export them.
                assert attached(answer) == (not tells), report.name
                assert after == before + (tells and username == "boss"), report.name
                before = after
