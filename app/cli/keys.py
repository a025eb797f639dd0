"""``portal keys``: the keys of encrypted fields."""

from __future__ import annotations

import click
from sqlalchemy.orm import Session

from app.cli.speech import sentence
from app.factory import keys_of, open_runtime
from app.features.keys.service import usage
from app.features.keys.tasks import CHANGE_KEY
from app.hosting.launch import connected
from app.kernel.errors import Refused
from app.kernel.messages import _l
from app.settings import read_settings
from app.storage.database import read_only, unit_of_work
from app.tasks.outbox import NewTask, enqueue


@click.group()
def keys() -> None:
    """加密密钥 The keys of encrypted fields: list, rotate, forget"""


@keys.command(name="list")
def list_() -> None:
    """Every key with its cipher, its day, and how many values it holds; the newest encrypts."""
    settings = connected(read_settings())
    held = keys_of(settings).keys()
    with (
        open_runtime(settings) as (runtime, engines),
        Session(engines.app) as session,
        read_only(session),
    ):
        used = usage(session, runtime)
    for number, key in sorted(held.by_number.items()):
        mark = "*" if key is held.newest else " "
        click.echo(f"{mark} {number:>3}  {key.cipher:<12} {key.made or '–':<10} {used[number]:>10}")


@keys.command()
def rotate() -> None:
    """Make a key that encrypts from now on; a background task encrypts everything with it."""
    settings = connected(read_settings())
    with open_runtime(settings) as (runtime, engines):
        number = keys_of(settings).rotate(str(runtime.moment().today))
        with Session(engines.app) as session, unit_of_work(session):
            new = NewTask(CHANGE_KEY.name, CHANGE_KEY.label, key=f"{CHANGE_KEY.name}:{number}")
            enqueue(session, runtime, new)
    click.echo(
        sentence(_l("Key %(number)s encrypts from now on; the rest follows in the background. Back up %(place)s.",
                    number=number, place=keys_of(settings).place.name))
    )  # fmt: skip


@keys.command()
@click.argument("number", type=int)
def forget(number: int) -> None:
    """Drop a key that holds nothing any more."""
    settings = connected(read_settings())
    ring = keys_of(settings)
    with (
        open_runtime(settings) as (runtime, engines),
        Session(engines.app) as session,
        read_only(session),
    ):
        used = usage(session, runtime)[number]
    if used or number == ring.keys().newest.number or number not in ring.keys().by_number:
        raise Refused(
            _l("Key %(number)s stays: it is the newest, unknown, or still holds %(count)s values.",
               number=number, count=used)
        )  # fmt: skip
    ring.forget([number])
    click.echo(sentence(_l("Key %(number)s is gone.", number=number)))
