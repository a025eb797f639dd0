"""The page of the trail: who may look, what it says, what it hides, and evidence from it."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from app.audit import verify_bundle as outsider
from app.audit.actions import AuditAction
from app.audit.chain import Entry, append
from app.audit.checkpoints import make_checkpoint
from app.audit.keys import load_key, public_bytes
from app.audit.notes import fingerprint
from app.factory import Workshops
from app.features.trail.rules import DEEDS, sentence
from app.features.trail.verifying import VERIFY
from app.storage.database import unit_of_work
from app.tasks import runner
from app.tasks.outbox import NewTask, enqueue
from tests.support.nursery import planted
from tests.support.portals import NOON, SCHEMAS, Browser, Portal, running_portal
from tests.support.servers import Servers


@pytest.fixture(scope="module")
def nursery(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A nursery whose trail is asked about here alone."""
    home: Path = tmp_path_factory.mktemp("home")
    with running_portal(servers, SCHEMAS / "nursery", home) as portal:
        planted(portal)
        with portal.records() as records:
            one = records.get("plant", portal.ids["plant3"], ("version",))
            records.change("plant", one.id, {"label_text": "改名的树"}, one.values["version"])
        yield portal


@pytest.fixture(scope="module")
def boss(nursery: Portal) -> Browser:
    """Who looks after the trail."""
    return nursery.browser("boss")


