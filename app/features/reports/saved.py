"""Reports that people made for themselves: who finds them, who changes them, and how they are kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, func, insert, or_, select, update

from app.access.actor import Actor
from app.audit.actions import AuditAction
from app.audit.chain import Entry, append
from app.features.reports.author import Author
from app.features.reports.narrowing import narrowed, unclear
from app.features.reports.rights import may_run
from app.kernel.errors import Conflict, Forbidden, Invalid, NotFound, Refused
from app.kernel.messages import Label, Message, _l
from app.language.findings import Finding
from app.language.report_definitions import Report
from app.language.report_texts import PRIVATE, compile_report
from app.records.gateway import Records
from app.records.runtime import Runtime
from app.storage.report_tables import PORTAL_REPORT

ADMINISTERS = "schema"
MOST_OWN = 50
MOST_REMEMBERED = 500
# A role that is gone by now reads nothing, and takes the report from nobody else.
ROLE_GONE = frozenset({"S083"})


@dataclass(frozen=True, slots=True)
class SavedReport:
    """A report as it is kept; ``source`` is its text in the language of the schema."""

    id: int
    name: str
    owner_id: int
    label: str
    source: str
    shared_with: tuple[str, ...]
    version: int
    updated_at: datetime


def find_report(records: Records, name: str) -> Report:
    """The report of that name, of the schema or saved, for a reader who may run it.

    Raises NotFound, and Refused for a saved one that no longer fits the portal.
    """
    known = records.runtime.schema.reports.get(name)
    if known is not None and may_run(records.access, known):
        return known
    found = None if known is not None else _row(records, PORTAL_REPORT.c.name == name)
    if found is None:
        raise NotFound
    report = compiled(records.runtime, found)
    if report is None:
        raise Refused(_l("This report no longer fits the portal. Its owner has to mend it."))
    return report


def every_report(records: Records) -> Iterator[Report]:
    """What the reader may run: of the schema, then saved; those that no longer fit are left out."""
    for report in records.runtime.schema.reports.values():
        if may_run(records.access, report):
            yield report
    for found in visible(records):
        saved = compiled(records.runtime, found)
        if saved is not None:
            yield saved


def is_own(records: Records, report: Report) -> bool:
    """Whether a report is a saved one of the reader."""
    own = PORTAL_REPORT.c.owner_id == records.access.actor.account_id
    schema = records.runtime.schema
    return (
        report.name not in schema.reports
        and _row(records, (PORTAL_REPORT.c.name == report.name) & own) is not None
    )


def visible(records: Records) -> list[SavedReport]:
    """The saved reports of the reader, and those shared with a role that he holds today."""
    rows = select(PORTAL_REPORT).where(_readable(records.access.actor)).order_by(PORTAL_REPORT.c.id)
    return [_saved(row) for row in records.session.execute(rows)]


def of_others(records: Records) -> list[SavedReport]:
    """For an administrator the saved reports of everybody else; empty for others."""
    actor = records.access.actor
    if not actor.administers(ADMINISTERS):
        return []
    rows = select(PORTAL_REPORT).where(PORTAL_REPORT.c.owner_id != actor.account_id)
    return [_saved(row) for row in records.session.execute(rows.order_by(PORTAL_REPORT.c.id))]


def open_saved(maker: Author, name: str) -> SavedReport:
    """A saved report of one's own, to be changed; raises NotFound."""
    own = PORTAL_REPORT.c.owner_id == maker.actor.account_id
    found = _row(maker.records, (PORTAL_REPORT.c.name == name) & own)
    if found is None:
        raise NotFound
    return found


def compiled(runtime: Runtime, found: SavedReport) -> Report | None:
    """A saved report against the schema of today, None when it no longer fits; remembered by version."""
    key = "saved report", found.id, found.version
    if key not in runtime.memory:
        if len(runtime.memory) > MOST_REMEMBERED:
            runtime.memory.clear()
        runtime.memory[key] = _compiled(runtime, found)
    report: Report | None = runtime.memory[key]
    return report


def read_source(
    records: Records, source: str, name: str = ""
) -> tuple[Report | None, tuple[Finding, ...]]:
    """The report of a text by somebody who may name only what he sees clearly, or all findings."""
    report, faults = compile_report(source, narrowed(records.access))
    if report is None:
        return None, faults
    faults = tuple(dict.fromkeys(unclear(records.access, report)))
    return (None if faults else _as_saved(report, name or report.name, report.readers)), faults


