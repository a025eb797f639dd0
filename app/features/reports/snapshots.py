"""Kept snapshots: a report as one account saw it at a moment, its file with a digest that is checked anew."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from app.access.accounts import load_actor
from app.access.actor import Actor
from app.features.exports import grants
from app.features.reports.files import file_name, note, write_report
from app.features.reports.formats import MEDIA, Setting
from app.features.reports.passages import own_passage
from app.features.reports.service import ReportRun, open_report
from app.kernel.errors import Forbidden, Invalid, NotFound, Refused, Unavailable
from app.kernel.messages import Label, _l
from app.records.gateway import Records
from app.settings import Settings
from app.storage.files import CHUNK, FileStore
from app.storage.schedule_tables import REPORT_SNAPSHOT
from app.tasks.kinds import TaskKind
from app.tasks.work import Work
from app.web.catalogs import words_of

FORMATS = ("xlsx", "csv", "pdf")
PAGE = 50
# Held shared by whoever stores a content and then names it in a row; held alone by the sweep.
STORE_LOCK = 7_201_110
SPARED = timedelta(days=1)
_IN_MEMORY = 4 * 2**20


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to keep: ``asked`` are the texts of the parameters, relative periods as words."""

    report: str
    asked: Mapping[str, str]
    format: str
    schedule_id: int | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A kept file. ``said`` is what was asked in words; ``rights`` are those it was made with."""

    id: int
    report: str
    label: Label
    asked: Mapping[str, str]
    said: tuple[tuple[Label, str], ...]
    made_at: datetime
    account_id: int
    schedule_id: int | None
    format: str
    name: str
    storage_key: str
    size: int
    sha256: str
    schema_digest: str
    lines: int
    rights: Mapping[str, Any]
    kept_until: datetime

    @property
    def media(self) -> str:
        """The media type of the file."""
        return MEDIA[self.format]

    @property
    def grant(self) -> int | None:
        """The grant by which a file that tells of records is handed out once; None for figures."""
        number = self.rights.get("grant")
        return number if isinstance(number, int) else None


def make_snapshot(work: Work, wanted: Wanted) -> Snapshot:
    """Make a report with the rights of whoever the work is for, and keep it in the work's transaction.

    Raises NotFound, Forbidden, Invalid or Refused when the account may not have it, and
    Unavailable, to be tried again, when its rights changed meanwhile.
    """
    run = open_report(work.records, wanted.report, dict(wanted.asked))
    words = words_of(work.settings.home, work.language)
    now = work.runtime.clock.now()
    setting = Setting(work.language, work.runtime.zone, words, now, work.progress)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / f"report.{wanted.format}"
        passage = own_passage(run, wanted.format, work.settings.secret_key)
        result = write_report(run, wanted.format, place, setting, passage)
        rights = _rights(run) | ({"grant": passage.number} if passage is not None else {})
        refuse_changed_rights(work)
        work.check()
        work.session.execute(select(func.pg_advisory_xact_lock_shared(STORE_LOCK)))
        digest, size = store(work.settings).keep_file(place)
    report, schema = run.report, work.runtime.schema
    kept_until = now + timedelta(days=schema.portal.keep_snapshots_days)
    values = {
        "report": report.name,
        "label": {"zh": report.label.zh, "en": report.label.en},
        "asked": {
            "texts": dict(run.asked.texts),
            "said": [[label.zh, label.en, text] for label, text in run.asked_texts()],
        },
        "made_at": now,
        "account_id": work.claim.account_id,
        "schedule_id": wanted.schedule_id,
        "format": wanted.format,
        "name": file_name(run, wanted.format),
        "storage_key": digest,
        "size": size,
        "sha256": digest,
        "schema_digest": schema.digest,
        "lines": result.count or 0,
        "rights": rights,
        "kept_until": kept_until,
    }
    if passage is not None:
        grants.keep(work.session, passage.number, result.count or 0, now, kept_until)
    note(run, wanted.format, result.count, None)
    made = insert(REPORT_SNAPSHOT).values(values).returning(*REPORT_SNAPSHOT.c)
    return _snapshot(work.session.execute(made).one())


def refuse_changed_rights(work: Work) -> None:
    """Raise Unavailable when the account no longer holds just the rights that the work began with."""
    runtime, account = work.runtime, work.claim.account_id
    assert account is not None
    today = runtime.moment().today
    now = load_actor(work.session, runtime.schema, runtime.models, account, today)
    if now != work.access.actor:
        raise Unavailable(_l("The rights of the account changed while the report was made."))


def refuse_lost_rights(records: Records, snapshot: Snapshot) -> ReportRun:
    """Raise NotFound, Forbidden or Refused unless the reader may still have all that the snapshot tells."""
    try:
        run = open_report(records, snapshot.report, snapshot.asked)
    except Invalid as fault:
        raise Forbidden(_l("You may no longer ask for what this snapshot tells.")) from fault
    refused = run.may_take(snapshot.format)
    if refused is not None:
        raise Forbidden(refused)
    if not _holds(records.access.actor, snapshot.rights["grants"]) or not _tells(run, snapshot):
        raise Forbidden(_l("This snapshot was made with rights that you no longer have."))
    return run


def snapshots(
    session: Session, *, account_id: int | None = None, before: int | None = None, limit: int = PAGE
) -> list[Snapshot]:
    """The newest snapshots, those made for one account or all of them."""
    statement = select(REPORT_SNAPSHOT).order_by(REPORT_SNAPSHOT.c.id.desc()).limit(limit)
    if account_id is not None:
        statement = statement.where(REPORT_SNAPSHOT.c.account_id == account_id)
    if before is not None:
        statement = statement.where(REPORT_SNAPSHOT.c.id < before)
    return [_snapshot(row) for row in session.execute(statement)]


def snapshot(session: Session, account_id: int | None, number: int) -> Snapshot:
    """A snapshot that was made for the account; raises NotFound."""
    mine = (REPORT_SNAPSHOT.c.id == number) & (REPORT_SNAPSHOT.c.account_id == account_id)
    row = session.execute(select(REPORT_SNAPSHOT).where(mine)).first()
    if row is None:
        raise NotFound
    return _snapshot(row)


def remove(session: Session, found: Snapshot) -> None:
    """Forget a snapshot; its file goes with the next tidying up."""
    session.execute(delete(REPORT_SNAPSHOT).where(REPORT_SNAPSHOT.c.id == found.id))


def checked_content(settings: Settings, found: Snapshot) -> IO[bytes]:
    """The file, just as it was kept; raises Refused when it is gone or its digest is another."""
    stream = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - the caller closes it
    if _digest(settings, found, stream) != found.sha256:
        stream.close()
        raise Refused(_l("The file of this snapshot is not what was kept: its digest differs."
                         " It is not handed out."))  # fmt: skip
    stream.seek(0)
    return stream


def broken(session: Session, settings: Settings) -> Iterator[Snapshot]:
    """Every snapshot whose file is gone or has another digest."""
    for row in session.execute(select(REPORT_SNAPSHOT).order_by(REPORT_SNAPSHOT.c.id)).all():
        found = _snapshot(row)
        if _digest(settings, found, None) != found.sha256:
            yield found


def take(records: Records, settings: Settings, found: Snapshot, address: str | None) -> IO[bytes]:
    """The checked file for its reader, written down in the trail in the caller's transaction."""
    run = refuse_lost_rights(records, found)
    if found.grant is not None:
        grants.take_kept(records.session, found.grant, records.runtime.clock.now())
    elif run.tells:
        raise Forbidden(_l("Lines that are records leave the portal by a grant alone."))
    stream = checked_content(settings, found)
    note(run, found.format, found.lines, address, snapshot=found.id)
    return stream


