"""Files of records: taken in, kept by their digest outside of the web root, served by record."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import IO, Any

from sqlalchemy import insert, select, update
from werkzeug.datastructures import FileStorage, MultiDict

from app.kernel.errors import Invalid, NotFound
from app.kernel.messages import Message, _l
from app.language.definitions import Entity, Field
from app.records.preparing import FILE_TYPES
from app.records.reading import LARGEST_ID
from app.storage.files import FileStore
from app.storage.tables import FILE
from app.web.addresses import whole
from app.web.state import Scope

MAGIC: dict[str, tuple[bytes, ...]] = {
    "pdf": (b"%PDF-",),
    "png": (b"\x89PNG\r\n\x1a\n",),
    "jpg": (b"\xff\xd8\xff",),
    "jpeg": (b"\xff\xd8\xff",),
    "webp": (b"RIFF",),
    "docx": (b"PK\x03\x04",),
    "xlsx": (b"PK\x03\x04",),
    "pptx": (b"PK\x03\x04",),
    "zip": (b"PK\x03\x04",),
    "mp3": (b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2"),
    "mp4": (b"",),
    "m4a": (b"",),
    "txt": (b"",),
    "csv": (b"",),
}
TYPES = {
    "pdf": "application/pdf",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
}
INLINE = ("png", "jpg", "jpeg", "webp")


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file that was just sent; ``size`` in bytes."""

    id: int
    name: str
    size: int


def take_files(scope: Scope, entity: Entity, names: Iterable[str], form: MultiDict[str, str],
               files: MultiDict[str, FileStorage], before: dict[str, Any]) -> dict[str, Any]:  # fmt: skip
    """The new values of the file fields among ``names``; raises Invalid for files that are not allowed."""
    values: dict[str, Any] = {}
    for name in names:
        field = entity.fields[name]
        if field.type not in FILE_TYPES:
            continue
        removed = {whole(text) for text in form.getlist(f"{name}.remove")}
        old = before.get(name) or []
        kept = [
            number for number in (old if isinstance(old, list) else [old]) if number not in removed
        ]
        new = [kept.id for kept in _sent(scope, entity, field, form, files)]
        if new or removed:
            both = [*kept, *new]
            values[name] = (both or None) if field.type == "files" else (new or kept or [None])[-1]
    return values


def claim_files(scope: Scope, entity: Entity, record_id: int, values: dict[str, Any]) -> None:
    """Tie freshly kept files to the record that was saved with them."""
    numbers = [n for name, value in values.items() if entity.fields[name].type in FILE_TYPES and value
               for n in (value if isinstance(value, list) else [value])]  # fmt: skip
    if numbers:
        statement = update(FILE).where(FILE.c.id.in_(numbers), FILE.c.record_id.is_(None))
        scope.session.execute(statement.values(record_id=record_id))


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file that the reader may have; ``inline`` tells whether it may be shown in the page."""

    stream: IO[bytes]
    name: str
    media: str
    inline: bool


def open_file(scope: Scope, number: int, of: tuple[str, int] | None = None) -> OpenFile:
    """A file by its number; raises NotFound when its record or field is out of sight."""
    if number > LARGEST_ID:
        raise NotFound
    row = scope.session.execute(select(FILE).where(FILE.c.id == number)).first()
    if row is None or row.record_id is None or row.entity not in scope.schema.entities:
        raise NotFound
    if of is not None and of != (row.entity, row.record_id):
        raise NotFound
    record = scope.records.get(row.entity, row.record_id, (row.field,))
    value = record.values.get(row.field)
    held = value if isinstance(value, list) else [value]
    if row.field in record.masked or number not in held:
        raise NotFound
    media = TYPES.get(row.kind, "application/octet-stream")
    return OpenFile(_store(scope).open(row.sha256), row.name, media, row.kind in INLINE)


def keep_sent(scope: Scope, entity: Entity, field: Field, sent: FileStorage) -> KeptFile:
    """Keep one file for a field until a record is saved with it; raises Invalid when it is not allowed."""
    limit = int(field.options["max_mb"]) * 2**20
    content = sent.stream.read(limit + 1)
    if len(content) > limit:
        raise _wrong(field, _l("At most %(max)s MB.", max=field.options["max_mb"]))
    return _keep(scope, entity, field, content, sent.filename or "")


def file_names(scope: Scope, numbers: Sequence[int]) -> dict[int, str]:
    """The names of files that the reader has already been shown."""
    rows = scope.session.execute(select(FILE.c.id, FILE.c.name).where(FILE.c.id.in_(numbers)))
    return {row.id: row.name for row in rows}


# Private


def _sent(scope: Scope, entity: Entity, field: Field, form: MultiDict[str, str],
          files: MultiDict[str, FileStorage]) -> Iterable[KeptFile]:  # fmt: skip
    if field.type == "signature":
        text = form.get(field.name, "")
        if text.startswith("data:image/png;base64,"):
            try:
                content = base64.b64decode(text.partition(",")[2], validate=True)
            except binascii.Error as error:
                raise _wrong(
                    field, _l("The signature could not be read. Please sign again.")
                ) from error
            yield _keep(scope, entity, field, content, "signature.png")
        return
    for sent in files.getlist(field.name):
        if sent.filename:
            yield keep_sent(scope, entity, field, sent)


def _keep(scope: Scope, entity: Entity, field: Field, content: bytes, title: str) -> KeptFile:
    name = (
        re.sub(r"[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069/\\:*?\"<>|]", "_", title).strip(". ")[
            -120:
        ]
        or "file"
    )
    kind = name.rpartition(".")[2].lower()
    allowed = field.options.get("kinds") or ("png",)
    if kind not in allowed or kind not in MAGIC or not content.startswith(MAGIC[kind]):
        raise _wrong(field, _l("Only these kinds of file: %(kinds)s.", kinds=", ".join(allowed)))
    values = {
        "sha256": _store(scope).keep(content), "name": name, "kind": kind, "size": len(content), "entity": entity.name,
        "field": field.name, "created_by": scope.actor.account_id,
    }  # fmt: skip
    number = scope.session.execute(insert(FILE).values(values).returning(FILE.c.id)).scalar_one()
    return KeptFile(int(number), name, len(content))


def _store(scope: Scope) -> FileStore:
    return FileStore(scope.state.settings.files_url)


def _wrong(field: Field, message: Message) -> Invalid:
    return Invalid({field.name: (message,)})
