"""``portal report``: which reports there are, and one of them as a file with somebody's rights."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.access.accounts import load_actor
from app.access.session_scope import install
from app.cli.report_snapshots import list_snapshots, verify_snapshots
from app.cli.speech import language, say, sentence
from app.factory import open_runtime
from app.features.exports.grants import hand_over
from app.features.reports.files import KINDS, note, write_report
from app.features.reports.formats import Setting
from app.features.reports.passages import own_passage
from app.features.reports.service import by_code, open_report, reports_for
from app.hosting.launch import connected
from app.kernel.errors import Invalid, Refused
from app.kernel.messages import Label, Message, _l
from app.records.gateway import Records, records_for
from app.records.runtime import Runtime
from app.settings import read_settings
from app.storage.database import make_sessions, unit_of_work


@click.group()
def report() -> None:
    """Reports."""


@report.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="machine-readable")
@click.option("--as", "username", default="", help="what this account may run, saved reports too")
def list_(*, as_json: bool, username: str) -> None:
    """Show the reports of the portal."""
    if username:
        with _opened(username) as records:
            found = reports_for(records)
    else:
        with open_runtime(connected(read_settings())) as (runtime, _):
            found = by_code(runtime.schema.reports.values())
    if not as_json:
        for one in found:
            click.echo(f"{one.code:6} {one.name:32} {one.label.text(language())}")
        return
    plain = [
        {
            "name": one.name,
            "code": one.code,
            "label": {"zh": one.label.zh, "en": one.label.en},
            "for": list(one.readers),
            "params": {name: item.type for name, item in one.parameters.items()},
        }
        for one in found
    ]
    click.echo(json.dumps(plain, ensure_ascii=False, indent=2))


@report.command()
@click.argument("name")
@click.option("--as", "username", required=True, help="whose rights count")
@click.option("--format", "kind", type=click.Choice(list(KINDS)), default="csv", show_default=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True)
@click.option("--param", "given", multiple=True, metavar="NAME=VALUE", help="may be repeated")
def run(name: str, *, username: str, kind: str, out: Path, given: tuple[str, ...]) -> None:
    """Write a report to a file."""
    parameters, secret = dict(one.partition("=")[::2] for one in given), read_settings().secret_key
    with _opened(username) as records, unit_of_work(records.session):
        runtime = records.runtime
        setting = Setting(language(), runtime.zone, _words, runtime.clock.now())
        try:
            opened = open_report(records, name, parameters)
        except Invalid as fault:
            problems = [sentence(one) for found in fault.problems.values() for one in found]
            raise click.ClickException(" ".join(problems)) from fault
        passage = own_passage(opened, kind, secret)
        lines = write_report(opened, kind, out, setting, passage).count or 0
        if passage is not None:
            hand_over(records.session, passage.number, lines, runtime.clock.now())
        note(opened, kind, lines, None)
    say(_l("%(file)s (lines: %(count)s)", file=str(out), count=lines))


report.add_command(list_snapshots)
report.add_command(verify_snapshots)


# Private


def _words(text_: Message | Label) -> str:
    return text_.text(language()) if isinstance(text_, Label) else sentence(text_)


@contextmanager
def _opened(username: str) -> Iterator[Records]:
    with open_runtime(connected(read_settings())) as (runtime, engines):
        sessions = make_sessions(engines.app)
        install(sessions)
        try:
            yield _records(runtime, sessions(), username)
        finally:
            sessions.remove()


def _records(runtime: Runtime, session: Session, username: str) -> Records:
    found = text("SELECT id FROM ab_user WHERE username = :name AND active")
    number = session.scalar(found, {"name": username})
    if number is None:
        raise Refused(_l("There is no account %(name)s.", name=username))
    today = runtime.moment().today
    actor = load_actor(session, runtime.schema, runtime.models, number, today)
    return records_for(runtime, session, actor, language())
