"""Background work in a real browser: a bar that moves, a file to take, a task to stop."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect
from sqlalchemy.orm import Session

from app.factory import Workshops
from app.kernel.messages import Label
from app.storage.database import unit_of_work
from app.tasks.kinds import TaskKind
from app.tasks.outbox import NewTask, enqueue
from app.tasks.runner import run
from app.tasks.work import Work
from tests.support.portals import Portal
from tests.support.windows import fits, sign_in

PATIENCE_SECONDS = 60
TITLE = Label("导出客户名单", "Export customers")


def queue(portal: Portal) -> int:
    """A task of the owner."""
    with Session(portal.engines.app) as session, unit_of_work(session):
        new = NewTask("slow", TITLE, account_id=portal.ids["account_boss"])
        return enqueue(session, portal.runtime, new)


def test_a_bar_moves_and_a_file_is_taken(page: Page, nursery: Portal, tmp_path: Path) -> None:
    made, steps = tmp_path / "x.csv", [threading.Event() for _ in range(3)]
    made.write_text("编号,名称")

    def slow(work: Work, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        for done, seen in zip((100, 300, 400), steps, strict=True):
            work.check(done, 400)
            seen.wait(PATIENCE_SECONDS)
        return {"file": work.keep_file(made, "名单.csv", "csv")}

    number = queue(nursery)
    workshops = Workshops(nursery.settings, nursery.clock, [TaskKind("slow", TITLE, slow)])
    worker = threading.Thread(target=lambda: run(workshops.newest(), number, "test"))
    sign_in(page)
    page.goto("/tasks/")
    row = page.locator("#tasks tbody tr").first
    expect(row).to_contain_text("等待中")
    worker.start()
    expect(row.locator("progress")).to_have_attribute("value", "25")
    steps[0].set()
    expect(row.locator("progress")).to_have_attribute("value", "75")
    fits(page)
    for seen in steps:
        seen.set()
    expect(row).to_contain_text("已完成")
    worker.join()
    workshops.engine.dispose()
    with page.expect_download() as taken:
        row.get_by_role("link", name="下载").click()
    assert taken.value.suggested_filename == "名单.csv"
    assert Path(taken.value.path()).read_text() == "编号,名称"


def test_a_task_that_waits_is_stopped(page: Page, nursery: Portal) -> None:
    queue(nursery)
    sign_in(page)
    page.goto("/tasks/")
    row = page.locator("#tasks tbody tr").first
    row.get_by_role("button", name="取消").click()
    expect(page.locator("#tasks tbody tr").first).to_contain_text("已取消")
    fits(page)
