"""Workers and schedulers as processes of their own, killed and starved: every effect exactly once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from rq.exceptions import NoSuchJobError
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.kernel.messages import Label
from app.settings import ROOT
from app.storage.database import unit_of_work
from app.tasks import outbox
from app.tasks.outbox import NewTask, Task
from jobs.queue import Forged, TaskJob, open_queue, signed_json
from tests.support.chores import make_table
from tests.support.portals import Portal
from tests.support.servers import Servers


class Crew:
    """Workers and schedulers of one portal."""

    def __init__(self, portal: Portal, redis_url: str) -> None:
        self.portal = portal
        self.redis = Redis.from_url(redis_url)
        self.running: list[subprocess.Popen[bytes]] = []
        own = {"PORTAL_REDIS_URL": redis_url, "PORTAL_WORKER_MEMORY_MB": "1024"}
        self.environment = (
            os.environ | portal.settings.to_environment() | own | {"PYTHONPATH": str(ROOT)}
        )

    def start(self, part: str) -> subprocess.Popen[bytes]:
        """A worker or a scheduler."""
        words = [sys.executable, "-m", "tests.support.chores", part]
        self.running.append(subprocess.Popen(words, cwd=ROOT, env=self.environment))
        return self.running[-1]

    def queue(self, kind: str, **arguments: Any) -> int:
        """A task of the portal itself."""
        with Session(self.portal.engines.app) as session, unit_of_work(session):
            new = NewTask(kind, Label("杂务", "Chore"), arguments)
            return outbox.enqueue(session, self.portal.runtime, new)

    def task(self, number: int) -> Task:
        """A task as it is now."""
        with Session(self.portal.engines.app) as session:
            return outbox.task(session, number)

    def ended(self, number: int, seconds: float = 240) -> Task:
        """A task at its end."""
        until(lambda: not self.task(number).open, seconds)
        return self.task(number)

    def effects(self, number: int) -> int:
        """How often a task had its effect."""
        query = "SELECT count(*) FROM chore_effect WHERE task_id = :id"
        return int(self.portal.scalar(query, id=number))

    def end(self) -> None:
        """End what runs."""
        for process in self.running:
            process.kill()
            process.wait()
        self.running.clear()


def until(done: Callable[[], bool], seconds: float = 120) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def crew(nursery: Portal, servers: Servers) -> Iterator[Crew]:
    make_table(nursery.engines.owner)
    made = Crew(nursery, servers.redis_url)
    made.redis.flushall()
    made.start("worker")
    made.start("scheduler")
    yield made
    made.end()


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid: int) -> bool:
    """Whether a process still runs."""
    place = Path(f"/proc/{pid}/stat")
    return place.exists() and place.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def test_a_task_starts_at_once_and_says_how_far_it_is(crew: Crew) -> None:
    crew.ended(crew.queue("leave"))
    number = crew.queue("leave", steps=4, pause=0.5)
    seen = set()

    def look() -> bool:
        task = crew.task(number)
        seen.add((task.state, task.done))
        return not task.open

    until(look)
    task = crew.task(number)
    assert (task.state, task.result, crew.effects(number)) == ("done", {"steps": 4}, 1)
    assert ("running", 2) in seen
    assert task.started_at is not None
    assert (task.started_at - task.created_at).total_seconds() < 60


def test_a_killed_worker_leaves_no_orphan_and_its_task_is_done_once(crew: Crew) -> None:
    worker = crew.running[0]
    number = crew.queue("leave", steps=3, pause=0.3, before_end=1)
    until(lambda: crew.task(number).done >= 1)
    orphans = children(worker.pid)
    worker.kill()
    worker.wait()
    until(lambda: not any(alive(pid) for pid in orphans), 2)
    crew.running[0] = crew.start("worker")
    crew.running.pop()
    assert (crew.ended(number, 90).state, crew.effects(number)) == ("done", 1)


def test_a_killed_child_is_noticed_before_its_lease_ends(crew: Crew) -> None:
    number = crew.queue("leave", steps=2, pause=0.5)
    until(lambda: crew.task(number).state == "running" and bool(children(crew.running[0].pid)))
    begun = time.monotonic()
    for pid in children(crew.running[0].pid):
        os.kill(pid, signal.SIGKILL)
    assert (crew.ended(number).state, crew.effects(number)) == ("done", 1)
    assert time.monotonic() - begun < 12


def test_redis_wiped_with_fifty_tasks_waiting(crew: Crew) -> None:
    busy = crew.queue("leave", steps=1, pause=1)
    numbers = [crew.queue("leave") for _ in range(50)]
    crew.redis.flushall()
    for number in (busy, *numbers):
        assert crew.ended(number, 60).state == "done"
    assert [crew.effects(number) for number in numbers] == [1] * 50


def test_a_poisonous_task_is_put_aside_and_others_go_on(crew: Crew) -> None:
    bad, good = crew.queue("crash"), crew.queue("leave")
    task = crew.ended(bad, 60)
    assert (task.state, task.attempts, crew.effects(bad)) == ("failed", 3, 0)
    assert task.problem is not None
    assert crew.ended(good).state == "done"


def test_too_much_memory_is_a_stated_end(crew: Crew) -> None:
    number = crew.queue("hog")
    until(lambda: crew.task(number).problem is not None or not crew.task(number).open)
    assert "memory" in str(crew.task(number).problem)
    assert crew.effects(number) == 0


def test_a_failure_is_tried_again_and_its_details_stay_inside(crew: Crew) -> None:
    number = crew.queue("stumble", well_at=2)
    assert (crew.ended(number).state, crew.task(number).attempts) == ("done", 2)
    assert "SELECT" not in str(crew.task(number).problem)


def test_t29_forged_payloads_are_refused_and_the_worker_lives(crew: Crew, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    forged = [
        json.dumps(["os.system", None, [f"touch {marker}"], {}]).encode(),
        json.dumps(["builtins.exec", None, [f"open({str(marker)!r}, 'w')"], {}]).encode(),
        b"cposix\nsystem\n(S'touch " + str(marker).encode() + b"'\ntR.",
        b"0" * 64 + json.dumps(["task", None, [1], {}]).encode(),
        os.urandom(2**20),
    ]
    for number, payload in enumerate(forged):
        fields: Any = {
            "data": zlib.compress(payload), "created_at": "2026-01-01T00:00:00Z", "status": "queued",
            "origin": "portal", "success_callback_name": "os.system", "webhooks": "[{}]",
        }  # fmt: skip
        crew.redis.hset(f"rq:job:forged{number}", mapping=fields)
        crew.redis.rpush("rq:queue:portal", f"forged{number}")
    number = crew.queue("leave")
    assert crew.ended(number).state == "done"
    assert not marker.exists()
    assert crew.running[0].poll() is None


def test_t29_fifty_megabytes_are_refused_wherever_they_stand(crew: Crew) -> None:
    """In the payload, packed and not, beside it, in a field that nobody reads, and as the name of a job."""
    much = b"x" * (50 * 2**20)
    right = {
        "data": b"{}",
        "created_at": "2026-01-01T00:00:00Z",
        "status": "queued",
        "origin": "portal",
    }
    forged: list[Any] = [
        {**right, "data": much}, {**right, "data": zlib.compress(much)}, {**right, "created_at": much},
        {**right, "meta": much},
    ]  # fmt: skip
    for number, fields in enumerate(forged):
        crew.redis.hset(f"rq:job:huge{number}", mapping=fields)
        crew.redis.rpush("rq:queue:portal", f"huge{number}")
    crew.redis.rpush("rq:queue:portal", much)
    number = crew.queue("leave")
    assert crew.ended(number, 120).state == "done"
    assert crew.running[0].poll() is None
    for number in range(len(forged)):
        crew.redis.delete(f"rq:job:huge{number}")


def test_t29_a_packed_payload_is_refused_before_it_is_unpacked(
    nursery: Portal, servers: Servers
) -> None:
    """200 kB that would become 200 MB take the worker no more memory than they are."""
    packed = zlib.compress(bytes(200 * 2**20))
    queue = open_queue(Redis.from_url(servers.redis_url), nursery.settings.secret_key)
    job = TaskJob("packed", connection=queue.connection, serializer=queue.serializer)
    tracemalloc.start()
    try:
        with pytest.raises(NoSuchJobError):
            job.restore({b"data": packed, b"created_at": b"2026-01-01T00:00:00Z"})
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 10 * 2**20


@pytest.mark.parametrize("signer", ["another portal's key", "nobody"])
def test_t29_a_payload_that_we_did_not_sign_is_not_read(nursery: Portal, signer: str) -> None:
    text = json.dumps(["task", None, [1], {}]).encode()
    forged = (
        signed_json("x" * 64).dumps(["task", None, [1], {}])
        if "key" in signer
        else b"0" * 64 + text
    )
    own = signed_json(nursery.settings.secret_key)
    assert own.loads(own.dumps([1])) == [1]
    with pytest.raises(Forged):
        own.loads(forged)


def test_three_schedulers_send_each_task_to_one_effect(crew: Crew) -> None:
    more = [crew.start("scheduler"), crew.start("scheduler")]
    numbers = [crew.queue("leave") for _ in range(60)]
    for number in numbers:
        assert crew.ended(number, 60).state == "done"
    for process in more:
        process.kill()
        process.wait()
        crew.running.remove(process)
    query = "SELECT count(*), count(DISTINCT task_id) FROM chore_effect WHERE task_id = ANY(:ids)"
    with crew.portal.engines.owner.connect() as connection:
        assert tuple(connection.execute(text(query), {"ids": numbers}).one()) == (60, 60)
