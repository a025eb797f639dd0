"""Background tasks for tests: each leaves one row when it has ended well; and a worker that does them.

Run as a program, with the settings in the environment, it is a worker or a scheduler.
"""

from __future__ import annotations

import ctypes
import logging
import os
import sys
import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine, text

from app.factory import Workshops
from app.features.catalogue import TASKS
from app.kernel.messages import Label
from app.settings import read_settings
from app.tasks.kinds import TaskKind
from app.tasks.work import Work
from jobs.scheduler import Scheduler
from jobs.worker import work
from tests.support.file_clock import NAME, FileClock

TABLE = "CREATE TABLE IF NOT EXISTS chore_effect (task_id bigint, at timestamptz DEFAULT clock_timestamp())"


def make_table(owner: Engine) -> None:
    """Where effects are kept."""
    with owner.begin() as connection:
        connection.execute(text(TABLE))
        connection.execute(text("GRANT SELECT, INSERT ON chore_effect TO PUBLIC"))


def leave(job: Work, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Take some steps, each ``pause`` seconds long, and leave a row."""
    steps, pause = int(arguments.get("steps", 1)), float(arguments.get("pause", 0))
    for step in range(steps):
        time.sleep(pause)
        job.check(step + 1, steps)
    row = {"id": job.claim.task_id}
    job.session.execute(text("INSERT INTO chore_effect (task_id) VALUES (:id)"), row)
    time.sleep(float(arguments.get("before_end", 0)))
    return {"steps": steps}


def crash(job: Work, arguments: Mapping[str, Any]) -> None:
    """End the process as a fault in a C library would."""
    leave(job, arguments)
    ctypes.string_at(0)


def hog(job: Work, arguments: Mapping[str, Any]) -> None:
    """Take more memory than there is for a task."""
    leave(job, arguments)
    held = [bytearray(50 * 2**20) for _ in range(200)]
    raise AssertionError(len(held))


def stumble(job: Work, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Fail until the attempt that ``well_at`` says."""
    if job.claim.attempts < int(arguments.get("well_at", 99)):
        raise RuntimeError("SELECT secret FROM somewhere")
    return leave(job, arguments)


CHORES = tuple(
    TaskKind(doing.__name__, Label("杂务", "Chore"), doing)
    for doing in (leave, crash, hog, stumble)
)


def main() -> None:
    """Be a worker or a scheduler."""
    logging.basicConfig(level=logging.WARNING)
    settings = read_settings()
    clock = FileClock(settings.home / NAME)
    if sys.argv[1] == "scheduler":
        Scheduler(settings, clock).run()
    else:
        work(settings, Workshops(settings, clock, (*TASKS, *CHORES)))


if __name__ == "__main__":
    assert os.environ["PORTAL_HOME"]
    main()
