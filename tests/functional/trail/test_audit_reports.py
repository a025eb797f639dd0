"""Signed audit reports: their figures worked out by hand, verified as a stranger does, and the ways to them."""

from __future__ import annotations

import base64
import io
import json
import re
import string
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pypdf
import pytest
from click.testing import CliRunner
from sqlalchemy import text

from app.audit import verify_bundle as outsider
from app.audit.actions import AuditAction as Did
from app.audit.archives import archive
from app.audit.canonical import canonical
from app.audit.chain import Entry, append
from app.audit.figures import Period, figures_of
from app.audit.keys import load_key, new_key, public_bytes, public_pem
from app.audit.kinds import KINDS
from app.audit.notes import fingerprint
from app.audit.reporting import AuditReport, make_report, said_by
from app.cli.main import main
from app.factory import Workshops
from app.features.trail.paper import KINDS as NAMED
from app.features.trail.paper import draw
from app.features.trail.reporting import kept
from app.kernel.errors import Refused
from app.kernel.messages import Label
from app.tasks import runner
from tests.functional.trail.test_bundles import Memory, fails
from tests.support.nursery import planted
from tests.support.portals import SCHEMAS, Portal, running_portal
from tests.support.servers import Servers
from tests.support.trail import MORNING, Log, running_log

ZONE = ZoneInfo("Asia/Shanghai")
MAY = Period(date(2026, 5, 1), date(2026, 5, 31), ZONE)
# The first and the last moment of May in Shanghai, and the ones just beyond.
FIRST, LAST = datetime(2026, 4, 30, 16, tzinfo=UTC), datetime(2026, 5, 31, 15, 59, 59, tzinfo=UTC)
BEFORE, AFTER = FIRST - timedelta(seconds=1), LAST + timedelta(seconds=1)
Told = tuple[datetime, Did, str | None, dict[str, Any]]
NAMES = {"buyer": Label("顾客", "Buyer")}


def deeds(log: Log) -> None:
    """Twelve entries in May and two beside it; entry 1 of the log names its key, on 15 June."""
    west: list[Told] = [
        (FIRST, Did.RECORDS_SHOWN, "buyer", {"count": [None, 25], "records": [None, []]}),
        (LAST, Did.RECORDS_SHOWN, "buyer", {"count": [None, 5], "records": [None, []]}),
        (FIRST, Did.SEARCHED, None, {"searched": [None, "x"]}),
        (FIRST, Did.EXPORT_MADE, "buyer", {"rows": 40}),
        (FIRST, Did.EXPORT_TAKEN, "buyer", {"rows": 40}),
        (FIRST, Did.RECORD_CHANGED, "buyer", {"note": [None, "x"]}),
        (FIRST, Did.VIEWING_STOPPED, "buyer", {"count": [None, 99]}),
        (BEFORE, Did.RECORD_CHANGED, "buyer", {}),
    ]
    boss: list[Told] = [
        (FIRST, Did.RECORD_CREATED, "role_assignment", {}),
        (FIRST, Did.ROLE_CHANGED, None, {}),
        (FIRST, Did.ACCOUNT_CLOSED, None, {}),
        (FIRST, Did.REPORT_TAKEN, None, {"lines": 7}),
        (AFTER, Did.RECORD_REMOVED, "buyer", {}),
    ]
    with log.engines.app.begin() as connection:
        for name, some in (("west", west), ("boss", boss)):
            for at, action, entity, changes in some:
                append(connection, Entry(at, 1, name, action, 1, entity, changes=changes))
        refused = Entry(FIRST, None, "stranger", Did.SIGN_IN_REFUSED, 1, address="10.0.0.9")
        append(connection, refused)


