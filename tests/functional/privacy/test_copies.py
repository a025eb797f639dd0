"""A copy of what is held of a person: through the door of exports, for the person and for who may take it."""

from __future__ import annotations

import io
import json
import re
import zipfile
from typing import Any

from tests.functional.privacy.asking import agreed, asked
from tests.functional.requests.exporting import fetched, left_on_disk, link, work
from tests.support.portals import Browser, Portal


def opened(answer: Any) -> tuple[str, dict[str, Any]]:
    """The page and the data of a copy."""
    assert answer.status_code == 200
    assert answer.mimetype == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        assert sorted(archive.namelist()) == ["extract.html", "extract.json"]
        return archive.read("extract.html").decode(), json.loads(archive.read("extract.json"))


def granted(portal: Portal, browser: Browser, entity: str, number: int) -> int:
    request = asked(browser, entity, number, "copy")
    agreed(portal, request)
    return int(browser.get(f"/exports/of/{request}").headers["Location"].rpartition("/")[2])


def test_whoever_may_export_gets_all_of_it(nursery: Portal) -> None:
    """The boss: the buyer, its sales and their lines, why it is held, and who looked at it."""
    ids = nursery.ids
    with nursery.records() as records:
        records.create(
            "sale",
            {"buyer": ids["buyer"], "lines": [{"plant": ids["plant1"], "count": 3}]},
        )
    west = nursery.browser("west")
    west.get(f"/buyer/show/{ids['buyer']}")
    west.post(f"/buyer/reveal/{ids['buyer']}", {"field": "mobile", "reason": "核对送货地址"})
    boss = nursery.browser("boss")
    boss.get(f"/privacy/buyer/{ids['buyer']}")
    answer = boss.post(f"/privacy/buyer/{ids['buyer']}/copy", {"reason": ""})
    number = int(answer.headers["Location"].rpartition("/")[2])
    assert answer.headers["Location"] == f"/exports/{number}"
    # It is being made already, as an export of one's own right always is.
    assert work(nursery) == ["done"]
    page, data = opened(boss.get(link(boss, number)))
    assert data["title"] == "西边花店"
    (own,) = data["records"]["buyer"]["records"]
    assert own["mobile"]["value"] == "13700137000"
    assert own["mobile"]["why"] == "联系 · 履行合同所必需"
    assert [len(data["records"][name]["records"]) for name in ("sale", "sale_line")] == [1, 1]
    assert {one["who"] for one in data["seen"]} == {"west", "boss"}
    assert {one["what"] for one in data["seen"]} >= {"看过这条记录", "查看了隐藏内容"}
    assert "13700137000" in page
    assert page.startswith("<!doctype html>")
    assert "<script" not in page
    assert left_on_disk(nursery) == []
    assert boss.get(link_gone(number)).status_code in (404, 410)


def link_gone(number: int) -> str:
    return f"/exports/{number}/file/{'a' * 32}"


def test_the_person_asks_for_his_own_and_somebody_else_agrees(nursery: Portal) -> None:
    """West is the gardener Wang: no role lets him export gardeners, and his copy holds what he may see."""
    west, wang = nursery.browser("west"), nursery.ids["wang"]
    assert re.search(rf'href="/privacy/gardener/{wang}"', west.get(f"/gardener/show/{wang}").text)
    number = granted(nursery, west, "gardener", wang)
    _, data = opened(fetched(nursery, west, number))
    (own,) = data["records"]["gardener"]["records"]
    assert own["name"]["value"] == "王小明"
    assert "hourly_pay" not in own
    assert "时薪" in data["records"]["gardener"]["withheld"]
    assert "35.5" not in json.dumps(data)


def test_nobody_gets_the_copy_of_another(nursery: Portal) -> None:
    west, helper = nursery.browser("west"), nursery.ids["helper"]
    assert west.get(f"/privacy/gardener/{helper}").status_code == 404
    assert west.post(f"/privacy/gardener/{helper}/copy", {"reason": "好奇"}).status_code == 404
    assert west.get(f"/privacy/gardener/{nursery.ids['far']}").status_code == 404
    assert "/privacy/" not in west.get(f"/gardener/show/{helper}").text


def test_the_page_says_why_and_how_long_in_few_statements(nursery: Portal) -> None:
    boss, wang = nursery.browser("boss"), nursery.ids["wang"]
    address = f"/privacy/gardener/{wang}"
    boss.get(address)
    with nursery.statements() as said:
        page = boss.get(address).text
    assert len(said) <= 8
    assert "发工资" in page
    assert "13800138000" not in page
    boss.post("/lang/en")
    assert "To pay them" in boss.get(address).text
