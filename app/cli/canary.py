"""``portal canary``: records whose opening is told at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click
from sqlalchemy.orm import Session

from app.cli.speech import sentence
from app.factory import open_runtime
from app.features.viewing.canaries import canaries, clear_canary, set_canary
from app.hosting.launch import connected
from app.kernel.messages import _l
from app.records.runtime import Runtime
from app.settings import read_settings
from app.storage.database import make_sessions, read_only, unit_of_work

RECORD = "ENTITY/ID"


@click.group()
def canary() -> None:
    """诱饵记录 Records that nobody has a reason to open; who does is told of."""


@canary.command(name="set")
@click.argument("record", metavar=RECORD)
def set_(record: str) -> None:
    """Mark a record, such as customer/12; better one that you made for it, with a phone of your own."""
    name, number = _split(record)
    with _opened() as (runtime, session), unit_of_work(session):
        set_canary(session, runtime, name, number, "portal canary")
    click.echo(sentence(_l("%(record)s is a canary now.", record=record)))


@canary.command(name="clear")
@click.argument("record", metavar=RECORD)
def clear(record: str) -> None:
    """Take the mark off."""
    name, number = _split(record)
    with _opened() as (_, session), unit_of_work(session):
        clear_canary(session, name, number)
    click.echo(sentence(_l("%(record)s is a canary no longer.", record=record)))


@canary.command(name="list")
def list_() -> None:
    """All canaries."""
    with _opened() as (runtime, session), read_only(session):
        for name, number, title in canaries(session, runtime):
            click.echo(f"{name}/{number}  {title}")


# Private


@contextmanager
def _opened() -> Iterator[tuple[Runtime, Session]]:
    with open_runtime(connected(read_settings())) as (runtime, engines):
        yield runtime, make_sessions(engines.app)()


def _split(record: str) -> tuple[str, int]:
    name, _, number = record.partition("/")
    if not number.isdecimal():
        raise click.UsageError(RECORD)
    return name, int(number)
