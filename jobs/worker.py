"""A worker: takes tasks from the queue and does each in a child of its own."""

from __future__ import annotations

import ctypes
import logging
import os
import resource
import signal
import socket
from typing import Any

from redis import Redis
from rq import Queue, Worker
from rq.job import Job

from app.factory import Workshops
from app.kernel.messages import _l
from app.settings import Settings, read_settings
from app.tasks import claims, runner
from jobs.queue import TaskJob, open_queue, signed_json

log = logging.getLogger(__name__)

PARENT_DEATH_SIGNAL = 1
CRASHED = _l(
    "The worker that did it ended without a word, again and again; it is not tried any more."
)


class PortalWorker(Worker):
    """An RQ worker whose children never outlive it, and who serves the newest schema."""

    max_connection_wait_time = 2.0
    workshops: Workshops
    settings: Settings

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Build the newest schema before the fork, so that the child can begin at once."""
        self.workshops.newest()
        super().execute_job(job, queue)

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        """In the child: end with the parent, keep to the memory, use no connection of the parent's."""
        ctypes.CDLL(None, use_errno=True).prctl(PARENT_DEATH_SIGNAL, signal.SIGKILL)
        if os.getppid() == 1:
            os._exit(1)
        most = self.settings.worker_memory_mb * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        self.workshops.after_fork()
        super().main_work_horse(job, queue)

    def handle_work_horse_killed(self, job: Job, *end: Any) -> None:  # noqa: ARG002 - how it ended
        """In the parent: the child is gone, so its task need not wait for the end of its lease."""
        with self.workshops.engine.begin() as connection:
            claims.rescue(connection, CRASHED, task_id=getattr(job, "number", 0))


def make_worker(settings: Settings, workshops: Workshops) -> PortalWorker:
    """A worker of this portal."""
    name, connection = f"{socket.gethostname()}-{os.getpid()}", Redis.from_url(settings.redis_url)

    class Doing(TaskJob):
        """A job done with the worker's workshop."""

        do = staticmethod(lambda number: runner.run(workshops.newest(), number, name))

    queue = open_queue(connection, settings.secret_key)
    worker = PortalWorker(
        [queue], name=name, connection=connection, job_class=Doing,
        serializer=signed_json(settings.secret_key), log_job_description=False,
    )  # fmt: skip
    worker.workshops, worker.settings = workshops, settings
    return worker


def main() -> None:
    """Work until somebody ends the process."""
    logging.basicConfig(level=logging.WARNING)
    settings = read_settings()
    work(settings, Workshops(settings))


def work(settings: Settings, workshops: Workshops) -> None:
    """Be a worker, ready for the first task before it comes."""
    workshops.newest()
    make_worker(settings, workshops).work(logging_level="WARNING")


if __name__ == "__main__":
    main()
