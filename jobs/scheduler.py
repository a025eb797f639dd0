"""The scheduler: sends due tasks to the queue, takes back those of dead workers, and serves schedules.

Any number of them may run; rows in the database decide who does what.
"""

from __future__ import annotations

import logging
import signal
import time
from types import FrameType

import psycopg
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from app.factory import Engines, Workshops, open_engines, renew
from app.features.catalogue import SCHEDULES, TASKS
from app.features.trail.signing import ask_when_due
from app.kernel.clock import Clock
from app.kernel.errors import PortalError
from app.settings import Settings, read_settings
from app.tasks import claims, slots
from app.tasks.outbox import CHANNEL
from jobs.queue import open_queue, send
from jobs.worker import CRASHED

log = logging.getLogger(__name__)

TICK_SECONDS = 1.0
AFTER_FAULT_SECONDS = 1.0
AFTER_REFUSAL_SECONDS = 30.0


class Scheduler:
    """Looks at the database whenever a task is queued, and each second."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self._settings = settings
        self._workshops = Workshops(settings, clock)
        self._queue: Queue = open_queue(Redis.from_url(settings.redis_url), settings.secret_key)
        self._stop = False
        # Only where the owner's account is known; elsewhere `portal roles apply` does it.
        owned = settings.database_owner_url != settings.database_url
        self._renew_at = 0.0
        self._owner: Engines | None = open_engines(settings) if owned else None

    def run(self) -> None:
        """Go on until a signal asks to stop; a database or queue that is away is waited for."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask_to_stop)
        while not self._stop:
            try:
                self._listen()
            except (DBAPIError, psycopg.Error, RedisError, PortalError) as fault:
                log.warning("the scheduler waits: %s", fault)
                time.sleep(AFTER_FAULT_SECONDS)

    def tick(self) -> int:
        """One look; how many tasks were sent."""
        shop = self._workshops.newest()
        with shop.engine.begin() as connection:
            claims.rescue(connection, CRASHED)
            slots.serve(
                connection, shop.runtime, SCHEDULES, {kind.name: kind.label for kind in TASKS}
            )
            ask_when_due(connection, shop.runtime)
        return self.relay()

    def renew(self) -> None:
        """Apply what administrators have changed in roles; what cannot be applied is tried again later."""
        if self._owner is None or time.monotonic() < self._renew_at:
            return
        try:
            renew(self._owner)
        except PortalError as fault:
            log.warning("the changes of roles wait: %s", fault)
            self._renew_at = time.monotonic() + AFTER_REFUSAL_SECONDS

    def relay(self) -> int:
        """Send what is due; how many tasks were sent."""
        with self._workshops.engine.begin() as connection:
            due = claims.unsent(connection)
            for task_id, fence in due:
                send(self._queue, task_id, fence)
        return len(due)

    # Private

    def _listen(self) -> None:
        url = make_url(self._settings.database_url).set(drivername="postgresql")
        with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as ear:
            ear.execute(f"LISTEN {CHANNEL}")
            looked = 0.0
            while not self._stop:
                self.renew()
                if time.monotonic() - looked >= TICK_SECONDS:
                    looked = time.monotonic()
                    self.tick()
                else:
                    self.relay()
                for _ in ear.notifies(timeout=TICK_SECONDS, stop_after=1):
                    pass

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a signal handler
        self._stop = True


def main() -> None:
    """Schedule until somebody ends the process."""
    logging.basicConfig(level=logging.WARNING)
    Scheduler(read_settings()).run()


if __name__ == "__main__":
    main()