def save(maker: Author, source: str, name: str = "", version: int = 0) -> str:
    """Keep a text as a new report, or as the one of that name; returns its name.

    Raises Invalid with what is wrong with the text, NotFound, Refused for one too many, and
    Conflict when it was changed meanwhile.
    """
    before = open_saved(maker, name) if name else None
    report, faults = read_source(maker.records, source)
    if report is None:
        raise Invalid({"source": tuple(said(one) for one in faults)})
    values = {
        "label": report.label.zh,
        "source": source,
        "shared_with": list(dict.fromkeys(report.readers)),
        "updated_at": maker.records.runtime.clock.now(),
    }
    kept = _insert(maker, values) if before is None else _update(maker, before, version, values)
    shown = {"source": source, "shared_with": values["shared_with"]}
    _note(maker, AuditAction.REPORT_SAVED, kept, report.label.zh, shown)
    return kept


def remove(maker: Author, name: str) -> SavedReport:
    """Delete a report of one's own, or as an administrator anybody's; raises NotFound, Forbidden."""
    found = _row(maker.records, PORTAL_REPORT.c.name == name, every=True)
    own = found is not None and found.owner_id == maker.actor.account_id
    if found is None or not (own or maker.actor.administers(ADMINISTERS)):
        if _row(maker.records, PORTAL_REPORT.c.name == name) is not None:
            raise Forbidden(_l("Only its owner can change or delete this report."))
        raise NotFound
    maker.session.execute(delete(PORTAL_REPORT).where(PORTAL_REPORT.c.id == found.id))
    _note(maker, AuditAction.REPORT_DELETED, found.name, found.label, {"source": found.source})
    return found


def said(finding: Finding) -> Message:
    """A finding as a sentence, with its line."""
    return _l("Line %(line)s: %(fault)s", line=finding.place.line,
              fault=Label(finding.text("zh"), finding.text("en")))  # fmt: skip


# Private


def _readable(actor: Actor) -> ColumnElement[bool]:
    held = [role.name for role in actor.roles]
    return or_(
        PORTAL_REPORT.c.owner_id == actor.account_id, PORTAL_REPORT.c.shared_with.overlap(held)
    )


def _row(
    records: Records, where: ColumnElement[bool], *, every: bool = False
) -> SavedReport | None:
    rows = select(PORTAL_REPORT).where(where)
    if not every:
        rows = rows.where(_readable(records.access.actor))
    row = records.session.execute(rows).first()
    return _saved(row) if row is not None else None


def _saved(row: Any) -> SavedReport:
    plain = {name: getattr(row, name) for name in SavedReport.__slots__ if name != "shared_with"}
    return SavedReport(shared_with=tuple(row.shared_with), **plain)


def _compiled(runtime: Runtime, found: SavedReport) -> Report | None:
    report, _ = compile_report(found.source, runtime.schema, PRIVATE | ROLE_GONE)
    return None if report is None else _as_saved(report, found.name, found.shared_with)


def _as_saved(report: Report, name: str, readers: tuple[str, ...]) -> Report:
    return replace(report, name=name, code="", readers=readers)


def _insert(maker: Author, values: Mapping[str, Any]) -> str:
    owner = maker.actor.account_id
    # Two that are saved at the same moment must not both be the last that is allowed.
    maker.session.execute(select(func.pg_advisory_xact_lock(7_201_120, owner)))
    own = select(func.count()).select_from(PORTAL_REPORT).where(PORTAL_REPORT.c.owner_id == owner)
    if int(maker.session.scalar(own) or 0) >= MOST_OWN:
        raise Refused(_l("You have %(count)s reports already; please delete some.", count=MOST_OWN))
    new = insert(PORTAL_REPORT).values(owner_id=owner, **values).returning(PORTAL_REPORT.c.name)
    return str(maker.session.scalar(new))


def _update(maker: Author, before: SavedReport, version: int, values: Mapping[str, Any]) -> str:
    same = (PORTAL_REPORT.c.id == before.id) & (PORTAL_REPORT.c.version == version)
    change = update(PORTAL_REPORT).where(same).values(**values, version=version + 1)
    if maker.session.execute(change.returning(PORTAL_REPORT.c.id)).first() is None:
        raise Conflict
    return before.name


def _note(
    maker: Author, action: AuditAction, name: str, label: str, changes: Mapping[str, Any]
) -> None:
    runtime, actor = maker.records.runtime, maker.actor
    append(
        maker.session,
        Entry(
            runtime.clock.now(), actor.account_id, actor.username, action, runtime.revision,
            record_title=label, changes={"report": name, **changes}, address=maker.address,
        ),
    )  # fmt: skip
