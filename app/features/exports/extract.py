"""What is held of a person, as a file for that person: what the asker sees clearly, to read and for programs."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.audit.actions import AuditAction
from app.audit.naming import about
from app.features.exports.values import Speaker
from app.kernel.messages import Label, Message, _l
from app.language.definitions import Entity, Field, Rights
from app.language.subjects import basis_of, below
from app.records.gateway import Records, readable_fields
from app.records.queries import MAX_PAGE, Filter, Query, Row
from app.records.titles import title_of
from app.storage.audit_tables import AUDIT_ENTRY
from app.storage.viewing_tables import VIEWED

Words = Callable[[Message | Label], str]
UNFIT = ("file", "files", "image", "signature", "secret", "children")
MOST_SEEN = 1000
SEEING = (
    AuditAction.RECORDS_SHOWN,
    AuditAction.VALUES_READ,
    AuditAction.VALUE_REVEALED,
    AuditAction.EXPORT_TAKEN,
)


@dataclass(frozen=True, slots=True)
class Fact:
    """A labelled value; ``why`` says for which purpose and by which rule it is held."""

    name: str
    label: str
    text: str
    why: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """The records of one kind about the person, with the fields that were left out."""

    entity: str
    label: str
    records: tuple[tuple[Fact, ...], ...]
    withheld: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """Who looked at the record, and when."""

    at: str
    who: str
    what: str


@dataclass(frozen=True, slots=True)
class Extract:
    """All of it."""

    title: str
    head: str
    sheets: tuple[Sheet, ...]
    seen: tuple[Seen, ...]

    @property
    def records(self) -> int:
        """How many records are in it."""
        return sum(len(sheet.records) for sheet in self.sheets)


@dataclass(frozen=True)
class Extractor:
    """Collects what is held of one person, through the door of whoever asked."""

    records: Records
    words: Words
    language: str

    def collect(self, entity: Entity, record_id: int, head: str) -> Extract:
        """The person's record and what stands below it; raises NotFound."""
        row = self.records.get(entity.name, record_id, readable_fields(entity))
        title = title_of(entity, row.values, self.language)
        sheets = [self._sheet(entity, [row])]
        reached = {entity.name: [record_id]}
        for one, link, above in below(self.records.runtime.schema, entity):
            rows = self._below(one, link, reached.get(above.name, []))
            reached[one.name] = [row.id for row in rows]
            if rows:
                sheets.append(self._sheet(one, rows))
        seen = tuple(self._seen(entity, record_id))
        return Extract(title, head, tuple(sheets), seen)

    # Private

    def _below(self, entity: Entity, link: Field, ids: Sequence[int]) -> list[Row]:
        access = self.records.access.entity(entity.name)
        if not ids or not access.allows(Rights.READ) or not access.clear_everywhere(link.name):
            return []
        wanted = (Filter(link.name, "in", tuple(ids)),)
        found: list[Row] = []
        while True:
            query = Query(
                entity.name, readable_fields(entity), wanted, sort="id", offset=len(found),
                limit=MAX_PAGE, count=False, titles=False,
            )  # fmt: skip
            page = self.records.find(query).rows
            found += page
            if len(page) < MAX_PAGE:
                return found

    def _sheet(self, entity: Entity, rows: Sequence[Row]) -> Sheet:
        runtime = self.records.runtime
        speaker = Speaker(runtime.schema, self.language, runtime.zone, self.words)
        titles = self.records.reader.titles_of(entity, rows)
        fields = [field for field in entity.fields.values() if field.type not in UNFIT]
        facts, withheld = [], dict[str, None]()
        for row in rows:
            shown = []
            for field in fields:
                if field.name in row.masked or field.name not in row.values:
                    withheld[field.label.text(self.language)] = None
                    continue
                value = speaker.value(entity, row, field.name, titles)
                if value is not None and value != "":
                    shown.append(
                        Fact(
                            field.name,
                            field.label.text(self.language),
                            _text(value),
                            self._why(field),
                        )
                    )
            facts.append(tuple(shown))
        label = entity.label.plural(self.language)
        return Sheet(entity.name, label, tuple(facts), tuple(withheld))

    def _why(self, field: Field) -> str:
        portal = self.records.runtime.schema.portal
        known = portal.classes.get(field.data_class or "")
        if known is None:
            return ""
        return " · ".join(
            label.text(self.language) for label in (known.purpose, basis_of(portal, known))
        )

    def _seen(self, entity: Entity, record_id: int) -> Iterator[Seen]:
        """Looks within a budget by day, and what the trail tells of uncovering and files."""
        zone = self.records.runtime.zone
        told = {
            AuditAction.RECORDS_SHOWN: _l("looked at it"),
            AuditAction.VALUES_READ: _l("saw sensitive values in clear"),
            AuditAction.VALUE_REVEALED: _l("uncovered a value"),
            AuditAction.EXPORT_TAKEN: _l("took it along in a file"),
        }
        for at, who, action in seen_by(self.records.session, entity.name, record_id):
            yield Seen(f"{at.astimezone(zone):%Y-%m-%d %H:%M}", who, self.words(told[action]))


