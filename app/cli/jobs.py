"""``portal jobs``: what works in the background, seen and steered from a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import click
from sqlalchemy.orm import Session

from app.audit.actions import AuditAction
from app.audit.chain import Entry, append
from app.cli.speech import language, say
from app.factory import open_runtime
from app.hosting.launch import connected
from app.kernel.messages import _l
from app.records.runtime import Runtime
from app.settings import read_settings
from app.storage.database import unit_of_work
from app.tasks import outbox
from app.tasks.outbox import Task

STATES = ("ready", "running", *outbox.ENDED)


@click.group()
def jobs() -> None:
    """后台任务 Background tasks"""


@jobs.command(name="list")
@click.option(
    "--state", type=click.Choice(STATES), multiple=True, help="only these; may be repeated"
)
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="machine-readable")
def list_(state: tuple[str, ...], limit: int, *, as_json: bool) -> None:
    """The newest tasks."""
    with _opened() as (_, session):
        found = outbox.tasks(session, states=state, limit=limit)
    if as_json:
        click.echo(json.dumps([_plain(one) for one in found], ensure_ascii=False, indent=2))
        return
    for one in found:
        percent = f"{one.percent}%" if one.percent is not None else ""
        click.echo(
            f"{one.id:>8}  {one.state:9}  {percent:>4}  {one.created_at:%Y-%m-%d %H:%M}  "
            f"{one.title.text(language())}"
        )


@jobs.command()
@click.argument("number", type=int)
def show(number: int) -> None:
    """Everything about one task."""
    with _opened() as (_, session):
        click.echo(json.dumps(_plain(outbox.task(session, number)), ensure_ascii=False, indent=2))


@jobs.command()
@click.argument("number", type=int)
def retry(number: int) -> None:
    """Let a task that failed or was cancelled begin anew."""
    _steer(number, AuditAction.TASK_RETRIED)


@jobs.command()
@click.argument("number", type=int)
def cancel(number: int) -> None:
    """Stop a task."""
    _steer(number, AuditAction.TASK_CANCELLED)


# Private


@contextmanager
def _opened() -> Iterator[tuple[Runtime, Session]]:
    with (
        open_runtime(connected(read_settings())) as (runtime, engines),
        Session(engines.app) as session,
    ):
        yield runtime, session


def _steer(number: int, action: AuditAction) -> None:
    with _opened() as (runtime, session), unit_of_work(session):
        found = outbox.task(session, number)
        if action is AuditAction.TASK_CANCELLED:
            outbox.cancel(session, number)
            text = _l("The task “%(title)s” is being cancelled.", title=found.title)
        else:
            outbox.retry(session, number)
            text = _l("The task “%(title)s” begins anew.", title=found.title)
        append(session, Entry(runtime.clock.now(), None, "portal jobs", action, runtime.revision,
                              record_title=found.title.zh, changes={"task": number}))  # fmt: skip
    say(text)


def _plain(one: Task) -> dict[str, Any]:
    plain = asdict(one) | {"percent": one.percent}
    plain["title"] = {"zh": one.title.zh, "en": one.title.en}
    plain["problem"] = str(one.problem) if one.problem else None
    return {
        name: value.isoformat() if hasattr(value, "isoformat") else value
        for name, value in plain.items()
    }
