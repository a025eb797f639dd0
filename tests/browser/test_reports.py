"""Reports and the inbox in a real browser: chart, drill-down, download, a large file, and what one is told."""

from __future__ import annotations

import csv
import re
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.factory import Workshops
from app.features.notifications.service import NewNotice, notify
from app.kernel.messages import Label
from app.storage.database import unit_of_work
from app.tasks.runner import run
from tests.support.portals import Portal
from tests.support.windows import fits, sign_in, speak

# More than a file of few pages.
MANY = 6_000
NEWEST = "SELECT max(id) FROM portal_task WHERE kind = 'export_file'"


def rows_of(place: Path) -> list[list[str]]:
    """The lines of a CSV file as spreadsheets read it."""
    with place.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def test_a_figure_leads_to_its_rows_and_to_a_file(page: Page, nursery: Portal) -> None:
    plants = nursery.scalar("SELECT count(*) FROM plant WHERE deleted_at IS NULL")
    sign_in(page)
    page.goto("/reports/plants_by_species")
    expect(page.locator("#report-chart canvas")).to_be_visible()
    expect(page.locator(".report-table tfoot")).to_contain_text(str(plants))
    fits(page)
    figure = page.locator(".report-table tbody tr", has_text="鸡爪槭").locator("td.end a").first
    number = int(figure.inner_text())
    with page.expect_download() as taken:
        page.get_by_role("button", name="CSV").click()
    lines = rows_of(Path(taken.value.path()))
    assert any("鸡爪槭" in line[0] and line[1] == str(number) for line in lines if len(line) > 1)
    figure.click()
    expect(page.locator("h1")).to_contain_text(str(number))
    assert page.locator("main tbody tr").count() == min(number, 50)
    fits(page)


def test_a_list_of_records_is_made_by_a_grant_and_fetched_once(page: Page, nursery: Portal) -> None:
    grow(nursery)
    lines = nursery.scalar("SELECT count(*) FROM measurement")
    sign_in(page)
    page.goto("/reports/measurements")
    expect(page.locator(".report-table tbody tr")).to_have_count(50)
    fits(page)
    page.get_by_role("button", name="CSV").click()
    page.wait_for_url("**/exports/*")
    workshops = Workshops(nursery.settings, nursery.clock)
    worker = threading.Thread(target=run, args=(workshops.newest(), nursery.scalar(NEWEST), "test"))
    worker.start()
    worker.join()
    workshops.engine.dispose()
    page.reload()
    fits(page)
    with page.expect_download() as taken:
        page.locator('a[href*="/file/"]').click()
    heights = [line for line in rows_of(Path(taken.value.path())) if len(line) == 4]
    assert len([line for line in heights if re.fullmatch(r"[\d.]+", line[2])]) == lines


@pytest.mark.usefixtures("told")
def test_what_one_is_told_is_read_snoozed_and_handled(page: Page) -> None:
    sign_in(page)
    bell = page.get_by_role("link", name=re.compile("通知"))
    expect(bell.first).to_contain_text("2")
    bell.first.click()
    page.wait_for_url("**/notices/")
    lines = page.locator(".notices li")
    expect(lines).to_have_count(2)
    expect(lines.first).to_contain_text("浇水要加量")
    fits(page)
    lines.first.get_by_role("button", name="已处理").click()
    expect(lines).to_have_count(1)
    lines.first.locator("summary").click()
    lines.first.locator("details button").first.click()
    expect(lines).to_have_count(0)
    speak(page, "en")
    page.goto("/notices/")
    expect(page.locator("main")).not_to_contain_text("浇水")
    fits(page)
    speak(page, "zh")


@pytest.fixture
def told(nursery: Portal) -> None:
    """Two notices that nobody has read, and no other."""
    with nursery.engines.owner.begin() as connection:
        connection.execute(text("TRUNCATE portal_notice CASCADE"))
    now = datetime.now(UTC)
    body, account = Label("请看一下。", "Have a look."), nursery.ids["account_boss"]
    titles = (Label("旧消息", "Old news"), Label("浇水要加量", "Water more"))
    keys = [f"told-{time.time_ns()}-{number}" for number in range(len(titles))]
    notices = [
        NewNotice(account, key, "", title, body) for key, title in zip(keys, titles, strict=True)
    ]
    with Session(nursery.engines.app) as session, unit_of_work(session):
        notify(session, notices, now)


def grow(portal: Portal) -> None:
    """Many measurements of one plant."""
    columns = "uuid, created_at, updated_at, version, place_id, plant_id, at, height"
    with portal.engines.owner.begin() as connection:
        connection.execute(
            text(
                f"INSERT INTO measurement ({columns}) SELECT gen_random_uuid(), now(), now(), 1, place_id,"
                " plant_id, at + n * interval '1 minute', n FROM measurement, generate_series(1, :rows) n"
                " WHERE measurement.id = :first"
            ),
            {"rows": MANY, "first": portal.ids["measurement"]},
        )
