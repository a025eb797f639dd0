"""``portal demo``: fill an empty database with the demo chain, and say its accounts."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from app.cli.speech import language, say, sentence
from app.factory import open_runtime
from app.features.demo.accounts import demo_accounts
from app.features.demo.service import LARGEST_SCALE, load_demo
from app.hosting.launch import connected
from app.kernel.errors import Refused
from app.kernel.messages import _l
from app.settings import read_settings


@click.group()
def demo() -> None:
    """The demo chain."""


@demo.command()
@click.option(
    "--scale",
    default=1,
    show_default=True,
    type=click.IntRange(1, LARGEST_SCALE),
    help="How many times the 6,000 customers; 170 makes a million.",
)
def load(scale: int) -> None:
    """Fill an empty database with the demo chain."""
    with open_runtime(connected(read_settings())) as (runtime, engines):
        load_demo(runtime, engines.owner, engines.app, scale=scale, say=say)


@demo.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def accounts(*, as_json: bool) -> None:
    """Show the demo accounts with their passwords; only a demo database has any."""
    with open_runtime(connected(read_settings())) as (runtime, engines):
        with engines.owner.connect() as connection:
            found = demo_accounts(connection, runtime.schema, language())
        if not found:
            raise Refused(_l("This database holds no demo."))
        if as_json:
            click.echo(json.dumps([asdict(one) for one in found], ensure_ascii=False, indent=2))
            return
        everywhere = sentence(_l("whole organisation"))
        for one in found:
            click.echo(f"{one.username:10} {one.password:18} {one.role}  {one.scope or everywhere}")
