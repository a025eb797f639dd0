"""The queue: RQ carries a task's number and nothing else, signed, and never the name of a function."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from collections.abc import Callable
from typing import Any

from redis import Redis
from rq import Queue
from rq.exceptions import DuplicateJobError, NoSuchJobError
from rq.job import Job

log = logging.getLogger(__name__)

NAME = "portal"
LARGEST_PAYLOAD = 1024
TIMEOUT_SECONDS = 3 * 3600
KEPT_FIELDS = (
    "data",
    "created_at",
    "enqueued_at",
    "origin",
    "status",
    "timeout",
    "result_ttl",
    "failure_ttl",
)


class Forged(ValueError):
    """A payload that this portal did not sign."""


def signed_json(secret_key: str) -> Any:
    """A serializer for RQ: JSON with a keyed digest, so that whoever writes to Redis cannot ask for work."""
    key = hashlib.sha256(b"queue:" + secret_key.encode()).digest()

    class SignedJson:
        """JSON behind its HMAC-SHA-256."""

        @staticmethod
        def dumps(value: Any) -> bytes:
            """The signed text of a plain value."""
            text = json.dumps(value, separators=(",", ":")).encode()
            return hmac.new(key, text, hashlib.sha256).hexdigest().encode() + text

        @staticmethod
        def loads(data: bytes) -> Any:
            """The value of a signed text; raises Forged."""
            digest, text = data[:64], data[64:]
            right = hmac.new(key, text, hashlib.sha256).hexdigest().encode()
            if len(data) > LARGEST_PAYLOAD or not hmac.compare_digest(digest, right):
                raise Forged
            return json.loads(text)

    return SignedJson


class TaskJob(Job):
    """A job that can only be "do task N": callbacks, webhooks and names of functions are not read."""

    do: Callable[[int], str] | None = None

    def restore(self, raw_data: Any) -> Any:
        """Read what Redis holds; raises NoSuchJobError for what we did not write."""
        known = {name.encode() for name in KEPT_FIELDS}
        kept = {name: value for name, value in raw_data.items() if name in known}
        if len(kept.get(b"data", b"")) > LARGEST_PAYLOAD:
            log.error("a payload of %s bytes was refused", len(kept[b"data"]))
            raise NoSuchJobError(self.id)
        try:
            super().restore(kept)
            self.number = _number(self)
        except Exception as fault:  # whatever a forger writes, the worker goes on
            log.error("job %s was refused: %s", self.id[:60], type(fault).__name__)  # noqa: TRY400
            raise NoSuchJobError(self.id) from fault

    def perform(self) -> Any:
        """Do the task; its end is in the database, so nothing is left here."""
        assert self.do is not None
        return type(self).do(self.number)  # type: ignore[misc]  # checked above


def open_queue(connection: Redis, secret_key: str) -> Queue:
    """The queue of this portal."""
    return Queue(NAME, connection=connection, serializer=signed_json(secret_key), job_class=TaskJob)


def send(queue: Queue, task_id: int, fence: int) -> None:
    """Put a task into the queue, where it stands once however often it is sent."""
    name = f"task-{task_id}-{fence}"
    try:
        _enqueue(queue, name, task_id)
    except DuplicateJobError:
        # It waits; or a worker took it and died before it could begin.
        if queue.connection.lpos(queue.key, name) is None:
            queue.connection.delete(queue.job_class.key_for(name))
            _enqueue(queue, name, task_id)


# Private


def _enqueue(queue: Queue, name: str, task_id: int) -> None:
    queue.enqueue("task", task_id, job_id=name, unique=True, result_ttl=0, failure_ttl=0,
                  job_timeout=TIMEOUT_SECONDS, description=name)  # fmt: skip


def _number(job: Job) -> int:
    name, instance, arguments, named = job.serializer.loads(job.data)
    if name != "task" or instance is not None or named or len(arguments) != 1:
        raise Forged
    if not isinstance(arguments[0], int):
        raise Forged
    return arguments[0]
