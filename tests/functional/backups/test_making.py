"""Backups by themselves and by hand: whole or not at all, only so many, and told when they fail."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from app.cli.health.backups import look_at_backups
from app.factory import Workshops
from app.features.backups.folder import LEAST_KEPT, forget_old, kept
from app.features.backups.keys import place_of
from app.features.backups.tasks import BACKUP, BACKUP_NIGHTLY
from app.features.catalogue import SCHEDULES, TASKS
from app.kernel.clock import SystemClock
from app.kernel.errors import SettingsError
from app.safety import refuse_unsafe
from app.settings import ROOT, Settings, read_settings
from app.storage.database import unit_of_work
from app.tasks.outbox import NewTask, enqueue, task
from app.tasks.runner import run as run_task
from tests.faults.harness import command_line, descendants
from tests.support.backups import backed_up, portal_command
from tests.support.nursery import planted
from tests.support.portals import SCHEMAS, Portal, running_portal
from tests.support.servers import Servers

PATIENCE = 120


@pytest.fixture(scope="module")
def portal(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with running_portal(servers, SCHEMAS / "nursery", tmp_path_factory.mktemp("home")) as made:
        planted(made)
        yield made


def night(portal: Portal, settings: Settings, moment: datetime) -> tuple[str, dict[str, object]]:
    """The task of a night, done by a worker: how it ended, and its result."""
    with Session(portal.engines.app) as session, unit_of_work(session):
        new = NewTask(BACKUP.name, BACKUP.label, {"moment": moment.isoformat()})
        number = enqueue(session, portal.runtime, new)
    shops = Workshops(settings, SystemClock())
    try:
        ended = run_task(shops.newest(), number, "test")
    finally:
        shops.engine.dispose()
    with Session(portal.engines.app) as session:
        return ended, dict(task(session, number).result)


def told(portal: Portal, key: str) -> list[int]:
    """Who was told of it, and that by mail."""
    return portal.column(
        "SELECT account_id FROM portal_notice WHERE key LIKE :key ORDER BY 1", key=f"{key}%"
    )


def started(portal: Portal, folder: Path, most: int | None = None) -> subprocess.Popen[bytes]:
    """``portal backup create`` as a process of its own, which may write files of ``most`` bytes."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most or 0, most or 0))

    own = {name: text for name, text in os.environ.items() if not name.startswith("PORTAL_")}
    environment = own | portal.settings.to_environment() | {"PORTAL_LANGUAGE": "en"}
    return subprocess.Popen(
        [sys.executable, "-m", "app.cli", "backup", "create", "--to", str(folder)],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        preexec_fn=limit if most else None,  # noqa: PLW1509 - before any thread
    )  # fmt: skip


@contextmanager
def held_up(portal: Portal, table: str = "species") -> Iterator[None]:
    """Keep every dump waiting for a table."""
    url = portal.settings.database_owner_url.replace("+psycopg", "")
    with psycopg.connect(url) as connection:
        connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield
        connection.rollback()


def test_it_stands_in_the_plan_of_every_night() -> None:
    assert BACKUP in TASKS
    assert BACKUP_NIGHTLY in SCHEDULES


def test_a_night_makes_a_backup_and_tells_of_the_new_key(portal: Portal) -> None:
    settings = portal.settings
    assert not place_of(settings).exists()
    now = datetime.now(UTC)
    ended, result = night(portal, settings, now - timedelta(days=1))
    assert (ended, result) == ("done", {"skipped": "the portal is younger"})
    assert not settings.backups.exists()
    ended, result = night(portal, settings, now + timedelta(seconds=1))
    assert (ended, result["missing"]) == ("done", 0)
    ((_, place),) = kept(settings.backups)
    assert (place.name, place.stat().st_size) == (result["name"], result["bytes"])
    assert told(portal, "backup_key") == [portal.ids["account_boss"]]
    assert (
        portal.scalar("SELECT record_title FROM portal_audit WHERE action = 'backup:made'")
        == place.name
    )
    night(portal, settings, now + timedelta(seconds=1))
    assert told(portal, "backup_key") == [portal.ids["account_boss"]]
    assert night(portal, replace(settings, backup_keep=0), now)[1] == {
        "skipped": "PORTAL_BACKUP_KEEP=0"
    }


def test_a_backup_that_fails_is_told(portal: Portal, tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o755)
    settings = replace(portal.settings, backups=folder)
    ended, _ = night(portal, settings, datetime.now(UTC) + timedelta(seconds=1))
    assert ended == "failed"
    assert told(portal, "backup_failed") == [portal.ids["account_boss"]]
    said = portal.scalar(
        "SELECT texts->'body'->>'en' FROM portal_notice WHERE key LIKE 'backup_failed%'"
    )
    assert "chmod go-rw" in said
    assert list(folder.iterdir()) == []
    with pytest.raises(SettingsError, match="chmod go-rw"):
        refuse_unsafe(settings)


def test_without_the_account_of_the_tables_there_is_none(portal: Portal, tmp_path: Path) -> None:
    environment = portal.settings.to_environment() | {"PORTAL_DATABASE_OWNER_URL": ""}
    done = portal_command(environment, "backup", "create", "--to", str(tmp_path / "to"))
    assert done.exit_code == 1
    assert "name it in PORTAL_DATABASE_OWNER_URL" in done.output
    assert [place.name for place in (tmp_path / "to").iterdir()] == [".lock"]


