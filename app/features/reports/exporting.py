"""Reports whose lines tell of records leave by the door of exports: granted, marked, handed out once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from app.features.exports.sources import SOURCES, Hand, Source
from app.features.exports.trail import watermark
from app.features.reports.files import KINDS, write_report
from app.features.reports.formats import Setting
from app.features.reports.passages import CHUNK, Passage, same
from app.features.reports.service import ReportRun, open_report
from app.features.requests.kinds import Line
from app.kernel.errors import Forbidden, Invalid
from app.kernel.messages import Label, Message, _l
from app.records.gateway import Records

FILES: Mapping[str, str] = {"xlsx": "Excel", "csv": "CSV", "pdf": "PDF", "json": "JSON"}


def checked(records: Records, asked: Mapping[str, Any]) -> ReportRun:
    """The report that is asked for; raises NotFound, Invalid, and Forbidden when it is another by now."""
    if asked["format"] not in KINDS:
        raise Invalid({"format": (_l("Please choose a format."),)})
    run = open_report(records, str(asked["report"]), dict(asked["texts"]))
    if not run.tells or not same(run, asked):
        raise Forbidden(_l("The report is no longer the one that was asked for. Ask anew."))
    return run


def described(records: Records, asked: Mapping[str, Any]) -> Iterator[Line]:
    """A report in words, for whoever decides; the report itself need not be for him."""
    schema = records.runtime.schema
    known = schema.reports.get(str(asked["report"]))
    label = known.label if known else Label(str(asked["title"]), str(asked["title"]))
    yield Line(_l("Report"), Message("%(what)s", {"what": label}))
    for name in asked["entities"]:
        if name in schema.entities:
            yield Line(_l("Records"), Message("%(what)s", {"what": schema.entities[name].label}))
    for name, text in asked["texts"].items():
        parameter = known.parameters.get(name.partition(".")[0]) if known else None
        yield Line(parameter.label if parameter else _l("Filter"), str(text))
    for text in asked["where"]:
        yield Line(_l("Condition"), str(text))
    labels = {f"c{n}": Label(*label) for n, label in enumerate(asked["shown"])}
    yield Line(_l("Columns"), Message(", ".join(f"%({name})s" for name in labels), labels))
    yield Line(_l("File"), FILES[str(asked["format"])])


def write(hand: Hand, place: Path) -> int:
    """Write the file of a grant; the rights are looked at again on the way."""
    work, grant = hand.work, hand.grant
    run, kind = checked(work.records, grant.asked), str(grant.asked["format"])
    said = watermark(work.runtime, work.access.actor, grant.id, grant.request_id)
    passage = Passage(
        grant.id, grant.entity, work.settings.secret_key, grant.most_rows, said,
        hand.tell_of_canaries, requested=grant.request_id is not None,
    )  # fmt: skip

    def step(done: int, total: int | None) -> None:
        if done % CHUNK == 1:
            hand.look_again(done, total)

    now = work.runtime.clock.now()
    setting = Setting(work.language, work.runtime.zone, hand.words, now, step)
    return write_report(run, kind, place, setting, passage).count or 0


REPORT = SOURCES.add("report", Source(checked, described, write))