def fetchable(session: Session, found: Sequence[Snapshot], now: datetime) -> set[int]:
    """Which snapshots can be handed out still: figures again and again, records once."""
    free = grants.still_kept(session, [one.grant for one in found if one.grant is not None], now)
    return {one.id for one in found if one.grant is None or one.grant in free}


def sweep(session: Session, settings: Settings, now: datetime) -> int:
    """Forget snapshots that were kept long enough, and files that no snapshot names; how many went."""
    session.execute(select(func.pg_advisory_xact_lock(STORE_LOCK)))
    named, files = set(session.scalars(select(REPORT_SNAPSHOT.c.storage_key))), store(settings)
    for key, stored_at in list(files.kept()):
        if key not in named and stored_at < now - SPARED:
            files.remove(key)
    # The files of these go next time, when it is certain that the rows are gone.
    old = delete(REPORT_SNAPSHOT).where(REPORT_SNAPSHOT.c.kept_until < now)
    return len(session.execute(old.returning(REPORT_SNAPSHOT.c.id)).all())


def store(settings: Settings) -> FileStore:
    """Where the files of snapshots are: apart from attachments, so that a sweep touches no others."""
    return FileStore(f"{settings.files_url.rstrip('/')}/snapshots")


def keep(work: Work, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Keep a snapshot that somebody asked for."""
    wanted = Wanted(
        str(arguments["report"]), dict(arguments["asked"]), str(arguments["format"])
    )  # fmt: skip
    made = make_snapshot(work, wanted)
    return {"snapshot": made.id, "lines": made.lines}


KEEP_SNAPSHOT = TaskKind("report_snapshot", Label("保存报表快照", "Keep a snapshot"), keep)


# Private


def _rights(run: ReportRun) -> dict[str, Any]:
    """The roles with their places, and the columns that were told, by kind."""
    grants = run.records.access.actor.grants
    return {
        "grants": [[one.role.name, None if one.places is None else list(one.places)]
                   for one in grants],
        "told": {name: column.kind for name, column in run.columns().items()
                 if column.withheld is None},
    }  # fmt: skip


def _holds(actor: Actor, grants: list[list[Any]]) -> bool:
    """Whether the actor holds each role still, at the same places or more."""
    return all(
        any(
            one.role.name == role
            and (one.places is None or (places is not None and set(places) <= set(one.places)))
            for one in actor.grants
        )
        for role, places in grants
    )


def _tells(run: ReportRun, found: Snapshot) -> bool:
    """Whether each column that was told would be told today; those that are gone by now tell nothing."""
    today = run.columns()
    return all(
        name not in today or (today[name].withheld is None and today[name].kind == kind)
        for name, kind in found.rights["told"].items()
    )


def _digest(settings: Settings, found: Snapshot, copy: Any) -> str:
    """The digest of the file as it is now, empty when there is none; ``copy`` is given what was read."""
    digest = hashlib.sha256()
    try:
        with store(settings).open(found.storage_key) as source:
            while part := source.read(CHUNK):
                digest.update(part)
                if copy is not None:
                    copy.write(part)
    except FileNotFoundError:
        return ""
    return digest.hexdigest()


def _snapshot(row: Any) -> Snapshot:
    asked = row.asked
    said = tuple((Label(zh, en), text) for zh, en, text in asked["said"])
    read = ("label", "asked", "said")
    plain = {name: getattr(row, name) for name in Snapshot.__slots__ if name not in read}
    return Snapshot(label=Label(**row.label), asked=asked["texts"], said=said, **plain)
