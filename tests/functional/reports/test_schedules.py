"""Reports that come by themselves: once, with each recipient's own rights, into the inbox and by mail."""

from __future__ import annotations

import csv
import io
import os
import re
import signal
import subprocess
import sys
import threading
import time as clock
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message as Letter
from io import BytesIO
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from python_calamine import CalamineWorkbook
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.factory import Workshops
from app.features.notifications.delivering import deliver
from app.features.reports.author import Author
from app.features.reports.saved import save
from app.features.reports.schedules import Recipients
from app.features.reports.snapshots import STORE_LOCK, refuse_changed_rights
from app.features.reports.turns import DOCUMENT, attachment
from app.kernel.errors import Invalid
from app.kernel.messages import Label
from app.settings import ROOT
from app.storage.database import unit_of_work
from app.tasks.kinds import TaskKind
from app.tasks.outbox import NewTask, enqueue
from app.tasks.runner import run
from app.tasks.work import Work
from tests.functional.reports.scheduling import MONDAY, Desk, open_desk
from tests.support.servers import Servers

NEXT = MONDAY + timedelta(days=7)
EVERYBODY = Recipients(own=True, roles=("area_manager",))
ROLE = "UPDATE role_assignment SET valid_to = :to WHERE account_id = :id"


@pytest.fixture(scope="module")
def whole_desk(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with open_desk(servers, tmp_path_factory.mktemp("desk")) as desk:
        yield desk


@pytest.fixture
def desk(whole_desk: Desk) -> Desk:
    whole_desk.forget()
    return whole_desk


def cells(content: bytes) -> str:
    """Everything that an Excel file says."""
    rows = CalamineWorkbook.from_filelike(BytesIO(content)).get_sheet_by_index(0).to_python()
    return " ".join(str(cell) for row in rows for cell in row)


def file_of(desk: Desk, username: str) -> str:
    """What the newest file that somebody was given says."""
    return cells(desk.file(desk.kept(username)[-1][1]).read_bytes())


@contextmanager
def revoked(desk: Desk, username: str, until: date) -> Iterator[None]:
    """Somebody without his role."""
    number = desk.account(username)
    desk.change(ROLE, to=until, id=number)
    try:
        yield
    finally:
        desk.change(ROLE, to=None, id=number)


# Once, with one's own rights


def test_each_recipient_is_given_what_his_own_rights_show(desk: Desk) -> None:
    desk.plan("owner", recipients=EVERYBODY)
    desk.at(NEXT, 7, 59)
    desk.tick()
    desk.do()
    assert desk.turns() == {}
    desk.at(NEXT, 8)
    desk.tick()
    assert set(desk.do()) == {"done"}
    assert desk.turns() == {"owner": "made", "area": "made"}
    assert "丙店" in file_of(desk, "owner")
    assert "丙店" not in file_of(desk, "area")
    assert "甲店" in file_of(desk, "area")
    told = desk.rows("SELECT account_id, texts->'title'->>'zh' FROM portal_notice ORDER BY id")
    assert sorted(told) == sorted(
        (desk.account(name), "报表：人员周报") for name in ("owner", "area")
    )


def test_a_relative_period_moves_with_the_day(desk: Desk) -> None:
    desk.plan("owner", asked={"period": "last_month"})
    for day in (NEXT, date(2026, 7, 6)):
        desk.at(day, 8)
        desk.tick()
        desk.do()
    said = [row[3]["said"][0][2] for row in desk.kept("owner")]
    assert said == ["2026-05-01 – 2026-05-31", "2026-06-01 – 2026-06-30"]
    assert all(row[3]["texts"] == {"period": "last_month"} for row in desk.kept("owner"))


def test_of_missed_moments_only_the_newest_is_made(desk: Desk) -> None:
    desk.plan("owner", rhythm="day")
    desk.at(NEXT, 9, 30)
    desk.tick()
    desk.do()
    desk.tick()
    desk.do()
    assert desk.rows("SELECT count(*) FROM portal_report_turn") == [(1,)]
    assert desk.turns() == {"owner": "made"}


def test_a_plan_does_not_begin_with_what_was_before_it(desk: Desk) -> None:
    desk.plan("owner", rhythm="day")
    desk.at(MONDAY, 23)
    desk.tick()
    desk.do()
    assert desk.turns() == {}


def test_several_schedulers_and_workers_make_it_once(desk: Desk) -> None:
    for _ in range(3):
        desk.plan("owner", recipients=EVERYBODY)
    desk.at(NEXT, 8)
    faults: list[BaseException] = []

    def hurry() -> None:
        shops = Workshops(desk.portal.settings, desk.portal.clock)
        try:
            shop = shops.newest()
            desk.tick()
            for _ in range(3):
                for number in desk.waiting():
                    run(shop, number, "test")
        except BaseException as fault:  # noqa: BLE001 - a thread must not die unseen
            faults.append(fault)
        finally:
            shops.engine.dispose()

    threads = [threading.Thread(target=hurry) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    desk.do()
    assert faults == []
    for table in ("portal_report_turn", "portal_report_snapshot", "portal_notice"):
        assert desk.rows(f"SELECT count(*) FROM {table}") == [(6,)], table


def test_two_rounds_over_the_same_moment_begin_it_once(desk: Desk) -> None:
    """Whoever takes the row of the plan makes the turns; the other finds nothing left to do."""
    desk.plan("owner")
    desk.at(NEXT, 8)
    for number in range(2):
        with Session(desk.portal.engines.app) as session, unit_of_work(session):
            new = NewTask("begin_reports", Label("启动", "Begin"), key=f"begin {number}")
            enqueue(session, desk.portal.runtime, new)
    first, second = desk.waiting()
    shop = desk.workshops.newest()
    threads = [threading.Thread(target=run, args=(shop, one, "test")) for one in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results = [
        row[0]["slots"]
        for row in desk.rows("SELECT result FROM portal_task WHERE kind = 'begin_reports'")
    ]
    assert sorted(results) == [0, 1]
    desk.do()
    assert len(desk.kept("owner")) == 1


def test_a_report_that_somebody_saved_comes_too(desk: Desk) -> None:
    source = (desk.portal.settings.schema / "reports" / "r05_1_probation_ending.yaml").read_text(
        "utf-8"
    )
    with desk.records("hr") as records:
        name = save(Author(records), source.replace("for: [hr]", "for: []"))
    number = desk.plan(
        "hr", report=name, recipients=Recipients(own=True, accounts=(desk.account("area"),))
    )
    desk.at(NEXT, 8)
    desk.tick()
    desk.do()
    assert desk.turns() == {"hr": "made", "area": "withheld"}
    assert "试用期届满" in file_of(desk, "hr")
    kept = desk.kept("hr")[0][0]
    browser = desk.portal.browser("hr")
    assert browser.get(f"/reports/schedules/{number}").status_code == 200
    assert browser.get(f"/reports/snapshots/{kept}/file").status_code == 200


# Who lost the right


def test_whoever_may_not_run_it_is_given_nothing_and_the_turn_says_so(desk: Desk) -> None:
    to = Recipients(own=True, accounts=(desk.account("sales"),))
    desk.plan("owner", recipients=to)
    desk.at(NEXT, 8)
    desk.tick()
    desk.do()
    assert desk.turns() == {"owner": "made", "sales": "withheld"}
    assert desk.kept("sales") == []
    page = desk.portal.browser("owner").get("/reports/schedules").text
    assert "接收人无权查看该报表" in page


def test_a_frozen_recipient_is_given_nothing(desk: Desk) -> None:
    desk.plan("owner", recipients=EVERYBODY)
    desk.change("UPDATE ab_user SET active = false WHERE username = 'area'")
    desk.at(NEXT, 8)
    desk.tick()
    desk.do()
    assert desk.turns()["owner"] == "made"
    assert desk.kept("area") == []


def test_somebody_named_who_was_frozen_stands_as_withheld(desk: Desk) -> None:
    desk.plan("owner", recipients=Recipients(own=False, accounts=(desk.account("area"),)))
    desk.change("UPDATE ab_user SET active = false WHERE username = 'area'")
    desk.at(NEXT, 8)
    desk.tick()
    assert set(desk.do()) == {"done"}
    assert desk.turns() == {"area": "withheld"}


def test_somebody_frozen_between_the_moment_and_the_making_is_given_nothing(desk: Desk) -> None:
    desk.plan("owner", recipients=EVERYBODY)
    desk.at(NEXT, 8)
    desk.tick()
    desk.do("begin_reports")
    desk.change("UPDATE ab_user SET active = false WHERE username = 'area'")
    assert sorted(desk.do()) == ["done", "refused"]
    assert desk.kept("area") == []
    assert desk.rows("SELECT count(*) FROM portal_notice") == [(1,)]
    assert "停用" in desk.portal.browser("owner").get("/reports/schedules").text


def test_a_role_that_ended_between_the_moment_and_the_making_counts(desk: Desk) -> None:
    desk.plan("owner", recipients=EVERYBODY)
    desk.at(NEXT, 8)
    desk.tick()
    desk.do("begin_reports")
    with revoked(desk, "area", MONDAY):
        desk.do()
    assert desk.turns() == {"owner": "made", "area": "withheld"}


def test_rights_that_change_while_it_is_made_make_it_begin_anew(desk: Desk) -> None:
    def lose(work: Work, arguments: Mapping[str, Any]) -> None:
        desk.change(ROLE, to=MONDAY, id=desk.account("area"))
        refuse_changed_rights(work)

    desk.at(NEXT, 8)
    with Session(desk.portal.engines.app) as session, unit_of_work(session):
        new = NewTask("chore", Label("杂务", "Chore"), account_id=desk.account("area"))
        number = enqueue(session, desk.portal.runtime, new)
    kinds = [TaskKind("chore", Label("杂务", "Chore"), lose)]
    shops = Workshops(desk.portal.settings, desk.portal.clock, kinds)
    try:
        assert run(shops.newest(), number, "test") == "waiting"
    finally:
        shops.engine.dispose()
        desk.change(ROLE, to=None, id=desk.account("area"))


def test_an_owner_who_no_longer_may_name_others_is_left_with_himself(desk: Desk) -> None:
    desk.plan("owner", recipients=EVERYBODY)
    desk.change(
        "UPDATE role_assignment SET role = 'area_manager' WHERE account_id = :id",
        id=desk.account("owner"),
    )
    try:
        desk.at(NEXT, 8)
        desk.tick()
        desk.do()
    finally:
        desk.change(
            "UPDATE role_assignment SET role = 'owner' WHERE account_id = :id",
            id=desk.account("owner"),
        )
    assert desk.turns() == {"owner": "made"}


def test_a_frozen_owner_plans_nothing_any_more(desk: Desk) -> None:
    desk.plan("owner", recipients=EVERYBODY)
    desk.change("UPDATE ab_user SET active = false WHERE username = 'owner'")
    desk.at(NEXT, 8)
    desk.tick()
    desk.do()
    assert desk.turns() == {}


def test_only_whoever_may_remind_people_plans_for_others(desk: Desk) -> None:
    with pytest.raises(Invalid) as refused:
        desk.plan("area", recipients=Recipients(own=True, accounts=(desk.account("owner"),)))
    assert set(refused.value.problems) == {"to"}
    for wrong in ({"rhythm": "hour"}, {"format": "json"}, {"recipients": Recipients(own=False)},
                  {"recipients": Recipients(roles=("sales",))}, {"language": "fr"}):  # fmt: skip
        with pytest.raises(Invalid):
            desk.plan("owner", **wrong)


# By mail


class Letters:
    """An SMTP server's memory."""

    def __init__(self) -> None:
        self.taken: list[Letter] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - their name
        self.taken.append(message_from_bytes(envelope.content))
        return "250 taken"


def send(desk: Desk) -> tuple[dict[str, int], list[Letter]]:
    """Send what waits; the counts and what arrived."""
    letters = Letters()
    server = Controller(letters, hostname="127.0.0.1", port=_free_port())
    server.start()
    try:
        known = replace(
            desk.portal.settings,
            mail_url=f"smtp://127.0.0.1:{server.port}",
            mail_from="守店 <portal@chain.example>",
            public_url="https://hr.chain.example",
        )
        now = desk.portal.clock.now()
        guards = {DOCUMENT: attachment}
        return deliver(
            desk.portal.engines.app, desk.portal.runtime, known, now, guards
        ), letters.taken
    finally:
        server.stop()


def _free_port() -> int:
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def files(letter: Letter) -> dict[str, bytes]:
    """The attachments of a mail."""
    parts = [part for part in letter.walk() if part.get_filename()]
    return {str(part.get_filename()): bytes(part.get_payload(decode=True)) for part in parts}


def words(letter: Letter) -> str:
    """What a mail says."""
    part = next(part for part in letter.walk() if part.get_content_type() == "text/plain")
    return bytes(part.get_payload(decode=True)).decode()


def made(desk: Desk, **values: Any) -> None:
    """A plan whose moment has come and whose files are made."""
    desk.plan("owner", mail=True, **values)
    desk.at(NEXT, 8)
    desk.tick()
    desk.do()


def test_a_mail_brings_the_file_of_its_reader(desk: Desk) -> None:
    desk.plan("owner", mail=True, format="pdf")
    made(desk, recipients=EVERYBODY)
    counts, letters = send(desk)
    assert counts == {"sent": 3}
    by_name = {f"{one['To']} {name}": body for one in letters for name, body in files(one).items()}
    name = "R1_headcount_by_store_2026-06-22"
    assert set(by_name) == {f"owner@chain.example {name}.xlsx", f"owner@chain.example {name}.pdf",
                            f"area@chain.example {name}.xlsx"}  # fmt: skip
    assert "丙店" in cells(by_name[f"owner@chain.example {name}.xlsx"])
    assert "丙店" not in cells(by_name[f"area@chain.example {name}.xlsx"])
    assert by_name[f"owner@chain.example {name}.pdf"].startswith(b"%PDF")
    subject = str(make_header(decode_header(str(letters[0]["Subject"]))))
    assert subject == "[守店] 报表：人员周报"
    number = desk.kept("owner")[0][0]
    assert f"https://hr.chain.example/reports/snapshots/{number}" in words(letters[0])
    assert send(desk) == ({}, [])


def test_a_large_file_is_only_linked(desk: Desk) -> None:
    made(desk)
    desk.change("UPDATE portal_report_snapshot SET size = 5 * 1024 * 1024 + 1")
    counts, letters = send(desk)
    assert counts == {"sent": 1}
    assert files(letters[0]) == {}
    assert "/reports/snapshots/" in words(letters[0])


def test_records_never_come_by_mail_and_are_handed_out_once(desk: Desk) -> None:
    made(desk, report="statutory_roster", format="csv")
    counts, letters = send(desk)
    assert counts == {"sent": 1}
    assert files(letters[0]) == {}
    number = desk.kept("owner")[0][0]
    address = f"/reports/snapshots/{number}"
    assert f"https://hr.chain.example{address}" in words(letters[0])
    browser = desk.portal.browser("owner")
    assert f'href="{address}/file"' in browser.get(address).text
    sent = browser.get(f"{address}/file")
    rows = list(csv.reader(io.StringIO(sent.data.decode("utf-8-sig"))))
    grant = desk.rows(
        "SELECT id, state FROM portal_export_grant WHERE asked->>'report' = 'statutory_roster'"
    )
    assert grant == [(grant[0][0], "taken")]
    assert f"导出 {grant[0][0]}" in rows[0][-1]
    marks = {row[-1] for row in rows[1:]}
    assert len(marks) == len(rows) - 1 == desk.kept("owner")[0][2]
    assert browser.get(f"{address}/file").status_code == 410
    assert f'href="{address}/file"' not in browser.get(address).text


def test_whoever_lost_the_right_before_the_mail_is_sent_no_mail(desk: Desk) -> None:
    made(desk, recipients=EVERYBODY)
    with revoked(desk, "area", MONDAY):
        counts, letters = send(desk)
    assert counts == {"withheld": 1, "sent": 1}
    assert [one["To"] for one in letters] == ["owner@chain.example"]


def test_a_file_that_was_tampered_with_is_not_mailed(desk: Desk) -> None:
    made(desk)
    place = desk.file(desk.kept("owner")[0][1])
    place.chmod(0o600)
    place.write_bytes(place.read_bytes() + b"!")
    counts, letters = send(desk)
    assert (counts, letters) == ({"withheld": 1}, [])


# Real processes


def until(done: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for something to become true."""
    deadline = clock.monotonic() + seconds
    while not done():
        assert clock.monotonic() < deadline, "it did not happen in time"
        clock.sleep(0.05)


def test_a_worker_killed_in_the_middle_leaves_one_report(desk: Desk, servers: Servers) -> None:
    """The worker waits for the lock of the store, with the file written but nothing saved, and is killed."""
    number = desk.plan("owner", rhythm="day", mail=True)
    desk.change(
        "UPDATE portal_report_schedule SET last_slot = now() - interval '3 days' WHERE id = :id",
        id=number,
    )
    # Tidying up takes the same lock and is no part of this.
    desk.change("INSERT INTO portal_slot (schedule, moment) VALUES ('tidy_daily', now())")
    environment = os.environ | desk.portal.settings.to_environment() | {
        "PORTAL_REDIS_URL": servers.redis_url, "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    running: list[subprocess.Popen[bytes]] = []

    def start(part: str) -> subprocess.Popen[bytes]:
        words_ = [sys.executable, "-m", f"jobs.{part}"]
        running.append(subprocess.Popen(words_, cwd=ROOT, env=environment, start_new_session=True))
        return running[-1]

    def states() -> list[tuple[Any, ...]]:
        return desk.rows("SELECT state, attempts FROM portal_task WHERE kind = 'scheduled_report'")

    try:
        with desk.portal.engines.owner.connect() as holder:
            holder.execute(text("SELECT pg_advisory_lock(:key)"), {"key": STORE_LOCK})
            worker = start("worker")
            start("scheduler")
            start("scheduler")
            waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            until(lambda: desk.rows(waits)[0][0] > 0)
            os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()
            holder.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": STORE_LOCK})
        start("worker")
        until(lambda: states() == [("done", 2)], 90)
    finally:
        for process in running:
            process.kill()
            process.wait()
    told = "portal_notice n JOIN portal_delivery d ON d.notice_id = n.id WHERE n.kind = 'report_snapshot'"
    for rows in ("portal_report_turn", "portal_report_snapshot", told):
        assert desk.rows(f"SELECT count(*) FROM {rows}") == [(1,)], rows
    assert "丙店" in file_of(desk, "owner")


# Pages


def test_the_button_on_a_report_brings_what_was_asked(desk: Desk) -> None:
    browser = desk.portal.browser("owner")
    browser.post("/lang/zh")
    place = desk.portal.ids["甲店"]
    page = browser.get(f"/reports/headcount_by_store?period=last_month&unit={place}")
    link = re.search(r'href="(/reports/schedules/new[^"]+)"', page.text)
    assert link is not None
    url = link[1].replace("&amp;", "&")
    form = browser.get(url)
    assert "组织：甲店" in form.text
    assert re.search(r'value="last_month" selected', form.text)
    sent = {"period": "last_month", "format": "csv", "rhythm": "month:0", "at": "18:30", "mail": "true",
            "language": "zh", "to": ["self", "role:area_manager"]}  # fmt: skip
    assert browser.post(url, sent).status_code == 302
    kept = desk.rows(
        "SELECT asked->'texts', format, every, day, at::text, recipients, channels FROM portal_report_schedule"
    )
    assert kept == [({"period": "last_month", "unit": str(place)}, "csv", "month", 0, "18:30:00",
                     {"own": True, "roles": ["area_manager"], "accounts": []}, ["inbox", "mail"])]  # fmt: skip
    listed = browser.get("/reports/schedules").text
    assert "期间：上月；组织：甲店" in listed
    assert "每月最后一天 18:30" in listed
    assert "2026-06-30 18:30" in listed


def test_a_report_is_chosen_on_the_form_itself(desk: Desk) -> None:
    browser = desk.portal.browser("area")
    form = browser.get("/reports/schedules/new").text
    assert 'value="headcount_by_store"' in form
    assert 'name="to"' not in form
    sent = {"report": "headcount_by_store", "period": "last_week", "format": "pdf", "rhythm": "working_day",
            "at": "07:15", "language": "en"}  # fmt: skip
    assert browser.post("/reports/schedules/new", sent).status_code == 302
    kept = desk.rows(
        "SELECT asked->'texts', every, recipients->>'own', channels FROM portal_report_schedule"
    )
    assert kept == [({"period": "last_week"}, "working_day", "true", ["inbox"])]
    assert (
        browser.post("/reports/schedules/new", {**sent, "to": ["role:area_manager"]}).status_code
        == 422
    )
    assert (
        browser.post("/reports/schedules/new", {**sent, "report": "statutory_roster"}).status_code
        == 404
    )


def test_a_plan_is_changed_paused_and_deleted_by_its_owner_alone(desk: Desk) -> None:
    number = desk.plan("area")
    url = f"/reports/schedules/{number}"
    other = desk.portal.browser("hr")
    other.get("/")
    assert other.get(url).status_code == 404
    for path in (url, f"{url}/delete", f"{url}/pause"):
        assert other.post(path).status_code == 404
    browser = desk.portal.browser("area")
    form = browser.get(url).text
    version = re.search(r'name="version" value="(\d+)"', form)
    assert version is not None
    sent = {
        "format": "csv",
        "rhythm": "day",
        "at": "09:00",
        "language": "zh",
        "version": version[1],
    }
    assert browser.post(url, sent).status_code == 302
    assert browser.post(url, sent).status_code == 422
    assert browser.post(f"{url}/pause").status_code == 302
    desk.at(NEXT, 12)
    desk.tick()
    desk.do()
    assert desk.turns() == {}
    # The session of days ago is over.
    browser = desk.portal.browser("area")
    assert browser.post(f"{url}/resume").headers["Location"] == "/reports/schedules"
    desk.tick()
    desk.do()
    assert desk.turns() == {}
    desk.at(NEXT + timedelta(days=1), 9)
    desk.tick()
    desk.do()
    assert desk.turns() == {"area": "made"}
    browser = desk.portal.browser("area")
    assert browser.post(f"{url}/delete").status_code == 302
    assert desk.rows("SELECT count(*) FROM portal_report_schedule") == [(0,)]
    assert len(desk.kept("area")) == 1
    deeds = desk.rows(
        "SELECT action, count(*) FROM portal_audit WHERE action LIKE 'report:%scheduled' GROUP BY 1"
    )
    assert dict(deeds)["report:unscheduled"] >= 1


def test_an_administrator_sees_and_ends_the_plans_of_others(desk: Desk) -> None:
    number = desk.plan("area")
    browser = desk.portal.browser("owner")
    page = browser.get("/reports/schedules").text
    assert f"/reports/schedules/{number}/pause" in page
    assert f'href="/reports/schedules/{number}"' not in page
    assert browser.get(f"/reports/schedules/{number}").status_code == 404
    assert browser.post(f"/reports/schedules/{number}/delete").status_code == 302
    assert desk.rows("SELECT count(*) FROM portal_report_schedule") == [(0,)]


def test_a_notice_leads_to_its_snapshot(desk: Desk) -> None:
    made(desk)
    browser = desk.portal.browser("owner")
    inbox = browser.get("/notices/").text
    assert "报表：人员周报" in inbox
    number = desk.rows("SELECT id FROM portal_notice")[0][0]
    answer = browser.post(f"/notices/{number}/open")
    assert answer.headers["Location"] == f"/reports/snapshots/{desk.kept('owner')[0][0]}"
    assert "下载" in browser.get(answer.headers["Location"]).text
