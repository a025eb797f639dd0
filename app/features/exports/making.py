"""Makes the file of a grant in the background, looking again and again whether it still may."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from app.access.accounts import account_state, load_actor
from app.audit.actions import AuditAction
from app.features.exports import grants, rules
from app.features.exports.asking import query_of
from app.features.exports.formats import WRITERS, Head
from app.features.exports.rules import Grant
from app.features.exports.sources import source_of
from app.features.exports.subjects import may_take, subject_of, write_copy
from app.features.exports.trail import note, sealed, watermark
from app.features.exports.values import Speaker, Value
from app.features.requests.service import use
from app.features.viewing.canaries import tell_of_canaries
from app.kernel.errors import Forbidden, Refused
from app.kernel.messages import Label, Message, _l
from app.records.queries import MAX_PAGE, Filter, Query
from app.settings import Settings
from app.storage.database import unit_of_work
from app.storage.files import FileStore
from app.tasks.kinds import Schedule, TaskKind
from app.tasks.work import Work
from app.web.catalogs import words_of

SPARED = timedelta(hours=1)
Words = Callable[[Message | Label], str]


def store(settings: Settings) -> FileStore:
    """Where files wait to be fetched: apart from attachments, and gone once they are."""
    return FileStore(f"{settings.files_url.rstrip('/')}/exports")


def make_file(work: Work, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Write the file that a grant is for; whatever stands against it leaves nothing behind."""
    number = int(arguments["grant"])
    grant = grants.grant(work.session, number, work.claim.account_id)
    maker = Maker(work, grant, words_of(work.settings.home, work.language))
    kind = str(grant.asked["format"])
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / f"export.{kind}"
        rows = maker.write(place)
        maker.look_again(rows)
        key, _ = store(work.settings).keep_file(place)
    published = False
    try:
        _publish(work, grant, rows, key)
        published = True
    finally:
        if not published:
            store(work.settings).remove(key)
    return {"grant": number, "rows": rows}


def sweep(work: Work, arguments: Mapping[str, Any]) -> Mapping[str, int]:
    """Let go of grants that nobody used, and remove files that nobody fetched."""
    now, files = work.runtime.clock.now(), store(work.settings)
    keys = grants.let_go(work.session, now)
    waiting = grants.waiting_keys(work.session)
    keys += [key for key, at in files.kept() if key not in waiting and at < now - SPARED]
    for key in keys:
        files.remove(key)
    return {"files": len(keys)}


def _publish(work: Work, grant: Grant, rows: int, key: str) -> None:
    """Use the grant up for the file, in the transaction of the task's end."""
    now, kind = work.runtime.clock.now(), str(grant.asked["format"])
    name = f"{grant.entity}_{work.runtime.moment().today}_{grant.id}.{kind}"
    values = {"rows": rows, "name": name, "storage_key": key, "made_at": now}
    grants.publish(work.session, grant.id, work.claim.task_id, values)
    if grant.request_id is not None:
        use(work.session, grant.request_id, now)
    note(work.records, AuditAction.EXPORT_MADE, grant, {"rows": rows, "sha256": key})


