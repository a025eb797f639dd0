"""``portal undo``: what an account did since a day, and putting it back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

import click

from app.access.actor import NOBODY
from app.access.session_scope import install
from app.cli.speech import sentence
from app.factory import open_runtime
from app.features.undo.rules import Item
from app.features.undo.service import account_named, deeds_since, undo
from app.features.undo.wording import VERDICTS
from app.hosting.launch import connected
from app.kernel.messages import _l
from app.records.runtime import Runtime
from app.settings import read_settings
from app.storage.database import make_sessions, read_only, unit_of_work


@click.command(name="undo")
@click.option("--account", required=True, help="the username")
@click.option("--since", required=True, type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"]),
              help="a day, or a time of the portal's zone")  # fmt: skip
@click.option("--apply", "apply_", is_flag=True, help="put back what nobody else has touched since")
def undo_(account: str, since: datetime, *, apply_: bool) -> None:
    """撤销某人的改动 What an account did since a day; with --apply it is put back."""
    with open_runtime(connected(read_settings())) as (runtime, engines):
        sessions = make_sessions(engines.app)
        install(sessions)
        moment = since.replace(tzinfo=runtime.zone).astimezone(UTC)
        session = sessions()
        if not apply_:
            with read_only(session):
                number = account_named(session, account)
                _list(runtime, deeds_since(session, runtime, number, moment))
            return
        with unit_of_work(session):
            operator = replace(NOBODY, username="portal undo", name="portal undo")
            done = undo(session, runtime, operator, account_named(session, account), moment)
        _list(runtime, done.left)
        text = _l("Put back: %(restored)s. Left as they are: %(left)s.",
                  restored=len(done.restored), left=len(done.left))  # fmt: skip
        click.echo(sentence(text))


# Private


def _list(runtime: Runtime, items: Iterable[Item]) -> None:
    for item in items:
        at = item.first.at.astimezone(runtime.zone)
        said = sentence(VERDICTS[item.verdict][0])
        click.echo(
            f"{at:%Y-%m-%d %H:%M}  {item.entity} {item.record_id}  ×{len(item.deeds)}  {said}"
        )
