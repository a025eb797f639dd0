"""``portal doctor`` on a portal that really runs: healthy, and with each fault provoked."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner
from redis import Redis
from werkzeug.security import generate_password_hash

from app.cli.main import main
from app.hosting.assets import SERVED, SPRITE
from app.hosting.postgres import DATABASE, PostgresServer
from app.hosting.valkey import ValkeyServer
from app.kernel.clock import FixedClock
from app.settings import ROOT
from tests.faults.harness import command_line, descendants
from tests.functional.hosting.test_supervision import eventually, free_port
from tests.support.portals import SCHEMAS

OPEN = {"PORTAL_PUBLIC_URL": "https://hr.chain.example", "PORTAL_LANGUAGE": "en"}

PROVOKED = (
    "GRANT CREATE ON SCHEMA public TO portal_app",
    "GRANT UPDATE ON portal_audit_entry TO portal_app",
    "ALTER SYSTEM SET fsync = off",
    "SELECT pg_reload_conf()",
)
MENDED = (
    "REVOKE CREATE ON SCHEMA public FROM portal_app",
    "REVOKE UPDATE ON portal_audit_entry FROM portal_app",
    "ALTER SYSTEM RESET fsync",
    "SELECT pg_reload_conf()",
)


@dataclass
class Site:
    """A portal that was started by the real command."""

    home: Path
    process: subprocess.Popen[bytes]
    environment: dict[str, str]
    postgres: PostgresServer
    redis_url: str

    def doctor(self, **environment: str) -> tuple[int, dict[str, tuple[str, str]]]:
        """Its exit code, and grade and sentence of each check; the worst where one has several."""
        own = self.environment | environment
        done = CliRunner().invoke(main, ["doctor", "--json"], env=own)
        assert done.exit_code in {0, 1}, done.output
        found: dict[str, tuple[str, str]] = {}
        for line in json.loads(done.stdout):
            if line["grade"] != "ok" or line["check"] not in found:
                found[line["check"]] = (line["grade"], line["says"])
        return done.exit_code, found

    def asked(self, statement: str) -> Any:
        """One value."""
        with self.postgres._connect(DATABASE) as connection:
            row = connection.execute(statement).fetchone()
        return row[0] if row else None

    def sql(self, statement: str, *values: Any, role: str = "owner") -> None:
        """One statement, as the owner of the database or as the server's superuser."""
        if role == "owner":
            url = self.postgres.urls(DATABASE).owner.replace("+psycopg", "")
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(statement, values)
        else:
            with self.postgres._connect(DATABASE) as connection:
                connection.execute(statement, values)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("doctor")
    assets = folder / "assets"
    assets.mkdir()
    for name in (*(Path(name).name for name in SERVED), SPRITE):
        (assets / name).write_text("", encoding="ascii")
    own = {
        "PORTAL_HOME": str(folder / "home"), "PORTAL_PORT": str(free_port()), "PYTHONPATH": str(ROOT),
        "PORTAL_SCHEMA": str(SCHEMAS / "nursery"), "PORTAL_ASSETS": str(assets),
        "PORTAL_LANGUAGE": "en", "PORTAL_WEB_PROCESSES": "1",
    }  # fmt: skip
    kept = {name: text for name, text in os.environ.items() if not name.startswith("PORTAL_")}
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "app.cli", "serve", "--no-demo"],
            cwd=ROOT, env=kept | own, stdout=output, stderr=output,
        )  # fmt: skip
    try:
        eventually(lambda: "ready" in log.read_text("utf-8") or process.poll() is not None)
        assert process.poll() is None, log.read_text("utf-8")
        home = folder / "home"
        running = Site(home, process, own, PostgresServer(home), ValkeyServer(home).url)
        with Redis.from_url(running.redis_url) as redis:
            eventually(lambda: redis.scard("rq:workers"))
        eventually(lambda: running.asked("SELECT max(moment) FROM portal_slot"))
        yield running
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(120)


def test_a_healthy_portal_has_no_fault(site: Site) -> None:
    code, found = site.doctor()
    assert code == 0
    assert {check for check, (grade, _) in found.items() if grade != "ok"} <= {
        "mail", "backup", "libraries", "disk",
    }  # fmt: skip
    assert {"key", "home", "postgres", "durability", "database_role", "audit_trail", "audit_log", "clock", "redis",
            "schema", "roles", "passwords", "scheduler", "workers", "tasks", "front_end", "file_store",
            "python", "time_zone", "transport"} <= found.keys()  # fmt: skip


def test_it_is_read_by_people_in_their_language(site: Site) -> None:
    done = CliRunner().invoke(main, ["doctor"], env=site.environment | {"PORTAL_LANGUAGE": "zh"})
    assert "正常  fsync、整页写入和数据校验都已打开。" in done.output
    assert {line[:2] for line in done.output.splitlines()} <= {"正常", "注意"}


