"""What README.md says of several hosts, done by its commands: a database elsewhere, reached with a password.

One host prepares, the others serve without the owner's account: by ``portal serve``, by gunicorn, and by
``portal work``. Then the schema changes on one of them, and all of them follow.
"""

from __future__ import annotations

import http.client
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psycopg
import pytest

from app.settings import ROOT
from tests.functional.hosting.test_supervision import free_port
from tests.support.portals import SCHEMAS
from tests.support.servers import Servers

PATIENCE = 180.0
pytestmark = pytest.mark.timeout(900)
TIDIED = (
    "SELECT count(*) FROM portal_task WHERE key LIKE 'tidy_daily@%' AND revision = 2"
    " AND state = 'done'"
)
APPLICATION = "app.factory:create_app_from_environment()"
CONFIGURATION = ("--config", "python:app.hosting.gunicorn_config")


@dataclass
class Cluster:
    """What all hosts share, and the hosts by name: where each listens, and what it says."""

    folder: Path
    shared: dict[str, str]
    owner: str
    ports: dict[str, int] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def environment(self, host: str) -> dict[str, str]:
        """The settings of a host; only the first knows the owner of the database."""
        kept = {name: text for name, text in os.environ.items() if name[:7] != "PORTAL_"}
        own = {**self.shared, "PORTAL_HOME": str(self.folder / host), "PYTHONPATH": str(ROOT)}
        if host == "first":
            own["PORTAL_DATABASE_OWNER_URL"] = self.owner
        if host in self.ports:
            own["PORTAL_PORT"] = str(self.ports[host])
        return kept | own

    def run(self, host: str, *words: str) -> subprocess.CompletedProcess[str]:
        """A command on a host, to its end."""
        return subprocess.run([sys.executable, *words], cwd=ROOT, env=self.environment(host),
                              capture_output=True, text=True, check=False)  # fmt: skip

    @contextmanager
    def running(self, host: str, *words: str) -> Iterator[None]:
        """A command on a host that goes on, with the keys of encrypted fields as README.md asks."""
        home = self.folder / host
        home.mkdir(mode=0o700, exist_ok=True)
        if host != "first" and (self.folder / "first" / "field_keys.json").exists():
            shutil.copy(self.folder / "first" / "field_keys.json", home)
        with (self.folder / f"{host}.log").open("wb") as log:
            process = subprocess.Popen([sys.executable, *words], cwd=ROOT, stdout=log, stderr=log,
                                       env=self.environment(host))  # fmt: skip
        self.processes[host] = process
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE)

    def said(self, host: str) -> str:
        """All that a host and its web processes have said so far."""
        places = [self.folder / f"{host}.log", *(self.folder / host / "logs").glob("*")]
        return "\n".join(one.read_text("utf-8", "replace") for one in places if one.is_file())

    def get(self, host: str, path: str) -> tuple[int, str]:
        """The status and the text of a page; 0 while nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[host], timeout=60)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode("utf-8", "replace")
        except OSError:
            return 0, ""
        finally:
            connection.close()

    def asked(self, statement: str) -> int:
        """One number of the database."""
        with psycopg.connect(self.owner.replace("+psycopg", "")) as connection:
            row = connection.execute(statement).fetchone()
        return int(row[0]) if row and row[0] is not None else 0

    def do(self, statement: str) -> None:
        """Something with the rows of the database."""
        with psycopg.connect(self.owner.replace("+psycopg", "")) as connection:
            connection.execute(statement)

    def until(self, true: Callable[[], object]) -> None:
        """Wait until it is true, as long as every host goes on."""
        end = time.monotonic() + PATIENCE
        while not true():
            ended = [host for host, one in self.processes.items() if one.poll() is not None]
            assert not ended, self.said(ended[0])
            assert time.monotonic() < end, [self.said(host) for host in self.processes]
            time.sleep(0.1)


@pytest.fixture(scope="module")
def cluster(own_servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A prepared database, and three hosts that serve it."""
    with own_servers.database() as urls, ExitStack() as hosts:
        made = Cluster(
            tmp_path_factory.mktemp("hosts"),
            {
                "PORTAL_DATABASE_URL": urls.app,
                "PORTAL_REDIS_URL": own_servers.redis_url,
                "PORTAL_SECRET_KEY": secrets.token_hex(32),
                "PORTAL_SCHEMA": str(SCHEMAS / "nursery"),
                "PORTAL_LANGUAGE": "en",
                "PORTAL_WEB_PROCESSES": "2",
            },
            urls.owner,
        )
        early = made.run("second", "-m", "app.cli", "serve")
        assert early.returncode == 1
        assert "run portal prepare once, with PORTAL_DATABASE_OWNER_URL" in early.stderr
        prepared = made.run("first", "-m", "app.cli", "prepare")
        assert prepared.returncode == 0, prepared.stderr
        assert "The first account: " in prepared.stdout + prepared.stderr
        made.ports = {"second": free_port(), "third": free_port()}
        gunicorn = [
            "-m",
            "gunicorn",
            APPLICATION,
            *CONFIGURATION,
            "--workers",
            "2",
            "--threads",
            "2",
        ]
        bound = ["--bind", f"127.0.0.1:{made.ports['third']}", "--worker-class", "gthread"]
        hosts.enter_context(made.running("second", "-m", "app.cli", "serve"))
        hosts.enter_context(made.running("third", *gunicorn, *bound, "--no-control-socket"))
        hosts.enter_context(made.running("fourth", "-m", "app.cli", "work"))
        for host in ("second", "third"):
            made.until(partial(serves, made, host))
        yield made


