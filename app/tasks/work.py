"""The work at hand: what a running task may use, and how it says how far it has come."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sqlalchemy import Engine, insert, text
from sqlalchemy.orm import Session

from app.access.accounts import account_state
from app.access.permissions import Access
from app.kernel.messages import Message, _l
from app.records.gateway import Records
from app.records.runtime import Runtime
from app.settings import Settings
from app.storage.database import read_only
from app.storage.files import FileStore
from app.storage.tables import FILE
from app.tasks.claims import Claim, advance

FILE_OWNER = "portal_task"
SECONDS_BETWEEN_CHECKS = 0.5


class Lost(Exception):
    """The task is in other hands; whatever was done here must leave no trace."""


class Stopped(Exception):
    """The task must not go on; ``state`` and ``reason`` say how it ends."""

    def __init__(self, state: str, reason: Message) -> None:
        super().__init__(str(reason))
        self.state = state
        self.reason = reason


@dataclass
class Work:
    """One attempt at a task. ``session`` is committed together with the end of the task."""

    claim: Claim
    runtime: Runtime
    settings: Settings
    engine: Engine
    session: Session
    access: Access
    checked_at: float = 0.0

    @property
    def language(self) -> str:
        """The language of whoever asked."""
        return self.claim.language

    @cached_property
    def records(self) -> Records:
        """The door, opened for whoever asked; for the system, with the rights of the task's kind."""
        return Records(self.runtime, self.session, self.access, self.language)

    def progress(self, done: int, total: int | None = None) -> None:
        """Say how far the work is; raises Stopped or Lost when it must not go on.

        Cheap enough to be called for every row: it looks twice a second at most.
        """
        now = time.monotonic()
        if now - self.checked_at >= SECONDS_BETWEEN_CHECKS:
            self.checked_at = now
            self.check(done, total)

    def check(self, done: int = 0, total: int | None = None) -> None:
        """As ``progress``, at once: before anything is published."""
        with self.engine.begin() as connection:
            going = advance(connection, self.claim, done, total)
        if going is None:
            raise Lost
        if not going:
            raise Stopped("cancelled", _l("It was cancelled."))
        with Session(self.engine) as session, read_only(session):
            refuse_ended_account(session, self.claim)

    def keep_file(self, path: Path, name: str, kind: str) -> int:
        """Keep a file as part of the result, seen by whoever asked; ``kind`` is its name's ending."""
        self.check()
        digest, size = FileStore(self.settings.files_url).keep_file(path)
        values = {
            "sha256": digest, "name": name, "kind": kind, "size": size, "entity": FILE_OWNER,
            "field": "result", "record_id": self.claim.task_id, "created_by": self.claim.account_id,
        }  # fmt: skip
        made = self.session.execute(insert(FILE).values(values).returning(FILE.c.id))
        return int(made.scalar_one())


def refuse_ended_account(session: Session, claim: Claim, *, last: bool = False) -> None:
    """Raise Stopped when the account that asked is closed, or all of its sessions were ended since.

    The ``last`` look holds the account until the transaction ends: whoever is about to close it
    waits for what is published here, or is seen by this look.
    """
    if claim.account_id is None:
        return
    if last:
        held = text("SELECT 1 FROM ab_user WHERE id = :id FOR SHARE")
        session.execute(held, {"id": claim.account_id})
    active, _, epoch = account_state(session, claim.account_id)
    if not active:
        raise Stopped("refused", _l("The account that asked for this has been closed."))
    if epoch != claim.epoch:
        reason = _l("The sessions of the account that asked for this have been ended since.")
        raise Stopped("refused", reason)