def test_faults_of_the_database_are_found(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = site.asked("SELECT password FROM ab_user")
    late = FixedClock(datetime.now(UTC) + timedelta(minutes=5))
    monkeypatch.setattr("app.cli.health.servers.SystemClock", lambda: late)
    site.sql("UPDATE ab_user SET password = %s", generate_password_hash("password123"))
    for statement in PROVOKED:
        site.sql(statement, role="superuser")
    try:
        eventually(lambda: site.asked("SHOW fsync") == "off")
        code, found = site.doctor(PORTAL_SCHEMA=str(_with_a_field_more(tmp_path / "schema")))
    finally:
        site.sql("UPDATE ab_user SET password = %s", kept)
        for statement in MENDED:
            site.sql(statement, role="superuser")
    assert code == 1
    assert _faulty(found) == {"database_role", "audit_trail", "durability", "clock", "passwords"}
    assert "may create or change tables" in found["database_role"][1]
    assert "run portal prepare" in found["audit_trail"][1]
    assert "fsync: off" in found["durability"][1]
    assert "differ by 30" in found["clock"][1] or "differ by 29" in found["clock"][1]
    assert "try: admin; run: portal users set-password" in found["passwords"][1]
    assert found["schema"][0] == "warning"
    assert "then run portal schema apply" in found["schema"][1]


def test_demo_accounts_in_public_are_found_and_not_prepared(site: Site) -> None:
    site.sql("INSERT INTO portal_demo_account (username, password) VALUES ('admin', 'x')")
    try:
        code, found = site.doctor(**OPEN)
        urls = site.postgres.urls(DATABASE)
        addresses = {"PORTAL_DATABASE_URL": urls.app, "PORTAL_DATABASE_OWNER_URL": urls.owner}
        prepared = CliRunner().invoke(main, ["prepare"], env=site.environment | OPEN | addresses)
    finally:
        site.sql("DELETE FROM portal_demo_account")
    assert (code, found["demo_accounts"][0]) == (1, "fault")
    assert found["proxies"][0] == "warning"
    assert "PORTAL_TRUSTED_PROXIES" in found["proxies"][1]
    assert found["listening"][0] == "warning"
    assert prepared.exit_code == 1
    assert "This database has demo accounts" in prepared.output


def test_faults_of_this_machine_are_found(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="ascii")
    shutil.copytree(SCHEMAS / "nursery", tmp_path / "schema")
    (tmp_path / "schema" / "broken.yaml").write_text("entity: [", encoding="ascii")
    mode = site.home.stat().st_mode
    site.home.chmod(0o755)
    try:
        code, found = site.doctor(
            PORTAL_ASSETS=str(tmp_path), PORTAL_FILES_URL=str(tmp_path / "file" / "below"),
            PORTAL_REDIS_URL="redis://127.0.0.1:1/0", PORTAL_SCHEMA=str(tmp_path / "schema"),
            PORTAL_SECRET_KEY="changeme" * 4, FLASK_DEBUG="1",
        )  # fmt: skip
    finally:
        site.home.chmod(mode & 0o777)
    assert code == 1
    assert _faulty(found) == {
        "debugging",
        "key",
        "home",
        "front_end",
        "file_store",
        "redis",
        "workers",
        "schema",
    }


def test_a_portal_in_which_nobody_works_is_told(site: Site) -> None:
    below = descendants(site.process.pid)
    (scheduler,) = (pid for pid in below if "jobs.scheduler" in command_line(pid))
    os.kill(scheduler, signal.SIGSTOP)
    with Redis.from_url(site.redis_url) as redis:
        workers: Any = redis.smembers("rq:workers")
        time.sleep(0.2)
        try:
            site.sql("UPDATE portal_slot SET moment = moment - interval '1 day'")
            redis.delete("rq:workers")
            code, found = site.doctor()
        finally:
            redis.sadd("rq:workers", *workers)
            os.kill(scheduler, signal.SIGCONT)
    assert code == 1
    assert _faulty(found) == {
        "scheduler",
        "workers",
    }


def test_a_home_without_a_portal_is_a_fault(tmp_path: Path) -> None:
    environment = {"PORTAL_HOME": str(tmp_path / "home"), "PORTAL_LANGUAGE": "en"}
    done = CliRunner().invoke(main, ["doctor"], env=environment)
    assert done.exit_code == 1
    assert "start it first" in done.output
    assert not (tmp_path / "home" / "postgres").exists()
    environment |= {
        "PORTAL_HOME": str(tmp_path / "new"),
        "PORTAL_SECRET_KEY": secrets.token_hex(32),
    }
    assert "start it first" in CliRunner().invoke(main, ["doctor"], env=environment).output


def _faulty(found: dict[str, tuple[str, str]]) -> set[str]:
    return {check for check, (grade, _) in found.items() if grade == "fault"}


def _with_a_field_more(folder: Path) -> Path:
    shutil.copytree(SCHEMAS / "nursery", folder)
    text = (folder / "tool.yaml").read_text("utf-8")
    added = "fields:\n  colour: {type: text, label: {zh: 颜色, en: Colour}}\n"
    (folder / "tool.yaml").write_text(text.replace("fields:\n", added, 1), encoding="utf-8")
    return folder