@pytest.fixture(scope="module")
def log(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    """Fifteen entries, of which twelve are of May, and a checkpoint signed in May and one in June."""
    with running_log(servers, tmp_path_factory.mktemp("home")) as made:
        deeds(made)
        yield made


@pytest.fixture(scope="module")
def report(log: Log) -> AuditReport:
    """The report of May."""
    return made_of(log, MAY)


def made_of(log: Log, period: Period) -> AuditReport:
    """A report, drawn as the portal draws it."""
    return make_report(log.engines.app, log.home, period, MORNING, "test",
                       lambda said, digest: draw(said, digest, NAMES))  # fmt: skip


def text_of(made: AuditReport) -> str:
    """What stands on the paper."""
    paper = pypdf.PdfReader(io.BytesIO(made.files["report.pdf"]))
    return "\n".join(page.extract_text() for page in paper.pages)


@pytest.fixture(scope="module")
def held(log: Log) -> str:
    """The fingerprint that the owner holds."""
    return fingerprint(public_bytes(load_key(log.home)))


def test_every_entry_of_the_period_is_counted_once(report: AuditReport) -> None:
    said = said_by(report.files["report.json"])
    assert said["entries"] == {"count": 12, "first": 2, "last": 15}
    assert said["kinds"] == {
        "looked": 3, "exported": 3, "changed": 1, "rights": 2, "frozen": 1, "blocked": 1, "budget": 1,
        "decided": 0, "signed_in": 0, "trail": 0, "other": 0,
    }  # fmt: skip
    accounts = {one["account"]: one for one in said["accounts"]}
    assert accounts["west"] == {
        "account": "west", "count": 7, "looked_records": 30, "exported_records": 40,
        "kinds": {"looked": 3, "exported": 2, "changed": 1, "budget": 1},
    }  # fmt: skip
    assert accounts["boss"] == {
        "account": "boss", "count": 4, "looked_records": 0, "exported_records": 7,
        "kinds": {"exported": 1, "rights": 2, "frozen": 1},
    }  # fmt: skip
    assert accounts["stranger"]["kinds"] == {"blocked": 1}
    assert {"action": "record:created", "count": 1, "kind": "rights"} in said["deeds"]
    assert said["records"] == [
        {"action": "record:changed", "count": 1, "entity": "buyer"},
        {"action": "record:created", "count": 1, "entity": "role_assignment"},
    ]
    assert said["checkpoint"]["size"] == 15
    # The only checkpoint was signed on 15 June.
    assert said["checkpoints"] == []
    assert said["verification"] == {
        "first": 1, "last": 15, "checkpoints": 1, "faults": 0, "notes": 0, "told": [],
    }  # fmt: skip
    assert said["period"]["begin"] == "2026-04-30T16:00:00.000000Z"
    assert said["period"]["end"] == "2026-05-31T16:00:00.000000Z"


def test_june_has_the_rest_and_its_checkpoint(log: Log, report: AuditReport) -> None:
    said = made_of(log, Period(date(2026, 6, 1), date(2026, 6, 15), ZONE)).said
    assert said["entries"] == {"count": 2, "first": 1, "last": 14}
    assert [one["size"] for one in said["checkpoints"]] == [15]


def test_the_paper_shows_the_figures_and_the_digest(report: AuditReport) -> None:
    digest = sha256(report.files["report.json"]).hexdigest()
    assert report.digest == digest
    said = re.sub(r"\s+", " ", text_of(report))
    assert digest in said.replace(" ", "")
    assert "2026-05-01 – 2026-05-31" in said
    assert re.search(r"查看、检索 Looked and searched 3\b", said)
    assert re.search(r"授权、账号 Rights and accounts 2\b", said)
    # west: looked, exported, changed, budget, then records seen and taken, and all entries.
    assert re.search(r"west 3 2 1 0 0 0 1 30 40 7\b", said)
    assert "顾客 Buyer" in said
    assert "未发现问题" in said


def test_a_stranger_verifies_it_alone(report: AuditReport, held: str, tmp_path: Path) -> None:
    written(report.files, tmp_path)

    def run(*words: str) -> tuple[int, str]:
        done = subprocess.run([sys.executable, "-I", "-S", "verify.py", "--key", *words],
                              cwd=tmp_path, env={}, capture_output=True, check=False)  # fmt: skip
        assert done.stderr == b""
        return done.returncode, done.stdout.decode()

    code, said = run(held)
    assert code == 0, said
    assert "HOLDS: 2026-05-01 – 2026-05-31, 12 entries, checkpoint 15, faults 0" in said
    assert run(held, "--checkpoint", "checkpoint-15.txt")[0] == 0
    assert run(fingerprint(public_bytes(new_key())))[0] == 1
    lines = report.files["VERIFY.txt"].decode().splitlines()
    commands = ["openssl" + line.partition("openssl")[2] for line in lines if "  openssl " in line]
    answers = [
        subprocess.run(["sh", "-c", one], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
        for one in commands
    ]  # fmt: skip
    assert held in answers[0]
    assert report.digest in answers[3]
    assert all("Verified Successfully" in answers[at] for at in (1, 2, 4))


def test_every_changed_byte_is_refused(report: AuditReport, held: str) -> None:
    files = dict(report.files)
    assert not fails(files, held)
    for name in ("report.json", "report.json.sig", "report.pdf.sig", "checkpoint-15.txt"):
        for at in range(0, len(files[name]), 97):
            bent = bytearray(files[name])
            bent[at] ^= 1
            assert fails({**files, name: bytes(bent)}, held), (name, at)
    # Another spelling in base64 of the very same signature: the two last bits of it are free.
    note = files["checkpoint-15.txt"].decode()
    alphabet = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"
    other = alphabet[alphabet.index(note[-3]) + 1]
    spelled = note[:-3] + other + note[-2:]
    assert base64.b64decode(spelled.split()[-1]) == base64.b64decode(note.split()[-1])
    assert fails({**files, "checkpoint-15.txt": spelled.encode()}, held)
    bent = bytearray(files["report.pdf"])
    bent[len(bent) // 2] ^= 1
    assert fails({**files, "report.pdf": bytes(bent)}, held)
    assert fails({name: part for name, part in files.items() if name != "report.pdf.sig"}, held)


def test_even_the_holder_of_the_key_signs_no_sums_that_do_not_add_up(
    log: Log, report: AuditReport, held: str
) -> None:
    key = load_key(log.home)

    def signed(**changed: object) -> Mapping[str, bytes]:
        content = canonical({**report.said, **changed}).encode()
        return {**report.files, "report.json": content, "report.json.sig": key.sign(content)}

    assert not fails(dict(signed()), held)
    fewer = {**report.said["kinds"], "exported": 2}
    assert fails(dict(signed(kinds=fewer)), held)
    assert fails(dict(signed(entries={"count": 12, "first": 2, "last": 16})), held)
    assert fails(dict(signed(format="storewarden-bundle/1")), held)
    assert fails(dict(signed(origin="storewarden/other")), held)
    spaced = json.dumps(report.said).encode()
    assert fails({**report.files, "report.json": spaced, "report.json.sig": key.sign(spaced)}, held)
    forger = new_key()
    forged = {name: forger.sign(report.files[name.removesuffix(".sig")]) for name in
              ("report.json.sig", "report.pdf.sig")}  # fmt: skip
    assert fails({**report.files, **forged, "key.pem": public_pem(forger).encode()}, held)


def test_a_mailed_checkpoint_must_be_one_that_the_report_names(
    log: Log, report: AuditReport, held: str
) -> None:
    told = report.files["checkpoint-15.txt"].decode()
    said = outsider.check(
        Memory(dict(report.files)), held, f"Subject: x\r\n\r\n{told}".replace("\n", "\r\n")
    )
    assert any("at hand agrees" in line for line in said)
    log.write(1)
    later = log.checkpoint().text
    with pytest.raises(outsider.Wrong, match="does not name"):
        outsider.check(Memory(dict(report.files)), held, later)


def test_a_trail_that_was_changed_is_reported_as_such(servers: Servers, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with running_log(servers, home) as log:
        deeds(log)
        log.attack("UPDATE portal_audit_entry SET account_name = 'x' WHERE id = 7")
        made = made_of(log, MAY)
    assert made.faults == 1
    assert made.said["verification"]["told"] == [
        "Entry 7: the columns that lists show are not what was sealed."
    ]
    assert "Entry 7" in text_of(made)


def test_days_that_have_not_been_are_refused(log: Log) -> None:
    for since, until in (
        (date(2026, 6, 1), date(2026, 6, 16)),
        (date(2026, 5, 2), date(2026, 5, 1)),
    ):
        with pytest.raises(Refused, match="days that have been"):
            made_of(log, Period(since, until, ZONE))


def test_archived_entries_are_counted_from_their_files(servers: Servers, tmp_path: Path) -> None:
    """Of 300 entries of a day long ago 256 leave the database; the report counts all of them."""
    home = tmp_path / "home"
    home.mkdir()
    with running_log(servers, home) as log:
        log.write(299)
        log.checkpoint()
        log.attack("UPDATE portal_audit_entry SET noted_at = noted_at - interval '400 days'")
        with log.engines.owner.connect() as connection:
            newest = connection.scalar(text("SELECT max(noted_at) FROM portal_audit_entry"))
        done = archive(log.engines.app, log.home, newest + timedelta(hours=1), 0)
        assert (done.first, done.last) == (1, 256), done.reason
        day = Period(MORNING.date(), MORNING.date(), ZONE)
        with log.engines.app.connect() as connection:
            found = figures_of(connection, home, day, 300).plain()
    assert found["entries"] == {"count": 300, "first": 1, "last": 300}
    assert found["kinds"]["changed"] == 299
    assert found["kinds"]["trail"] == 1


def test_every_deed_has_one_heading_and_every_heading_a_name() -> None:
    counted = [deed for some in KINDS.values() for deed in some]
    assert sorted(counted) == sorted(Did)
    assert NAMED.keys() == KINDS.keys()


# The ways to it


@pytest.fixture(scope="module")
def nursery(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A nursery with a key of its own."""
    home: Path = tmp_path_factory.mktemp("home")
    home.chmod(0o700)
    with running_portal(servers, SCHEMAS / "nursery", home) as portal:
        planted(portal)
        yield portal


def written(files: Mapping[str, bytes], folder: Path) -> None:
    """Put files into a folder."""
    for name, content in files.items():
        (folder / name).write_bytes(content)


def call(portal: Portal, *words: str) -> tuple[int, str]:
    """Exit code and everything that was said."""
    render = lambda engine: engine.url.render_as_string(hide_password=False)  # noqa: E731
    environment = {
        "PORTAL_HOME": str(portal.settings.home),
        "PORTAL_DATABASE_URL": render(portal.engines.app),
        "PORTAL_DATABASE_OWNER_URL": render(portal.engines.owner),
        "PORTAL_REDIS_URL": portal.settings.redis_url,
        "PORTAL_LANGUAGE": "en",
    }
    done = CliRunner().invoke(main, ["audit", "report", *words], env=environment)
    return done.exit_code, done.output


def test_the_command_writes_and_verifies(nursery: Portal, tmp_path: Path) -> None:
    days = "SELECT count(*) FROM portal_audit_entry WHERE at >= '2026-06-01+08' AND at < '2026-07-01+08'"
    entries = nursery.scalar(days)
    place = tmp_path / "june"
    code, said = call(nursery, "--period", "2026-06", "--out", str(place))
    assert code == 0, said
    told = json.loads((place / "report.json").read_bytes())
    assert told["entries"]["count"] == entries > 0
    assert sum(one["count"] for one in told["accounts"]) == entries
    assert sha256((place / "report.json").read_bytes()).hexdigest() in said
    newest = "SELECT body FROM portal_audit_entry ORDER BY id DESC LIMIT 1"
    assert b'"action":"audit:report"' in nursery.scalar(newest)
    assert call(nursery, "--verify", str(place))[0] == 0
    assert call(nursery, "--verify", str(place / "report.json"))[0] == 0
    assert call(nursery, "--verify", str(place), "--key", "ab" * 32)[0] == 1
    assert call(nursery, "--period", "2026-06", "--out", str(place))[0] == 1
    quarter = tmp_path / "quarter"
    assert call(nursery, "--period", "2026-Q2", "--out", str(quarter))[0] == 0
    told = json.loads((quarter / "report.json").read_bytes())
    assert (told["period"]["from"], told["period"]["until"]) == ("2026-04-01", "2026-06-30")
    (place / "report.json").write_bytes(b"{}")
    assert call(nursery, "--verify", str(place))[0] == 1
    for words in (
        (),
        ("--from", "2026-06-01"),
        ("--period", "2026-13", "--out", "x"),
        ("--period", "2026-06"),
    ):
        assert call(nursery, *words)[0] == 2


def test_the_page_makes_it_in_the_background_and_hands_it_out(
    nursery: Portal, tmp_path: Path
) -> None:
    boss = nursery.browser("boss")
    assert "/trail/reports/" in boss.get("/trail/").text
    boss.get("/trail/reports/")
    refused = boss.post("/trail/reports/", {"since": "2026-06-01", "until": "2026-07-01"})
    assert refused.status_code == Refused.status
    assert "alert" in refused.text
    assert (
        boss.post("/trail/reports/", {"since": "2026-06-01", "until": "2026-06-15"}).status_code
        == 302
    )
    assert 'a href="/trail/reports/"' in boss.get("/trail/reports/").text
    number = nursery.scalar("SELECT max(id) FROM portal_task WHERE kind = 'trail_report'")
    shops = Workshops(nursery.settings, nursery.clock)
    assert runner.run(shops.newest(), number, "test") == "done"
    shops.engine.dispose()
    (one,) = kept(nursery.settings.home)
    assert one.name in boss.get("/trail/reports/").text
    answer = boss.post("/trail/reports/file", {"name": one.name})
    assert answer.mimetype == "application/zip"
    (tmp_path / "report.zip").write_bytes(answer.data)
    with zipfile.ZipFile(tmp_path / "report.zip") as opened:
        told = json.loads(opened.read("report.json"))
    assert told["made"]["by"] == "boss"
    assert call(nursery, "--verify", str(tmp_path / "report.zip"))[0] == 0
    newest = (
        "SELECT body FROM portal_audit_entry WHERE account_name = 'boss' ORDER BY id DESC LIMIT 1"
    )
    body = nursery.scalar(newest)
    assert b'"action":"audit:evidence"' in body
    assert one.name.encode() in body
    boss.get("/trail/reports/")
    for name in ("../key.pem", "../../audit/key.pem", ""):
        assert boss.post("/trail/reports/file", {"name": name}).status_code == 404


def test_others_neither_ask_nor_fetch(nursery: Portal) -> None:
    for name in ("west", "helper"):
        browser = nursery.browser(name)
        assert browser.get("/trail/reports/").status_code == 404
        assert (
            browser.post(
                "/trail/reports/", {"since": "2026-06-01", "until": "2026-06-02"}
            ).status_code
            == 404
        )
        assert browser.post("/trail/reports/file", {"name": "x"}).status_code == 404


def test_an_old_proof_is_not_enough(nursery: Portal) -> None:
    boss = nursery.browser("boss")
    boss.get("/trail/reports/")
    before = nursery.scalar("SELECT count(*) FROM portal_task WHERE kind = 'trail_report'")
    nursery.clock.moment += timedelta(minutes=11)
    try:
        for path in ("/trail/reports/", "/trail/reports/file"):
            answer = boss.post(path, {"since": "2026-06-01", "until": "2026-06-15", "name": "x"})
            assert answer.headers["Location"] == "/prove/?next=%2Ftrail%2Freports%2F"
    finally:
        nursery.clock.moment -= timedelta(minutes=11)
    assert nursery.scalar("SELECT count(*) FROM portal_task WHERE kind = 'trail_report'") == before
