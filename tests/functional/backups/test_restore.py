"""A backup drill: back up, lose everything, restore, and hold what comes out against what went in (F22, F122)."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import stat
import threading
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session
from werkzeug.datastructures import FileStorage

from app.audit.checking import Verification
from app.audit.checkpoints import make_checkpoint
from app.audit.shelf import shelved
from app.factory import keys_of
from app.features.backups.container import PartReader, PartWriter
from app.features.backups.keys import load_key
from app.features.backups.sealing import SealedWriter
from app.kernel.messages import Label
from app.settings import read_settings
from app.storage.database import make_engine, unit_of_work
from app.storage.files import FileStore
from app.tasks.outbox import NewTask, enqueue
from tests.support.backups import (
    CHANGED,
    asked,
    backed_up,
    embedded,
    given,
    opened,
    portal_command,
    sums,
)
from tests.support.nursery import CANARY, planted
from tests.support.portals import NOON, SCHEMAS, Browser, Portal, running_portal
from tests.support.servers import Servers

MANUAL = b"%PDF-1.7 how to dig, " + b"deeper " * 60_000
PHONE = "13800138000"


@pytest.fixture(scope="module")
def origin(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A nursery with a file, a signed trail, an archive, and things that wait."""
    with running_portal(servers, SCHEMAS / "nursery", tmp_path_factory.mktemp("home")) as portal:
        planted(portal)
        boss = portal.browser("boss")
        boss.get("/tool/add")
        sent = {"name": "大铲", "manual": FileStorage(io.BytesIO(MANUAL), "dig.pdf")}
        assert boss.post("/tool/add", sent).status_code == 302
        make_checkpoint(portal.engines.app, portal.settings.home, NOON, "test")
        archive = portal.settings.home / "archive"
        archive.mkdir(mode=0o700)
        (archive / "gardener-9-abc.sealed").write_bytes(b"sealed before")
        _let_wait(portal)
        yield portal


@pytest.fixture(scope="module")
def cookie(origin: Portal) -> Browser:
    """Somebody who was signed in when the backup was made."""
    return origin.browser("west")


@pytest.fixture(scope="module")
def file(origin: Portal, cookie: Browser) -> Path:
    assert cookie.get("/plant/list/").status_code == 200
    return backed_up(origin)


@pytest.fixture(scope="module")
def key(origin: Portal, file: Path) -> Path:
    """The key that the backup was made with, as it lies elsewhere."""
    return origin.settings.home / "backup_key"


