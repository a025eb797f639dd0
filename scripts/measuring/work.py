"""Measures what happens by itself over the portal of PORTAL_HOME: reports, files, reminders, dashboards.

``python -m measuring.work PART``; each part is a process of its own, so that its memory is its own.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from types import MappingProxyType

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.access.accounts import load_actor
from app.access.session_scope import install
from app.cli.speech import sentence
from app.factory import compiled_revision, make_runtime, open_engines
from app.features.background.service import TIDY
from app.features.reminders.service import remind
from app.features.reports import dashboards
from app.features.reports.files import KINDS
from app.features.reports.formats import Setting
from app.features.reports.service import open_report
from app.hosting.launch import connected
from app.kernel.clock import SystemClock
from app.kernel.messages import Label, Message
from app.language.compiler import compile_schema
from app.records.gateway import Records, records_for
from app.records.runtime import Runtime
from app.settings import Settings, read_settings
from app.storage.database import make_sessions, unit_of_work
from app.tasks import outbox
from app.tasks.outbox import NewTask

LINES, PAGES_OF_PDF, REMINDERS = 200_000, 20, 10_000
RUNS = 5
REPORTS = (
    """
report: bench_list
label: {zh: 清单, en: List}
help: {zh: 一行一个客户。, en: A line for each customer.}
module: customers
for: [owner]
entity: customer
columns: {code: code, name: name, store: store, owner: owner, grade: grade, state: state,
          last_contact_at: last_contact_at, contract_to: contract_to, receivable: receivable}
""",
    """
report: bench_stores
label: {zh: 门店, en: Stores}
help: {zh: 一行一家门店。, en: A line for each store.}
module: customers
for: [owner]
groups: {store: {label: {zh: 门店, en: Store}}}
parts: {held: {entity: customer, where: state = 'active', by: {store: store}}}
columns:
  customers: {part: held, count: rows, label: {zh: 客户数, en: Customers}, help: {zh: 客户数。, en: Customers.}}
  owed: {part: held, sum: receivable, label: {zh: 应收, en: Owed}, help: {zh: 应收。, en: Owed.}}
  best: {part: held, count: rows, where: grade = 'a', label: {zh: A 级, en: A}, help: {zh: A 级。, en: A.}}
""",
)


@dataclass(frozen=True)
class Site:
    """A session with the rights of the owner over the schema with the reports of this bench."""

    settings: Settings
    session: Session
    runtime: Runtime
    records: Records


@contextmanager
def site() -> Iterator[Site]:
    """Open the portal of PORTAL_HOME."""
    settings = connected(read_settings())
    engines = open_engines(settings)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "schema"
        shutil.copytree(settings.schema, folder)
        for number, report in enumerate(REPORTS):
            (folder / "reports" / f"bench{number}.yaml").write_text(report, encoding="utf-8")
        schema = compile_schema(folder)
    runtime = make_runtime(settings, schema, compiled_revision(engines)[1], SystemClock())
    sessions = make_sessions(engines.app)
    install(sessions)
    session = sessions()
    account = session.scalar(text("SELECT id FROM ab_user WHERE username = 'owner'"))
    actor = load_actor(session, schema, runtime.models, int(account or 0), runtime.moment().today)
    try:
        yield Site(settings, session, runtime, records_for(runtime, session, actor))
    finally:
        session.rollback()
        sessions.remove()
        engines.dispose()


def report_by_store() -> None:
    """A million customers grouped by store."""
    with site() as here:
        times = []
        for _ in range(RUNS + 1):
            begun = time.perf_counter()
            lines = len(list(open_report(here.records, "bench_stores", {}).result().lines))
            times.append(time.perf_counter() - begun)
        row(
            f"report over all customers by store, warm ({lines} lines), s",
            1.5,
            statistics.median(times[1:]),
        )


def export(kind: str, guide: float, limit: int = LINES) -> None:
    """A list as a file, as the worker writes it."""
    with site() as here, tempfile.TemporaryDirectory() as name:
        steps: list[float] = []
        begun = time.perf_counter()

        def step(done: int, total: int | None) -> None:
            steps.append(time.perf_counter() - begun)

        now = here.runtime.clock.now()
        setting = Setting("zh", here.runtime.zone, words, now, step)
        whole = open_report(here.records, "bench_list", {}).result()
        place = Path(name) / f"list.{kind}"
        KINDS[kind](replace(whole, lines=islice(whole.lines, limit), count=limit), place, setting)
        taken = time.perf_counter() - begun
        size = place.stat().st_size / 1e6
        pages = f", {place.read_bytes().count(b'/Type/Page/')} pages" if kind == "pdf" else ""
        row(f"{limit:,} lines as {kind} ({size:.0f} MB{pages}), s", guide, taken)
        if kind != "pdf":
            row(f"… first progress of {kind}, s", 1, steps[0])
            row(
                f"… memory at its peak with {kind}, MB",
                250,
                getrusage(RUSAGE_SELF).ru_maxrss / 1024,
            )


def reminders() -> None:
    """All that is due today, told in-app; taken back afterwards."""
    with site() as here:
        begun = time.perf_counter()
        counts = remind(here.session, here.runtime, here.runtime.clock.now())
        taken = time.perf_counter() - begun
        sent = counts.get("sent", 0)
        row(
            f"{sent:,} reminders told in-app, s for each {REMINDERS:,}",
            60,
            taken / max(sent, 1) * REMINDERS,
        )


def board() -> None:
    """The owner's dashboard, worked out from nothing."""
    with site() as here:
        begun = time.perf_counter()
        results: dashboards.Results = {}
        found = dashboards.open_dashboard(here.records, "owner")
        drawn = [*dashboards.figures(here.records, found, results)]
        drawn_too = [*dashboards.pictures(here.records, found, results)]
        taken = time.perf_counter() - begun
        row(
            f"owner's dashboard worked out anew ({len(drawn)} figures, {len(drawn_too)} charts), s",
            None,
            taken,
        )


def task_start() -> None:
    """From the commit of what asks for a task to its start; a worker must be running."""
    with site() as here:
        waits = []
        for _ in range(RUNS):
            with unit_of_work(here.session):
                number = outbox.enqueue(here.session, here.runtime, NewTask(TIDY.name, TIDY.label))
            committed = time.time()
            for _ in range(200):
                time.sleep(0.02)
                here.session.rollback()
                found = outbox.task(here.session, number)
                if found.started_at is not None:
                    break
            assert found.started_at is not None
            waits.append((found.started_at.timestamp() - committed) * 1000)
        row("from commit to start of a task, ms", 500, statistics.median(waits))


PARTS = MappingProxyType[str, Callable[[], None]](
    {
        "report": report_by_store,
        "csv": lambda: export("csv", 10),
        "xlsx": lambda: export("xlsx", 45),
        "pdf": lambda: export("pdf", 5, limit=760),
        "reminders": reminders,
        "dashboard": board,
        "task": task_start,
    }
)


def words(said: Message | Label) -> str:
    """A sentence in the language of the process."""
    return said.text("zh") if isinstance(said, Label) else sentence(said)


def row(name: str, guide: float | None, measured: float) -> None:
    """A row of the table."""
    print(f"| {name} | {guide if guide is not None else ''} | {measured:.1f} |", flush=True)


if __name__ == "__main__":
    PARTS[sys.argv[1]]()
