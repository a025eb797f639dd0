"""``portal serve`` and its first step, which can also be taken alone."""

from __future__ import annotations

import click

from app.cli.speech import say
from app.hosting.launch import launch, launch_workers
from app.safety import refuse_unsafe
from app.settings import read_settings

DEMO = click.option("--demo/--no-demo", default=False, help="Fill an empty database with a demo.")


@click.command()
@DEMO
def serve(*, demo: bool) -> None:
    """Run the portal: servers, database, pages; Ctrl-C ends it."""
    launch(read_settings(), demo=demo, say=say)


@click.command()
def work() -> None:
    """Run workers and a scheduler alone, on a further host; Ctrl-C ends it."""
    launch_workers(read_settings(), say=say)


@click.command()
@DEMO
def prepare(*, demo: bool) -> None:
    """Bring a running database to the schema."""
    # The product itself is loaded only here: the process that watches over the others stays small.
    from app.factory import prepare as prepare_database

    settings = read_settings()
    refuse_unsafe(settings, prepares=True, demo=demo)
    prepare_database(settings, demo=demo, say=say)