def test_old_ones_go_and_the_last_ones_stay(portal: Portal, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir(mode=0o700)
    now = datetime(2026, 6, 15, 4, 0, tzinfo=UTC)
    for days in (0, 1, 13, 14, 15, 40):
        name = f"storewarden-{now - timedelta(days=days):%Y%m%d-%H%M%S}.backup"
        (folder / name).write_bytes(b"")
    (folder / "storewarden-of-mine.backup").write_bytes(b"")
    assert sorted(forget_old(folder, now, 14)) == [
        "storewarden-20260506-040000.backup",
        "storewarden-20260531-040000.backup",
    ]
    # A clock that jumped ten years ahead takes not all of them.
    assert len(forget_old(folder, now + timedelta(days=3650), 14)) == 1
    assert len(kept(folder)) == LEAST_KEPT
    assert (folder / "storewarden-of-mine.backup").exists()
    old = folder / "storewarden-20200101-000000.backup"
    old.write_bytes(b"")
    environment = portal.settings.to_environment() | {"PORTAL_BACKUPS": str(folder)}
    assert portal_command(environment, "backup", "create").exit_code == 0
    assert not old.exists()


def test_a_full_disk_leaves_no_file(portal: Portal, tmp_path: Path) -> None:
    folder = tmp_path / "to"
    process = started(portal, folder, most=50_000)
    output = process.communicate(timeout=PATIENCE)[0].decode()
    assert process.returncode == 1
    assert "The backup could not be written to" in output
    assert "File too large" in output
    assert "Traceback" not in output
    assert [place.name for place in folder.iterdir()] == [".lock"]


def test_one_that_is_killed_leaves_no_file_of_that_name_and_no_password_in_sight(
    portal: Portal, tmp_path: Path
) -> None:
    folder = tmp_path / "to"
    password = str(make_url(portal.settings.database_owner_url).password)
    with held_up(portal):
        process = started(portal, folder)
        until = time.monotonic() + PATIENCE
        dumping: list[str] = []
        while not dumping and time.monotonic() < until:
            dumping = [
                line for line in map(command_line, descendants(process.pid)) if "pg_dump" in line
            ]
            time.sleep(0.02)
        assert dumping, process.communicate()[0]
        assert password not in "".join(dumping)
        assert len(list(folder.glob(".storewarden-*.new"))) == 1
        another = portal_command(
            portal.settings.to_environment(), "backup", "create", "--to", str(folder)
        )
        assert "Another backup is being made" in another.output
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=PATIENCE)
        assert kept(folder) == []
    assert backed_up(portal, "--to", str(folder)).parent == folder
    assert len(kept(folder)) == 1
    assert list(folder.glob(".storewarden-*.new")) == []


def test_a_lost_attachment_stops_no_backup(portal: Portal, tmp_path: Path) -> None:
    digest = "ab" * 32
    with portal.engines.owner.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO portal_file (sha256, name, kind, size, entity, field)"
            f" VALUES ('{digest}', 'x.pdf', 'pdf', 3, 'tool', 'manual')"
        )
    done = portal_command(
        portal.settings.to_environment(), "backup", "create", "--to", str(tmp_path / "to")
    )
    assert done.exit_code == 0
    assert f"1 files were lost or damaged before the backup was made: files/{digest}" in done.output


def test_the_doctor_says_how_old_the_newest_good_one_is(portal: Portal, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    settings = replace(portal.settings, backups=folder)

    def said(settings: Settings) -> list[tuple[str, str]]:
        return [(one.grade.value, str(one.says)[:28]) for one in look_at_backups(settings)]

    assert said(settings) == [("warning", "There is no backup in " + str(folder)[:6])]
    made = backed_up(portal, "--to", str(folder))
    ((grade, line),) = said(settings)
    assert (grade, line[:24]) == ("ok", "The newest backup is of ")
    old = folder / f"storewarden-{datetime.now(UTC) - timedelta(days=3):%Y%m%d-%H%M%S}.backup"
    made.rename(old)
    assert said(settings) == [("fault", "The newest good backup is of")]
    # A damaged newer one does not count.
    newer = folder / f"storewarden-{datetime.now(UTC):%Y%m%d-%H%M%S}.backup"
    newer.write_bytes(old.read_bytes()[:-1])
    assert [grade for grade, _ in said(settings)] == ["fault", "fault"]
    assert said(settings)[0][1] == f"{newer.name} is"[:28]
    other = tmp_path / "key"
    other.write_text("cd" * 32, encoding="ascii")
    other.chmod(0o600)
    last = said(replace(settings, backup_key_file=other))[-1]
    assert last == ("fault", "No backup in " + str(folder)[:15])
    off = said(replace(settings, backup_keep=0))
    assert off[0] == ("warning", "No backups are made by thems")


def test_a_key_that_others_may_read_or_that_is_none_is_refused(
    portal: Portal, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    environment = portal.settings.to_environment() | {"PORTAL_BACKUP_KEY_FILE": str(key)}
    create = ("backup", "create", "--to", str(tmp_path / "to"))
    assert "The key of the backups is missing" in portal_command(environment, *create).output
    assert not key.exists()
    key.write_text("ab" * 32, encoding="ascii")
    key.chmod(0o644)
    assert "chmod 400" in portal_command(environment, *create).output
    key.chmod(0o600)
    assert portal_command(environment, *create).exit_code == 0
    key.write_text("swordfish", encoding="ascii")
    assert "openssl rand -hex 32" in portal_command(environment, *create).output
    assert read_settings(environment).backup_key_file == key
