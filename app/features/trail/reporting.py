"""Audit reports as the portal makes them: with the names of its records, kept in the home, told in the trail."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from app.audit.actions import AuditAction
from app.audit.bundles import ZIP_DATE
from app.audit.chain import Entry, append
from app.audit.checkpoints import announcements
from app.audit.durable import write_durable
from app.audit.figures import Period
from app.audit.keys import has_key
from app.audit.reporting import AuditReport, Draw, make_report
from app.features.trail.paper import draw
from app.features.trail.service import may_read
from app.kernel.errors import Forbidden, NotFound
from app.kernel.messages import Label, _l
from app.language.definitions import Schema
from app.tasks.kinds import TaskKind
from app.tasks.work import Work

FOLDER = "audit/reports"
TITLE = Label("出具审计报告", "Make an audit report")


@dataclass(frozen=True, slots=True)
class Kept:
    """A report in the home: its days, and how many entries its checkpoint covers."""

    since: date
    until: date
    size: int

    @property
    def name(self) -> str:
        """What its file is called."""
        return f"audit_report_{self.since}_{self.until}_{self.size}.zip"


def drawing(schema: Schema) -> Draw:
    """Draws reports with what the kinds of records of a portal are called."""
    return partial(draw, names={name: one.label for name, one in schema.entities.items()})


def zipped(report: AuditReport) -> bytes:
    """All files of a report."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in report.files.items():
            archive.writestr(zipfile.ZipInfo(name, ZIP_DATE), part, zipfile.ZIP_DEFLATED)
    return content.getvalue()


def told_of(report: AuditReport) -> dict[str, Any]:
    """What the trail keeps of a report for good."""
    period = report.said["period"]
    days = {"since": period["from"], "until": period["until"]}
    return {"digest": report.digest, "entries": report.count, **days}


def kept(home: Path) -> list[Kept]:
    """The reports of this home, the newest period first."""
    return sorted(_kept(home), key=lambda one: (one.until, one.since, one.size), reverse=True)


def content_of(home: Path, name: str) -> bytes:
    """A kept report; raises NotFound."""
    if name not in {one.name for one in _kept(home)}:
        raise NotFound
    return (home / FOLDER / name).read_bytes()


def make(work: Work, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Make the report of a period, where the key is, and keep it in the home."""
    if not may_read(work.access.actor):
        raise Forbidden(_l("Only those who look after the trail make audit reports."))
    home, runtime, actor = work.settings.home, work.runtime, work.access.actor
    if not has_key(home) and announcements(work.session.connection()):
        return {"skipped": "another home has the key"}
    since, until = (date.fromisoformat(str(arguments[name])) for name in ("since", "until"))
    period, now = Period(since, until, runtime.zone), runtime.clock.now()
    report = make_report(work.engine, home, period, now, actor.username, drawing(runtime.schema))
    size = int(report.said["checkpoint"]["size"])
    (home / FOLDER).mkdir(mode=0o700, parents=True, exist_ok=True)
    place = home / FOLDER / Kept(since, until, size).name
    write_durable(place, zipped(report), mode=0o400)
    entry = Entry(now, actor.account_id, actor.username, AuditAction.AUDIT_REPORTED, runtime.revision,
                  facts=told_of(report))  # fmt: skip
    append(work.session, entry)
    return {"name": place.name, "faults": report.faults}


REPORT = TaskKind("trail_report", TITLE, make, attempts=1)


# Private


def _kept(home: Path) -> Iterator[Kept]:
    for place in (home / FOLDER).glob("audit_report_*_*_*.zip"):
        since, until, size = place.stem.removeprefix("audit_report_").split("_")
        yield Kept(date.fromisoformat(since), date.fromisoformat(until), int(size))
