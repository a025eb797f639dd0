"""``portal audit bundle``: evidence for outsiders."""

from __future__ import annotations

import getpass
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from sqlalchemy import ColumnElement, Connection

from app.audit import bundles
from app.audit.actions import AuditAction
from app.audit.chain import Entry, append
from app.audit.checkpoints import make_checkpoint
from app.audit.durable import write_durable
from app.audit.keys import has_key
from app.cli.audit import read_note
from app.cli.speech import say
from app.factory import open_engines
from app.hosting.launch import connected
from app.kernel.clock import SystemClock
from app.kernel.messages import _l
from app.settings import read_settings
from app.storage.database import current_revision


@click.command()
@click.option("--record", help="All entries about a record, as customer/12.")
@click.option("--account", help="All deeds of an account.")
@click.option("--seq", help="The entries of a range, as 12-40.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=Path("evidence.zip"),
              show_default=True, help="The zip to write.")  # fmt: skip
@click.option("--checkpoint", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="A checkpoint from a mail, to which the bundle is to lead.")  # fmt: skip
def bundle(
    record: str | None, account: str | None, seq: str | None, out: Path, checkpoint: Path | None
) -> None:
    """Write chosen entries with their proofs into a zip that outsiders can verify. That is an entry itself."""
    wanted, told = _wanted(record, account, seq)
    held = read_note(checkpoint).checkpoint if checkpoint else None
    settings = connected(read_settings())
    engines = open_engines(settings)
    now, who = SystemClock().now(), f"cli: {getpass.getuser()}"
    try:
        if has_key(settings.home):
            make_checkpoint(engines.app, settings.home, now, who)
        with engines.app.begin() as connection:
            made = bundles.make_bundle(connection, wanted(connection), held=held)
            entry = Entry(now, None, who, AuditAction.EVIDENCE_TAKEN, current_revision(connection),
                          record_title=told, facts={"entries": made.count})  # fmt: skip
            append(connection, entry)
            zipped = io.BytesIO()
            made.write(zipped)
        write_durable(out, zipped.getvalue())
    finally:
        engines.dispose()
    say(_l("%(count)s entries were written to %(place)s.", count=made.count, place=str(out)))


# Private


def _wanted(
    record: str | None, account: str | None, seq: str | None
) -> tuple[Callable[[Connection], ColumnElement[bool]], str]:
    """The condition and its words; raises a usage error unless exactly one way to choose was given."""
    if sum(one is not None for one in (record, account, seq)) != 1:
        raise click.UsageError("Choose by one of --record, --account and --seq.")
    if account is not None:
        return lambda _: bundles.of_account_is(account), account
    if record is not None:
        entity, number = _split(
            record, r"([a-z][a-z0-9_]*)/([0-9]{1,18})", "--record", "customer/12"
        )
        return lambda connection: bundles.of_record_is(connection, entity, int(number)), record
    first, last = _split(str(seq), r"([0-9]{1,18})-([0-9]{1,18})", "--seq", "12-40")
    return lambda _: bundles.between(int(first), int(last)), str(seq)


def _split(text: str, shape: str, option: str, example: str) -> Any:
    found = re.fullmatch(shape, text)
    if found is None:
        raise click.BadParameter(f"write it as {example}", param_hint=option)
    return found.groups()
