"""Runs one claimed task to a stated end."""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from app.access.accounts import load_actor
from app.access.actor import system_actor
from app.access.permissions import Access
from app.access.session_scope import install
from app.kernel.errors import PortalError, StaleRevision, Unavailable
from app.kernel.messages import Message, _l
from app.records.runtime import Runtime
from app.settings import Settings
from app.storage.database import make_sessions, read_only, unit_of_work
from app.tasks import claims
from app.tasks.claims import Claim
from app.tasks.kinds import TaskKind
from app.tasks.work import Lost, Stopped, Work, refuse_ended_account

log = logging.getLogger(__name__)

SLOWEST_STATEMENT_MS = 600_000
FIRST_BACK_OFF = timedelta(seconds=5)
SURPRISE = _l("Something went wrong inside the portal. The administrator can see the details.")
OUT_OF_MEMORY = _l("It needed more memory than a task may use.")


@dataclass(frozen=True)
class Workshop:
    """What a process that runs tasks stands on: one revision, its database and the kinds of work."""

    runtime: Runtime
    settings: Settings
    engine: Engine
    kinds: Mapping[str, TaskKind]


def run(shop: Workshop, task_id: int, worker: str) -> str:
    """Do a task if it is free; how it ended: done, failed, cancelled, refused, waiting, busy or lost."""
    with shop.engine.begin() as connection:
        held = claims.claim(connection, task_id, worker)
    if held is None:
        return "busy"
    ended = threading.Event()
    keeper = threading.Thread(target=_keep_lease, args=(shop.engine, held, ended), daemon=True)
    keeper.start()
    try:
        return _attempt(shop, held)
    finally:
        ended.set()
        keeper.join()


# Private


@contextmanager
def _session(engine: Engine) -> Iterator[Session]:
    """A session that sees no record until the door binds it."""
    sessions = make_sessions(engine)
    install(sessions)
    try:
        yield sessions()
    finally:
        sessions.remove()


def _attempt(shop: Workshop, held: Claim) -> str:
    try:
        _perform(shop, held)
    except Lost:
        return "lost"
    except Stopped as stopped:
        return _stop(shop, held, stopped.state, stopped.reason)
    except StaleRevision as stale:
        return _wait(shop, held, None, timedelta(seconds=2), str(stale))
    except (Unavailable, OperationalError) as fault:
        message = fault.message if isinstance(fault, PortalError) else SURPRISE
        return _again(shop, held, message)
    except PortalError as refused:
        return _stop(shop, held, "failed", refused.message)
    except MemoryError:
        return _again(shop, held, OUT_OF_MEMORY)
    except Exception:  # a task of a feature may fail in any way, and its end must be stated
        log.exception("task %s (%s) failed", held.task_id, held.kind)
        return _again(shop, held, SURPRISE)
    return "done"


def _perform(shop: Workshop, held: Claim) -> None:
    kind = shop.kinds.get(held.kind)
    if kind is None:
        raise Stopped("failed", _l("This portal no longer does this kind of work."))
    with _session(shop.engine) as session:
        access = _access(shop, session, held, kind)
        work = Work(held, shop.runtime, shop.settings, shop.engine, session, access)
        with unit_of_work(session):
            session.execute(text(f"SET LOCAL statement_timeout = {SLOWEST_STATEMENT_MS}"))
            result = kind.run(work, held.arguments)
            refuse_ended_account(session, held, last=True)
            if not claims.finish(session, held, dict(result or {})):
                raise Lost


def _access(shop: Workshop, session: Session, held: Claim, kind: TaskKind) -> Access:
    schema, runtime = shop.runtime.schema, shop.runtime
    if held.account_id is None:
        return Access(schema, system_actor(schema, kind.rights(schema), kind.name))
    with read_only(session):
        refuse_ended_account(session, held)
        today = runtime.moment().today
        actor = load_actor(session, schema, runtime.models, held.account_id, today)
    return Access(schema, actor)


def _again(shop: Workshop, held: Claim, problem: Message) -> str:
    kind = shop.kinds.get(held.kind)
    detail = traceback.format_exc(limit=-8)
    if kind is None or held.attempts >= kind.attempts:
        return _stop(shop, held, "failed", problem, detail)
    return _wait(shop, held, problem, FIRST_BACK_OFF * 4 ** (held.attempts - 1), detail)


def _stop(shop: Workshop, held: Claim, state: str, reason: Message, detail: str = "") -> str:
    with shop.engine.begin() as connection:
        claims.stop(connection, held, state, reason, detail)
    return state


def _wait(shop: Workshop, held: Claim, reason: Message | None, wait: timedelta, detail: str) -> str:
    with shop.engine.begin() as connection:
        claims.put_back(connection, held, reason, wait, detail=detail)
    return "waiting"


def _keep_lease(engine: Engine, held: Claim, ended: threading.Event) -> None:
    """Hold the task while the work goes on; a moment without the database is borne."""
    while not ended.wait(claims.RENEW_SECONDS):
        try:
            with engine.begin() as connection:
                if not claims.renew(connection, held):
                    return
        except DBAPIError:
            log.warning("the lease of task %s could not be renewed", held.task_id)
