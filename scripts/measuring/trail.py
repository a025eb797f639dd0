"""Measures the audit trail in a database of its own beside the portal of PORTAL_HOME: writing and verifying it.

``python -m measuring.trail PART [ENTRIES]``; needs the embedded PostgreSQL, with fsync as it runs every day. The log is
hashed as PORTAL_AUDIT_HASH says.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from resource import RUSAGE_SELF, getrusage

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.audit.actions import AuditAction
from app.audit.chain import Entry, append
from app.audit.checking import Verification
from app.audit.checkpoints import make_checkpoint
from app.factory import Engines, prepare_database
from app.hosting.postgres import PostgresServer
from app.settings import read_settings
from app.storage.database import make_engine, unit_of_work
from measuring.work import row

NAME = "bench_trail"
ENTRIES, AT_ONCE = 1_000_000, 5_000
CLIENTS, SECONDS, HOLD = 8, 10.0, 0.02
MOMENT = datetime(2026, 6, 15, 4, tzinfo=UTC)
# Entries as the portal writes them for a changed record, put together inside PostgreSQL to be quick.
FILL = text(
    r"""
    WITH told AS (
        SELECT n, '{"changes"\:{"name"\:["旧名","新名' || n || '"],"version"\:[1,2]},"title"\:"客户' || n || '"}'
               AS words, sha256(convert_to('salt' || n, 'UTF8')) AS salt
        FROM generate_series(CAST(:first AS integer), CAST(:last AS integer)) AS n
    ), said AS (
        SELECT n, words, salt, convert_to('{"account"\:' || n % 50 || ',"action"\:"record\:changed","address"\:"10.0.0.'
            || n % 250 || '","at"\:"2026-06-15T04\:00\:00.000000Z","boot"\:"0d4f0a62-5f2c-4e4c-9d0e-3a4d2f6b8f11",'
            || '"entity"\:"customer","fields"\:["name","version"],"mono"\:"' || n || '","name"\:"account' || n % 50
            || '","record"\:' || n % 50000 || ',"revision"\:3,"values"\:"'
            || encode(sha256(salt || convert_to(words, 'UTF8')), 'hex')
            || '","wall"\:"2026-06-15T04\:00\:00.000000Z"}', 'UTF8') AS body
        FROM told
    )
    SELECT portal_audit_append(array_agg(body ORDER BY n), array_agg(words ORDER BY n), array_agg(salt ORDER BY n))
    FROM said
    """
)


@contextmanager
def log() -> Iterator[tuple[Engines, Path]]:
    """An empty trail, and a home for its key; both are thrown away."""
    server = PostgresServer(read_settings().home)
    server.drop_database(NAME)
    urls = server.create_database(NAME)
    engines = Engines(make_engine(urls.owner), make_engine(urls.app, pool_size=CLIENTS))
    try:
        prepare_database(engines, read_settings().audit_hash)
        with tempfile.TemporaryDirectory() as home:
            yield engines, Path(home)
    finally:
        engines.dispose()
        server.drop_database(NAME)


def verify(entries: int = ENTRIES) -> None:
    """A million entries, or as many, with two checkpoints, read and verified whole."""
    with log() as (engines, home):
        for first in range(1, entries + 1, AT_ONCE):
            with engines.owner.begin() as connection:
                connection.execute(FILL, {"first": first, "last": first + AT_ONCE - 1})
        begun = time.perf_counter()
        make_checkpoint(engines.app, home, MOMENT, "bench")
        row(f"first checkpoint of {entries:,} entries, s", None, time.perf_counter() - begun)
        with engines.app.begin() as connection:
            append(connection, Entry(MOMENT, None, "bench", AuditAction.SIGNED_IN, 1))
        begun = time.perf_counter()
        make_checkpoint(engines.app, home, MOMENT, "bench")
        row("next checkpoint, s", None, time.perf_counter() - begun)
        begun, cpu = time.perf_counter(), time.process_time()
        with engines.app.connect() as connection:
            run = Verification(connection, home)
            assert not [found.says for found in run.findings() if not found.note]
        assert run.size == entries + 2
        row(f"`portal audit verify` of {entries:,} entries, s", 20, time.perf_counter() - begun)
        row("… of it on the processor, s", None, time.process_time() - cpu)
        row("… memory at its peak, MB", 200, getrusage(RUSAGE_SELF).ru_maxrss / 1024)


def writes() -> None:
    """Audited writes by eight clients, at once and with 20 ms of other work in each."""
    with log() as (engines, _):
        with engines.owner.begin() as connection:
            connection.execute(
                text("CREATE TABLE thing (id integer PRIMARY KEY, value integer NOT NULL)")
            )
            connection.execute(
                text("INSERT INTO thing SELECT n, 0 FROM generate_series(1, 1000) AS n")
            )
            connection.execute(text("GRANT SELECT, UPDATE ON thing TO PUBLIC"))
        for hold in (0.0, HOLD):
            with ThreadPoolExecutor(CLIENTS) as pool:
                done = sum(pool.map(partial(_write, engines, hold), range(CLIENTS)))
            said = f", {hold * 1000:.0f} ms of other work in each" if hold else ""
            row(
                f"audited writes a second, {CLIENTS} clients{said}",
                None if hold else 300,
                done / SECONDS,
            )


def _write(engines: Engines, hold: float, client: int) -> int:
    """How many transactions one client made: a row changed, its entry, the commit."""
    done, until = 0, time.monotonic() + SECONDS
    while time.monotonic() < until:
        with Session(engines.app) as session, unit_of_work(session):
            thing = client * 100 + done % 100 + 1
            session.execute(
                text("UPDATE thing SET value = value + 1 WHERE id = :id"), {"id": thing}
            )
            entry = Entry(MOMENT, client, f"client{client}", AuditAction.RECORD_CHANGED, 1, entity="thing",
                          record_id=thing, record_title=f"物{thing}", changes={"value": [done, done + 1]})  # fmt: skip
            append(session, entry)
            time.sleep(hold)
        done += 1
    return done


if __name__ == "__main__":
    {"verify": verify, "writes": writes}[sys.argv[1]](*map(int, sys.argv[2:]))
