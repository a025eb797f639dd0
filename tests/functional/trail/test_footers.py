"""Files that leave the portal bear the newest checkpoint: size, first bytes of the root, and when it was signed."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.audit.checkpoints import make_checkpoint
from tests.functional.requests.exporting import ask_export, link, work
from tests.support.nursery import planted
from tests.support.portals import NOON, SCHEMAS, Portal, running_portal
from tests.support.servers import Servers


@pytest.fixture(scope="module")
def nursery(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A nursery that nobody signed for yet."""
    home: Path = tmp_path_factory.mktemp("home")
    home.chmod(0o700)
    with running_portal(servers, SCHEMAS / "nursery", home) as portal:
        planted(portal)
        yield portal


def exported(portal: Portal, kind: str) -> bytes:
    """The species as a file."""
    boss = portal.browser("boss")
    answer = ask_export(boss, "species", columns=["name"], format=kind)
    number = int(answer.headers["Location"].removeprefix("/exports/"))
    assert work(portal) == ["done"]
    return boss.get(link(boss, number)).data


def parts(content: bytes) -> dict[str, str]:
    """The parts of a workbook."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_lists_bear_the_checkpoint_and_when_it_was_signed(nursery: Portal) -> None:
    before = exported(nursery, "csv").decode("utf-8-sig").splitlines()[0]
    assert "审计记录" not in before
    note = make_checkpoint(nursery.engines.app, nursery.settings.home, NOON, "test")
    assert note is not None
    checkpoint = note.checkpoint
    assert checkpoint.short == f"{checkpoint.size}-{checkpoint.root.hex()[:16]}"
    # NOON is four o'clock in UTC, and twelve in Shanghai.
    said = f"审计记录 {checkpoint.short}（2026-06-15 12:00）"
    head, *rows = exported(nursery, "csv").decode("utf-8-sig").splitlines()
    assert said in head
    assert not any(checkpoint.short in row for row in rows)
    book = parts(exported(nursery, "xlsx"))
    sheet = book["xl/worksheets/sheet1.xml"]
    footer = re.search(r"<oddFooter>(.*?)</oddFooter>", sheet)
    header = re.search(r"<oddHeader>(.*?)</oddHeader>", sheet)
    assert footer is not None
    assert header is not None
    assert footer[1] == f"&amp;L{said}&amp;R&amp;P / &amp;N"
    assert "(boss)" in header[1]
    assert said in book["docProps/core.xml"]


def test_the_copy_of_a_person_bears_it(nursery: Portal) -> None:
    boss = nursery.browser("boss")
    boss.get(f"/privacy/buyer/{nursery.ids['buyer']}")
    answer = boss.post(f"/privacy/buyer/{nursery.ids['buyer']}/copy")
    number = int(answer.headers["Location"].removeprefix("/exports/"))
    assert work(nursery) == ["done"]
    inside = parts(boss.get(link(boss, number)).data)
    newest = nursery.scalar("SELECT max(size) FROM portal_audit_checkpoint")
    assert f"审计记录 {newest}-" in inside["extract.html"]
    assert f"审计记录 {newest}-" in json.loads(inside["extract.json"])["head"]