@dataclass
class Maker:
    """Writes the rows of one grant, chunk by chunk."""

    work: Work
    grant: Grant
    words: Words
    counter: int = -1

    def write(self, place: Path) -> int:
        """Write the file; raises Refused when there are more rows than granted."""
        self._refuse_forged()
        source, subject = source_of(self.grant.asked), subject_of(self.grant.asked)
        if source is not None:
            self.look_again(0)
            return source.write(self, place)
        if subject is not None:
            self.look_again(0)
            self.tell_of_canaries(self.grant.entity, [subject])
            said = " · ".join(part for part in (self.watermark(), self.sealed()) if part)
            return write_copy(self.work.records, self.words, self.grant.asked, said, place)
        query = query_of(self.work.records, self.grant.asked)
        self.look_again(0)
        ids = self.work.records.reader.ids(query, self.grant.most_rows + 1)
        if len(ids) > self.grant.most_rows:
            raise Refused(
                _l("There are more rows now than the %(most)s that were granted. Nothing was exported.",
                   most=self.grant.most_rows)
            )  # fmt: skip
        self.tell_of_canaries(self.grant.entity, ids)
        entity = self.work.runtime.entity(self.grant.entity)
        language = self.work.language
        names = list(query.columns)
        fields = [entity.field(name) for name in names]
        head = Head(
            entity.label.plural(language),
            [field.label.text(language) for field in fields if field is not None],
            self.watermark(),
            self.sealed(),
        )
        return WRITERS[str(self.grant.asked["format"])](place, head, self._rows(query, ids))

    def look_again(self, done: int, total: int | None = None) -> None:
        """Raise unless the grant, the account and its rights are what they were at the start."""
        work, session = self.work, self.work.session
        work.check(done, total)
        now = work.runtime.clock.now()
        if not grants.still_good(session, self.grant.id, work.claim.task_id, now):
            raise Forbidden(_l("The grant for this export has ended."))
        _, counter, _ = account_state(session, self.grant.account_id)
        if counter != self.counter:
            self._refuse_changed_rights()
            self.counter = counter

    def tell_of_canaries(self, entity: str, ids: Sequence[int]) -> None:
        """Told whether or not the file is ever finished."""
        work = self.work
        with Session(work.session.get_bind()) as session, unit_of_work(session):
            tell_of_canaries(session, work.runtime, work.access.actor, entity, ids)

    def watermark(self) -> str:
        """Who takes the file, when, and by which grant and request."""
        runtime, number = self.work.runtime, self.grant.id
        return self.words(watermark(runtime, self.work.access.actor, number, self.grant.request_id))

    def sealed(self) -> str:
        """The audit checkpoint that the file is written under; empty before the first."""
        said = sealed(self.work.session, self.work.runtime)
        return self.words(said) if said is not None else ""

    # Private

    def _refuse_forged(self) -> None:
        if rules.digest_of(self.grant.asked) != self.grant.digest:
            raise Forbidden(_l("What is stored of this export is not what was granted."))

    def _refuse_changed_rights(self) -> None:
        runtime = self.work.runtime
        actor = load_actor(
            self.work.session, runtime.schema, runtime.models, self.grant.account_id,
            runtime.moment().today,
        )  # fmt: skip
        requested = self.grant.request_id is not None
        may = may_take(self.work.access, self.grant.asked, requested=requested)
        if actor != self.work.access.actor or not may:
            raise Forbidden(_l("The rights of the account changed, so nothing was exported."))

    def _rows(self, query: Query, ids: Sequence[int]) -> Iterator[list[Value]]:
        work, entity = self.work, self.work.runtime.entity(self.grant.entity)
        speaker = Speaker(work.runtime.schema, work.language, work.runtime.zone, self.words)
        secret = work.settings.secret_key
        for begin in range(0, len(ids), MAX_PAGE):
            self.look_again(begin, len(ids))
            some = ids[begin : begin + MAX_PAGE]
            chunk = replace(
                query, filters=(Filter("id", "in", tuple(some)),), where=None, search="",
                sort="id", limit=MAX_PAGE,
            )  # fmt: skip
            page = work.records.find(chunk)
            found = {row.id: row for row in page.rows}
            # A row that went out of reach meanwhile is left out.
            for row in (found[one] for one in some if one in found):
                cells = [speaker.value(entity, row, n, page.titles) for n in query.columns]
                yield [*cells, rules.mark_of(secret, self.grant.id, entity.name, row.id)]


EXPORT_FILE = TaskKind("export_file", Label("生成导出文件", "Make an export"), make_file)
EXPORTS_SWEEP = TaskKind("exports_sweep", Label("清理导出文件", "Tidy up exports"), sweep)
SWEEP_HOURLY = Schedule("exports_sweep_hourly", EXPORTS_SWEEP.name, every=timedelta(hours=1))
