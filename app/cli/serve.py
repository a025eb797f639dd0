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
@click.option("--look", is_flag=True, help="Only see whether it was brought there, by any account.")
def prepare(*, demo: bool, look: bool) -> None:
    """Bring a running database to the schema."""
    # The product itself is loaded only here: the process that watches over the others stays small.
    from app.factory import prepare as prepare_database
    from app.storage.looking import look_at_database

    settings = read_settings()
    refuse_unsafe(settings, prepares=not look, demo=demo)
    if look:
        look_at_database(settings.database_url, settings.audit_hash)
        return
    prepare_database(settings, demo=demo, say=say)
