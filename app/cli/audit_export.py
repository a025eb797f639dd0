"""``portal audit export``: the trail as a file for spreadsheets and programs."""

from __future__ import annotations

import csv
import getpass
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

import click
from sqlalchemy import Connection, RowMapping, select

from app.audit.actions import AuditAction
from app.audit.canonical import moment_text
from app.audit.chain import Entry, append
from app.cli.speech import say
from app.factory import open_engines
from app.hosting.launch import connected
from app.kernel.cells import safe_cell
from app.kernel.clock import SystemClock
from app.kernel.messages import _l
from app.settings import read_settings
from app.storage.audit_tables import AUDIT, AUDIT_ENTRY
from app.storage.database import current_revision

BATCH = 2000
DAY = click.DateTime(formats=["%Y-%m-%d"])
Writer = Callable[[TextIO, Iterator[dict[str, Any]]], int]


@click.command()
@click.option(
    "--format", "kind", type=click.Choice(["csv", "jsonl"]), default="csv", show_default=True
)
@click.option("--since", type=DAY, help="First day, in the time zone of the portal.")
@click.option("--until", type=DAY, help="Last day, included.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The file to write.",
)
def export(kind: str, since: datetime | None, until: datetime | None, out: Path) -> None:
    """Write the trail to a file, oldest entry first; texts are never formulas. That is an entry itself."""
    settings = connected(read_settings())
    zone, engines = settings.timezone, open_engines(settings)
    begin = since.replace(tzinfo=zone).astimezone(UTC) if since else None
    end = (until.replace(tzinfo=zone) + timedelta(days=1)).astimezone(UTC) if until else None
    try:
        with engines.app.begin() as connection, out.open("w", encoding="utf-8", newline="") as file:
            out.chmod(0o600)
            count = WRITERS[kind](file, _rows(connection, begin, end))
            asked = {
                "format": kind,
                "lines": count,
                "since": since and since.date(),
                "until": until and until.date(),
            }
            entry = Entry(SystemClock().now(), None, f"cli: {getpass.getuser()}", AuditAction.TRAIL_EXPORTED,
                          current_revision(connection), changes=asked)  # fmt: skip
            append(connection, entry)
    finally:
        engines.dispose()
    say(_l("%(count)s entries were written to %(place)s.", count=count, place=str(out)))


# Private


def _rows(
    connection: Connection, begin: datetime | None, end: datetime | None
) -> Iterator[dict[str, Any]]:
    statement = select(AUDIT, AUDIT_ENTRY.c.leaf).join(AUDIT_ENTRY, AUDIT_ENTRY.c.id == AUDIT.c.id)
    if begin is not None:
        statement = statement.where(AUDIT.c.at >= begin)
    if end is not None:
        statement = statement.where(AUDIT.c.at < end)
    options = {"stream_results": True, "max_row_buffer": BATCH}
    found = connection.execute(statement.order_by(AUDIT.c.id), execution_options=options)
    for row in found.mappings():
        yield _plain(row)


def _plain(row: RowMapping) -> dict[str, Any]:
    plain = {"seq": row["id"], **row, "leaf": bytes(row["leaf"]).hex()}
    del plain["id"]
    return {
        name: moment_text(value) if isinstance(value, datetime) else value
        for name, value in plain.items()
    }


def _csv(file: TextIO, rows: Iterator[dict[str, Any]]) -> int:
    file.write("\ufeff")
    writer, count = csv.writer(file), 0
    for count, row in enumerate(rows, 1):
        if count == 1:
            writer.writerow(row)
        writer.writerow([_cell(value) for value in row.values()])
    return count


def _cell(value: Any) -> Any:
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False)
    return safe_cell(value) if isinstance(value, str) else value


def _jsonl(file: TextIO, rows: Iterator[dict[str, Any]]) -> int:
    count = 0
    for row in rows:
        file.write(json.dumps(row, ensure_ascii=False) + "\n")
        count += 1
    return count


WRITERS: Mapping[str, Writer] = {"csv": _csv, "jsonl": _jsonl}
