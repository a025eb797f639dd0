"""A schema changes while people work: no request fails, open forms are saved, memory stays."""

from __future__ import annotations

import gc
import re
import resource
import threading
import time
from collections.abc import Iterator

import pytest

from app.factory import apply
from app.language.compiler import compile_sources
from app.language.definitions import Schema
from tests.support.nursery import planted
from tests.support.portals import SCHEMAS, Portal, running_portal
from tests.support.servers import Servers

CHANGES = 20
# So many requests are made around the changes, however slow the machine.
REQUESTS = 60


@pytest.fixture
def portal(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with running_portal(servers, SCHEMAS / "nursery", tmp_path_factory.mktemp("home")) as made:
        planted(made)
        yield made


def changed(portal: Portal, number: int, *, renamed: bool = False) -> Schema:
    """The nursery with one more field; with ``renamed``, its note is called remark."""
    sources = dict(portal.schema.sources)
    added = f"  extra{number}: {{type: text, label: {{zh: 附加{number}, en: Extra {number}}}}}\n"
    name = "tag_group.yaml"
    sources[name] = sources[name].rstrip() + "\n" + added
    if renamed:
        plant = sources["plant.yaml"]
        plant = plant.replace("  note: {type", "  remark: {was: note, type").replace(
            "note]", "remark]"
        )
        sources["plant.yaml"] = plant.replace("state, note]", "state, remark]")
        for role in [key for key in sources if key.startswith("role_")]:
            sources[role] = re.sub(r"\bnote\b", "remark", sources[role])
    return compile_sources(sources)


def work(portal: Portal, stop: threading.Event, failures: list[str], done: list[int]) -> None:
    """Read and write until told to stop."""
    browser, number = portal.browser("boss"), 0
    while not stop.is_set():
        number += 1
        page = browser.get("/plant/list/")
        form = browser.get("/tag_group/add")
        saved = browser.post("/tag_group/add", {"name": f"组{threading.get_ident()}-{number}"})
        for answer, good in ((page, 200), (form, 200), (saved, 302)):
            if answer.status_code != good:
                failures.append(f"{answer.status_code}: {answer.text[:200]}")
        done.append(3)


def test_no_request_fails_while_the_schema_changes(portal: Portal) -> None:
    stop = threading.Event()
    failures: list[str] = []
    done: list[int] = []
    threads = [threading.Thread(target=work, args=[portal, stop, failures, done]) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for number in range(3):
            time.sleep(1)
            apply(
                portal.engines,
                changed(portal, number, renamed=number == 2),
                by="test",
                allow_loss=True,
            )
        begun = time.monotonic()
        while portal.door.revision != 4 and time.monotonic() - begun < 60:
            time.sleep(0.1)
        while sum(done) < REQUESTS and not failures and time.monotonic() - begun < 60:
            time.sleep(0.1)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failures == []
    assert portal.door.revision == 4
    assert sum(done) >= REQUESTS


def test_a_form_opened_before_the_change_is_saved_after_it(portal: Portal) -> None:
    browser = portal.browser("boss")
    browser.get("/tag_group/add")
    apply(portal.engines, changed(portal, 7), by="test")
    answer = browser.post("/tag_group/add", {"name": "先开的表单"})
    assert answer.status_code == 302
    assert portal.door.revision == 2
    assert "附加7" in browser.get("/tag_group/add").text


def test_memory_stays_when_revisions_come_and_go(portal: Portal) -> None:
    browser, sizes = portal.browser("boss"), []
    for number in range(CHANGES):
        apply(portal.engines, changed(portal, number), by="test", allow_loss=True)
        portal.door.refresh()
        assert browser.get("/plant/list/").status_code == 200
        gc.collect()
        sizes.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    assert sizes[-1] - sizes[CHANGES // 2] < 12
