"""A portal to strike, a load of reads and writes with a history on disk, and the checker of that history."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redis import Redis
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.audit.checking import Verification
from app.factory import Engines, compiled_revision, make_runtime, open_engines
from app.hosting.launch import connected
from app.kernel.clock import FixedClock, SystemClock
from app.kernel.messages import Label
from app.records.gateway import Records
from app.records.runtime import Runtime
from app.settings import ROOT, Settings, read_settings
from app.storage.database import unit_of_work
from app.tasks import outbox
from app.tasks.outbox import NewTask, Task
from tests.support.chores import make_table
from tests.support.file_clock import NAME, FileClock
from tests.support.nursery import planted
from tests.support.portals import PASSWORD, SCHEMAS, Portal

CLIENTS = 4
START_SECONDS = 240


class Missed(AssertionError):
    """What a fault must not do."""


@dataclass
class Site:
    """A running portal whose parts can be killed; its supervisor starts them again."""

    home: Path
    port: int
    extra: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start everything and wait until pages answer."""
        with (self.home.parent / "site.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.site"],
                cwd=ROOT, env=self.environment(), stdout=log, stderr=log,
            )  # fmt: skip
        until(self.healthy, START_SECONDS, "the portal starts")

    def stop(self) -> None:
        """End everything."""
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(60)

    def environment(self) -> dict[str, str]:
        """The settings of this portal."""
        own = {
            "PORTAL_HOME": str(self.home), "PORTAL_PORT": str(self.port), "PYTHONPATH": str(ROOT),
            "PORTAL_SCHEMA": str(SCHEMAS / "nursery"), "PORTAL_LANGUAGE": "en", "PORTAL_SECOND_FACTOR": "no",
            "PORTAL_ASSETS": str(ROOT / ".assets" / "current"),
        }  # fmt: skip
        return os.environ | own | self.extra

    def settings(self) -> Settings:
        """The settings, with the addresses of the running servers."""
        own = {
            name: value for name, value in self.environment().items() if name.startswith("PORTAL_")
        }
        return connected(read_settings(own))

    def healthy(self) -> bool:
        """Whether the portal answers with a page of the database."""
        try:
            return request(self.port, "GET", "/login/")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def processes(self, words: str) -> list[int]:
        """The processes of this portal whose command line holds ``words``, parents first."""
        assert self.process is not None
        return [pid for pid in descendants(self.process.pid) if words in command_line(pid)]

    def kill(self, words: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Strike every such process; how many there were."""
        struck = self.processes(words)
        for pid in struck:
            _send(pid, number)
        return len(struck)


@dataclass
class Bench:
    """The database of a site, looked at from outside."""

    site: Site
    settings: Settings
    engines: Engines
    runtime: Runtime
    mail_port: int

    @property
    def clock(self) -> FileClock:
        """The clock of workers and scheduler."""
        return FileClock(self.site.home / NAME)

    def healthy(self) -> bool:
        """Whether pages and the database itself answer: a page alone may come from a process that asked it nothing."""
        try:
            return self.site.healthy() and self.scalar("SELECT 1") == 1
        except DBAPIError:
            return False

    @contextmanager
    def door(self) -> Iterator[Records]:
        """The door for the portal itself."""
        with planting(self.settings, self.engines, self.runtime).records() as records:
            yield records

    def scalar(self, query: str, **values: Any) -> Any:
        """One value from the database."""
        with self.engines.owner.connect() as connection:
            return connection.scalar(text(query), values)

    def rows(self, query: str, **values: Any) -> list[Any]:
        """Rows from the database."""
        with self.engines.owner.connect() as connection:
            return list(connection.execute(text(query), values))

    def queue(self, kind: str, number: int = 1, **arguments: Any) -> list[int]:
        """Tasks for the worker of the tests, queued in one transaction."""
        with Session(self.engines.app) as session, unit_of_work(session):
            new = NewTask(kind, Label("杂务", "Chore"), arguments)
            return [outbox.enqueue(session, self.runtime, new) for _ in range(number)]

    def task(self, number: int) -> Task:
        """A task as it is now."""
        with Session(self.engines.app) as session:
            return outbox.task(session, number)

    def all_ended(self, numbers: list[int]) -> bool:
        """Whether none of the tasks is open."""
        query = "SELECT count(*) FROM portal_task WHERE id = ANY(:ids) AND state IN ('ready', 'running')"
        return int(self.scalar(query, ids=numbers)) == 0

    def exactly_once(self, numbers: list[int]) -> None:
        """Every task is done and has had its effect once; raises Missed."""
        query = (
            "SELECT t.id, t.state, count(e.task_id) FROM portal_task t"
            " LEFT JOIN chore_effect e ON e.task_id = t.id WHERE t.id = ANY(:ids)"
            " GROUP BY t.id HAVING t.state <> 'done' OR count(e.task_id) <> 1"
        )
        wrong = self.rows(query, ids=numbers)
        if wrong:
            raise Missed(f"{len(wrong)} tasks not exactly once, such as {wrong[0]}")


@contextmanager
def site(folder: Path, port: int, **extra: str) -> Iterator[Bench]:
    """A planted nursery that runs; ended and left on disk."""
    mail_port = free_port()
    mail = {"PORTAL_MAIL_URL": f"smtp://127.0.0.1:{mail_port}"}
    made = Site(folder / "home", port, {**mail, **extra})
    made.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    made.start()
    settings = made.settings()
    engines = open_engines(settings)
    try:
        schema, revision = compiled_revision(engines)
        runtime = make_runtime(settings, schema, revision, SystemClock())
        planted(planting(settings, engines, runtime))
        make_table(engines.owner)
        yield Bench(made, settings, engines, runtime, mail_port)
    finally:
        engines.dispose()
        made.stop()


def planting(settings: Settings, engines: Engines, runtime: Runtime) -> Portal:
    """The portal as the tests know it, without web in here."""
    nothing: Any = None
    clock = FixedClock(SystemClock().now())
    return Portal(settings, engines, nothing, runtime.schema, clock, runtime)


class History:
    """What clients asked for and were told, on disk before it is believed."""

    def __init__(self, place: Path) -> None:
        self._lock = threading.Lock()
        self.place = place

    def write(self, **entry: Any) -> None:
        """Add a line and make sure that it is there."""
        with self._lock, self.place.open("ab") as file:
            file.write(json.dumps(entry).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def entries(self) -> list[dict[str, Any]]:
        """All lines."""
        return [json.loads(line) for line in self.place.read_bytes().splitlines()]


@dataclass
class Load:
    """Clients that read and write until told to stop."""

    bench: Bench
    history: History
    answers: dict[int, int] = field(default_factory=dict)
    times: list[float] = field(default_factory=list)
    mark: str = field(default_factory=lambda: uuid.uuid4().hex[:8])

    @contextmanager
    def running(self) -> Iterator[None]:
        """Load while the block runs."""
        stop, token = threading.Event(), sign_in(self.bench.site.port)
        threads = [
            threading.Thread(target=self._work, args=[stop, token, seed]) for seed in range(CLIENTS)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    def _work(self, stop: threading.Event, token: str, seed: int) -> None:
        chance = random.Random(seed)
        while not stop.is_set():
            begun = time.monotonic()
            if chance.random() < 0.6:
                status = self._ask("GET", "/api/v1/plant/", token)
            else:
                name = f"{self.mark}-{uuid.uuid4()}"
                self.history.write(intent=name)
                status = self._ask("POST", "/api/v1/tag_group/", token, {"name": name})
                self.history.write(answer=name, status=status)
            self.answers[status] = self.answers.get(status, 0) + 1
            self.times.append(time.monotonic() - begun)
            if status == 0:
                time.sleep(0.05)

    def _ask(self, method: str, path: str, token: str, body: Any = None) -> int:
        try:
            return request(self.bench.site.port, method, path, token=token, body=body)[0]
        except (OSError, http.client.HTTPException):
            return 0

    def check(self) -> str:
        """Compare the history with the database; raises Missed, else says the figures."""
        entries = self.history.entries()
        asked = {entry["intent"] for entry in entries if "intent" in entry}
        acked = {entry["answer"] for entry in entries if entry.get("status") == 201}
        stored: dict[str, int] = {
            row[0]: row[1]
            for row in self.bench.rows(
                "SELECT name, count(*) FROM tag_group WHERE name LIKE :mine GROUP BY name",
                mine=f"{self.mark}-%",
            )
        }
        lost, twice = acked - stored.keys(), [name for name, number in stored.items() if number > 1]
        if lost or twice or stored.keys() - asked:
            raise Missed(f"{len(lost)} lost, {len(twice)} twice")
        trail = self.bench.scalar(
            "SELECT count(*) FROM portal_audit WHERE entity = 'tag_group' AND action = 'record:created'"
            " AND record_id IN (SELECT id FROM tag_group WHERE name LIKE :mine)",
            mine=f"{self.mark}-%",
        )
        if trail != len(stored):
            raise Missed(f"{len(stored)} rows but {trail} entries in the trail")
        with self.bench.engines.app.connect() as connection:
            run = Verification(connection, self.bench.settings.home)
            broken = [str(one.says) for one in run.findings() if not one.note]
        if broken:
            raise Missed(f"the trail has {len(broken)} faults, such as: {broken[0]}")
        return f"{len(acked)} acknowledged writes kept, {len(asked)} asked"


def request(
    port: int,
    method: str,
    path: str,
    *,
    token: str = "",
    body: Any = None,
    headers: dict[str, str] | None = None,
) -> tuple[int, bytes]:
    """Status and body of one request on a new connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {**(headers or {}), **({"Authorization": f"Bearer {token}"} if token else {})}
    if body is not None:
        headers["Content-Type"] = "application/json"
    try:
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def sign_in(port: int) -> str:
    """A token of the one who may do everything."""
    body = {"username": "boss", "password": PASSWORD}
    return str(
        json.loads(request(port, "POST", "/api/v1/security/login", body=body)[1])["access_token"]
    )


def until(done: Callable[[], bool], seconds: float, what: str) -> float:
    """Wait until something is so; how long it took. Raises Missed."""
    begun = time.monotonic()
    while not done():
        if time.monotonic() - begun > seconds:
            raise Missed(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.05)
    return time.monotonic() - begun


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def open_redis(settings: Settings) -> Redis:
    """The queue of a site."""
    return Redis.from_url(settings.redis_url)


def descendants(pid: int) -> list[int]:
    """All processes below a process, parents first."""
    try:
        words = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return []
    return [found for word in words for found in (int(word), *descendants(int(word)))]


def command_line(pid: int) -> str:
    """The words that a process was started with."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
