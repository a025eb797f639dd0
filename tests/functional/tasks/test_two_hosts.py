"""Two hosts with homes of their own work for one database and one queue; one dies in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from app.features.background.service import TIDY
from app.settings import ROOT
from app.storage.database import unit_of_work
from app.tasks import outbox
from app.tasks.outbox import NewTask
from tests.support.portals import Portal
from tests.support.servers import Servers


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
        }  # fmt: skip
        environment = os.environ | nursery.settings.to_environment() | own
        words = [sys.executable, "-m", "app.cli", "work"]
        running.append(subprocess.Popen(words, env=environment, cwd=ROOT))
    yield running
    for process in running:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(30)


def ended(portal: Portal, numbers: list[int]) -> set[str]:
    """The workers that did the tasks, once all have ended well."""
    deadline = time.monotonic() + 60
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
