"""A module that is switched off leaves no link behind, and the home page counts each item for itself."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.nursery import planted
from tests.support.portals import SCHEMAS, Browser, Portal, running_portal
from tests.support.servers import Servers

TWINS = """
    - {label: {zh: 数目, en: Number}, entity: gardener, where: "name = '王小明'"}
    - {label: {zh: 数目, en: Number}, entity: gardener}
  agenda:
    - {label: {zh: 株, en: Plants}, entity: plant, where: healthy = true, columns: [label_text], sort: label_text}
"""


@pytest.fixture(scope="module")
def barren(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """The nursery without its plants."""
    home: Path = tmp_path_factory.mktemp("barren")
    schema = home / "schema"
    shutil.copytree(SCHEMAS / "nursery", schema)
    portal = schema / "portal.yaml"
    text = portal.read_text("utf-8").replace(
        "icon: plant, entities", "icon: plant, enabled: false, entities"
    )
    assert "enabled: false" in text
    portal.write_text(text.replace("\n  agenda:\n", TWINS), "utf-8")
    with (schema / "bed.yaml").open("a", encoding="utf-8") as file:
        file.write(
            "related: [{list: plant.bed, columns: [label_text]}, {list: gardener.bed, columns: [name]}]\n"
        )
    with running_portal(servers, schema, home) as running:
        planted(running)
        yield running


@pytest.fixture(scope="module")
def boss(barren: Portal) -> Browser:
    browser = barren.browser("boss")
    browser.post("/lang/zh")
    return browser


def test_no_link_leads_to_a_module_that_is_off(barren: Portal, boss: Browser) -> None:
    ids = barren.ids
    with barren.records() as records:
        about = {"name": "看看", "bed": ids["west"], "about": f"plant:{ids['plant1']}"}
        task = records.create("task", about)
    assert boss.get(f"/plant/show/{ids['plant1']}").status_code == 404
    home, bed, shown = (
        boss.get(path).text for path in ("/", f"/bed/show/{ids['west']}", f"/task/show/{task}")
    )
    assert "丽水槭树01" in shown, "what it is about is still said"
    assert 'id="tab-gardener.bed"' in bed
    listed = boss.get("/task/list/").text
    off = [name for name in barren.schema.entities if not barren.schema.has_pages(name)]
    assert "plant" in off
    for page in (home, bed, shown, listed):
        found = re.findall(r'(?:href|hx-get)="/(\w+)/', page)
        assert found
        assert not set(found) & set(off)


def test_items_of_one_name_are_counted_for_themselves(boss: Browser) -> None:
    page = boss.get("/").text
    tiles = re.findall(r'href="(/gardener/list/[^"]*)".*?</a>', page, re.DOTALL)
    assert len(tiles) >= 2
    numbers = {
        re.sub(r"<[^>]+>|\s", "", found)
        for found in re.findall(r'href="/gardener/list/\??[^"]*"[^>]*>(.*?)</a>', page, re.DOTALL)
        if "数目" in found
    }
    assert len(numbers) == 2, numbers