def lines(page: str) -> list[str]:
    """The entries of a page as plain text."""
    found = re.findall(r'<li class="tone-[a-z]*"><p>(.*?)</li>', page, re.DOTALL)
    return [re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", one)).strip() for one in found]


def test_others_do_not_know_the_page(nursery: Portal) -> None:
    for name in ("west", "helper"):
        browser = nursery.browser(name)
        assert browser.get("/trail/").status_code == 404
        assert browser.post("/trail/evidence").status_code == 404
        assert "/trail/" not in browser.get("/").text
    assert Browser(nursery.door).get("/trail/").status_code == 302


def test_an_entry_is_a_sentence_with_old_and_new_value(nursery: Portal, boss: Browser) -> None:
    number = nursery.ids["plant3"]
    found = lines(boss.get(f"/trail/?entity=plant&record={number}").text)
    assert len(found) == 2
    assert "修改了「植物 改名的树」" in found[0] or "修改了" in found[0]
    assert "丽水槭树03 → 改名的树" in found[0]
    boss.post("/lang/en")
    found = lines(boss.get(f"/trail/?entity=plant&record={number}").text)
    assert "test changed" in found[0]
    assert "created" in found[1]
    boss.post("/lang/zh")


def test_the_search_narrows(boss: Browser) -> None:
    def found(query: str) -> list[str]:
        return lines(boss.get(f"/trail/?{query}").text)

    assert all("登录" in line for line in found("deed=session:signed_in"))
    assert found("words=改名的树")
    assert not found("words=没有这样的话")
    assert not found("since=2020-01-01&until=2020-01-02")
    day = NOON.date().isoformat()
    assert len(found(f"since={day}&until={day}")) == 50
    assert found("account=boss")
    assert not found("account=nobody")
    # What cannot be read is not asked for.
    assert found("since=yesterday&record=x")


def test_looking_is_itself_an_entry(nursery: Portal, boss: Browser) -> None:
    count = (
        "SELECT count(*) FROM portal_audit WHERE action = 'audit:read' AND account_name = 'boss'"
    )
    before = nursery.scalar(count)
    boss.get("/trail/?words=abc")
    assert nursery.scalar(count) == before + 1
    newest = "SELECT changes FROM portal_audit WHERE action = 'audit:read' ORDER BY id DESC LIMIT 1"
    assert nursery.scalar(newest) == {"words": "abc"}
    assert "查看了审计记录" in lines(boss.get("/trail/").text)[0]


def test_whom_one_looks_for_stands_in_no_address(nursery: Portal, boss: Browser) -> None:
    boss.get("/trail/")
    number = str(nursery.ids["plant3"])
    planter = nursery.scalar(
        "SELECT account_name FROM portal_audit WHERE action = 'record:created' LIMIT 1"
    )
    typed = {
        "words": "改名的树",
        "account": planter,
        "record": number,
        "entity": "plant",
        "deed": "",
    }
    sent = boss.post("/trail/", typed)
    assert sent.status_code == 303
    address = sent.headers["Location"]
    assert re.fullmatch(r"/trail/\?entity=plant&_s=[\w-]+", address)
    page = boss.get(address)
    assert len(lines(page.text)) == 1
    assert 'value="改名的树"' in page.text
    # The token is good for whoever searched, and for nobody else.
    other = nursery.account("second", "owner", None)
    assert other
    refused = nursery.browser("second").get(address)
    assert refused.status_code == 409
    assert "改名的树" not in refused.text
    # Older entries of a search are led to in the same manner.
    boss.get("/trail/")
    sent = boss.post("/trail/", {"account": planter})
    page = boss.get(sent.headers["Location"])
    found = re.search(r'href="(/trail/\?[^"]*before=\d+)"', page.text)
    assert found is not None
    assert "account=" not in found[1]
    assert lines(boss.get(found[1].replace("&amp;", "&")).text)
    for address in re.findall(r'(?:href|action)="([^"]+)"', page.text):
        assert "account=" not in address


def test_older_entries_follow_page_by_page(nursery: Portal, boss: Browser) -> None:
    seen: list[int] = []
    address = "/trail/?deed=record:created"
    while address:
        page = boss.get(address).text
        seen += [int(one) for one in re.findall(r"<small>#(\d+) ", page)]
        found = re.search(r'href="(/trail/\?[^"]*before=\d+)"', page)
        address = found[1].replace("&amp;", "&") if found else ""
    assert seen == sorted(set(seen), reverse=True)
    assert len(seen) == nursery.scalar(
        "SELECT count(*) FROM portal_audit WHERE action = 'record:created'"
    )


def test_what_somebody_types_as_a_name_is_text(nursery: Portal, boss: Browser) -> None:
    with nursery.engines.app.begin() as connection:
        append(connection, Entry(NOON, None, "<b>x</b>", AuditAction.SIGN_IN_REFUSED, 1))
    page = boss.get("/trail/").text
    assert "&lt;b&gt;x&lt;/b&gt;" in page
    assert "<b>x</b>" not in page


def test_the_page_says_how_the_trail_stands(nursery: Portal, boss: Browser) -> None:
    assert "还没有核验" in boss.get("/trail/").text
    note = make_checkpoint(nursery.engines.app, nursery.settings.home, NOON, "test")
    shops = Workshops(nursery.settings, nursery.clock)
    with Session(nursery.engines.app) as session, unit_of_work(session):
        number = enqueue(session, nursery.runtime, NewTask(VERIFY.name, VERIFY.label))
    assert runner.run(shops.newest(), number, "test") == "done"
    shops.engine.dispose()
    page = boss.get("/trail/").text
    assert note is not None
    assert note.checkpoint.short in page
    assert "没有问题" in page


def test_evidence_holds_what_was_searched_for(nursery: Portal, boss: Browser) -> None:
    number = nursery.ids["plant3"]
    boss.get("/trail/")
    answer = boss.post("/trail/evidence", {"entity": "plant", "record": str(number)})
    assert answer.status_code == 200
    assert answer.mimetype == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    entries = [name for name in files if name.startswith("entries/")]
    assert len(entries) == 2

    class Memory(outsider.Files):
        def __init__(self) -> None:
            pass

        def read(self, name: str) -> bytes:
            return files[name]

        def has(self, name: str) -> bool:
            return name in files

    key = fingerprint(public_bytes(load_key(nursery.settings.home)))
    said = outsider.check(Memory(), key, None)
    assert "改名的树" in " ".join(said)
    boss.get("/trail/")
    refused = boss.post("/trail/evidence", {"account": "nobody"})
    assert refused.status_code == 404


def test_every_deed_has_its_words() -> None:
    assert {str(deed) for deed in AuditAction} == {str(deed) for deed in DEEDS}
    for deed in AuditAction:
        for language in ("zh", "en"):
            said = sentence(deed, "X", language)
            assert "{" not in said
            assert said
    assert sentence("other:thing", "X", "en") == "other:thing X"
