"""The audit trail in a real browser, on a desk and on a phone."""

from __future__ import annotations

import zipfile
from pathlib import Path

from playwright.sync_api import Page, expect

from app.audit.checkpoints import make_checkpoint
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