def seen_by(
    session: Session, entity: str, record_id: int
) -> list[tuple[datetime, str, AuditAction]]:
    """When which account looked at a record, newest first."""
    trail = select(AUDIT_ENTRY.c.at, AUDIT_ENTRY.c.account_name, AUDIT_ENTRY.c.action).where(
        about(session, AUDIT_ENTRY, entity),
        AUDIT_ENTRY.c.record_id == record_id,
        AUDIT_ENTRY.c.action.in_([action for action in SEEING if action != SEEING[0]]),
    )
    found = [
        (row[0], row[1], AuditAction(row[2])) for row in session.execute(trail.limit(MOST_SEEN))
    ]
    views = (
        select(VIEWED.c.first_at, VIEWED.c.account_id)
        .where(VIEWED.c.entity == entity, VIEWED.c.record_id == record_id)
        .order_by(VIEWED.c.first_at.desc())
        .limit(MOST_SEEN)
    )
    rows = session.execute(views).all()
    names = names_of(session, {row[1] for row in rows})
    found += [(row[0], names.get(row[1], "—"), SEEING[0]) for row in rows]
    return sorted(found, key=lambda one: one[0], reverse=True)[:MOST_SEEN]


def names_of(session: Session, accounts: set[int]) -> Mapping[int, str]:
    """The names of accounts under which the trail tells of them."""
    wanted = select(AUDIT_ENTRY.c.account_id, AUDIT_ENTRY.c.account_name).where(
        AUDIT_ENTRY.c.account_id.in_(accounts)
    )
    return {row[0]: row[1] for row in session.execute(wanted.distinct())} if accounts else {}


def write(extract: Extract, place: Path, words: Words, language: str) -> int:
    """Write the file, a page to read and the same for programs; returns how many records it holds."""
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
    )
    page = templates.get_template("extract.html").render(
        x=extract, lang=language, say=lambda text: words(TEXTS[text])
    )
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("extract.html", page)
        archive.writestr("extract.json", json.dumps(_plain(extract), ensure_ascii=False, indent=1))
    return extract.records


TEXTS = {
    "held": _l("Personal data held"),
    "withheld": _l("Not in this copy"),
    "seen": _l("Who looked at it"),
    "nobody": _l("Nobody, as far as it is recorded."),
    "field": _l("Field"),
    "value": _l("Value"),
    "why": _l("Purpose and basis"),
}


# Private


def _text(value: Any) -> str:
    match value:
        case datetime():
            return f"{value:%Y-%m-%d %H:%M}"
        case date():
            return value.isoformat()
        case Decimal():
            return f"{value:f}"
    return str(value)


def _plain(extract: Extract) -> dict[str, Any]:
    return {
        "title": extract.title,
        "head": extract.head,
        "records": {
            sheet.entity: {
                "label": sheet.label,
                "records": [
                    {
                        fact.name: {"label": fact.label, "value": fact.text, "why": fact.why}
                        for fact in one
                    }
                    for one in sheet.records
                ],
                "withheld": list(sheet.withheld),
            }
            for sheet in extract.sheets
        },
        "seen": [{"at": one.at, "who": one.who, "what": one.what} for one in extract.seen],
    }
