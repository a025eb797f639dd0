"""Starts and ends server processes that must never outlive their supervisor."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from app.hosting.accounts import Account
from app.hosting.folders import log_file, open_log
from app.kernel.errors import Unavailable
from app.kernel.messages import _l

ENDING = (signal.SIGTERM, signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class Command:
    """A server to run: its words, environment, account, log, and the signals that end it.

    The first signal asks politely, each further one is sent when ``patience`` seconds are over;
    the first is also what the server gets when the supervisor dies.
    """

    name: str
    words: Sequence[str]
    environment: Mapping[str, str]
    account: Account
    home: Path
    endings: tuple[signal.Signals, ...] = ENDING
    patience: float = 10


def start(command: Command) -> subprocess.Popen[bytes]:
    """Start a server in a session of its own, so that Ctrl-C reaches the supervisor alone."""
    with open_log(command.home, command.name) as log:
        return _start(command, log)


def start_talking(command: Command) -> subprocess.Popen[bytes]:
    """As ``start``, for a command whose output is for the terminal."""
    return _start(command, None)


def await_ready(
    process: subprocess.Popen[bytes],
    command: Command,
    is_ready: Callable[[], bool],
    seconds: float,
    pause: Callable[[float], object] = time.sleep,
) -> None:
    """Wait until a server answers; raises Unavailable when it ends or is too slow."""
    until = time.monotonic() + seconds
    while not is_ready():
        if process.poll() is not None or time.monotonic() > until:
            raise Unavailable(
                _l(
                    "%(name)s did not start; its last words are in %(log)s.",
                    name=command.name,
                    log=str(log_file(command.home, command.name)),
                )
            )
        pause(0.05)


def end(process: subprocess.Popen[bytes], command: Command) -> None:
    """End a server: first politely, in the end by force, with all of its session."""
    for number in command.endings:
        if process.poll() is not None:
            break
        process.send_signal(number)
        try:
            process.wait(command.patience)
        except subprocess.TimeoutExpired:
            continue
    _end_group(process.pid)
    process.wait()


def _start(command: Command, output: BinaryIO | None) -> subprocess.Popen[bytes]:
    tie = ("--parent", str(os.getpid()), "--death", str(int(command.endings[0])))
    return subprocess.Popen(
        command.account.launch(command.words, *tie),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output else None,
        env=dict(command.environment),
        cwd="/",
        start_new_session=True,
    )


def _end_group(group: int) -> None:
    """What a crashed server left behind goes too."""
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
