"""The supervisor with real servers: crashes, endings, and two of everything."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from app.settings import ROOT

PATIENCE = 120.0


class Portal:
    """A stand-in portal that runs as a process of its own."""

    def __init__(self, home: Path, port: int) -> None:
        self.home, self.port = home, port
        environment = {name: text for name, text in os.environ.items() if name[:6] != "PORTAL"}
        environment |= {"PORTAL_HOME": str(home), "PORTAL_PORT": str(port)}
        environment |= {"PORTAL_WEB_PROCESSES": "1", "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.stand_in"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.process.stdout
        self.output = self.process.stdout

    def said(self, word: str) -> str:
        """The next line with ``word`` in it; fails when the portal ends without."""
        heard = []
        for line in self.output:
            heard.append(line)
            if word in line:
                return line.strip()
        pytest.fail(f"never said {word!r}, but {heard}")

    def where(self) -> str:
        """The process that answers; empty while none does."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET", "/where")
            answer = connection.getresponse()
            return answer.read().decode() if answer.status == http.client.OK else ""
        except (OSError, http.client.HTTPException):
            return ""
        finally:
            connection.close()

    def child(self, word: str) -> int:
        """The process of the supervisor whose command line holds ``word``."""
        (found,) = (pid for pid, line in children(self.process.pid) if word in line)
        return found

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


def children(parent: int) -> list[tuple[int, str]]:
    """Each child of a process with its command line."""
    words = ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(parent)]
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    lines = [line.strip().partition(" ") for line in done.stdout.splitlines()]
    return [(int(pid), text) for pid, _, text in lines]


def eventually(true: Callable[[], object]) -> None:
    """Wait until it is true."""
    until = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < until, "it never became true"
        time.sleep(0.05)


def gone(pid: int) -> bool:
    """Whether a process has ended; one that only waits to be buried has."""
    try:
        return "State:\tZ" in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(home: Path) -> Iterator[Portal]:
    """A portal that is ready, and surely gone afterwards."""
    portal = Portal(home, free_port())
    try:
        portal.said("ready")
        yield portal
    finally:
        if portal.process.poll() is None:
            portal.end()
        portal.output.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_every_child(tmp_path, number):
    with running(tmp_path / "home") as portal:
        started = [pid for pid, _ in children(portal.process.pid)]
        assert len(started) == 3
        assert portal.end(number) == 0
        assert all(gone(pid) for pid in started)


def test_crashed_servers_come_back_and_pages_answer_again(tmp_path):
    with running(tmp_path / "home") as portal:
        for word in ("gunicorn", "valkey-server", "postgres -D"):
            killed = portal.child(word)
            os.kill(killed, signal.SIGKILL)
            portal.said("starts again")
            eventually(partial(gone, killed))
            eventually(portal.where)


def test_a_killed_supervisor_takes_its_children_along_and_the_next_start_heals(tmp_path):
    with running(tmp_path / "home") as portal:
        started = [pid for pid, _ in children(portal.process.pid)]
        portal.process.kill()
        portal.process.wait()
    with running(tmp_path / "home") as portal:
        eventually(portal.where)
        assert all(gone(pid) for pid in started)


def test_the_mark_of_a_dead_server_whose_number_another_process_got_is_removed(tmp_path):
    with running(tmp_path / "home") as portal:
        mark = tmp_path / "home" / "postgres" / "postmaster.pid"
        left = mark.read_text(encoding="ascii").splitlines()
    mark.write_text("\n".join([str(os.getpid()), *left[1:]]), encoding="ascii")
    with running(tmp_path / "home") as portal:
        eventually(portal.where)


def test_a_database_that_keeps_ending_ends_the_portal(tmp_path):
    with running(tmp_path / "home") as portal:
        (tmp_path / "home" / "postgres" / "global" / "pg_control").unlink()
        os.kill(portal.child("postgres -D"), signal.SIGKILL)
        assert "postgres" in portal.said("keeps ending")
        assert portal.process.wait(PATIENCE) != 0


def test_a_home_is_held_by_one_start_and_two_homes_live_side_by_side(tmp_path):
    with running(tmp_path / "one") as first, running(tmp_path / "two") as second:
        assert first.where() != second.where()
        third = Portal(tmp_path / "one", free_port())
        third.said("already running")
        assert third.process.wait(PATIENCE) == 1
        third.output.close()


def test_a_port_in_use_is_said_before_anything_is_started(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        portal = Portal(tmp_path / "home", taken.getsockname()[1])
        portal.said("cannot be used: Address already in use")
        assert portal.process.wait(PATIENCE) == 1
        portal.output.close()
        assert not (tmp_path / "home" / "postgres").exists()


def test_data_of_another_major_version_is_refused(tmp_path):
    with running(tmp_path / "home"):
        pass
    (tmp_path / "home" / "postgres" / "PG_VERSION").write_text("17\n", encoding="ascii")
    portal = Portal(tmp_path / "home", free_port())
    assert "of PostgreSQL 17, this portal brings 18" in portal.said("pg_dump")
    portal.process.wait(PATIENCE)
    portal.output.close()
