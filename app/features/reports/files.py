"""Reports as files on disk, by anybody who may take them away; each is written down in the trail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from app.audit.actions import AuditAction
from app.audit.chain import Entry, append
from app.features.exports.trail import sealed
from app.features.reports.formats import WRITERS, Setting
from app.features.reports.passages import Passage
from app.features.reports.pdf import write_pdf
from app.features.reports.results import Result
from app.features.reports.service import ReportRun
from app.kernel.errors import Forbidden, Refused
from app.kernel.messages import Message, _l
from app.language.definitions import Rights

MOST_PRINTED = 100
KINDS: Mapping[str, Callable[[Result, Path, Setting], None]] = {**WRITERS, "pdf": write_pdf}


def write_report(
    run: ReportRun, kind: str, place: Path, setting: Setting, passage: Passage | None
) -> Result:
    """Write a report to ``place``, headed by who takes it and when.

    Raises Forbidden for lines that tell of records without a grant, Refused for too many lines.
    """
    if run.tells and passage is None:
        raise Forbidden(_l("Lines that are records leave the portal by a grant alone."))
    result = run.result()
    if passage is not None and not result.streamed:
        result = replace(result, count=len(list(result.lines)))
    _refuse_too_many(run, kind, result, passage)
    said = passage.said if passage is not None else _made_for(run)
    under = sealed(run.records.session, run.records.runtime)
    setting = replace(setting, said=said, sealed=under, marked=passage is not None)
    if passage is not None:
        result = replace(result, lines=passage.marked(result.lines), streamed=True)
    KINDS[kind](result, place, setting)
    return result


def note(
    run: ReportRun, kind: str, lines: int | None, address: str | None, **more: str | int
) -> None:
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
                "lines": lines,
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


# Private


def _made_for(run: ReportRun) -> Message:
    """What heads a file of figures."""
    actor, runtime = run.records.access.actor, run.records.runtime
    at = runtime.clock.now().astimezone(runtime.zone)
    who = f"{actor.name} ({actor.username})"
    return _l("Made for %(who)s · %(at)s", who=who, at=f"{at:%Y-%m-%d %H:%M}")


def _refuse_too_many(run: ReportRun, kind: str, result: Result, passage: Passage | None) -> None:
    """Printing is for a page of records; whoever wants more needs the right to export them."""
    if passage is None:
        return
    if (result.count or 0) > passage.most_rows:
        raise Refused(
            _l("There are more rows now than the %(most)s that were granted. Nothing was exported.",
               most=passage.most_rows)
        )  # fmt: skip
    access = run.records.access
    exports = all(access.entity(name).allows(Rights.EXPORT) for name in run.tells)
    exports = exports or passage.requested
    if kind == "pdf" and not exports and (result.count or 0) > MOST_PRINTED:
        text = _l("Without the right to export, at most %(most)s records are printed. Narrow the report down.",
                  most=MOST_PRINTED)  # fmt: skip
        raise Refused(text)
