"""Reports that people make for themselves: built, saved, run and shared, and never more than one's rights."""

from __future__ import annotations

from typing import Any

from tests.functional.reports.building import Builder
from tests.functional.reports.running import run
from tests.support.portals import Portal


def heads(chain: Portal, username: str = "hr", **more: Any) -> Builder:
    """A sheet that counts people by the unit that they belong to."""
    sheet = Builder(chain.browser(username)).change(entity="staff").change(kind="groups")
    sheet.change("add g").change(g0__path="org_unit")
    return sheet.change(label="各组织人数", **more)


def test_a_list_is_built_saved_and_run(chain: Portal) -> None:
    sheet = Builder(chain.browser("hr")).change(entity="staff")
    while "c0.path" in sheet.sent and "c1.path" in sheet.sent:
        sheet.change("drop c1")
    sheet.change(c0__path="name").change(new_column="position.level").change("add w")
    sheet.change(w0__path="state").change(w0__operator="any", w0__value=["probation", "pending"])
    sheet.change(label="新人", s0__by="c0")
    name = sheet.saved()
    table = run(chain, "hr", name)
    assert [tuple(line.values()) for line in table.lines] == [("吴待", 2), ("李试用", 2)]