@pytest.fixture(scope="module")
def home(file: Path, key: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new home on another machine, restored with its own embedded server."""
    home = tmp_path_factory.mktemp("other") / "home"
    done = portal_command(given(home, key), "backup", "restore", str(file))
    assert done.exit_code == 0, done.output
    assert "faults: 0" in done.output
    assert "Everybody signs in anew" in done.output
    assert "there is a new one" in done.output
    return home


@pytest.fixture(scope="module")
def restored(home: Path, key: Path) -> Iterator[dict[str, str]]:
    """The settings with which the restored portal is reached."""
    with embedded(home) as urls:
        yield given(home, key, urls)


def test_the_file_is_for_its_owner_and_no_word_of_it_can_be_read(file: Path, key: Path) -> None:
    content = file.read_bytes()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    for word in (CANARY, "王小明", PHONE, "portal_audit", "how to dig", "CREATE TABLE", "boss"):
        assert word.encode() not in content
        assert word.encode("utf-16-le") not in content
    # Nor compressed: no byte is rarer or more frequent than by chance.
    assert b"PGDMP" not in content
    each = len(content) / 256
    squares = sum((content.count(bytes([one])) - each) ** 2 / each for one in range(256))
    assert squares < 400  # 255 on average; more than 400 once in 10**7


def test_every_row_is_there_again(origin: Portal, restored: dict[str, str]) -> None:
    before = sums(origin.settings.database_owner_url)
    after = sums(restored["PORTAL_DATABASE_OWNER_URL"])
    assert before.keys() == after.keys()
    same = before.keys() - CHANGED
    assert len(same) > 40
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    plants = "SELECT count(*), sum(price), min(label_text), max(label_text) FROM plant"
    # 30 plants of 0, 10 … 290, and one without a price.
    assert asked(restored["PORTAL_DATABASE_OWNER_URL"], plants)[0][:2] == (31, Decimal(4350))


def test_attachments_and_archives_are_there_again(origin: Portal, restored: dict[str, str]) -> None:
    settings = read_settings(restored)
    (digest,) = asked(settings.database_owner_url, "SELECT sha256 FROM portal_file")[0]
    with FileStore(settings.files_url).open(digest) as stream:
        assert hashlib.sha256(stream.read()).hexdigest() == hashlib.sha256(MANUAL).hexdigest()
    sealed = settings.home / "archive" / "gardener-9-abc.sealed"
    assert sealed.read_bytes() == b"sealed before"
    assert settings.secret_key == origin.settings.secret_key


def test_encrypted_fields_are_readable_and_the_signing_key_stayed_behind(
    origin: Portal, restored: dict[str, str]
) -> None:
    settings = read_settings(restored)
    ring = keys_of(settings)
    (kept,) = asked(
        settings.database_owner_url, "SELECT mobile FROM gardener WHERE name = '王小明'"
    )[0]
    assert PHONE not in kept
    assert ring.plain(kept) == PHONE
    signing = "audit/key.pem"
    assert (settings.home / signing).read_bytes() != (origin.settings.home / signing).read_bytes()


def test_the_trail_is_whole_and_tells_of_both(origin: Portal, restored: dict[str, str]) -> None:
    settings = read_settings(restored)
    engine = make_engine(settings.database_url)
    try:
        with engine.connect() as connection:
            run = Verification(connection, settings.home, notes=shelved(origin.settings.home))
            assert [str(one.says) for one in run.findings()] == []
        # The old checkpoint came along, and the new key has signed on.
        assert {one.text for one in shelved(settings.home)} > {
            one.text for one in shelved(origin.settings.home)
        }
    finally:
        engine.dispose()
    told = asked(
        settings.database_owner_url,
        "SELECT action, record_title FROM portal_audit WHERE action LIKE 'backup:%' ORDER BY id",
    )
    assert [action for action, _ in told] == ["backup:restored"]
    assert origin.scalar("SELECT count(*) FROM portal_audit WHERE action = 'backup:made'") >= 1
    assert told[0][1].startswith("storewarden-")


def test_nobody_is_signed_in_any_more(
    origin: Portal, cookie: Browser, restored: dict[str, str]
) -> None:
    assert cookie.get("/plant/list/").status_code == 200
    with opened(read_settings(restored)) as door:
        cookie.client.application, former = door, cookie.client.application
        try:
            answer = cookie.get("/plant/list/")
            assert (answer.status_code, "/login/" in answer.headers["Location"]) == (302, True)
            anew = Browser(door)
            assert anew.sign_in("west").status_code == 302
            page = anew.get("/plant/list/")
            # The policies stand again: the keeper of the west sees the west alone.
            assert "丽水槭树00" in page.text
            assert CANARY not in page.text
        finally:
            cookie.client.application = former


def test_raw_sql_of_the_application_sees_no_row_without_saying_who_acts(
    restored: dict[str, str],
) -> None:
    assert asked(restored["PORTAL_DATABASE_URL"], "SELECT count(*) FROM gardener") == [(0,)]
    for table, right in (("portal_audit_entry", "INSERT"), ("portal_revision", "UPDATE")):
        may = f"SELECT has_table_privilege('portal_app', '{table}', '{right}')"
        assert asked(restored["PORTAL_DATABASE_OWNER_URL"], may) == [(False,)]


def test_what_waited_does_not_go_on(restored: dict[str, str]) -> None:
    url = restored["PORTAL_DATABASE_OWNER_URL"]
    assert asked(url, "SELECT DISTINCT state FROM portal_task") == [("cancelled",)]
    assert asked(url, "SELECT count(*) FROM portal_reset") == [(0,)]
    assert asked(url, "SELECT count(*) FROM portal_break_glass WHERE ended_at IS NULL") == [(0,)]
    assert asked(url, "SELECT DISTINCT state FROM portal_export_grant") == [("expired",)]
    assert asked(url, "SELECT DISTINCT state FROM portal_delivery") == [("withheld",)]
    assert asked(
        url, "SELECT count(*) FROM portal_session WHERE revoked_at IS NULL AND epoch = 0"
    ) == [(0,)]
    # Beyond any epoch that a token of the time after the backup could name.
    low = "SELECT count(*) FROM portal_counter WHERE name LIKE 'epoch:%' AND value < 100000"
    assert asked(url, low) == [(0,)]
    newest = "SELECT max(moment) > now() - interval '1 hour' FROM portal_slot WHERE schedule = 'x'"
    assert asked(url, newest) == [(True,)]


def test_a_filled_database_is_refused_and_stays_as_it_is(
    origin: Portal, file: Path, key: Path, home: Path, tmp_path: Path
) -> None:
    before = sums(origin.settings.database_owner_url)
    urls = {
        "PORTAL_DATABASE_URL": origin.settings.database_url,
        "PORTAL_DATABASE_OWNER_URL": origin.settings.database_owner_url,
    }
    done = portal_command(given(tmp_path / "new", key) | urls, "backup", "restore", str(file))
    assert (done.exit_code, done.output.count("\n")) == (1, 1)
    assert "The database is not empty, so nothing was restored" in done.output
    assert sums(origin.settings.database_owner_url) == before
    assert not (tmp_path / "new" / "files").exists()


def test_a_database_of_ones_own_is_reached_by_its_address(
    servers: Servers, origin: Portal, file: Path, key: Path, tmp_path: Path
) -> None:
    with servers.database() as urls:
        assert urls.owner.startswith("postgresql+psycopg://portal_owner:")
        done = portal_command(given(tmp_path / "h", key, urls), "backup", "restore", str(file))
        assert done.exit_code == 0, done.output
        before, after = sums(origin.settings.database_owner_url), sums(urls.owner)
        same = before.keys() - CHANGED
        assert {name: after[name] for name in same} == {name: before[name] for name in same}


def test_one_flipped_bit_restores_nothing(
    servers: Servers, file: Path, key: Path, tmp_path: Path
) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    broken = tmp_path / file.name
    broken.write_bytes(content)
    with servers.database() as urls:
        environment = given(tmp_path / "h", key, urls)
        done = portal_command(environment, "backup", "restore", str(broken))
        assert done.exit_code == 1
        assert "This backup was damaged or changed; nothing of it is used." in done.output
        tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        assert asked(urls.owner, tables) == [(0,)]
        assert not (tmp_path / "h" / "field_keys.json").exists()
        assert not (tmp_path / "h" / "files").exists()
        checked = portal_command(environment, "backup", "verify", str(broken))
        assert checked.exit_code == 1
        assert portal_command(environment, "backup", "verify", str(file)).exit_code == 0


def test_rows_that_are_not_as_many_as_were_counted_restore_nothing(
    servers: Servers, file: Path, key: Path, tmp_path: Path
) -> None:
    secret, other = bytes.fromhex(key.read_text("ascii")), tmp_path / file.name
    with file.open("rb") as stream, other.open("w+b") as target:
        reader, writer = PartReader(stream, secret), PartWriter(SealedWriter(target, secret, NOON))
        for name, blocks in reader.parts():
            writer.add(name, blocks)
        rows = {**reader.manifest.rows, "public.plant": 32}
        writer.end(replace(reader.manifest, rows=rows))
    with servers.database() as urls:
        done = portal_command(given(tmp_path / "h", key, urls), "backup", "restore", str(other))
        assert done.exit_code == 1
        assert "public.plant has 31 rows instead of 32" in done.output
        tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        assert asked(urls.owner, tables) == [(0,)]


def test_another_key_restores_nothing(servers: Servers, file: Path, tmp_path: Path) -> None:
    other = tmp_path / "key"
    other.write_text("ab" * 32, encoding="ascii")
    other.chmod(0o600)
    with servers.database() as urls:
        done = portal_command(given(tmp_path / "h", other, urls), "backup", "restore", str(file))
    assert done.exit_code == 1
    assert "This backup was made with another key" in done.output


def test_another_signing_key_of_the_environment_is_refused(
    servers: Servers, file: Path, key: Path, tmp_path: Path
) -> None:
    with servers.database() as urls:
        environment = given(tmp_path / "h", key, urls) | {
            "PORTAL_SECRET_KEY": "0123456789abcdef" * 4
        }
        done = portal_command(environment, "backup", "restore", str(file))
        assert "PORTAL_SECRET_KEY is another one" in done.output
        assert asked(urls.owner, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [
            (0,)
        ]


def test_keys_of_the_home_that_differ_are_set_aside(
    servers: Servers, file: Path, key: Path, tmp_path: Path
) -> None:
    home = tmp_path / "h"
    with servers.database() as urls:
        environment = given(home, key, urls)
        own = keys_of(read_settings(environment)).keys().newest.secret
        secret = read_settings(environment).secret_key
        done = portal_command(environment, "backup", "restore", str(file))
        assert done.exit_code == 0, done.output
    (aside,) = home.glob("field_keys.json.before-*")
    assert len(json.loads(aside.read_text("ascii"))["keys"]) == 1
    assert keys_of(read_settings(environment)).keys().newest.secret != own
    (former,) = home.glob("secret_key.before-*")
    assert former.read_text("ascii").strip() == secret != read_settings(environment).secret_key


def test_a_backup_of_a_moment_in_which_people_write(
    servers: Servers, origin: Portal, key: Path, tmp_path: Path
) -> None:
    """Each deed makes two plants of 100 together: a backup holds both or none, and the entries of just those."""
    ended, begun, wrong = threading.Event(), threading.Event(), list[BaseException]()

    def write() -> None:
        try:
            number = 0
            while not ended.is_set():
                with origin.records() as records:
                    for half, part in enumerate((number % 100, 100 - number % 100)):
                        records.create("plant", {
                            "label_text": f"pair-{threading.get_ident()}-{number}.{half}", "price": Decimal(part),
                            "species": origin.ids["maple"], "bed": origin.ids["west"],
                        })  # fmt: skip
                number += 1
                if number == 3:
                    begun.set()
        except BaseException as fault:  # noqa: BLE001 - raised below
            wrong.append(fault)
            begun.set()

    writers = [threading.Thread(target=write) for _ in range(3)]
    for one in writers:
        one.start()
    try:
        assert begun.wait(60)
        file = backed_up(origin, "--to", str(tmp_path / "elsewhere"))
    finally:
        ended.set()
        for one in writers:
            one.join()
    assert wrong == []
    with servers.database() as urls:
        done = portal_command(given(tmp_path / "h", key, urls), "backup", "restore", str(file))
        assert done.exit_code == 0, done.output
        assert "faults: 0" in done.output
        pairs = "FROM plant WHERE label_text LIKE 'pair-%'"
        count, total = asked(urls.owner, f"SELECT count(*), sum(price) {pairs}")[0]
        assert count >= 6
        assert (count % 2, total) == (0, count * 50)
        halves = f"SELECT 1 {pairs} GROUP BY split_part(label_text, '.', 1) HAVING count(*) <> 2 OR sum(price) <> 100"
        assert asked(urls.owner, halves) == []
        entries = (
            "SELECT count(*), count(p.id) FROM portal_audit_entry e LEFT JOIN plant p ON p.id = e.record_id"
            " WHERE e.entity = 'plant' AND e.action = 'record:created'"
        )
        told, there = asked(urls.owner, entries)[0]
        assert told == there == count + 31
        assert origin.scalar("SELECT count(*) FROM plant") > count + 31


def test_with_the_old_signing_key_at_hand_it_signs_on(
    servers: Servers, origin: Portal, file: Path, key: Path, tmp_path: Path
) -> None:
    home = tmp_path / "h"
    (home / "audit").mkdir(parents=True, mode=0o700)
    shutil.copy(origin.settings.home / "audit" / "key.pem", home / "audit" / "key.pem")
    with servers.database() as urls:
        done = portal_command(given(home, key, urls), "backup", "restore", str(file))
        assert done.exit_code == 0, done.output
        assert "there is a new one" not in done.output
        keys = "SELECT count(*) FROM portal_audit_entry WHERE action = 'audit:key'"
        assert asked(urls.owner, keys) == [(1,)]


def test_newer_checkpoints_of_the_home_are_laid_aside_and_told(
    servers: Servers, origin: Portal, file: Path, key: Path, tmp_path: Path
) -> None:
    """The database alone was lost: the home knows a later state of the trail than the backup."""
    newer = make_checkpoint(origin.engines.app, origin.settings.home, NOON, "test")
    assert newer is not None
    home = tmp_path / "h"
    shutil.copytree(origin.settings.home / "audit", home / "audit")
    with servers.database() as urls:
        done = portal_command(given(home, key, urls), "backup", "restore", str(file))
        assert done.exit_code == 0, done.output
        assert "faults: 0" in done.output
        told = "SELECT convert_from(body, 'UTF8') FROM portal_audit_entry WHERE action = 'backup:restored'"
        ((body,),) = asked(urls.owner, told)
        assert f'"given_up":{newer.checkpoint.size}' in body
        assert file.name in body
        assert len(list(home.glob("audit/given-up-*/*.txt"))) == 2
        checked = portal_command(given(home, key, urls), "audit", "verify")
        assert checked.exit_code == 0, checked.output
        outside = tmp_path / "mail.txt"
        outside.write_text(newer.text, encoding="utf-8")
        words = ("audit", "verify", "--checkpoint", str(outside))
        # Whoever kept the newer one sees what was lost.
        assert portal_command(given(home, key, urls), *words).exit_code == 1


def test_the_list_names_them(origin: Portal, file: Path) -> None:
    done = portal_command(origin.settings.to_environment(), "backup", "list")
    assert str(file) in done.output
    assert len(load_key(origin.settings)) == 32


# Private


def _let_wait(portal: Portal) -> None:
    """A task, a mail, a link for a new password, a broken glass, a grant, and a moment that was served."""
    west = portal.ids["account_west"]
    with Session(portal.engines.app) as session, unit_of_work(session):
        enqueue(session, portal.runtime, NewTask("tidy", Label("整理", "Tidy"), account_id=west))
        enqueue(session, portal.runtime, NewTask("deliver", Label("发送", "Send")))
    statements = (
        "INSERT INTO portal_notice (account_id, key, kind, texts) VALUES (:west, 'k', 'x', '{}')",
        (
            "INSERT INTO portal_delivery (notice_id, account_id, channel, urgency, next_at)"
            " SELECT max(id), :west, 'mail', 'normal', now() FROM portal_notice"
        ),
        "INSERT INTO portal_reset VALUES (:west, 'n', 0, now() + interval '1 hour')",
        (
            "INSERT INTO portal_break_glass (account_id, role, why, by, asked_at, due_at)"
            " VALUES (:west, 'owner', 'w', 'b', now(), now() + interval '1 day')"
        ),
        (
            "INSERT INTO portal_export_grant (account_id, entity, asked, digest, most_rows, created_at, expires_at)"
            " VALUES (:west, 'plant', '{}', 'd', 1, now(), now() + interval '1 day')"
        ),
        "INSERT INTO portal_slot VALUES ('x', now() - interval '2 days', NULL)",
    )
    with portal.engines.owner.begin() as connection:
        for statement in statements:
            connection.execute(text(statement), {"west": west} if ":west" in statement else {})
