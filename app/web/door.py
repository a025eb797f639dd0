"""The WSGI door: serves one revision, builds the next beside it, and swaps between requests."""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from app.kernel.collection import collection_paused
from app.web.errors import STALE

log = logging.getLogger(__name__)

Environment = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environment, StartResponse], Iterable[bytes]]
REPLAYED_BODY = 24 * 2**20
# A change may follow on a change while a request is served again.
ATTEMPTS = 5
IN_MEMORY = ("POST", "PUT", "PATCH", "DELETE")


@dataclass
class Slot:
    """An application of one revision with the requests that are under way in it."""

    revision: int
    application: Application
    dispose: Callable[[], None]
    under_way: int = 0
    retired: bool = False
    guard: threading.Lock = field(default_factory=threading.Lock)

    def enter(self) -> bool:
        """Begin a request; false when the slot has been left."""
        with self.guard:
            if self.retired:
                return False
            self.under_way += 1
            return True

    def leave(self) -> None:
        """End a request; the last one out of a retired slot turns off the light."""
        with self.guard:
            self.under_way -= 1
            empty = self.retired and self.under_way == 0
        if empty:
            self.dispose()

    def retire(self) -> None:
        """Let no new request in."""
        with self.guard:
            self.retired = True
            empty = self.under_way == 0
        if empty:
            self.dispose()


class Door:
    """Sends each request to the newest revision; watches for newer ones in a thread of its own.

    ``build`` makes the slot of the database's newest revision; ``newest`` tells its number.
    """

    def __init__(
        self, build: Callable[[], Slot], newest: Callable[[], int], interval: float
    ) -> None:
        self._build = collection_paused()(build)
        self._newest = newest
        self._interval = interval
        self._swap = threading.Lock()
        self._slot = self._build()
        self._watcher: threading.Thread | None = None
        self._stop = threading.Event()

    @property
    def revision(self) -> int:
        """The revision that is served."""
        return self._slot.revision

    def application(self) -> object:
        """The application that is served, without its WSGI wrapping."""
        return getattr(self._slot.application, "__self__", self._slot.application)

    def __call__(self, environment: Environment, start_response: StartResponse) -> Iterable[bytes]:
        self._watch()
        body = self._keep_body(environment)
        kept, answer = _Kept(), b""
        for _ in range(ATTEMPTS):
            slot, kept = self._enter(), _Kept()
            try:
                answer = b"".join(_closed(slot.application(environment, kept)))
            finally:
                slot.leave()
            if not environment.pop(STALE, False) or not self.refresh(slot):
                break
            fresh = {
                key: value for key, value in environment.items() if not key.startswith("werkzeug.")
            }
            environment = fresh if body is None else {**fresh, "wsgi.input": io.BytesIO(body)}
        start_response(*kept.said)
        return [answer]

    def refresh(self, served: Slot | None = None) -> bool:
        """Swap to the newest revision if there is one beyond what ``served`` was; true when there was."""
        with self._swap:
            old = self._slot
            if served is not None and old is not served:
                return True
            if self._newest() == old.revision:
                return False
            new = self._build()
            self._slot = new
        log.warning("revision %s serves instead of %s", new.revision, old.revision)
        old.retire()
        return True

    def close(self) -> None:
        """Stop watching and let the served revision go; a look that is under way is waited for."""
        self._stop.set()
        if self._watcher is not None:
            self._watcher.join()  # Else it would give its connection back to a pool that is gone.
        self._slot.retire()

    # Private

    def _enter(self) -> Slot:
        while True:
            slot = self._slot
            if slot.enter():
                return slot

    def _watch(self) -> None:
        """Begin to watch with the first request, which comes after a server has forked its workers."""
        if self._watcher is not None:
            return
        with self._swap:
            if self._watcher is not None:
                return
            watcher = threading.Thread(target=self._look_again, name="revision-watch", daemon=True)
            watcher.start()
            self._watcher = watcher

    def _look_again(self) -> None:
        while not self._stop.wait(self._interval):
            try:
                self.refresh()
            except Exception:  # the watcher must outlive a database that is away for a moment
                log.exception("the newest revision could not be served yet")

    @staticmethod
    def _keep_body(environment: Environment) -> bytes | None:
        """Keep what was sent, so that the request can be served again by the next revision."""
        if environment["REQUEST_METHOD"] not in IN_MEMORY:
            return None
        length = environment.get("CONTENT_LENGTH") or "0"
        if not length.isdigit() or int(length) > REPLAYED_BODY:
            return None
        body: bytes = environment["wsgi.input"].read(int(length))
        environment["wsgi.input"] = io.BytesIO(body)
        return body


class _Kept:
    """Keeps what start_response was told until it is sure."""

    def __init__(self) -> None:
        self.said: tuple[Any, ...] = ()

    def __call__(self, *said: Any) -> Callable[[bytes], object]:
        self.said = said[:2]
        return lambda data: None


def _closed(answer: Iterable[bytes]) -> Iterator[bytes]:
    """The parts of an answer, closed at the end as WSGI asks."""
    try:
        yield from answer
    finally:
        close = getattr(answer, "close", None)
        if close is not None:
            close()
