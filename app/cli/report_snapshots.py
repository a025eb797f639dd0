"""``portal report snapshots`` and ``portal report verify``: what is kept, and whether it is what was kept."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import click
from sqlalchemy.orm import Session

from app.cli.speech import language, say, sentence
from app.factory import open_runtime
from app.features.reports.snapshots import Snapshot, broken, snapshots
from app.hosting.launch import connected
from app.kernel.messages import _l
from app.settings import Settings, read_settings
from app.storage.database import read_only


@click.command(name="snapshots")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="machine-readable")
def list_snapshots(limit: int, *, as_json: bool) -> None:
    """The newest kept snapshots of reports."""
    with _opened() as (session, _):
        found = snapshots(session, limit=limit)
    if as_json:
        click.echo(json.dumps([_plain(one) for one in found], ensure_ascii=False, indent=2))
        return
    for one in found:
        click.echo(
            f"{one.id:>8}  {one.made_at:%Y-%m-%d %H:%M}  {one.sha256[:12]}  {one.size:>10}  "
            f"{one.format:4}  {one.label.text(language())}"
        )


@click.command(name="verify")
def verify_snapshots() -> None:
    """Check the digest of every kept file; fails when one is gone or another than was kept."""
    count = 0
    with _opened() as (session, settings):
        for one in broken(session, settings):
            count += 1
            fault = _l("Snapshot %(number)s (%(file)s, kept at %(at)s) is not what was kept.",
                       number=one.id, file=one.name, at=f"{one.made_at:%Y-%m-%d %H:%M}")  # fmt: skip
            click.echo(sentence(fault))
    if count:
        sys.exit(1)
    say(_l("Every snapshot is what was kept."))


# Private


@contextmanager
def _opened() -> Iterator[tuple[Session, Settings]]:
    settings = connected(read_settings())
    with (
        open_runtime(settings) as (_, engines),
        Session(engines.app) as session,
        read_only(session),
    ):
        yield session, settings


def _plain(one: Snapshot) -> dict[str, Any]:
    plain = asdict(one)
    del plain["rights"]
    plain["said"] = [[label.text(language()), text] for label, text in one.said]
    return {
        name: value.isoformat() if hasattr(value, "isoformat") else value
        for name, value in plain.items()
    }