def test_every_page_host_serves_pages_with_their_files(cluster: Cluster) -> None:
    for host in ("second", "third"):
        page = cluster.get(host, "/login/")[1]
        files = re.findall(r'(?:href|src)="(/(?:vendor|static)/[^"#]+)"', page)
        assert len(files) >= 4
        assert {name: cluster.get(host, name)[0] for name in files} == dict.fromkeys(files, 200)


def test_the_account_of_the_pages_must_not_own_the_tables(cluster: Cluster) -> None:
    kept = cluster.shared["PORTAL_DATABASE_URL"]
    cluster.shared["PORTAL_DATABASE_URL"] = cluster.owner
    try:
        done = cluster.run("fifth", "-m", "app.cli", "prepare", "--look")
    finally:
        cluster.shared["PORTAL_DATABASE_URL"] = kept
    assert done.returncode == 1
    assert "the pages could change and drop tables" in done.stderr


def test_a_start_says_that_changed_files_are_not_applied(cluster: Cluster) -> None:
    changed = with_a_field_more(cluster.folder / "said")
    kept = cluster.shared["PORTAL_SCHEMA"]
    cluster.shared["PORTAL_SCHEMA"] = str(changed)
    try:
        done = cluster.run("first", "-m", "app.cli", "prepare")
    finally:
        cluster.shared["PORTAL_SCHEMA"] = kept
    assert done.returncode == 0
    assert f"The files in {changed} are not what is served" in done.stdout + done.stderr
    assert "not what is served" not in cluster.run("first", "-m", "app.cli", "prepare").stderr


def test_every_process_follows_a_change_and_no_request_fails(cluster: Cluster) -> None:
    """Two web processes on each of two hosts, a worker and the schedulers, while pages are asked for."""
    folder, stop = with_a_field_more(cluster.folder / "changed"), threading.Event()
    answers: list[int] = []

    def ask(host: str) -> None:
        while not stop.is_set():
            answers.append(cluster.get(host, "/login/")[0])

    askers = [threading.Thread(target=ask, args=[host]) for host in cluster.ports for _ in range(2)]
    for asker in askers:
        asker.start()
    try:
        done = cluster.run("first", "-m", "app.cli", "schema", "apply", str(folder))
        assert done.returncode == 0, done.stderr
        for host in cluster.ports:
            cluster.until(partial(follows, cluster, host))
        # A nightly task is due again: a scheduler asks for it, and a worker does it.
        cluster.do("DELETE FROM portal_task WHERE key LIKE 'tidy_daily@%'")
        cluster.do("DELETE FROM portal_slot WHERE schedule = 'tidy_daily'")
        cluster.until(lambda: cluster.asked(TIDIED))
        served = len(answers)
        cluster.until(lambda: len(answers) >= served + 20)
    finally:
        stop.set()
        for asker in askers:
            asker.join()
    assert set(answers) == {200}
    assert cluster.asked("SELECT count(*) FROM portal_task WHERE state = 'failed'") == 0
    assert all(follows(cluster, host) for host in cluster.ports)


def serves(cluster: Cluster, host: str) -> bool:
    """Whether a host shows its pages."""
    return cluster.get(host, "/login/")[0] == http.client.OK


def follows(cluster: Cluster, host: str) -> bool:
    """Whether both web processes of a host serve the second revision."""
    return cluster.said(host).count("revision 2 serves") == 2


def with_a_field_more(folder: Path) -> Path:
    """The nursery with another field."""
    shutil.copytree(SCHEMAS / "nursery", folder)
    place = folder / "tag_group.yaml"
    more = "  extra: {type: text, label: {zh: 附加, en: Extra}}\n"
    place.write_text(place.read_text("utf-8").rstrip() + "\n" + more, "utf-8")
    return folder
