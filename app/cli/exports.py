"""``portal exports``: which file a leaked row is from."""

from __future__ import annotations

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.factory import open_runtime
from app.features.exports.rules import mark_of
from app.features.reminders.people import account_names
from app.hosting.launch import connected
from app.kernel.errors import NotFound
from app.settings import read_settings
from app.storage.export_tables import EXPORT_GRANT


@click.group()
def exports() -> None:
    """导出 Exports"""


@exports.command()
@click.argument("entity")
@click.argument("record", type=int)
@click.argument("mark")
def trace(entity: str, record: int, mark: str) -> None:
    """Say by the MARK at the end of a row of a RECORD which export it is from, whose and when."""
    settings = connected(read_settings())
    with open_runtime(settings) as (runtime, engines), Session(engines.app) as session:
        made = select(EXPORT_GRANT).where(
            EXPORT_GRANT.c.entity == entity, EXPORT_GRANT.c.made_at.is_not(None)
        )
        for row in session.execute(made.order_by(EXPORT_GRANT.c.id.desc())):
            if mark_of(settings.secret_key, row.id, entity, record) == mark.strip().upper():
                name = account_names(session, [row.account_id]).get(row.account_id, "")
                at = row.made_at.astimezone(runtime.zone)
                click.echo(f"{row.id}  {name}  {at:%Y-%m-%d %H:%M}  {row.digest}")
                return
    raise NotFound
