"""Two hosts with homes of their own work for one database and one queue; one dies in the middle."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.features.background.service import TIDY
from app.features.exports import grants
from app.features.exports.making import EXPORT_FILE
from app.features.reports.passages import asked_of
from app.features.reports.service import open_report
from app.settings import ROOT
from app.storage.database import unit_of_work
from app.storage.files import FileStore
from app.tasks import outbox
from app.tasks.outbox import NewTask
from tests.faults.harness import descendants
from tests.functional.reports.running import records_of
from tests.support.portals import Portal
from tests.support.servers import Servers

LINES = 200_000


@pytest.fixture
def hosts(
    nursery: Portal, servers: Servers, tmp_path: Path
) -> Iterator[list[subprocess.Popen[bytes]]]:
    running = []
    for number in (1, 2):
        own = {
            "PORTAL_HOME": str(tmp_path / f"host{number}"), "PYTHONPATH": str(ROOT),
            "PORTAL_REDIS_URL": servers.redis_url, "PORTAL_WORKER_PROCESSES": "1",
            "PORTAL_SECRET_KEY": nursery.settings.secret_key,
            "PORTAL_FILES_URL": f"file://{tmp_path / 'files'}",
        }  # fmt: skip
        environment = os.environ | nursery.settings.to_environment() | own
        words = [sys.executable, "-m", "app.cli", "work"]
        running.append(subprocess.Popen(words, env=environment, cwd=ROOT))
    yield running
    for process in running:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(120)


def ended(portal: Portal, numbers: list[int]) -> set[str]:
    """The workers that did the tasks, once all have ended well."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with Session(portal.engines.app) as session:
            found = [outbox.task(session, number) for number in numbers]
        if all(one.state == "done" for one in found):
            return {str(one.worker) for one in found}
        time.sleep(0.1)
    raise AssertionError([one.state for one in found])


def test_both_work_and_one_is_enough(nursery: Portal, hosts: list[subprocess.Popen[bytes]]) -> None:
    def queue(count: int) -> list[int]:
        with Session(nursery.engines.app) as session, unit_of_work(session):
            new = NewTask(TIDY.name, TIDY.label)
            return [outbox.enqueue(session, nursery.runtime, new) for _ in range(count)]

    ended(nursery, queue(1))
    deadline = time.monotonic() + 60
    while len(ended(nursery, queue(30))) < 2:
        assert time.monotonic() < deadline, "only one host works"
    numbers = queue(40)
    hosts[0].kill()
    hosts[0].wait()
    assert ended(nursery, numbers)
    assert len(ended(nursery, queue(5))) == 1


@pytest.mark.timeout(240)
def test_a_host_dies_in_the_middle_of_a_large_file(
    nursery: Portal, hosts: list[subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    with nursery.engines.owner.begin() as connection:
        columns = "uuid, created_at, updated_at, version, place_id, plant_id, at, height"
        connection.execute(
            text(
                f"INSERT INTO measurement ({columns}) SELECT gen_random_uuid(), now(), now(), 1, place_id,"
                " plant_id, at + n * interval '1 minute', n FROM measurement, generate_series(1, :rows) n"
                " WHERE measurement.id = :first"
            ),
            {"rows": LINES, "first": nursery.ids["measurement"]},
        )
    lines = nursery.scalar("SELECT count(*) FROM measurement")
    grant, number = begun(nursery)
    lost = host_of(nursery, number, hosts)
    for process in (lost.pid, *descendants(lost.pid)):
        os.kill(process, signal.SIGKILL)
    lost.wait()
    assert ended(nursery, [number])
    with Session(nursery.engines.app) as session:
        task = outbox.task(session, number)
    assert task.attempts == 2
    kept = nursery.scalar("SELECT storage_key FROM portal_export_grant WHERE id = :id", id=grant)
    with FileStore(f"file://{tmp_path / 'files' / 'exports'}").open(kept) as stream:
        content = stream.read()
    assert hashlib.sha256(content).hexdigest() == kept
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    heights = [row[2] for row in rows if len(row) == 4 and row[2].replace(".", "").isdigit()]
    assert len(heights) == lines
    with nursery.engines.owner.begin() as connection:
        connection.execute(
            text("DELETE FROM measurement WHERE id > :kept"),
            {"kept": nursery.ids["far_measurement"]},
        )


def begun(portal: Portal) -> tuple[int, int]:
    """The owner's export of all measurements: the numbers of its grant and of its task."""
    account, now = portal.ids["account_boss"], datetime.now(UTC)
    with records_of(portal, "boss") as records:
        asked = asked_of(open_report(records, "measurements", {}), "csv")
    with Session(portal.engines.app) as session, unit_of_work(session):
        grant = grants.give(session, asked, account, 2 * LINES, now)
        grants.begin(session, grants.grant(session, grant, account), now)
        new = NewTask(EXPORT_FILE.name, EXPORT_FILE.label, {"grant": grant}, account)
        number = outbox.enqueue(session, portal.runtime, new)
        grants.hand_to(session, grant, number)
    return grant, number


def host_of(
    portal: Portal, number: int, hosts: list[subprocess.Popen[bytes]]
) -> subprocess.Popen[bytes]:
    """The host that is in the middle of a task."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with Session(portal.engines.app) as session:
            found = outbox.task(session, number)
        if found.state == "running" and found.total and 0 < found.done < found.total:
            process = int(str(found.worker).rsplit(":", 1)[-1].rsplit("-", 1)[-1])
            return next(host for host in hosts if process in (host.pid, *descendants(host.pid)))
        assert found.state in ("ready", "running"), found
        time.sleep(0.02)
    raise AssertionError("nobody began")


def test_workers_alone_need_to_know_where(tmp_path: Path) -> None:
    environment = {
        name: text for name, text in os.environ.items() if not name.startswith("PORTAL_")
    }
    environment |= {
        "PORTAL_HOME": str(tmp_path / "home"),
        "PYTHONPATH": str(ROOT),
        "PORTAL_LANGUAGE": "en",
    }
    words = [sys.executable, "-m", "app.cli", "work"]
    ended = subprocess.run(
        words, env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode != 0
    assert "PORTAL_REDIS_URL" in ended.stderr
