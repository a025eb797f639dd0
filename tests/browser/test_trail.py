"""The audit trail in a real browser, on a desk and on a phone."""

from __future__ import annotations

import zipfile
from pathlib import Path

from playwright.sync_api import Page, expect

from app.audit.checkpoints import make_checkpoint
from app.factory import Workshops
from app.tasks import runner
from tests.support.portals import NOON, Portal
from tests.support.windows import fits, sign_in, speak


def test_somebody_is_searched_for_and_evidence_taken(
    page: Page, nursery: Portal, tmp_path: Path
) -> None:
    make_checkpoint(nursery.engines.app, nursery.settings.home, NOON, "test")
    sign_in(page)
    page.goto("/trail/")
    speak(page, "en")
    page.goto("/trail/")
    expect(page.locator("ol.trail li").first).to_contain_text("boss")
    fits(page)
    page.fill("input[name=record]", str(nursery.ids["plant3"]))
    page.select_option("select[name=entity]", "plant")
    page.click("form.report-asked button[type=submit]")
    expect(page.locator("ol.trail li")).to_have_count(1)
    expect(page.locator("ol.trail li")).to_contain_text("created")
    fits(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Evidence (zip)").click()
    download.value.save_as(tmp_path / "evidence.zip")
    with zipfile.ZipFile(tmp_path / "evidence.zip") as archive:
        assert {"VERIFY.txt", "verify.py", "key.pem"} <= set(archive.namelist())


def test_a_report_is_asked_for_and_taken_along(page: Page, nursery: Portal, tmp_path: Path) -> None:
    make_checkpoint(nursery.engines.app, nursery.settings.home, NOON, "test")
    sign_in(page)
    page.goto("/trail/")
    speak(page, "en")
    page.goto("/trail/")
    page.get_by_role("link", name="Audit reports").click()
    fits(page)
    page.fill("input#ask-since", "2026-06-01")
    page.fill("input#ask-until", "2026-06-15")
    page.get_by_role("button", name="Make the report").click()
    expect(page.get_by_text("A report is being made.")).to_be_visible()
    shops = Workshops(nursery.settings, nursery.clock)
    number = nursery.scalar("SELECT max(id) FROM portal_task WHERE kind = 'trail_report'")
    assert runner.run(shops.newest(), number, "test") == "done"
    shops.engine.dispose()
    page.get_by_role("link", name="Look again").click()
    fits(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Take along").first.click()
    download.value.save_as(tmp_path / "report.zip")
    with zipfile.ZipFile(tmp_path / "report.zip") as archive:
        assert {"report.json", "report.pdf", "report.json.sig", "verify.py"} <= set(
            archive.namelist()
        )
