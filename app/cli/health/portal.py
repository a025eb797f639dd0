"""The doctor's look at the portal itself: schema, accounts, and what works in the background."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from redis import Redis
from sqlalchemy import Connection, text

from app.cli.health.finding import Finding, careful, faulty, fine
from app.factory import Engines, compiled_revision, plan, with_overlay
from app.features.catalogue import SCHEDULES
from app.features.demo.accounts import open_demo_accounts
from app.kernel.clock import SystemClock
from app.kernel.messages import _l
from app.kernel.strength import first_tries
from app.language.compiler import compile_schema
from app.records.accounts import password_is
from app.safety import demo_in_public, is_public
from app.settings import Settings
from app.storage.overlays import counters

# Trying a password takes a tenth of a second on purpose, so not every account can be tried.
TRY_SECONDS = 6.0
WORKER_SILENCE = timedelta(minutes=10)
TASK_WAIT = timedelta(minutes=10)
# Those who administer first, then those who never signed in with a password of their own.
OPEN_ACCOUNTS = text(
    "SELECT u.username FROM ab_user u WHERE u.active ORDER BY EXISTS (SELECT 1 FROM ab_user_role h"
    " JOIN ab_role r ON r.id = h.role_id WHERE h.user_id = u.id AND r.name = ANY(:roles)) DESC,"
    " u.last_login NULLS FIRST, u.id"
)
UNFIT_ROLES = text("SELECT DISTINCT role FROM portal_overlay WHERE conflict IS NOT NULL ORDER BY 1")


def look_at_schema(settings: Settings, engines: Engines) -> Iterator[Finding]:
    """The revision in the database against the folder; raises SchemaInvalid, Unavailable."""
    schema, number = compiled_revision(engines)
    laid = with_overlay(engines, compile_schema(settings.schema))
    if laid.schema.digest == schema.digest:
        yield fine(
            "schema", _l("Revision %(number)s is what the schema folder says.", number=number)
        )
        return
    found = plan(engines, settings.schema)
    if found.blocked:
        yield careful("schema", _l(
            "The schema folder differs from revision %(number)s, and rows stand against "
            "%(count)s of its changes; see portal schema plan.",
            number=number, count=len(found.blocked),
        ))  # fmt: skip
    else:
        yield careful("schema", _l(
            "The schema folder differs from revision %(number)s (%(count)s steps are pending); "
            "see portal schema plan, then run portal schema apply.",
            number=number, count=len(found.steps),
        ))  # fmt: skip


def look_at_roles(connection: Connection) -> Iterator[Finding]:
    """What administrators have changed of roles: whether it is applied, and fits the schema."""
    wanted, done = counters(connection)
    against = list(connection.scalars(UNFIT_ROLES))
    if wanted != done:
        yield careful("roles", _l(
            "Changes of roles that are decided and not applied yet: %(count)s; portal serve applies them "
            "within seconds, portal roles apply at once.", count=wanted - done,
        ))  # fmt: skip
    if against:
        yield careful("roles", _l(
            "Changes that do not fit the schema, in these roles: %(roles)s; decide on the page of each.",
            roles=", ".join(against),
        ))  # fmt: skip
    if wanted == done and not against:
        yield fine("roles", _l("What was changed of roles in the browser is applied."))


def look_at_accounts(settings: Settings, engines: Engines) -> Iterator[Finding]:
    """Passwords that anybody would try, and demo accounts where others can reach them."""
    schema, _ = compiled_revision(engines)
    roles = [role.name for role in schema.roles.values() if role.administers]
    with engines.owner.connect() as connection:
        names = list(connection.scalars(OPEN_ACCOUNTS, {"roles": roles}))
        tried, guessed = _guessed(connection, names)
        demo = open_demo_accounts(connection)
    if guessed:
        yield faulty("passwords", _l(
            "These accounts have a password that anybody would try: %(names)s; "
            "run: portal users set-password NAME", names=", ".join(guessed),
        ))  # fmt: skip
    else:
        yield fine("passwords", _l(
            "No well-known password opens an account (%(tried)s of %(all)s tried, administrators first).",
            tried=tried, all=len(names),
        ))  # fmt: skip
    if demo and is_public(settings):
        yield faulty("demo_accounts", demo_in_public())
    elif demo:
        yield careful("demo_accounts", _l(
            "This is a demo: its passwords are shown on the sign-in page (%(names)s).", names=", ".join(demo)
        ))  # fmt: skip


def look_at_tasks(connection: Connection) -> Iterator[Finding]:
    """Whether somebody serves the schedules, and no task waits in vain."""
    now = SystemClock().now()
    often = [one for one in SCHEDULES if one.every is not None]
    shortest = min(one.every for one in often if one.every is not None)
    newest = connection.scalar(
        text("SELECT max(moment) FROM portal_slot WHERE schedule = ANY(:names)"),
        {"names": [one.name for one in often]},
    )
    if newest is None or now - newest > 3 * shortest + timedelta(minutes=1):
        yield faulty("scheduler", _l(
            "No scheduler is at work (last seen: %(when)s); run portal serve or portal work.",
            when=f"{newest:%Y-%m-%d %H:%M} UTC" if newest else "–",
        ))  # fmt: skip
    else:
        yield fine("scheduler", _l("The scheduler was at work within the last minutes."))
    waiting = connection.scalar(
        text("SELECT count(*) FROM portal_task WHERE state = 'ready' AND run_at < :late"),
        {"late": now - TASK_WAIT},
    )
    if waiting:
        yield careful("tasks", _l(
            "Tasks that have waited for more than ten minutes: %(count)s; see portal jobs list, and "
            "start more workers with portal work.", count=waiting,
        ))  # fmt: skip
    else:
        yield fine("tasks", _l("No task waits for long."))


def look_at_workers(settings: Settings) -> Iterator[Finding]:
    """Workers that were heard of lately."""
    with Redis.from_url(settings.redis_url, socket_timeout=5, socket_connect_timeout=5) as redis:
        keys: Any = redis.smembers("rq:workers")
        beats: list[Any] = [redis.hget(key, "last_heartbeat") for key in keys]
    now = SystemClock().now()
    alive = [beat for beat in beats if beat and now - _moment(beat.decode()) < WORKER_SILENCE]
    if alive:
        yield fine("workers", _l("Workers at work: %(count)s.", count=len(alive)))
    else:
        yield faulty("workers", _l("No worker is at work; run portal serve or portal work."))


# Private


def _guessed(connection: Connection, names: list[str]) -> tuple[int, list[str]]:
    """How many accounts were tried in time, and which of them opened."""
    tried, guessed, until = 0, [], time.monotonic() + TRY_SECONDS
    for name in names:
        if time.monotonic() > until:
            break
        tried += 1
        if any(password_is(connection, name, password) for password in first_tries(name)):
            guessed.append(name)
    return tried, guessed


def _moment(told: str) -> datetime:
    moment = datetime.fromisoformat(told)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
