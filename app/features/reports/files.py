"""Reports as files on disk, by anybody who may take them away; each is written down in the trail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from app.audit.actions import AuditAction
from app.audit.chain import Entry, append
from app.features.reports.formats import WRITERS, Setting
from app.features.reports.pdf import write_pdf
from app.features.reports.results import Result
from app.features.reports.service import ReportRun
from app.kernel.errors import Forbidden

KINDS: Mapping[str, Callable[[Result, Path, Setting], None]] = {**WRITERS, "pdf": write_pdf}


def write_report(
    run: ReportRun, kind: str, place: Path, setting: Setting, *, address: str | None = None
) -> Result:
    """Write a report to ``place``; raises Forbidden without the right to export, Refused for too many lines."""
    refused = run.may_take(kind)
    if refused is not None:
        raise Forbidden(refused)
    result = run.result()
    KINDS[kind](result, place, setting)
    note(run, kind, result, address)
    return result


def note(run: ReportRun, kind: str, result: Result, address: str | None, **more: str | int) -> None:
    """Write down who took which figures, in the caller's transaction."""
    records, actor = run.records, run.records.access.actor
    append(
        records.session,
        Entry(
            at=records.runtime.clock.now(),
            account_id=actor.account_id,
            account_name=actor.username,
            action=AuditAction.REPORT_TAKEN,
            revision=records.runtime.revision,
            record_title=run.report.label.zh,
            changes={
                "report": run.report.name,
                "format": kind,
                "lines": result.count,
                "asked": dict(run.asked.texts),
                **more,
            },
            address=address,
        ),
    )


def file_name(run: ReportRun, kind: str) -> str:
    """What the file is called when it is downloaded."""
    code = f"{run.report.code}_" if run.report.code else ""
    today = run.records.runtime.moment().today
    return f"{code}{run.report.name}_{today}.{kind}"
