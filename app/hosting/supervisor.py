"""Runs servers under one roof: starts them in order, restarts the crashed, ends them all."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from app.hosting.folders import log_file
from app.hosting.processes import Command, await_ready, end, start, start_talking
from app.kernel.errors import Unavailable
from app.kernel.messages import Message, _l

STOPPING = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
HEARD = STOPPING | {signal.SIGCHLD}
# A crash counts for this long: later ones start with a short wait again.
MEMORY_SECONDS = 60.0
LONGEST_WAIT = 4.0
LAST_SECONDS = 30.0
# Whoever ran for longer can run, and was killed.
SOON_SECONDS = 5.0


class StopAsked(Exception):
    """Somebody pressed Ctrl-C or sent a signal to end the portal."""


@dataclass
class Service:
    """A server to keep running.

    ``before`` runs ahead of each start. ``attempts`` is how many crashes right after the start are
    borne within a minute before the whole portal ends; None bears any number.
    """

    command: Command
    is_ready: Callable[[], bool]
    ready_seconds: float = 60
    before: Callable[[], None] = lambda: None
    attempts: int | None = 3


@dataclass
class _Running:
    service: Service
    process: subprocess.Popen[bytes]
    started: float = field(default_factory=time.monotonic)
    crashes: list[float] = field(default_factory=list)
    soon: int = 0
    due: float | None = None


class Supervisor:
    """Holds the servers of one portal; leaving its block ends them, the last started first."""

    def __init__(self, say: Callable[[Message], None]) -> None:
        self._say = say
        self._running: list[_Running] = []
        self._last: tuple[int, Command] | None = None
        self._mask: set[signal.Signals | int] = set()

    def __enter__(self) -> Self:
        """From here on signals wait until the supervisor asks for them."""
        self._mask = set(signal.pthread_sigmask(signal.SIG_BLOCK, HEARD))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, running in reversed(list(enumerate(self._running, 1))):
            self._say_last(number)
            end(running.process, running.service.command)
        self._running.clear()
        # A second Ctrl-C while ending must not strike the caller afterwards.
        while signal.sigtimedwait(HEARD, 0):
            pass
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)

    def start(self, service: Service) -> None:
        """Start a server and wait until it answers; raises Unavailable or StopAsked."""
        service.before()
        running = _Running(service, start(service.command))
        self._running.append(running)
        await_ready(
            running.process,
            service.command,
            service.is_ready,
            service.ready_seconds,
            self._pause,
        )

    def run(self, command: Command) -> None:
        """Run a command to its end; raises Unavailable when it fails, StopAsked."""
        process = start_talking(command)
        try:
            while process.poll() is None:
                self._pause(1)
        finally:
            end(process, command)
        if process.returncode != 0:
            raise Unavailable(_l("The portal could not be prepared, so it was not started."))

    def at_last(self, command: Command) -> None:
        """Run a command at the end, when all that starts from here on has ended and the rest still runs."""
        self._last = (len(self._running), command)

    def watch(self) -> None:
        """Keep the servers running until StopAsked; raises Unavailable when one is past hope."""
        while True:
            for running in self._running:
                self._look_after(running)
            waits = [r.due - time.monotonic() for r in self._running if r.due is not None]
            self._pause(max(0.05, min(waits, default=LONGEST_WAIT)))

    def _say_last(self, number: int) -> None:
        if self._last is None or self._last[0] != number:
            return
        command = self._last[1]
        process = start(command)
        try:
            process.wait(LAST_SECONDS)
        except subprocess.TimeoutExpired:
            end(process, command)

    def _look_after(self, running: _Running) -> None:
        now = time.monotonic()
        if running.due is None and running.process.poll() is not None:
            self._note_crash(running, now)
        elif running.due is not None and now >= running.due:
            running.service.before()
            running.process = start(running.service.command)
            running.started = time.monotonic()
            running.due = None

    def _note_crash(self, running: _Running, now: float) -> None:
        command = running.service.command
        end(running.process, command)
        running.crashes = [at for at in running.crashes if at > now - MEMORY_SECONDS] + [now]
        running.soon = running.soon + 1 if now - running.started < SOON_SECONDS else 0
        allowed = running.service.attempts
        details = {
            "name": command.name,
            "code": running.process.returncode,
            "log": str(log_file(command.home, command.name)),
        }
        if allowed is not None and running.soon > allowed:
            raise Unavailable(_l("%(name)s keeps ending (code %(code)s); see %(log)s.", **details))
        wait = min(LONGEST_WAIT, 0.5 * 2 ** (len(running.crashes) - 1))
        running.due = now + wait
        self._say(
            _l(
                "%(name)s ended (code %(code)s) and starts again in %(wait)s s; see %(log)s.",
                **details,
                wait=wait,
            )
        )

    def _pause(self, seconds: float) -> None:
        """Wait for the end of a child or ``seconds``; raises StopAsked."""
        heard = signal.sigtimedwait(HEARD, seconds)
        if heard is not None and heard.si_signo in STOPPING:
            raise StopAsked
